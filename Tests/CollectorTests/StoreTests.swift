import Collector
import Exposures
import Kernel
import ProgramSupport
import Publication
import TestSupport
import Testing

struct StoreTests {
  @Test(arguments: [1, 2, 3])
  func `every record of any datagram stands once in a segment, as it was sent`(seed: UInt64) throws {
    var random = Random(seed: seed)
    let folder = try Folder()
    let store = try SegmentStore(folder, size: 100_000)
    let senders = try [Sender("web-1"), Sender("web \"2\"\u{7}", boot: .max, worker: .max)]
    var sent: [Exposure] = []
    for round in 0..<60 {
      let block = try Block.make(at: Moment.start + UInt64(round)) { block in
        for _ in 0..<random.below(10) {
          let exposures = (0..<(1 + random.below(12))).map { _ in Exposure(&random) }
          sent += random.pick(senders).send(exposures, to: block)
        }
      }
      try store.append(block)
    }
    let stored = try store.folder.exposures
    #expect(stored == sent)
    #expect(stored.count > 1000)
    #expect(store.counters.records.value == sent.count)
    #expect(try store.folder.segments.count > 1)
  }

  @Test func `a line says what the documentation shows`() throws {
    let folder = try Folder()
    let store = try SegmentStore(folder)
    var exposure = Exposure()
    exposure.occurredAt += 123
    exposure.rate = 0.1
    try store.append(Block.make { try Sender().send([exposure], to: $0) })
    #expect(
      try folder.text("exposures/2026-11-21/09/000001.ndjson") == """
        {"occurredAt":"2026-11-21T09:00:00.123Z","environment":"prod","experimentId":"e1","variantId":"v1",\
        "configVersion":7,"userKey":"user-1","rate":0.1,"override":false,"edge":"web-1",\
        "boot":"feed000000000001","worker":0,"sequence":0}

        """)
  }

  @Test func `the longest line that a datagram can make is stored`() throws {
    let folder = try Folder()
    let store = try SegmentStore(folder)
    var exposure = Exposure()
    exposure.userKey = String(repeating: "\u{1}", count: 1200)
    let sender = try Sender(String(repeating: "\u{1}", count: 64))
    var sent: [Exposure] = []
    let block = try Block.make { block in
      for _ in 0..<200 { sent += sender.send([exposure], to: block) }
    }
    try store.append(block)
    #expect(sent.count == 200)
    #expect(try store.folder.exposures == sent)
  }

  @Test func `a moment that no date has is stored as the last one that has`() throws {
    let folder = try Folder()
    let store = try SegmentStore(folder)
    var exposure = Exposure()
    exposure.occurredAt = UInt64.max / 1000 - 1
    try store.append(Block.make { try Sender().send([exposure], to: $0) })
    #expect(try store.folder.exposures.map(\.occurredAt) == [253_402_300_799_999])
  }

  @Test func `a new hour and a full segment close a segment`() throws {
    let folder = try Folder()
    let store = try SegmentStore(folder, size: 1000)
    let sender = try Sender()
    func append(_ records: Int, at moment: UInt64) throws {
      try store.append(
        Block.make(at: moment) { sender.send([Exposure](repeating: Exposure(), count: records), to: $0) })
    }
    func paths() throws -> [String] { try store.folder.segments.map(\.name.path) }
    try append(1, at: Moment.start)
    try store.tick(now: Moment.start + Moment.hour - 1)
    try append(1, at: Moment.start + Moment.hour - 1)
    #expect(try paths() == ["2026-11-21/09/000001"])
    try store.tick(now: Moment.start + Moment.hour)
    #expect(store.counters.segmentsClosed.value == 1)
    try append(20, at: Moment.start + Moment.hour)
    try append(1, at: Moment.start + Moment.hour)
    #expect(try paths() == ["2026-11-21/09/000001", "2026-11-21/10/000001", "2026-11-21/10/000002"])
    try append(1, at: Moment.start + 24 * Moment.hour)
    #expect(try paths().last == "2026-11-22/09/000001")
    #expect(try store.folder.segments.map { $0.parts.contains(.summary) } == [true, true, true, false])
    #expect(try store.folder.exposures.count == 24)
  }

  @Test func `a number is not given again when its files were taken away`() throws {
    let folder = try Folder()
    let sender = try Sender()
    let store = try SegmentStore(folder)
    for number in 1...3 {
      try store.append(Block.make { sender.send([Exposure()], to: $0) })
      try store.close(now: Moment.start)
      let names = try store.folder.segments.map(\.name.number)
      #expect(names == [number])
      for part in [SegmentPart.content, .summary] {
        try File.remove(store.folder.path(store.folder.segments[0].name, part))
      }
    }
  }

  @Test func `what is synced is told only once it is on the disk`() throws {
    let folder = try Folder()
    let store = try SegmentStore(folder)
    let sender = try Sender()
    try store.append(Block.make { sender.send([Exposure()], to: $0) })
    #expect(store.counters.synced.value == 0)
    try store.sync(now: Moment.start + 5)
    #expect(store.counters.synced.value == store.counters.bytes.value)
    #expect(store.counters.lastSyncAt.value == Moment.start + 5)
    // Nothing new is nothing to do.
    try store.sync(now: Moment.start + 6)
    #expect(store.counters.lastSyncAt.value == Moment.start + 5)
    try store.close(now: Moment.start)
    #expect(store.counters.synced.value == 0)
  }
}
