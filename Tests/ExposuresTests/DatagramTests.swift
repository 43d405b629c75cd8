import Bytes
import Exposures
import TestSupport
import Testing

struct DatagramTests {
  /// One of each kind, tagged and not.
  private var samples: [[UInt8]] {
    [false, true].flatMap { isTagged -> [[UInt8]] in
      let sender = Sender(boot: 0x1122_3344_5566_7788, worker: 3, isTagged: isTagged)
      sender.decide([
        Exposure(user: "käse", rate: 0.25), Exposure(user: "käse", experiment: "other", isOverride: true),
      ])
      sender.decide([Exposure(environment: "staging", version: 9, user: "u2")])
      sender.outbox.close(sentAt: 1_800_000_000_000_001)
      let request = ResendRequest(boot: 1, worker: 2, ranges: [3..<9, 20..<21])
      return sender.send() + [
        sender.heartbeat(sentAt: 5, isEnding: true),
        Array("edge-1".utf8).withBytes { request.encode(edge: $0, isTagged: isTagged, sentAt: 4) },
      ]
    }
  }

  /// Reads everything a datagram holds, in memory that ends where it does.
  private func readAll(_ bytes: [UInt8]) -> Malformation? {
    GuardedBytes(bytes).withBytes { view in
      switch Datagram.read(view) {
      case .malformed(let malformation): return malformation
      case .datagram(let datagram):
        switch datagram.header.kind {
        case .exposures:
          var reader = RecordReader(datagram)
          var count = 0
          while let record = reader.next() {
            count += 1
            #expect(!record.userKey.isEmpty && !record.experiment.isEmpty && !record.variant.isEmpty)
            #expect(record.rate > 0 && record.rate <= 1 && record.version >= 0)
          }
          #expect(count == Int(datagram.header.count) && count <= DatagramFormat.recordMax)
        case .heartbeat: _ = SenderLosses(datagram)
        case .resend:
          for index in 0..<Int(datagram.header.count) { _ = ResendRequest.range(index, of: datagram) }
        }
        return nil
      }
    }
  }

  @Test func `a datagram says what was written into it`() throws {
    try withDatagram(samples[3]) { datagram in
      #expect(
        datagram.header
          == DatagramHeader(
            .exposures, isTagged: true, boot: 0x1122_3344_5566_7788, worker: 3, sequence: 0,
            recordsBefore: 0,
            sentAt: 1_800_000_000_000_001, count: 3))
      #expect(String(datagram.edge) == "edge-1")
      #expect(datagram.signed.count + 16 == samples[3].count && datagram.tag.count == 16)
    }
    #expect(
      try exposures(in: samples[0]) == [
        Exposure(user: "käse", rate: 0.25), Exposure(user: "käse", experiment: "other", isOverride: true),
        Exposure(environment: "staging", version: 9, user: "u2"),
      ])
    try withDatagram(samples[2]) { datagram in
      #expect((0..<2).map { ResendRequest.range($0, of: datagram) } == [3..<9, 20..<21])
    }
  }

  @Test func `no part of a datagram is one, and none is read beyond its end`() {
    for sample in samples {
      #expect(readAll(sample) == nil)
      for count in 0..<sample.count { #expect(readAll(Array(sample.prefix(count))) != nil, "\(count) bytes") }
    }
  }

  @Test func `bytes changed at random are refused or read within their bounds`() {
    var random = Random(seed: 7)
    let samples = samples
    var outcomes: [Malformation?: Int] = [:]
    for _ in 0..<100_000 {
      var bytes = random.pick(samples)
      for _ in 0...random.below(3) {
        switch random.below(6) {
        case 0: bytes.removeLast(random.below(bytes.count))
        case 1: bytes.append(contentsOf: random.bytes(random.below(40), of: 0...255))
        case 2: bytes[random.below(bytes.count)] = random.pick([0, 1, 0x7F, 0x80, 0xFF])
        default: bytes[random.below(bytes.count)] ^= 1 << UInt8(random.below(8))
        }
        if bytes.isEmpty { bytes = [0] }
      }
      outcomes[readAll(bytes), default: 0] += 1
    }
    // The law is of use only if both ways out were taken.
    #expect(outcomes[nil]! > 1000)
    for malformation in Malformation.allCases where malformation != .oversized {
      #expect(outcomes[malformation, default: 0] > 0, "\(malformation) was never found")
    }
  }

  @Test(arguments: [
    (0, 0x55, Malformation.magic, "another protocol"),
    (4, 2, .version, "a version to come"),
    (5, 4, .kind, "an unknown kind"),
    (6, 4, .kind, "an unknown flag"),
    (6, 2, .kind, "an end that is no heartbeat's"),
    (7, 0, .edge, "nobody's"),
    (7, 65, .edge, "an id that is too long"),
    (44, 0xFF, .edge, "an id that is no text"),
    (23, 1, .records, "a sequence number that cannot be"),
    (31, 1, .records, "a number of records that cannot be"),
    (42, 4, .records, "more records than there are"),
    (42, 2, .records, "fewer records than there are"),
    (42, 0, .records, "no records"),
    (50, 2, .records, "a first record that is like the one before"),
    (50, 8, .records, "an unknown flag of a record"),
    (58, 0x80, .records, "a version below 0"),
  ])
  func `one wrong byte is named for what it is`(
    offset: Int, value: UInt8, malformation: Malformation, reason: String
  ) {
    var bytes = samples[0]
    bytes[offset] = value
    #expect(readAll(bytes) == malformation, "\(reason)")
  }

  @Test func `what is too long is refused, and zeros behind the records are not`() {
    let sample = samples[0]
    #expect(readAll(sample + [UInt8](repeating: 0, count: 1432 - sample.count)) == nil)
    #expect(readAll(sample + [UInt8](repeating: 0, count: 1433 - sample.count)) == .oversized)
    #expect(readAll(sample + [0, 1]) == .records)
  }

  @Test func `a rate that is no share of users is refused`() {
    // The rate of the first record: flags, version, environment "prod", moment, user "käse", then the rate.
    let place = 50 + 1 + 8 + 2 + 4 + 8 + 2 + 5
    for (rate, isGood) in [(0.25, true), (1, true), (0, false), (-0.5, false), (1.5, false), (.nan, false)] {
      var bytes = samples[0]
      for index in 0..<8 {
        bytes[place + index] = UInt8(truncatingIfNeeded: rate.bitPattern >> UInt64(8 * index))
      }
      #expect((readAll(bytes) == nil) == isGood, "\(rate)")
    }
  }

  @Test func `a run of a request that goes beyond the last number is empty`() throws {
    let request = ResendRequest(boot: 1, worker: 2, ranges: [UInt64.max - 1..<UInt64.max])
    var bytes = Array("e".utf8).withBytes { request.encode(edge: $0, isTagged: false, sentAt: 4) }
    bytes[45 + 8] = 9
    try withDatagram(bytes) { #expect(ResendRequest.range(0, of: $0).isEmpty) }
  }
}
