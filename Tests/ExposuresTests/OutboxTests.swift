import Bytes
import Exposures
import TestSupport
import Testing

struct OutboxTests {
  /// Decisions of random users, experiments and lengths.
  private func decisions(_ count: Int, seed: UInt64) -> [[Exposure]] {
    var random = Random(seed: seed)
    return (0..<count).map { index in
      let user = "user-\(index)-" + String(repeating: "x", count: random.below(60))
      let environment = random.pick(["prod", "prod", "prod", "staging", ""])
      let version = Int64(random.below(2))
      let moment = UInt64(1_800_000_000_000_000 + index)
      return (0...random.below(4)).map { place in
        Exposure(
          environment: environment, version: version, user: user, occurredAt: moment,
          experiment: "experiment-\(place)" + String(repeating: "y", count: random.below(40)),
          variant: random.pick(["a", "b", "größer"]), rate: random.pick([1, 0.1, 0.25]),
          isOverride: random.oneIn(7))
      }
    }
  }

  @Test(arguments: [(512, false), (512, true), (777, true), (1432, false), (1432, true)])
  func `every record comes out once, in order and as it was put in`(size: Int, isTagged: Bool) throws {
    for seed in UInt64(0)..<20 {
      let sender = Sender(slotCount: 40, datagramSize: size, isTagged: isTagged)
      var random = Random(seed: seed)
      var datagrams: [[UInt8]] = []
      let decisions = decisions(200, seed: seed)
      for decision in decisions {
        #expect(sender.decide(decision) == decision.count)
        if random.oneIn(5) { sender.outbox.close(sentAt: 1) }
        if random.oneIn(3) { datagrams += sender.send(trainMax: 1 + random.below(8)) }
      }
      sender.outbox.close(sentAt: 1)
      datagrams += sender.send()
      #expect(try datagrams.flatMap(exposures(in:)) == decisions.flatMap { $0 }, "seed \(seed)")
      #expect(sender.outbox.losses == SenderLosses())
      var records: UInt64 = 0
      for (index, datagram) in datagrams.enumerated() {
        let header = try header(of: datagram)
        #expect(datagram.count <= size && header.sequence == UInt64(index) && header.recordsBefore == records)
        #expect(header.isTagged == isTagged && Int(header.count) <= DatagramFormat.recordMax)
        records += UInt64(header.count)
      }
      #expect(sender.outbox.recordCount == records && sender.outbox.next == UInt64(datagrams.count))
    }
  }

  @Test func `a decision that does not fit is continued in the next datagram, which says its user again`()
    throws
  {
    let sender = Sender(datagramSize: 512)
    let decision = (0..<30).map { Exposure(user: "one user", experiment: "experiment-\($0)") }
    #expect(sender.decide(decision) == 30)
    sender.outbox.close(sentAt: 1)
    let datagrams = sender.send()
    #expect(datagrams.count > 1)
    #expect(try datagrams.flatMap(exposures(in:)) == decision)
  }

  @Test func `a full ring drops the newest records and counts them`() throws {
    let sender = Sender(slotCount: 4, datagramSize: 512)
    var taken: [Exposure] = []
    for index in 0..<200 {
      let exposure = Exposure(user: "user-\(index)")
      if sender.decide([exposure]) == 1 { taken.append(exposure) }
    }
    #expect(taken.count < 200 && sender.outbox.losses.full == UInt64(200 - taken.count))
    // Three are closed, none is open: with a fourth one closed, the first would no longer be kept.
    #expect(sender.outbox.next == 3 && !sender.outbox.hasOpenRecords)
    #expect(taken.last == Exposure(user: "user-\(taken.count - 1)"))
    #expect(try sender.send().flatMap(exposures(in:)) == taken)
    let after = Exposure(user: "after")
    #expect(sender.decide([after]) == 1)
    sender.outbox.close(sentAt: 1)
    #expect(try sender.send().flatMap(exposures(in:)) == [after])
  }

  @Test func `a record that fits no datagram is dropped alone, and counted`() throws {
    let sender = Sender(datagramSize: 512)
    let long = Exposure(user: String(repeating: "u", count: 500))
    let short = [Exposure(user: "a"), Exposure(user: "b")]
    #expect(sender.decide([short[0]]) == 1)
    #expect(sender.decide([long]) == 0)
    #expect(sender.decide([short[1]]) == 1)
    sender.outbox.close(sentAt: 1)
    #expect(sender.outbox.losses == SenderLosses(full: 0, oversized: 1, repeats: 0, refused: 0))
    #expect(try sender.send().flatMap(exposures(in:)) == short)
  }

  @Test(arguments: [false, true])
  func `the longest record that fits fills the datagram to its last byte`(isTagged: Bool) throws {
    let tagCount = isTagged ? DatagramFormat.tagCount : 0
    // The head, an edge's id of 6 bytes, and all of a record but its user.
    let room = 512 - 44 - 6 - tagCount - (1 + 10 + 4 + 10 + 8 + 2 + 8 + 2 + 1)
    let sender = Sender(datagramSize: 512, isTagged: isTagged)
    #expect(sender.decide([Exposure(user: String(repeating: "u", count: room + 1))]) == 0)
    #expect(sender.decide([Exposure(user: String(repeating: "u", count: room))]) == 1)
    sender.outbox.close(sentAt: 1)
    #expect(sender.send().map(\.count) == [512])
  }

  @Test func `all datagrams of a train but its last have the full size, and it ends where the ring does`() {
    let sender = Sender(slotCount: 8, datagramSize: 512)
    var seen: UInt64 = 0
    var random = Random(seed: 3)
    for index in 0..<1000 {
      sender.decide([Exposure(user: "user-\(index)")])
      if random.oneIn(9) { sender.outbox.close(sentAt: 1) }
      guard random.oneIn(20), let train = sender.outbox.train(countMax: 5) else { continue }
      #expect(train.first == seen && train.count <= 5)
      #expect(Int(train.first % 8) + train.count <= 8)
      #expect(train.bytes.count > (train.count - 1) * 512 && train.bytes.count <= train.count * 512)
      sender.outbox.sent(train.count)
      seen += UInt64(train.count)
    }
    #expect(seen > 20)
  }

  @Test func `what was sent is kept until its slot is needed again`() {
    let sender = Sender(slotCount: 4)
    var sent: [[UInt8]] = []
    for index in 0..<10 {
      sender.decide([Exposure(user: "user-\(index)")])
      #expect(sender.outbox.kept(sender.outbox.next) == nil)
      sender.outbox.close(sentAt: 1)
      sent += sender.send()
      for sequence in UInt64(0)...12 {
        let kept = sender.outbox.kept(sequence).map { [UInt8]($0.bytes) }
        // Three of four slots: the fourth is open.
        let isKept = sequence < sent.count && Int(sequence) + 3 >= sent.count
        #expect(kept == (isKept ? sent[Int(sequence)] : nil), "\(sequence) of \(sent.count)")
      }
    }
  }

  @Test func `a heartbeat tells what was sent, not what waits`() throws {
    let sender = Sender(isTagged: true)
    for index in 0..<3 {
      sender.decide([Exposure(user: "user-\(index)"), Exposure(user: "user-\(index)", experiment: "other")])
      sender.outbox.close(sentAt: 1)
    }
    sender.outbox.sent(2)
    sender.outbox.countRefused(5)
    sender.outbox.countRepeat()
    try withDatagram(sender.heartbeat(sentAt: 99, isEnding: true)) { datagram in
      #expect(
        datagram.header
          == DatagramHeader(
            .heartbeat, isTagged: true, isEnding: true, boot: 1, worker: 0, sequence: 2, recordsBefore: 4,
            sentAt: 99, count: 0))
      #expect(SenderLosses(datagram) == SenderLosses(full: 0, oversized: 0, repeats: 1, refused: 5))
      #expect(datagram.tag.count == 16 && String(datagram.edge) == "edge-1")
    }
    #expect(sender.outbox.records(first: 0, count: 3) == 6)
  }

  @Test func `an open datagram is as old as its first record, and nothing is closed twice`() {
    let sender = Sender()
    #expect(!sender.outbox.hasOpenRecords)
    sender.outbox.close(sentAt: 1)
    #expect(sender.outbox.next == 0 && sender.outbox.train(countMax: 9) == nil)
    sender.decide([Exposure(user: "a")], now: 5)
    sender.decide([Exposure(user: "b")], now: 9)
    #expect(sender.outbox.openedAt == 5 && sender.outbox.hasOpenRecords)
    sender.outbox.close(sentAt: 1)
    sender.outbox.close(sentAt: 2)
    #expect(sender.outbox.next == 1)
  }

  @Test func `whatever waits can be taken out, however full the outbox is`() {
    let sender = Sender(slotCount: 16)
    for user in 0..<5000 { sender.decide([Exposure(user: "user-\(user)")]) }
    #expect(sender.outbox.losses.full > 0)
    while let train = sender.outbox.train(countMax: 5) {
      for index in 0..<train.count { #expect(sender.outbox.kept(train.first + UInt64(index)) != nil) }
      sender.outbox.sent(train.count)
    }
    #expect(sender.outbox.sentRecordCount == sender.outbox.recordCount)
  }

  @Test func `an arm is written out once in a datagram, and more than 32 of them come out as they went in`()
    throws
  {
    let sender = Sender(datagramSize: DatagramFormat.byteMax)
    let decisions = (0..<20).map { user in
      (0..<(user % 2 == 0 ? 5 : 40)).map { arm in
        Exposure(
          user: "u\(user)", experiment: "experiment-\(arm)", variant: "v", rate: arm % 3 == 0 ? 0.5 : 1)
      }
    }
    for decision in decisions { #expect(sender.decide(decision) == decision.count) }
    sender.outbox.close(sentAt: 1)
    let datagrams = sender.send()
    #expect(try datagrams.flatMap(exposures(in:)) == decisions.flatMap { $0 })
    // Two bytes a record, but for the arms of each datagram and the users.
    let alone = Sender(datagramSize: DatagramFormat.byteMax)
    for _ in 0..<600 { alone.decide([Exposure(user: "u")]) }
    alone.outbox.close(sentAt: 1)
    #expect(alone.send().count == 600 * 13 / (DatagramFormat.byteMax - 100) + 1)
  }

  @Test func `a record that names an arm nobody wrote out makes the datagram malformed`() throws {
    let sender = Sender(datagramSize: DatagramFormat.byteMax)
    for user in 0..<2 { sender.decide([Exposure(user: "u\(user)")]) }
    sender.outbox.close(sentAt: 1)
    var bytes = try #require(sender.send().first)
    #expect(try exposures(in: bytes).count == 2)
    // The last byte of a datagram that is not full is the number of the second record's arm.
    bytes[bytes.count - 1] = 1
    let outcome = bytes.withBytes { view in
      if case .malformed(let malformation) = Datagram.read(view) { malformation } else { Malformation?.none }
    }
    #expect(outcome == .records)
  }
}
