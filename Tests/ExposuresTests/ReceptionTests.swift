import Bytes
import Exposures
import TestSupport
import Testing

private let ms: UInt64 = 1_000_000
private let second: UInt64 = 1000 * ms

/// Senders and a collector with a bad wire between them, on virtual time.
private final class World {
  var now: UInt64 = 0
  private(set) var senders: [Sender] = []
  private var there: Wire
  private var back: Wire
  private var random: Random
  var reception: Reception
  private let settings: Reception.Settings
  /// Whether the collector runs.
  var isListening = true

  /// What was stored, and what of it would survive a crash, with the marks that were stored beside it.
  private(set) var stored: Set<Exposure> = []
  private var durable: Set<Exposure> = []
  private var durableMarks: [StreamIdentity: StreamMark] = [:]
  private(set) var sent: Set<Exposure> = []
  private(set) var storedTwice = 0

  init(loss: Int, seed: UInt64, _ settings: Reception.Settings = Reception.Settings()) {
    self.settings = settings
    reception = Reception(settings)
    there = Wire(loss: loss, seed: seed)
    back = Wire(loss: loss, seed: ~seed)
    random = Random(seed: seed &* 31)
  }

  func start(boot: UInt64, worker: UInt16 = 0) {
    senders.append(Sender(boot: boot, worker: worker, slotCount: 512))
  }

  /// A millisecond passes; the senders in `active` decide, `alive` ones send what they have.
  func pass(active: Range<Int>, alive: Range<Int>) throws {
    now += ms
    for index in alive {
      if active.contains(index) { decide(senders[index]) }
      let isOld = senders[index].outbox.openedAt + 5 * ms <= now
      if senders[index].outbox.hasOpenRecords, isOld { senders[index].outbox.close(sentAt: now / 1000) }
      for datagram in senders[index].send() { there.send(datagram, now: now) }
      if now % second == 0 { there.send(senders[index].heartbeat(sentAt: now / 1000), now: now) }
    }
    for request in back.arrivals(now: now) {
      for index in alive {
        for datagram in try senders[index].answer(request) { there.send(datagram, now: now) }
      }
    }
    let arrivals = there.arrivals(now: now)
    if isListening { try receive(arrivals) }
  }

  private func decide(_ sender: Sender) {
    for _ in 0..<random.below(2) {
      let user = "\(sender.settings.boot)/\(sender.settings.worker)/\(sent.count)"
      let decision = (0...random.below(4)).map {
        Exposure(user: user, occurredAt: now / 1000, experiment: "experiment-\($0)")
      }
      require(sender.decide(decision, now: now) == decision.count, "the outbox is full")
      sent.formUnion(decision)
    }
  }

  private func receive(_ arrivals: [[UInt8]]) throws {
    for bytes in arrivals {
      let verdict = try withDatagram(bytes) { reception.receive($0, wall: now / 1000, now: now) }
      require(verdict != .inconsistent, "inconsistent")
      guard verdict == .accept, try header(of: bytes).kind == .exposures else { continue }
      for exposure in try exposures(in: bytes) where !stored.insert(exposure).inserted { storedTwice += 1 }
    }
    reception.forEachRequest(now: now) { _, stream, ranges in
      let request = ResendRequest(boot: stream.boot, worker: stream.worker, ranges: ranges)
      back.send(
        Array(stream.edge.utf8).withBytes { request.encode(edge: $0, isTagged: false, sentAt: now / 1000) },
        now: now)
    }
    reception.giveUpAndForget(now: now)
    require((reception.nextDeadline ?? .max) > now, "the deadline has passed")
  }

  /// As #expect, which costs too much in every millisecond of every world.
  private func require(_ isTrue: Bool, _ otherwise: @autoclosure () -> String) {
    if !isTrue { Issue.record("\(otherwise()) at \(now)") }
  }

  func checkpoint() {
    durable = stored
    for mark in reception.touchedMarks() { durableMarks[mark.stream] = mark }
  }

  /// The collector ends and starts again with what it had stored.
  func crash() {
    stored = durable
    reception = Reception(settings)
    reception.restore(Array(durableMarks.values), now: now)
  }

  func status(_ sender: Sender) -> Reception.Status? {
    var found: Reception.Status?
    reception.forEachStream {
      if $0.identity.boot == sender.settings.boot, $0.identity.worker == sender.settings.worker { found = $0 }
    }
    return found
  }

  /// Whether the collector knows of everything that was sent and misses nothing.
  func isSettled(_ index: Int) -> Bool {
    guard let status = status(senders[index]), status.pending == 0 else { return false }
    return status.counts.datagrams == senders[index].outbox.next
  }

  /// Lets time pass until everything is settled.
  func settle(_ alive: Range<Int>) throws {
    for _ in 0..<120_000 {
      try pass(active: 0..<0, alive: alive)
      if now % second == 500 * ms, alive.allSatisfy(isSettled) { return }
    }
    Issue.record("nothing is settled after two minutes")
  }
}

extension StreamCounts {
  fileprivate var datagrams: UInt64 { received + recovered + lost + unknown }
  fileprivate var records: UInt64 { receivedRecords + lostRecords + unknownRecords }
}

struct ReceptionTests {
  // MARK: - Laws on a bad wire

  @Test(arguments: [(0, 60), (10, 150), (100, 150), (500, 100)])
  func `what was sent is what was received and what is lost`(loss: Int, seeds: Int) throws {
    var sent = 0
    var stored = 0
    var recovered: UInt64 = 0
    for seed in 0..<UInt64(seeds) {
      let world = World(loss: loss, seed: seed)
      for worker in UInt16(0)..<2 { world.start(boot: 7, worker: worker) }
      while world.now < 700 * ms { try world.pass(active: 0..<2, alive: 0..<2) }
      try world.settle(0..<2)
      var received: UInt64 = 0
      for sender in world.senders {
        let status = try #require(world.status(sender))
        #expect(status.counts.datagrams == sender.outbox.next, "seed \(seed)")
        #expect(status.counts.records == sender.outbox.recordCount, "seed \(seed)")
        #expect(status.counts.unknown == 0 && status.counts.inconsistent == 0)
        received += status.counts.receivedRecords
        recovered += status.counts.recovered
      }
      #expect(world.storedTwice == 0 && world.stored.count == Int(received), "seed \(seed)")
      #expect(world.stored.isSubset(of: world.sent))
      if loss == 0 { #expect(world.stored == world.sent) }
      sent += world.sent.count
      stored += world.stored.count
    }
    let share = Double(stored) / Double(sent)
    if loss <= 10 { #expect(share >= 0.9999) }
    #expect((recovered > 0) == (loss > 0))
  }

  @Test(arguments: [0, 10, 100, 500])
  func `a collector that ends and starts again stores nothing twice and knows what it lost`(loss: Int) throws
  {
    for seed in UInt64(0)..<50 {
      let world = World(loss: loss, seed: seed)
      world.start(boot: 7)
      var random = Random(seed: seed)
      while world.now < 1500 * ms {
        try world.pass(active: 0..<1, alive: 0..<1)
        if random.oneIn(100) { world.checkpoint() }
        if random.oneIn(400) { world.crash() }
        world.isListening = !random.oneIn(10)
      }
      world.isListening = true
      try world.settle(0..<1)
      let sender = world.senders[0]
      let counts = try #require(world.status(sender)).counts
      #expect(counts.datagrams == sender.outbox.next && counts.records == sender.outbox.recordCount)
      #expect(world.storedTwice == 0 && world.stored.count == Int(counts.receivedRecords), "seed \(seed)")
      #expect(counts.unknown == 0 && counts.inconsistent == 0)
      if loss == 0 { #expect(world.stored == world.sent, "seed \(seed)") }
    }
  }

  @Test
  func
    `an edge that starts again is another stream, and the end of the first is known as far as it was heard`()
    throws
  {
    for seed in UInt64(0)..<40 {
      let world = World(loss: 50, seed: seed)
      world.start(boot: 7)
      while world.now < 1200 * ms { try world.pass(active: 0..<1, alive: 0..<1) }
      world.start(boot: 8)
      while world.now < 2400 * ms { try world.pass(active: 1..<2, alive: 1..<2) }
      try world.settle(1..<2)
      let first = try #require(world.status(world.senders[0])).counts
      let last = try #require(world.status(world.senders[1])).counts
      #expect(last.datagrams == world.senders[1].outbox.next)
      #expect(last.records == world.senders[1].outbox.recordCount)
      #expect(first.datagrams <= world.senders[0].outbox.next && first.datagrams > 0)
      #expect(first.records <= world.senders[0].outbox.recordCount)
      #expect(world.stored.count == Int(first.receivedRecords + last.receivedRecords))
      #expect(world.storedTwice == 0)
    }
  }

  @Test func `what was sent before the collector listened is received or unknown`() throws {
    for seed in UInt64(0)..<4 {
      let world = World(loss: 20, seed: seed)
      world.start(boot: 7)
      world.isListening = false
      while world.senders[0].outbox.next < 6000 { try world.pass(active: 0..<1, alive: 0..<1) }
      world.isListening = true
      let end = world.now + second
      while world.now < end { try world.pass(active: 0..<1, alive: 0..<1) }
      try world.settle(0..<1)
      let sender = world.senders[0]
      let counts = try #require(world.status(sender)).counts
      #expect(counts.datagrams == sender.outbox.next && counts.records == sender.outbox.recordCount)
      // Of what was sent before, the edge still had some.
      #expect(counts.unknown > 5000 && counts.unknown < 6000 && counts.recovered > 300)
      #expect(world.storedTwice == 0 && world.stored.count == Int(counts.receivedRecords))
    }
  }

  @Test func `a stream that was forgotten and comes back is stored once, and nothing of it is called lost`()
    throws
  {
    for seed in UInt64(0)..<30 {
      var settings = Reception.Settings()
      settings.idleTime = 2 * second
      let world = World(loss: 0, seed: seed, settings)
      world.start(boot: 7)
      while world.now < second { try world.pass(active: 0..<1, alive: 0..<1) }
      let before = world.senders[0].outbox.next
      world.isListening = false
      while world.now < 2 * second { try world.pass(active: 0..<1, alive: 0..<1) }
      while world.now < 4 * second { try world.pass(active: 0..<0, alive: 0..<0) }
      world.isListening = true
      world.reception.giveUpAndForget(now: world.now)
      let total = try #require(world.reception.forgotten["edge-1"]).counts
      try world.settle(0..<1)
      let counts = try #require(world.status(world.senders[0])).counts
      #expect(world.storedTwice == 0 && total.records <= world.senders[0].outbox.recordCount)
      #expect(counts.datagrams == world.senders[0].outbox.next && counts.lost == 0)
      #expect(counts.records == world.senders[0].outbox.recordCount)
      #expect(world.stored.count == Int(total.receivedRecords + counts.receivedRecords))
      // The edge still had all it sent, but what may have been stored is refused.
      #expect(counts.unknown + 20 > before && world.reception.stale > 0, "seed \(seed)")
    }
  }

  @Test func `streams that push each other out are stored once`() throws {
    for seed in UInt64(0)..<30 {
      var settings = Reception.Settings()
      settings.streamMax = 2
      let world = World(loss: 20, seed: seed, settings)
      for worker in UInt16(0)..<3 { world.start(boot: 7, worker: worker) }
      while world.now < 700 * ms { try world.pass(active: 0..<3, alive: 0..<3) }
      #expect(world.reception.evictions > 10 && world.storedTwice == 0, "seed \(seed)")
    }
  }

  @Test func `the order of a short time makes no difference`() throws {
    let sender = Sender(slotCount: 512)
    for index in 0..<300 {
      sender.decide([Exposure(user: "user-\(index)"), Exposure(user: "user-\(index)", experiment: "other")])
      sender.outbox.close(sentAt: 1)
    }
    let datagrams = sender.send() + [sender.heartbeat()]
    func marks(_ datagrams: [[UInt8]]) throws -> [StreamMark] {
      var reception = Reception()
      for bytes in datagrams {
        #expect(try withDatagram(bytes) { reception.receive($0, wall: 0, now: 0) } == .accept)
      }
      reception.forEachRequest(now: 19 * ms) { _, _, _ in Issue.record("nothing is missing") }
      return reception.marks
    }
    let expected = try marks(datagrams)
    #expect(expected[0].counts.received == 300 && expected[0].counts.receivedRecords == 600)
    for seed in UInt64(0)..<200 {
      var random = Random(seed: seed)
      #expect(try marks(datagrams.shuffled(using: &random)) == expected, "seed \(seed)")
    }
  }

  // MARK: - Many streams

  private func settings(_ change: (inout Reception.Settings) -> Void) -> Reception {
    var settings = Reception.Settings()
    change(&settings)
    return Reception(settings)
  }

  /// The first `count` datagrams of a stream, each with one record.
  private func datagrams(_ edge: String, boot: UInt64 = 1, count: Int = 1, sentAt: UInt64 = 0) -> [[UInt8]] {
    let sender = Sender(edge: edge, boot: boot)
    for index in 0..<count {
      sender.decide([Exposure(user: "\(index)")])
      sender.outbox.close(sentAt: sentAt)
    }
    return sender.send()
  }

  @Test func `streams are told apart by edge, boot and worker, and each keeps its place`() throws {
    var reception = Reception()
    var places: [Int] = []
    for (edge, boot) in [("a", UInt64(1)), ("b", 1), ("a", 2), ("a", 1)] {
      _ = try withDatagram(datagrams(edge, boot: boot)[0]) { reception.receive($0, wall: 0, now: 0) }
      places.append(try #require(reception.place))
    }
    #expect(Set(places).count == 3 && places[0] == places[3] && reception.streamCount == 3)
    #expect(reception.marks.map(\.counts.duplicates).reduce(0, +) == 1)
  }

  @Test func `the longest silent stream makes room for a new one, and its counts stay`() throws {
    var reception = settings { $0.streamMax = 3 }
    let edges = ["a", "b", "c", "a", "d", "e"]
    for (now, edge) in edges.enumerated() {
      let bytes = datagrams(edge, count: 3, sentAt: 9)[2]
      _ = try withDatagram(bytes) { reception.receive($0, wall: 0, now: UInt64(now)) }
      #expect(try #require(reception.place) < 3)
    }
    var left: [String] = []
    reception.forEachStream { left.append($0.identity.edge) }
    #expect(left.sorted() == ["a", "d", "e"] && reception.evictions == 2)
    #expect(reception.forgotten.keys.sorted() == ["b", "c"])
    // What was missing is given up before.
    #expect(reception.forgotten["b"]!.counts.lost == 2 && reception.forgotten["b"]!.counts.received == 1)
    #expect(reception.forgotten["b"]!.streams == 1)
  }

  @Test func `a silent stream is forgotten after its time, and cannot be played again`() throws {
    var reception = Reception()
    let bytes = datagrams("a", sentAt: 5_000_000)
    #expect(try withDatagram(bytes[0]) { reception.receive($0, wall: 5_000_000, now: 0) } == .accept)
    #expect(reception.nextDeadline == 3600 * second)
    reception.giveUpAndForget(now: 3600 * second - 1)
    #expect(reception.streamCount == 1)
    reception.giveUpAndForget(now: 3600 * second)
    #expect(reception.streamCount == 0 && reception.forgotten["a"]!.counts.received == 1)
    #expect(reception.nextDeadline == nil && reception.evictions == 0)
    let late: UInt64 = 3_605_000_001
    #expect(try withDatagram(bytes[0]) { reception.receive($0, wall: late, now: 0) } == .stale)
    #expect(reception.stale == 1 && reception.place == nil)
    #expect(try withDatagram(bytes[0]) { reception.receive($0, wall: late - 1, now: 0) } == .accept)
  }

  @Test func `beyond so many edges the forgotten ones share a total`() throws {
    var reception = settings {
      $0.streamMax = 1
      $0.edgeMax = 2
    }
    for edge in ["a", "b", "a", "c", "d", "e"] {
      _ = try withDatagram(datagrams(edge, sentAt: 9)[0]) { reception.receive($0, wall: 0, now: 0) }
    }
    #expect(reception.forgotten.mapValues(\.streams) == ["a": 2, "b": 1])
    #expect(reception.forgottenOthers.streams == 2 && reception.forgottenOthers.counts.received == 2)
  }

  @Test func `all streams together miss so many runs and no more`() throws {
    var reception = settings { $0.runMax = 4 }
    for boot in UInt64(1)...5 {
      let bytes = datagrams("a", boot: boot, count: 8)
      for index in [1, 3] { _ = try withDatagram(bytes[index]) { reception.receive($0, wall: 0, now: 0) } }
    }
    let marks = reception.marks.sorted { $0.stream.boot < $1.stream.boot }
    #expect(marks.map(\.missing.count) == [2, 2, 0, 0, 0])
    #expect(marks.map(\.counts.lost) == [0, 0, 2, 2, 2])
  }

  @Test func `a first word that contradicts itself begins no stream, and a request is none`() throws {
    var reception = Reception()
    var bytes = datagrams("a", count: 3)[2]
    // Two datagrams before it, and one record in both.
    bytes[24] = 1
    #expect(try withDatagram(bytes) { reception.receive($0, wall: 0, now: 0) } == .inconsistent)
    let request = ResendRequest(boot: 1, worker: 0, ranges: [0..<1])
    let encoded = Array("a".utf8).withBytes { request.encode(edge: $0, isTagged: false, sentAt: 0) }
    #expect(try withDatagram(encoded) { reception.receive($0, wall: 0, now: 0) } == .inconsistent)
    #expect(reception.streamCount == 0 && reception.inconsistent == 2 && reception.place == nil)
  }

  @Test func `marks are told once for each change, and of a stream that goes`() throws {
    var reception = settings { $0.streamMax = 2 }
    func hear(_ edge: String, _ index: Int) throws {
      _ = try withDatagram(datagrams(edge, count: 3, sentAt: 9)[index]) {
        reception.receive($0, wall: 0, now: 0)
      }
    }
    try hear("a", 0)
    try hear("b", 0)
    try hear("a", 2)
    #expect(reception.touchedMarks().map(\.stream.edge).sorted() == ["a", "b"])
    #expect(reception.touchedMarks().isEmpty)
    // Given up: a change as well.
    for now in [20, 70, 170, 370, 770] as [UInt64] { reception.forEachRequest(now: now * ms) { _, _, _ in } }
    reception.giveUpAndForget(now: 1570 * ms)
    #expect(reception.touchedMarks().map(\.counts.lost) == [1])
    try hear("b", 2)
    try hear("c", 0)
    try hear("d", 0)
    let marks = reception.touchedMarks().sorted { $0.stream.edge < $1.stream.edge }
    #expect(
      marks.map(\.stream.edge) == ["b", "c", "d"] && marks[0].missing.isEmpty && marks[0].counts.lost == 1)
  }

  @Test func `the losses of the newest heartbeat are known, whatever order they come in`() throws {
    var reception = Reception()
    let sender = Sender()
    let early = sender.heartbeat(sentAt: 1000)
    sender.outbox.countRepeat()
    let late = sender.heartbeat(sentAt: 2000)
    for bytes in [late, early] {
      _ = try withDatagram(bytes) { reception.receive($0, wall: 2500, now: 9) }
    }
    var found: [Reception.Status] = []
    reception.forEachStream { found.append($0) }
    #expect(found.map(\.losses.repeats) == [1] && found[0].lastSeen == 9 && found[0].lag == 1500)
  }
}
