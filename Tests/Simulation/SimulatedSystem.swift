// The system as one thread of a program sees it: a driver whose operations run on the network of a run. It does whatever
// the real ones may do: reads and writes are short, completions of different sockets come in any order, buffers run out,
// multishot operations end early, and what lies in memory is looked at as late as the contract allows.

package import Bytes
import Glibc
package import Kernel
import TestSupport

package final class SimulatedSystem: SimulatedDriver {
  private let network: Network
  private let world: World
  private let settings: DriverSettings
  private let waker: Waker
  private let memory: Memory
  private var freeBuffers: [Int32]
  private var messageOrigins: [Int32: Address] = [:]
  /// Queued since the last wait.
  private var queued: [() -> Void] = []
  private var operations: [Place: Operation] = [:]
  /// What is done and not yet seen by a wait.
  private var arrived: [Completion] = []
  /// Sockets that were accepted and not closed yet.
  private var accepted: Set<Int32> = []
  /// All sockets that go with the process.
  private var owned: Set<Int32> = []
  private var ready: [Completion] = []
  private var keptAside: [Completion] = []
  private var isOver = false
  /// Another thread, which may run in the middle of a turn of this one.
  package var other: (() -> Void)?
  /// When the thread wants to go on, whatever happens.
  package private(set) var wakesAt: UInt64 = 0

  private struct Place: Hashable {
    var socket: Int32
    var isOutward: Bool
  }

  private final class Operation {
    let token: Token
    let kind: Kind
    let socket: NetworkSocket
    /// When its last completion so far comes: they keep their order.
    var completesAt: UInt64 = 0
    /// Whether it looks again on its own.
    var isBusy = false

    init(_ token: Token, _ kind: Kind, _ socket: NetworkSocket) {
      self.token = token
      self.kind = kind
      self.socket = socket
    }
  }

  private enum Kind {
    case accept(once: Bool)
    case receive, receiveMessages
    case receiveInto(ByteRegion)
    case send(ByteView)
    case connect
  }

  package init(_ network: Network, _ settings: DriverSettings, waker: Waker) throws {
    self.network = network
    world = network.world
    self.settings = settings
    self.waker = waker
    memory = try Memory(byteCount: settings.buffers * settings.bufferSize)
    freeBuffers = (0..<Int32(settings.buffers)).reversed()
  }

  // MARK: - Operations

  package func accept(on listener: Int32, once: Bool, _ token: Token) {
    begin(listener, .accept(once: once), token)
  }

  package func receive(_ socket: Int32, _ token: Token) { begin(socket, .receive, token) }

  package func receive(_ socket: Int32, into region: ByteRegion, _ token: Token) {
    begin(socket, .receiveInto(region), token)
  }

  package func receiveMessages(_ socket: Int32, _ token: Token) { begin(socket, .receiveMessages, token) }

  package func send(_ socket: Int32, _ bytes: ByteView, _ token: Token) { begin(socket, .send(bytes), token) }

  package func sendSilently(_ socket: Int32, _ bytes: ByteView, _ token: Token) {
    queued.append { [self] in
      let socket = network[socket]
      var count = -EAGAIN
      if socket.isBroken {
        count = -EPIPE
      } else if socket.room > 0 {
        let short = world.oneIn(world.faults.shortWrites) ? 1 + world.random.below(bytes.count) : bytes.count
        count = Int32(socket.send([UInt8](bytes.slice(0..<short))))
      }
      guard count != bytes.count else { return }
      // It is there when the wait returns.
      ready.append(Completion(token: token, result: count, buffer: -1, hasMore: false))
    }
  }

  package func connect(_ socket: Int32, to address: Address, _ token: Token) {
    begin(socket, .connect, token)
    let socket = network[socket]
    // A connect that nobody answers hangs until it is given up.
    if world.oneIn(world.faults.upstreamFailures), world.random.oneIn(4) { return }
    world.after(world.delay(upTo: world.faults.transit)) { [self] in
      guard let operation = operations[Place(socket: socket.number, isOutward: true)],
        operation.token == token
      else {
        return
      }
      end(operation, network.connect(socket, to: address) ? 0 : -ECONNREFUSED)
    }
  }

  package func cancel(_ target: Token, on socket: Int32) {
    queued.append { [self] in
      guard let operation = operations[Place(socket: socket, isOutward: false)], operation.token == target
      else {
        return
      }
      end(operation, -ECANCELED)
    }
  }

  private func begin(_ socket: Int32, _ kind: Kind, _ token: Token) {
    let operation = Operation(token, kind, network[socket])
    let place = place(of: operation)
    precondition(operations[place] == nil, "two operations of one direction are under way")
    operations[place] = operation
    operation.socket.observer = { [weak self] in self?.look(at: socket) }
    if case .connect = kind { return }
    queued.append { [self] in proceed(operation) }
  }

  private func place(of operation: Operation) -> Place {
    switch operation.kind {
    case .send, .connect: Place(socket: operation.socket.number, isOutward: true)
    default: Place(socket: operation.socket.number, isOutward: false)
    }
  }

  private func look(at socket: Int32) {
    for isOutward in [false, true] {
      if let operation = operations[Place(socket: socket, isOutward: isOutward)] { proceed(operation) }
    }
  }

  /// Does as much of an operation as can be done.
  private func proceed(_ operation: Operation) {
    // It may have ended since it was queued.
    guard operations[place(of: operation)] === operation, !operation.isBusy else { return }
    switch operation.kind {
    case .accept(let once): proceedAccept(operation, once)
    case .receive: proceedReceive(operation)
    case .receiveMessages: proceedMessages(operation)
    case .receiveInto(let region): proceedReceive(operation, into: region)
    case .send(let bytes): proceedSend(operation, bytes)
    case .connect: if operation.socket.isAborted { end(operation, -ECONNABORTED) }
    }
  }

  private func proceedAccept(_ operation: Operation, _ once: Bool) {
    let listener = operation.socket
    if listener.isAborted { return end(operation, -EINVAL) }
    guard !listener.backlog.isEmpty else { return }
    if world.oneIn(world.faults.acceptFailures) {
      world.tell("accepting fails")
      return end(operation, -EMFILE)
    }
    let socket = listener.backlog.removeFirst()
    owned.insert(socket.number)
    if once { return end(operation, socket.number) }
    step(operation, socket.number)
  }

  private func proceedReceive(_ operation: Operation) {
    let socket = operation.socket
    if socket.kind == .datagrams { return proceedMessages(operation) }
    guard hasInput(operation) else { return }
    guard let buffer = freeBuffers.popLast() else { return end(operation, -ENOBUFS) }
    let part = socket.take(readable(min(settings.bufferSize, socket.inbox.count)))
    part.withBytes { self.buffer(buffer).copy($0, to: 0) }
    deliver(operation, Int32(part.count), buffer)
  }

  private func proceedMessages(_ operation: Operation) {
    guard !operation.socket.datagrams.isEmpty else { return }
    guard let buffer = freeBuffers.popLast() else { return end(operation, -ENOBUFS) }
    let (origin, datagram) = operation.socket.datagrams.removeFirst()
    // What finds no room is cut off.
    let bytes = Array(datagram.prefix(settings.bufferSize))
    bytes.withBytes { self.buffer(buffer).copy($0, to: 0) }
    messageOrigins[buffer] = origin
    deliver(operation, Int32(bytes.count), buffer)
  }

  private func deliver(_ operation: Operation, _ count: Int32, _ buffer: Int32) {
    if world.oneIn(world.faults.endedMultishots) {
      end(operation, count, buffer)
    } else {
      step(operation, count, buffer)
    }
  }

  private func proceedReceive(_ operation: Operation, into region: ByteRegion) {
    guard hasInput(operation) else { return }
    let socket = operation.socket
    let part = socket.take(readable(min(region.count, socket.inbox.count)))
    part.withBytes { region.copy($0, to: 0) }
    end(operation, Int32(part.count))
  }

  /// Whether there is something to be read on a stream; where there never will be, the operation has ended.
  private func hasInput(_ operation: Operation) -> Bool {
    let socket = operation.socket
    if socket.isReset {
      end(operation, -ECONNRESET)
    } else if socket.isAborted || (socket.inbox.isEmpty && socket.hasEnded) {
      end(operation, 0)
    } else {
      return !socket.inbox.isEmpty
    }
    return false
  }

  private func readable(_ count: Int) -> Int {
    world.oneIn(world.faults.shortReads) ? 1 + world.random.below(count) : count
  }

  private func proceedSend(_ operation: Operation, _ bytes: ByteView) {
    let socket = operation.socket
    if socket.kind == .datagrams { return sendDatagrams(operation, bytes) }
    if socket.isBroken { return end(operation, socket.isReset ? -ECONNRESET : -EPIPE) }
    guard socket.room > 0 else { return }
    operation.isBusy = true
    // The bytes are looked at only then: they may not have changed.
    world.after(world.delay(upTo: world.faults.completion)) { [self] in
      operation.isBusy = false
      guard operations[place(of: operation)] === operation else { return }
      guard !socket.isBroken, socket.room > 0 else { return proceed(operation) }
      let most = world.oneIn(world.faults.shortWrites) ? 1 + world.random.below(bytes.count) : bytes.count
      end(operation, Int32(socket.send([UInt8](bytes.slice(0..<most)))))
    }
  }

  private func sendDatagrams(_ operation: Operation, _ bytes: ByteView) {
    if world.oneIn(world.faults.sendFailures) {
      return end(operation, world.random.pick([-ECONNREFUSED, -ENOBUFS, -EIO]))
    }
    let all = [UInt8](bytes)
    let size = operation.socket.segment > 0 ? operation.socket.segment : all.count
    for start in stride(from: 0, to: all.count, by: size) {
      let datagram = Array(all[start..<min(all.count, start + size)])
      network.send(datagram, from: operation.socket, to: operation.socket.destination!)
    }
    end(operation, Int32(all.count))
  }

  // MARK: - Completions

  /// One completion of an operation that goes on, which then looks for more.
  private func step(_ operation: Operation, _ result: Int32, _ buffer: Int32 = -1) {
    complete(operation, result, buffer, hasMore: true)
    operation.isBusy = true
    world.at(operation.completesAt) { [self] in
      operation.isBusy = false
      proceed(operation)
    }
  }

  private func end(_ operation: Operation, _ result: Int32, _ buffer: Int32 = -1) {
    operations[place(of: operation)] = nil
    complete(operation, result, buffer, hasMore: false)
  }

  private func complete(_ operation: Operation, _ result: Int32, _ buffer: Int32, hasMore: Bool) {
    operation.completesAt = max(operation.completesAt, world.now + world.delay(upTo: world.faults.completion))
    let completion = Completion(token: operation.token, result: result, buffer: buffer, hasMore: hasMore)
    world.at(operation.completesAt) { [self] in
      arrived.append(completion)
      if isOver { end() }
    }
  }

  /// Whether the thread has something to do.
  package var isRunnable: Bool {
    !queued.isEmpty || !arrived.isEmpty || !ready.isEmpty || !keptAside.isEmpty || wakesAt <= world.now
  }

  package func wait(nanoseconds: UInt64) {
    let begun = queued
    queued = []
    for body in begun { body() }
    wakesAt = world.now &+ min(nanoseconds, 1 << 62)
    if waker.drain() {
      ready.append(Completion(token: Token(.wake, slot: 0), result: 0, buffer: -1, hasMore: true))
    }
    ready += keptAside
    keptAside = []
    ready += arrived
    arrived = []
    if ready.count > 1, world.oneIn(world.faults.overflows) {
      let kept = 1 + world.random.below(ready.count - 1)
      keptAside = Array(ready.suffix(kept))
      ready.removeLast(kept)
    }
    if !ready.isEmpty { wakesAt = world.now }
  }

  package func readyCount() -> Int? { keptAside.isEmpty ? ready.count : nil }

  package func token(ofReady index: Int) -> Token { ready[index].token }

  package func next() -> Completion? {
    if let other, world.random.oneIn(32) { other() }
    guard !ready.isEmpty else { return nil }
    let completion = ready.removeFirst()
    if completion.isAccepted { accepted.insert(completion.result) }
    return completion
  }

  package func buffer(_ index: Int32) -> ByteRegion {
    memory.region.part(from: Int(index) * settings.bufferSize, count: settings.bufferSize)
  }

  package func giveBack(_ index: Int32) {
    precondition(!freeBuffers.contains(index), "a buffer is given back twice")
    // Whoever reads on in it reads something else.
    for offset in stride(from: 0, to: settings.bufferSize, by: 16) { buffer(index).store(0xDD, at: offset) }
    freeBuffers.insert(index, at: 0)
  }

  package func message(in buffer: Int32, count: Int) -> Message? {
    Message(
      origin: messageOrigins[buffer]!, payload: self.buffer(buffer).bytes.slice(0..<count), segment: 0,
      drops: 0,
      isCut: false)
  }

  // MARK: - At once

  package func stream(to address: Address) throws(SystemFailure) -> Int32 {
    let socket = network.make(.stream)
    owned.insert(socket.number)
    return socket.number
  }

  package func acceptWaiting(at listener: Int32) -> Int32? {
    guard !network[listener].backlog.isEmpty else { return nil }
    let socket = network[listener].backlog.removeFirst()
    accepted.insert(socket.number)
    owned.insert(socket.number)
    return socket.number
  }

  package func endSending(_ socket: Int32) { network[socket].endSending() }

  package func abort(_ socket: Int32) { network[socket].abort() }

  package func close(_ socket: Int32) {
    for isOutward in [false, true] {
      precondition(
        operations[Place(socket: socket, isOutward: isOutward)] == nil,
        "a socket is closed under an operation")
    }
    accepted.remove(socket)
    owned.remove(socket)
    network.close(network[socket])
  }

  package func send(_ socket: Int32, _ bytes: ByteView, to address: Address) -> Bool {
    if world.oneIn(world.faults.sendFailures) { return false }
    network.send([UInt8](bytes), from: network[socket], to: address)
    return true
  }

  package func segmentDatagrams(_ socket: Int32, at byteCount: Int) -> Bool {
    guard world.faults.segments else { return false }
    network[socket].segment = byteCount
    return true
  }

  package var monotonic: UInt64 { world.now }
  package var wall: UInt64 { world.wall }

  // MARK: - What is left over

  /// The thread is gone, and with it what it never heard of.
  package func end() {
    isOver = true
    for completion in ready + arrived + keptAside {
      if completion.isAccepted, owned.remove(completion.result) != nil {
        network.close(network[completion.result])
      }
      if completion.buffer >= 0 { freeBuffers.append(completion.buffer) }
    }
    ready = []
    arrived = []
    keptAside = []
  }

  /// The process is gone, and the system closes what it leaves behind.
  package func kill() {
    queued = []
    for operation in operations.values { operation.socket.observer = nil }
    operations = [:]
    end()
    for socket in owned { network.close(network[socket]) }
    owned = []
  }

  package var openCount: Int { accepted.count }
  /// What is under way, but for datagrams: a worker that has waited its time for the collector ends in any case.
  package var underWay: [String] {
    operations.filter { $0.value.socket.kind != .datagrams }.map { "\($0.value.kind) on \($0.key.socket)" }
  }
  package var buffersInUse: Int { settings.buffers - freeBuffers.count }
}

extension Completion {
  fileprivate var isAccepted: Bool { token.operation == .accept && result >= 0 }
}
