import Bytes
import Collector
import JSON
import Kernel
import ProgramSupport
import Publication
import TestSupport
import Testing

/// The rows of the view, as the real sqlite3 sees them.
private func rows(_ folder: Folder) throws -> [Exposure] {
  let result = try Program.run(
    "/usr/bin/sqlite3",
    [
      "-json", folder.path("exposures.sqlite"),
      """
      SELECT environment, experiment_id AS experimentId, variant_id AS variantId,
        config_version AS configVersion, user_key AS userKey, printf('%!.17g', rate) AS rate,
        is_override AS override, edge, occurred_at AS occurredAt FROM exposures
      """,
    ])
  guard result.code == 0 else { throw Failure(result.errors) }
  guard !result.output.isEmpty else { return [] }
  return try Document(Array(result.output.utf8)).root.elements.map { row in
    var exposure = Exposure()
    exposure.environment = row["environment"]!.text!
    exposure.experiment = row["experimentId"]!.text!
    exposure.variant = row["variantId"]!.text!
    exposure.version = row["configVersion"]!.integer!
    exposure.userKey = row["userKey"]!.text!
    exposure.rate = Double(row["rate"]!.text!)!
    exposure.isOverride = row["override"]!.integer! == 1
    exposure.edge = row["edge"]!.text!
    exposure.occurredAt = UInt64(row["occurredAt"]!.integer!)
    return exposure
  }
}

extension [Exposure] {
  /// Without what the database does not keep, in an order of its own.
  fileprivate var kept: [String: Int] {
    var counts: [String: Int] = [:]
    for var exposure in self {
      (exposure.boot, exposure.worker, exposure.sequence) = (0, 0, 0)
      counts["\(exposure)", default: 0] += 1
    }
    return counts
  }
}

private struct Followed {
  let folder: Folder
  let store: SegmentStore
  let sender: Sender
  var random = Random(seed: 1)
  var sent: [Exposure] = []

  init(size: Int = 1 << 30) throws {
    folder = try Folder()
    store = try SegmentStore(folder, size: size)
    sender = try Sender()
  }

  mutating func append(_ records: Int, at moment: UInt64 = Moment.start) throws {
    var (random, sent) = (random, sent)
    try store.append(
      Block.make(at: moment) { block in
        for _ in 0..<records / 10 {
          sent += sender.send((0..<10).map { _ in Exposure(&random) }, to: block)
        }
      })
    (self.random, self.sent) = (random, sent)
  }

  func follower(usesDatabase: Bool = true) throws -> StoreFollower {
    try StoreFollower(store.folder, counters: store.counters, usesDatabase: usesDatabase)
  }
}

struct StoreDatabaseTests {
  @Test func `the database holds what is on the disk for certain, and then the rest`() throws {
    var followed = try Followed()
    let follower = try followed.follower()
    try followed.append(100)
    try follower.follow()
    #expect(try rows(followed.folder).isEmpty)
    #expect(followed.store.counters.databaseLag.value == followed.store.counters.bytes.value)
    try followed.store.sync(now: 0)
    let synced = followed.sent
    try followed.append(100)
    try follower.follow()
    #expect(try rows(followed.folder).kept == synced.kept)
    try followed.store.sync(now: 0)
    try follower.follow()
    #expect(try rows(followed.folder).kept == followed.sent.kept)
    #expect(followed.store.counters.databaseLag.value == 0)
    #expect(followed.store.counters.databaseRows.value == followed.sent.count)
    #expect(followed.store.counters.unreadableLines.value == 0)
  }

  @Test func `each record is a row once, though every round has a new follower`() throws {
    var followed = try Followed(size: 20_000)
    for round in 0..<30 {
      try followed.append(50, at: Moment.start + UInt64(round) * Moment.hour / 4)
      if round % 2 == 0 { try followed.store.sync(now: 0) }
      try followed.follower().follow()
    }
    try followed.store.close(now: 0)
    try followed.follower().follow()
    #expect(try rows(followed.folder).kept == followed.sent.kept)
    #expect(try followed.store.folder.exposures == followed.sent)
    #expect(try followed.store.folder.segments.allSatisfy { $0.parts == [.compressed] })
    #expect(try followed.store.folder.segments.count > 10)
  }

  @Test func `a transaction that does not end leaves neither rows nor progress`() throws {
    var followed = try Followed()
    try followed.append(2000)
    try followed.store.close(now: 0)
    let name = try followed.store.folder.segments[0].name
    let content = try followed.folder.read("exposures/2026-11-21/09/000001.ndjson")
    for end in stride(from: 1, to: content.count, by: content.count / 7) {
      let database = try ExposureDatabase(
        followed.store.folder.database, counters: followed.store.counters)
      #expect(throws: Failure.self) {
        try content.withBytes { bytes in
          var isFirst = true
          try database.read(name, from: 0, isClosed: true) {
            guard isFirst else { throw Failure("killed") }
            isFirst = false
            return bytes.slice(0..<end)
          }
        }
      }
      #expect(try database.progress(of: name) == ExposureDatabase.Progress())
      #expect(try rows(followed.folder).isEmpty)
    }
    try followed.follower().follow()
    #expect(try rows(followed.folder).kept == followed.sent.kept)
  }

  @Test func `a kill between two transactions leaves whole lines, and the place to go on from`() throws {
    var followed = try Followed()
    try followed.append(2000)
    try followed.store.close(now: 0)
    let name = try followed.store.folder.segments[0].name
    let content = try followed.folder.read("exposures/2026-11-21/09/000001.ndjson")
    var offset = 0
    // Each time two transactions of one part, which ends within a line, and then a kill.
    while offset + 10_000 < content.count {
      let database = try ExposureDatabase(
        followed.store.folder.database, counters: followed.store.counters, transactionBytes: 5000)
      #expect(throws: Failure.self) {
        try content.withBytes { bytes in
          var place = offset
          try database.read(name, from: offset, isClosed: true) {
            guard place < offset + 10_000 else { throw Failure("killed") }
            defer { place += 5000 }
            return bytes.slice(place..<(place + 5000))
          }
        }
      }
      let progress = try database.progress(of: name)
      #expect(!progress.isRead && progress.offset > offset && content[progress.offset - 1] == 0x0A)
      offset = progress.offset
      let lines = content[..<offset].count { $0 == 0x0A }
      #expect(try rows(followed.folder).kept == Array(followed.sent[..<lines]).kept)
    }
    try followed.follower().follow()
    #expect(try rows(followed.folder).kept == followed.sent.kept)
  }

  @Test func `one follower goes through hours and days, and leaves nothing behind`() throws {
    var followed = try Followed()
    let follower = try followed.follower()
    for round in 0..<80 {
      try followed.append(10, at: Moment.start + UInt64(round) * Moment.hour)
      if round % 3 > 0 { try followed.store.sync(now: 0) }
      if round % 2 > 0 { try follower.follow() }
    }
    try followed.store.close(now: 0)
    try follower.follow()
    #expect(try rows(followed.folder).kept == followed.sent.kept)
    #expect(try followed.store.folder.segments.map(\.parts).allSatisfy { $0 == [.compressed] })
  }

  @Test func `a database that is new, or was off for a time, reads archived segments`() throws {
    var followed = try Followed()
    try followed.append(500)
    try followed.store.sync(now: 0)
    try followed.follower().follow()
    // Off while the segment goes on and is archived.
    try followed.append(500)
    try followed.store.close(now: 0)
    try followed.append(500, at: Moment.start + 50 * Moment.hour)
    try followed.store.close(now: 0)
    try followed.follower(usesDatabase: false).follow()
    #expect(try followed.store.folder.segments.map(\.parts) == [[.compressed], [.compressed]])
    try followed.append(500, at: Moment.start + 100 * Moment.hour)
    try followed.store.sync(now: 0)
    try followed.follower().follow()
    #expect(try rows(followed.folder).kept == followed.sent.kept)

    for file in ["exposures.sqlite", "exposures.sqlite-wal", "exposures.sqlite-shm"] {
      try File.remove(followed.folder.path(file))
    }
    let follower = try followed.follower()
    try follower.follow()
    try follower.follow()
    #expect(try rows(followed.folder).kept == followed.sent.kept)
    #expect(followed.store.counters.databaseLag.value == 0)
  }

  @Test func `a segment is not archived before the database has it`() throws {
    var followed = try Followed()
    for round in 0..<60 { try followed.append(10, at: Moment.start + UInt64(round) * Moment.hour) }
    try followed.store.close(now: 0)
    try File.makeDirectory(followed.folder.path("exposures.sqlite"))
    let follower = try followed.follower()
    for _ in 0..<2 { #expect(throws: (any Error).self) { try follower.follow() } }
    func parts() throws -> Set<Set<SegmentPart>> { try Set(followed.store.folder.segments.map(\.parts)) }
    #expect(try parts() == [[.content, .summary]])
    try Program.check("/bin/rmdir", [followed.folder.path("exposures.sqlite")])
    // Then the archive fails, with all segments read.
    try followed.folder.write("exposures/2026-11-21/manifest.json", "[]")
    for _ in 0..<2 { #expect(throws: (any Error).self) { try follower.follow() } }
    #expect(try parts() == [[.content, .summary], [.content, .summary, .compressed]])
    try File.remove(followed.folder.path("exposures/2026-11-21/manifest.json"))
    try follower.follow()
    #expect(try parts() == [[.compressed]])
    #expect(try rows(followed.folder).kept == followed.sent.kept)
  }

  @Test func `a line that cannot be read is counted and passed over`() throws {
    var followed = try Followed()
    try followed.append(100)
    try followed.store.close(now: 0)
    let path = "exposures/2026-11-21/09/000001.ndjson"
    let lines = try followed.folder.read(path).split(separator: 0x0A).map { Array($0) + [0x0A] }
    let broken = [
      Array("{}\n".utf8), Array("\n".utf8), Array(lines[0].dropLast(2)) + [0x0A],
      [UInt8](repeating: 0x20, count: 70_000) + [0x0A],
    ]
    try followed.folder.write(path, Array((lines[..<50] + broken + lines[50...]).joined()))
    try followed.follower().follow()
    #expect(try rows(followed.folder).kept == followed.sent.kept)
    #expect(followed.store.counters.unreadableLines.value == 4)
  }

  @Test func `a damaged archive holds up the database, says what to do, and goes on then`() throws {
    var followed = try Followed()
    try followed.append(1000)
    try followed.store.close(now: 0)
    try followed.follower(usesDatabase: false).follow()
    let path = "exposures/2026-11-21/09/000001.ndjson.zst"
    let compressed = try followed.folder.read(path)
    var damaged = compressed
    damaged[compressed.count / 2] ^= 0x10
    for content in [damaged, Array(compressed.dropLast(3))] {
      try followed.folder.write(path, content)
      let failure = #expect(throws: SystemFailure.self) { try followed.follower().follow() }
      #expect(failure?.description.contains("manifest") == true)
    }
    try followed.folder.write(path, compressed)
    try followed.follower().follow()
    #expect(try rows(followed.folder).kept == followed.sent.kept)
  }

  @Test func `on its own thread it keeps up, and ends when all is read`() throws {
    var followed = try Followed(size: 50_000)
    let ending = SharedWord()
    let ended = Gate()
    let follower = try Unchecked(followed.follower())
    try Threads.start("follower") {
      follower.value.run(until: ending)
      ended.open()
    }
    for round in 0..<10 {
      try followed.append(100, at: Moment.start + UInt64(round))
      try followed.store.sync(now: 0)
    }
    try eventually("all is read") { followed.store.counters.databaseRows.value == followed.sent.count }
    try followed.append(100)
    try followed.store.close(now: 0)
    ending.value = 1
    ended.pass()
    #expect(try rows(followed.folder).kept == followed.sent.kept)
    #expect(try followed.store.folder.segments.allSatisfy { $0.parts == [.compressed] })
    #expect(followed.store.counters.followerFailures.value == 0)
  }
}

/// Something that is handed to a thread and used by it alone.
private struct Unchecked<Value>: @unchecked Sendable {
  let value: Value

  init(_ value: Value) { self.value = value }
}
