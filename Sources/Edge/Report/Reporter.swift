// The third river, of one worker: what an answer showed becomes records, records become datagrams, and they leave
// through the worker's own driver. Nothing here waits, and nothing of the edge waits for it: what cannot be sent in
// time is dropped, the newest first, and counted.

import Bytes
import Decisions
import Dialects
import Exposures
import Kernel
import Publication
import Server
import Trust

struct Reporter: ~Copyable {
  private var outbox: Outbox
  private let filter: RepeatFilter
  var key: MessageKey?
  private let boot: UInt64
  private let worker: UInt16
  private let datagramSize: Int
  private let flushInterval: UInt64
  private let socketWord: SharedWord
  /// Whether somebody collects exposures.
  private let isOn: Bool
  private var socket: Int32 = -1
  private var isReceiving = false
  /// Where resent datagrams and heartbeats stand while they are being sent.
  private let staging: ByteRegion
  private var flight = Flight.none
  /// Datagrams that leave in one send; 1 where the kernel cannot cut a longer one.
  private var trainMax = 1
  private var resends = ResendQueue()
  /// Monotonic nanoseconds: when what waits must leave, when the next heartbeat is due.
  private var flushAt = UInt64.max
  private var heartbeatAt: UInt64
  private(set) var tally = ReportTally()

  /// What a reporter is made of.
  struct Parts: Sendable {
    var settings: Configuration.Exposures
    var boot: UInt64
    var worker: UInt16
    var key: MessageKey?
    /// The descriptor of a socket to the collector, plus one; 0 until there is one.
    var socket: SharedWord
  }

  /// What is being sent: nobody else has more than one send under way, so that datagrams leave in order.
  private enum Flight {
    case none
    case train(count: Int, isSecondTry: Bool)
    /// Resent datagrams or a heartbeat.
    case staged
  }

  private static var sendToken: Token { Token(.guest, slot: 0) }
  private static var receiveToken: Token { Token(.guest, slot: 1) }
  /// The longest train that fits what IP calls one datagram before it is cut.
  private static var trainMax: Int { 65_000 / DatagramFormat.byteMax }
  private static var heartbeatInterval: UInt64 { 1_000_000_000 }

  init(_ parts: Parts) throws(SystemFailure) {
    let exposures = parts.settings
    var settings = Outbox.Settings()
    settings.datagramSize = exposures.datagramSize
    settings.slotCount = max(16, exposures.retained / exposures.datagramSize)
    settings.isTagged = parts.key != nil
    settings.boot = parts.boot
    settings.worker = parts.worker
    // Memory that nobody touches costs nothing, so it is there without a collector too.
    let outboxMemory = try Memory(byteCount: settings.byteCount)
    let filterMemory = try Memory(byteCount: RepeatFilter.byteCount)
    let stagingMemory = try Memory(byteCount: Self.trainMax * DatagramFormat.byteMax)
    let edgeMemory = try Memory(byteCount: DatagramFormat.edgeMax)
    let name = Array(exposures.edge.utf8)
    let edge = edgeMemory.leak().part(from: 0, count: name.count)
    name.withBytes { edge.copy($0, to: 0) }
    isOn = exposures.collector != nil
    outbox = Outbox(outboxMemory.leak(), edge: edge, settings)
    filter = RepeatFilter(filterMemory.leak(), window: exposures.dedupeWindow)
    staging = stagingMemory.leak()
    key = parts.key
    boot = parts.boot
    worker = parts.worker
    datagramSize = exposures.datagramSize
    flushInterval = exposures.flushInterval
    socketWord = parts.socket
    heartbeatAt = isOn ? 0 : .max
  }

  // MARK: - Recording

  /// Records what the answer to `question` showed. `wall` is in nanoseconds since 1970, `now` is monotonic.
  @_noAllocation @_noLocks
  mutating func record(
    _ question: Question, _ tables: Tables, _ workspace: inout Workspace, wall: UInt64, now: UInt64
  ) {
    guard isOn else { return }
    let header = tables.header
    let user = Fingerprint.of(question.userKey)
    outbox.beginDecision(
      userKey: question.userKey, environment: tables.text(header.environment), version: header.version,
      occurredAt: wall / 1000, now: now)
    let sampling = tables.sampling
    let experiments = tables.experiments
    let names = tables.experimentNames
    let variants = tables.variants
    let outcomes = workspace.outcomes
    let shown = workspace.shown
    for index in 0..<workspace.shownCount {
      let experiment = Int(shown[index])
      guard let variant = outcomes.variant(of: experiment) else { continue }
      let sample = sampling[experiment]
      let place = Sampling.place(user: user, experiment: sample.fingerprint)
      guard Sampling.includes(place, sample) else {
        tally.unsampled &+= 1
        continue
      }
      let seen = Fingerprint.mix(place ^ header.fingerprint &+ UInt64(variant))
      guard !filter.contains(seen, now: now) else {
        outbox.countRepeat()
        continue
      }
      let row = variants[Int(experiments[experiment].firstVariant) + variant]
      if outbox.record(
        experiment: tables.text(names[experiment].id), variant: tables.text(row.id), rate: sample.rate,
        isOverride: outcomes.reason(of: experiment).isOverride,
        arm: Fingerprint.mix(sample.fingerprint ^ header.fingerprint &+ UInt64(variant)))
      {
        filter.remember(seen, now: now)
        tally.recorded &+= 1
        if flushAt == .max { flushAt = now &+ flushInterval }
      }
    }
  }

  /// An answer whose request asked to leave no exposure.
  @_noAllocation @_noLocks
  mutating func skip() { tally.untracked &+= 1 }

  // MARK: - Sending

  /// When ``turn(_:)`` has to be called again at the latest; monotonic nanoseconds.
  var deadline: UInt64 {
    switch ending {
    case .none: min(flushAt, heartbeatAt)
    case .flushing(let limit), .lingering(let limit): min(flushAt, limit)
    }
  }

  /// Takes what came back from the driver and queues what is due.
  mutating func turn(_ server: inout Server) {
    guard isOn else { return }
    while let completion = server.nextGuest() { handle(completion, &server.driver) }
    if socket < 0 { openSocket(&server.driver) }
    if socket >= 0, !isReceiving {
      isReceiving = true
      server.driver.receive(socket, Self.receiveToken)
    }
    if flushAt <= server.now {
      outbox.close(sentAt: server.wall / 1000)
      flushAt = .max
      sendsAll = true
    }
    if case .none = flight { sendNext(&server.driver, wall: server.wall, now: server.now) }
  }

  /// Whether everything that is closed is to leave, not only long trains.
  private var sendsAll = false

  private mutating func openSocket(_ driver: inout Driver) {
    let word = socketWord.value
    guard word > 0 else { return }
    socket = Int32(word - 1)
    if driver.segmentDatagrams(socket, at: datagramSize) { trainMax = Self.trainMax }
  }

  /// Queues the most pressing send: new datagrams, then those asked for again, then a heartbeat.
  private mutating func sendNext(_ driver: inout Driver, wall: UInt64, now: UInt64) {
    guard socket >= 0 else {
      if heartbeatAt <= now { heartbeatAt = now &+ Self.heartbeatInterval }
      return
    }
    let waiting = outbox.next &- outbox.unsent
    // Before the flush interval is over only a whole train is worth a send, unless the outbox is small.
    if waiting >= UInt64(min(Self.trainMax, outbox.keptMax / 2)) || (sendsAll && waiting > 0) {
      guard let train = outbox.train(countMax: trainMax) else { return }
      for index in 0..<train.count { sign(outbox.kept(train.first &+ UInt64(index))!) }
      flight = .train(count: train.count, isSecondTry: false)
      driver.send(socket, train.bytes, Self.sendToken)
      return
    }
    sendsAll = false
    if stageResends(now: now, &driver) { return }
    if heartbeatAt <= now { sendHeartbeat(&driver, wall: wall, now: now, isEnding: false) }
  }

  private mutating func sendHeartbeat(_ driver: inout Driver, wall: UInt64, now: UInt64, isEnding: Bool) {
    heartbeatAt = now &+ Self.heartbeatInterval
    let region = staging.part(from: 0, count: outbox.heartbeatCount)
    outbox.writeHeartbeat(to: region, sentAt: wall / 1000, isEnding: isEnding)
    sign(region)
    tally.heartbeats &+= 1
    flight = .staged
    driver.send(socket, region.bytes, Self.sendToken)
  }

  /// Fills in the tag, which is the datagram's last bytes.
  private func sign(_ datagram: ByteRegion) {
    guard let key = key else { return }
    let end = datagram.count - DatagramFormat.tagCount
    key.tag(datagram.bytes.slice(0..<end), to: datagram, at: end)
  }

  /// Copies datagrams that were asked for again, so that their slots may be used meanwhile; false if none is.
  private mutating func stageResends(now: UInt64, _ driver: inout Driver) -> Bool {
    var byteCount = 0
    var count = 0
    while count < trainMax, let sequence = resends.next(now: now, max: outbox.keptMax) {
      guard let datagram = outbox.kept(sequence), sequence < outbox.unsent else {
        tally.resendsGone &+= 1
        continue
      }
      staging.copy(datagram.bytes, to: byteCount)
      byteCount += datagram.count
      count += 1
      // Only the last one of a train may be short.
      if datagram.count < datagramSize { break }
    }
    guard count > 0 else { return false }
    tally.resent &+= UInt64(count)
    flight = .staged
    driver.send(socket, staging.bytes.slice(0..<byteCount), Self.sendToken)
    return true
  }

  // MARK: - Completions

  private mutating func handle(_ completion: Completion, _ driver: inout Driver) {
    if completion.token == Self.sendToken {
      sent(completion.result, &driver)
      return
    }
    if completion.buffer >= 0 {
      if completion.result > 0 {
        received(driver.buffer(completion.buffer).bytes.slice(0..<Int(completion.result)))
      }
      driver.giveBack(completion.buffer)
    }
    // It ended, for want of buffers or with the error of an earlier send; it begins again in this turn.
    if !completion.hasMore { isReceiving = false }
  }

  private mutating func sent(_ result: Int32, _ driver: inout Driver) {
    guard case .train(let count, let isSecondTry) = flight else {
      flight = .none
      return
    }
    if result < 0, !isSecondTry, let train = outbox.train(countMax: count) {
      // What failed may have been an earlier datagram, told only now; or the device cannot cut datagrams.
      if result == -Socket.cannotSegment, trainMax > 1 {
        _ = driver.segmentDatagrams(socket, at: 0)
        trainMax = 1
        flight = .none
        return
      }
      flight = .train(count: count, isSecondTry: true)
      return driver.send(socket, train.bytes, Self.sendToken)
    }
    flight = .none
    if result < 0 {
      outbox.countRefused(count)
    } else {
      tally.sent &+= UInt64(count)
    }
    outbox.sent(count)
  }

  /// A datagram from the collector: what it misses. Anything else is counted and dropped.
  private mutating func received(_ bytes: ByteView) {
    guard case .datagram(let datagram) = Datagram.read(bytes), datagram.header.kind == .resend,
      datagram.header.boot == boot, datagram.header.worker == worker
    else {
      tally.requestsRefused &+= 1
      return
    }
    if let key = key, !key.accepts(datagram.tag, of: datagram.signed) {
      tally.requestsRefused &+= 1
      return
    }
    tally.requests &+= 1
    for index in 0..<Int(datagram.header.count) {
      if !resends.add(ResendRequest.range(index, of: datagram)) { tally.requestsRefused &+= 1 }
    }
  }

  // MARK: - The end

  /// Monotonic nanoseconds for what is left to leave, and for requests to send something again.
  private static var endTime: UInt64 { 1_000_000_000 }
  private static var lingerTime: UInt64 { 250_000_000 }

  private enum Ending {
    case none
    case flushing(until: UInt64)
    case lingering(until: UInt64)
  }

  private var ending = Ending.none

  /// A step towards the end, between two turns of a worker that has answered its last request: sends what is left, says
  /// that nothing follows, and waits a moment for requests to send something again. True when that is done.
  mutating func end(_ server: inout Server) -> Bool {
    guard socket >= 0 else { return true }
    switch ending {
    case .none:
      ending = .flushing(until: server.now &+ Self.endTime)
      heartbeatAt = .max
      flushAt = server.now
    case .flushing(let limit):
      sendsAll = true
      if server.now < limit, outbox.unsent < outbox.next || isInFlight { return false }
      guard outbox.next > 0, !isInFlight else { return true }
      ending = .lingering(until: server.now &+ Self.lingerTime)
      sendHeartbeat(&server.driver, wall: server.wall, now: server.now, isEnding: true)
      heartbeatAt = .max
    case .lingering(let limit):
      sendsAll = true
      return server.now >= limit
    }
    return false
  }

  private var isInFlight: Bool {
    if case .none = flight { false } else { true }
  }

  /// Everything that was counted, the outbox's part included.
  mutating func count(_ words: WorkerWords) {
    var place = ServeCounters.report
    func next(_ value: UInt64) {
      words.set(place, value)
      place += 1
    }
    next(tally.recorded)
    next(tally.unsampled)
    next(tally.untracked)
    next(outbox.losses.repeats)
    next(outbox.losses.full)
    next(outbox.losses.oversized)
    next(outbox.sentRecordCount)
    next(tally.sent)
    next(outbox.losses.refused)
    next(tally.resent)
    next(tally.resendsGone)
    next(tally.requests)
    next(tally.requestsRefused)
    next(tally.heartbeats)
  }
}

/// What a reporter counted; records first, then datagrams.
struct ReportTally {
  var recorded: UInt64 = 0
  var unsampled: UInt64 = 0
  /// Answers, not records.
  var untracked: UInt64 = 0
  var sent: UInt64 = 0
  var resent: UInt64 = 0
  /// Asked for and no longer kept.
  var resendsGone: UInt64 = 0
  var requests: UInt64 = 0
  /// Requests of another boot, worker or key, or more than can be remembered.
  var requestsRefused: UInt64 = 0
  var heartbeats: UInt64 = 0
}
