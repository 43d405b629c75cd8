// The generator: one thread, one driver, all connections. A turn looks what came, reads the answers, and sends what is
// due; nothing is allocated and no request is written while it runs.

import Bytes
import Glibc
import Kernel
import Measuring

package struct Generator: ~Copyable {
  private struct Connection: BitwiseCopyable {
    var socket: Int32 = -1
    /// Of operations that began before it was opened anew, nothing is believed.
    var generation: UInt32 = 0
    var isOpen = false
    var isSending = false
    /// Whether it waits for requests in ``vacant``.
    var isVacant = false
    var underWay = 0
    /// Where the moment of its oldest request stands among its moments.
    var oldest = 0
    var place = AnswerReader.Place()
    var unsent = ByteView.empty
  }

  private enum Phase: Equatable {
    case before
    case counting(since: UInt64)
    case after
  }

  private let load: Load
  private let requests: Requests
  private let address: Address
  private let memory: Memory
  private let connections: Cells<Connection>
  /// When the requests under way were due, ``Load/pipeline`` of each connection.
  private let moments: Cells<UInt64>
  /// A queue of connections that may send, each in it once at most.
  private let vacant: Cells<UInt32>
  private var vacantStart = 0
  private var vacantCount = 0
  private let heads: ByteRegion
  private var driver: Driver
  private var reader: AnswerReader
  private var figures = Figures()
  private var openCount = 0
  private var connectingCount = 0
  private var nextRequest = 0
  /// Requests handed to connections, and those of them that are settled one way or the other.
  private var sentCount = 0
  private var settledCount = 0
  private var now: UInt64 = 0
  /// What comes between the two samples counts, even where this thread was late to take them.
  private var phase = Phase.before
  private var begin: UInt64 = .max
  private var end: UInt64 = .max
  private var start: UInt64 = 0

  /// Nanoseconds that answers are waited for after the last request was due.
  private static var patience: UInt64 { 2_000_000_000 }
  /// Nanoseconds that all connections together may take to open.
  private static var openingMax: UInt64 { 10_000_000_000 }
  /// Connections that are opened at a time: a server's queue of those it has not accepted is short.
  private static var openingAtOnce: Int { 64 }

  private init(_ load: Load, _ requests: Requests) throws {
    precondition(1...Load.connectionMax ~= load.connections && 1...Load.pipelineMax ~= load.pipeline)
    try Self.allowDescriptors(load.connections + 64)
    let count = load.connections
    let memory = try Memory(
      byteCount: count
        * (MemoryLayout<Connection>.stride + load.pipeline * 8 + 4 + AnswerReader.headMax) + 4096)
    let settings = DriverSettings(
      submissions: 4096, completions: UInt32(max(8192, 4 * count)), buffers: 1024, bufferSize: 32_768)
    let driver = try Driver(Backend.choose().backend, settings, waker: try Waker())
    let address = try Address(of: load.endpoint)
    let reader = try AnswerReader()
    var carver = Carver(memory.region)
    connections = carver.cells(count)
    moments = carver.cells(count * load.pipeline)
    vacant = carver.cells(count)
    heads = carver.region(count * AnswerReader.headMax)
    connections.fill(Connection(), count: count)
    self.load = load
    self.requests = requests
    self.address = address
    self.memory = memory
    self.driver = driver
    self.reader = reader
  }

  deinit {
    for slot in 0..<connections.count where connections[slot].socket >= 0 {
      Socket.close(connections[slot].socket)
    }
  }

  private static func allowDescriptors(_ count: Int) throws(SystemFailure) {
    var limit = rlimit()
    unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    guard limit.rlim_cur < count else { return }
    limit.rlim_cur = rlim_t(count)
    limit.rlim_max = max(limit.rlim_max, limit.rlim_cur)
    guard unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
      throw SystemFailure("setrlimit to \(count) open files", remedy: "Raise the limit (ulimit -n).")
    }
  }

  // MARK: - The run

  /// Runs a load on a thread of its own, pinned to `processor`; returns when it is over. `sample` is called there when
  /// counting begins and when it ends.
  package static func run<Sample: Sendable>(
    _ load: Load, _ requests: Requests, processor: Int, sample: @escaping @Sendable () -> Sample
  ) throws -> (figures: Figures, before: Sample, after: Sample) {
    let outcome = Outcome<(Figures, Sample, Sample)>()
    try Threads.start("load", processor: processor) {
      outcome.set(
        Result {
          var samples: [Sample] = []
          var generator = try Generator(load, requests)
          let figures = try generator.run { samples.append(sample()) }
          return (figures, samples[0], samples[1])
        })
    }
    return try outcome.wait().get()
  }

  package static func run(_ load: Load, _ requests: Requests, processor: Int) throws -> Figures {
    try run(load, requests, processor: processor) {}.figures
  }

  private mutating func run(atEdge: () -> Void) throws(SystemFailure) -> Figures {
    try openAll()
    start = Clock.monotonic()
    begin = start + UInt64(load.warmUp * 1e9)
    end = begin + UInt64(load.length * 1e9)
    var progress = Progress(start: start, end: end, isShown: load.showsProgress)
    while true {
      turn()
      if phase == .before, now >= begin {
        phase = .counting(since: now)
        atEdge()
      }
      if case .counting(let edge) = phase, now >= end {
        phase = .after
        atEdge()
        figures.seconds = load.pace == .closed ? Double(now - edge) / 1e9 : load.length
      }
      if phase == .after, isDone { break }
      guard openCount + connectingCount > 0 else {
        throw SystemFailure(
          "keep a connection to \(load.endpoint)", code: ECONNRESET, remedy: "See why the server ends them.")
      }
      send()
      progress.show(now, figures)
    }
    progress.clear()
    giveUp()
    return figures
  }

  private var isDone: Bool {
    switch load.pace {
    case .closed: true
    case .rate: settledCount == dueCount || now >= end + Self.patience
    }
  }

  private mutating func turn() {
    if load.rests { driver.wait(nanoseconds: rest) } else { driver.look() }
    now = Clock.monotonic()
    while let completion = driver.next() { handle(completion) }
  }

  /// Nanoseconds until something is due.
  private var rest: UInt64 {
    guard case .rate = load.pace, vacantCount > 0 else { return 10_000_000 }
    let moment = due(sentCount)
    return min(10_000_000, moment > now ? moment - now : 0)
  }

  /// Requests that were due so far.
  private var dueCount: Int {
    switch load.pace {
    case .closed: .max
    case .rate(let rate): Int((Double(min(now, end) - start) / 1e9 * rate).rounded(.up))
    }
  }

  /// The moment at which the request with this number is due.
  private func due(_ number: Int) -> UInt64 {
    switch load.pace {
    case .closed: now
    case .rate(let rate): start + UInt64(Double(number) / rate * 1e9)
    }
  }

  /// Hands requests that are due to connections that are free, oldest first on either side.
  private mutating func send() {
    let dueCount = dueCount
    while vacantCount > 0, sentCount < dueCount {
      let slot = Int(vacant[vacantStart])
      vacantStart = vacantStart + 1 == vacant.count ? 0 : vacantStart + 1
      vacantCount -= 1
      connections[slot].isVacant = false
      guard connections[slot].isOpen, !connections[slot].place.isLast else { continue }
      send(min(load.pipeline - connections[slot].underWay, dueCount - sentCount), on: slot)
    }
  }

  private mutating func send(_ count: Int, on slot: Int) {
    var place = connections[slot].oldest + connections[slot].underWay
    for number in sentCount..<sentCount + count {
      if place >= load.pipeline { place -= load.pipeline }
      moments[slot * load.pipeline + place] = due(number)
      place += 1
    }
    connections[slot].underWay += count
    connections[slot].unsent = requests.bytes(from: nextRequest, count: count)
    sentCount += count
    nextRequest = (nextRequest + count) % requests.count
    sendOn(slot)
  }

  private mutating func sendOn(_ slot: Int) {
    connections[slot].isSending = true
    driver.send(
      connections[slot].socket, connections[slot].unsent,
      Token(.send, slot: slot, generation: connections[slot].generation))
  }

  private mutating func offer(_ slot: Int) {
    let connection = connections[slot]
    guard connection.isOpen, !connection.place.isLast, !connection.isSending, !connection.isVacant,
      connection.underWay < load.pipeline
    else { return }
    connections[slot].isVacant = true
    let place = vacantStart + vacantCount
    vacant[place >= vacant.count ? place - vacant.count : place] = UInt32(slot)
    vacantCount += 1
  }

  // MARK: - Completions

  private mutating func handle(_ completion: Completion) {
    let slot = completion.token.slot
    guard completion.token.operation != .wake,
      completion.token.generation == connections[slot].generation
    else {
      if completion.buffer >= 0 { driver.giveBack(completion.buffer) }
      return
    }
    switch completion.token.operation {
    case .connect: connected(slot, completion)
    case .send: sent(slot, completion)
    default: received(slot, completion)
    }
  }

  private mutating func connected(_ slot: Int, _ completion: Completion) {
    connectingCount -= 1
    guard completion.result == 0 else { return close(slot) }
    openCount += 1
    connections[slot].isOpen = true
    receive(slot)
    offer(slot)
  }

  private mutating func sent(_ slot: Int, _ completion: Completion) {
    // What is wrong with the connection, receiving tells.
    guard completion.result > 0 else { return }
    connections[slot].unsent = connections[slot].unsent.dropping(Int(completion.result))
    if !connections[slot].unsent.isEmpty { return sendOn(slot) }
    connections[slot].isSending = false
    offer(slot)
  }

  private mutating func receive(_ slot: Int) {
    driver.receive(
      connections[slot].socket, Token(.receive, slot: slot, generation: connections[slot].generation))
  }

  private mutating func received(_ slot: Int, _ completion: Completion) {
    guard completion.result > 0 else {
      return completion.isOutOfBuffers ? receive(slot) : reopen(slot)
    }
    let bytes = driver.buffer(completion.buffer).bytes.slice(0..<Int(completion.result))
    if isCounting { figures.bytes += bytes.count }
    let isReadable = read(slot, bytes)
    driver.giveBack(completion.buffer)
    guard isReadable else { return reopen(slot) }
    if !completion.hasMore { receive(slot) }
    offer(slot)
  }

  private var isCounting: Bool { if case .counting = phase { true } else { false } }

  /// Whether the bytes are answers to what was asked.
  private mutating func read(_ slot: Int, _ bytes: ByteView) -> Bool {
    let kept = heads.part(from: slot * AnswerReader.headMax, count: AnswerReader.headMax)
    var rest = bytes
    while !rest.isEmpty {
      guard connections[slot].underWay > 0 else { return false }
      switch reader.next(&connections[slot].place, &rest, kept: kept) {
      case .incomplete: return true
      case .unreadable: return false
      case .answer(let status): answered(slot, status)
      }
    }
    return true
  }

  private mutating func answered(_ slot: Int, _ status: Int) {
    let moment = moments[slot * load.pipeline + connections[slot].oldest]
    let next = connections[slot].oldest + 1
    connections[slot].oldest = next == load.pipeline ? 0 : next
    connections[slot].underWay -= 1
    settledCount += 1
    guard counts(moment) else { return }
    figures.answers += 1
    if status / 100 != 2 { figures.refused += 1 }
    figures.latency.record(now > moment ? now - moment : 0)
  }

  /// Whether a request that was due at `moment` and is settled now is one of those that count.
  private func counts(_ moment: UInt64) -> Bool {
    switch load.pace {
    case .closed: isCounting
    case .rate: moment >= begin
    }
  }

  // MARK: - Connections

  private mutating func openAll() throws(SystemFailure) {
    let deadline = Clock.monotonic() + Self.openingMax
    var slot = 0
    while openCount < load.connections {
      while slot < load.connections, connectingCount < Self.openingAtOnce {
        try open(slot)
        slot += 1
      }
      driver.wait(nanoseconds: 10_000_000)
      now = Clock.monotonic()
      while let completion = driver.next() {
        if completion.token.operation == .connect, completion.result < 0 {
          throw SystemFailure("connect to \(load.endpoint)", code: -completion.result)
        }
        handle(completion)
      }
      guard now < deadline else {
        throw SystemFailure(
          "open \(load.connections) connections to \(load.endpoint), only \(openCount)", code: ETIMEDOUT)
      }
    }
  }

  private mutating func open(_ slot: Int) throws(SystemFailure) {
    let socket = try driver.stream(to: address)
    var connection = Connection()
    connection.socket = socket
    connection.generation = connections[slot].generation &+ 1
    // It may still stand in the queue.
    connection.isVacant = connections[slot].isVacant
    connections[slot] = connection
    connectingCount += 1
    driver.connect(socket, to: address, Token(.connect, slot: slot, generation: connection.generation))
  }

  /// Counts what the connection had under way as lost, and opens it anew.
  private mutating func reopen(_ slot: Int) {
    let connection = connections[slot]
    for number in 0..<connection.underWay {
      let place = (connection.oldest + number) % load.pipeline
      settledCount += 1
      guard counts(moments[slot * load.pipeline + place]) else { continue }
      if number == 0, connection.place.isWithin { figures.broken += 1 } else { figures.unanswered += 1 }
    }
    openCount -= 1
    figures.reconnects += 1
    close(slot)
    try? open(slot)
  }

  private mutating func close(_ slot: Int) {
    Socket.abort(connections[slot].socket)
    driver.close(connections[slot].socket)
    connections[slot].socket = -1
    connections[slot].isOpen = false
    connections[slot].generation &+= 1
  }

  /// Counts what was due and is still without an answer, with the time that it has waited.
  private mutating func giveUp() {
    guard case .rate = load.pace else { return }
    for slot in 0..<connections.count {
      let connection = connections[slot]
      for number in 0..<connection.underWay {
        giveUp(moments[slot * load.pipeline + (connection.oldest + number) % load.pipeline])
      }
    }
    for number in sentCount..<max(sentCount, dueCount) { giveUp(due(number)) }
  }

  private mutating func giveUp(_ moment: UInt64) {
    guard moment >= begin else { return }
    figures.unanswered += 1
    figures.latency.record(now - moment)
  }
}
