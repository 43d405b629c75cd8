import Bytes
import Collector
import JSON
import Kernel
import ProgramSupport
import Publication
import TestSupport
import Testing
import Trust

/// A store with one closed segment that is larger than any buffer.
private struct Closed {
  let folder: Folder
  let store: SegmentStore
  var sent: [Exposure] = []

  init(records: Int = 20_000) throws {
    folder = try Folder()
    store = try SegmentStore(folder)
    var random = Random(seed: 1)
    let sender = try Sender()
    for index in 0..<10 {
      let block = try Block.make(at: Moment.start + UInt64(index)) { block in
        for _ in 0..<records / 100 {
          sent += sender.send((0..<10).map { _ in Exposure(&random) }, to: block)
        }
      }
      try store.append(block)
    }
    try store.close(now: Moment.start)
  }

  func archive() throws {
    try StoreFollower(store.folder, counters: store.counters, usesDatabase: false).follow()
  }
}

struct StoreArchiveTests {
  @Test func `an archived segment is read by zstd, and the manifest says what it is`() throws {
    let closed = try Closed()
    let plain = try closed.folder.read("exposures/2026-11-21/09/000001.ndjson")
    #expect(plain.count > 3 << 20)
    try closed.archive()
    #expect(try closed.store.folder.segments.map(\.parts) == [[.compressed]])
    #expect(try closed.store.folder.exposures == closed.sent)
    #expect(closed.store.counters.segmentsArchived.value == 1)

    let compressed = try closed.folder.read("exposures/2026-11-21/09/000001.ndjson.zst")
    let manifest = try Document(closed.folder.read("exposures/2026-11-21/manifest.json")).root
    let entries = manifest["segments"]!.elements.map { $0 }
    #expect(entries.count == 1)
    let entry = try #require(entries.first)
    #expect(entry["file"]?.text == "09/000001.ndjson.zst")
    #expect(entry["records"]?.integer == closed.sent.count)
    #expect(entry["bytes"]?.integer == plain.count)
    #expect(entry["compressedBytes"]?.integer == compressed.count)
    #expect(entry["sha256"]?.text == compressed.withBytes { Digest.sha256Hex($0) })
    #expect(entry["firstAt"]?.text == "2026-11-21T09:00:00.000Z")
    #expect(entry["lastAt"]?.text == "2026-11-21T09:00:00.009Z")
  }

  @Test func `archiving may be killed after any step and done again`() throws {
    let closed = try Closed(records: 1000)
    let path = "exposures/2026-11-21/09/000001"
    let plain = try closed.folder.read(path + ".ndjson")
    let summary = try closed.folder.read(path + ".closed")
    try closed.archive()
    let manifest = try closed.folder.read("exposures/2026-11-21/manifest.json")
    let compressed = try closed.folder.read(path + ".ndjson.zst")
    let steps: [(String, () throws -> Void)] = [
      (
        "within the draft",
        {
          try File.remove(closed.folder.path(path + ".ndjson.zst"))
          try File.remove(closed.folder.path("exposures/2026-11-21/manifest.json"))
          try closed.folder.write(path + ".ndjson.zst.new", plain + plain)
          try closed.folder.write(path + ".ndjson", plain)
        }
      ),
      (
        "before the manifest",
        {
          try File.remove(closed.folder.path("exposures/2026-11-21/manifest.json"))
          try closed.folder.write(path + ".ndjson", plain)
        }
      ),
      ("before the plain file is gone", { try closed.folder.write(path + ".ndjson", plain) }),
      ("before the summary is gone", {}),
    ]
    for (what, undo) in steps {
      try undo()
      try closed.folder.write(path + ".closed", summary)
      // A start in between changes nothing.
      _ = try SegmentStore(closed.folder)
      try closed.archive()
      #expect(try closed.store.folder.segments.map(\.parts) == [[.compressed]], "\(what)")
      #expect(try closed.folder.read(path + ".ndjson.zst") == compressed, "\(what)")
      #expect(try closed.folder.read("exposures/2026-11-21/manifest.json") == manifest, "\(what)")
      #expect(!File.exists(closed.folder.path(path + ".ndjson.zst.new")), "\(what)")
    }
  }

  @Test func `a manifest lists every segment of its day in order`() throws {
    let folder = try Folder()
    let store = try SegmentStore(folder, size: 1)
    let sender = try Sender()
    let moments = [0, 0, 1, 25].map { Moment.start + $0 * Moment.hour }
    for moment in moments {
      try store.append(Block.make(at: moment) { sender.send([Exposure()], to: $0) })
    }
    try store.close(now: moments[3])
    let follower = try StoreFollower(store.folder, counters: store.counters, usesDatabase: false)
    try follower.follow()
    try follower.follow()
    func files(_ day: String) throws -> [String] {
      let manifest = try Document(folder.read("exposures/\(day)/manifest.json")).root
      return manifest["segments"]!.elements.compactMap { $0["file"]?.text }
    }
    #expect(
      try files("2026-11-21") == ["09/000001.ndjson.zst", "09/000002.ndjson.zst", "10/000001.ndjson.zst"])
    #expect(try files("2026-11-22") == ["10/000001.ndjson.zst"])
    #expect(store.counters.segmentsArchived.value == 4)
  }

  @Test func `a number that the manifest names is not given again`() throws {
    let closed = try Closed(records: 100)
    try closed.archive()
    try File.remove(closed.folder.path("exposures/2026-11-21/09/000001.ndjson.zst"))
    let store = try SegmentStore(closed.folder)
    try store.append(Block.make { try Sender().send([Exposure()], to: $0) })
    #expect(try store.folder.segments.map(\.name.number) == [2])
  }

  @Test func `a damaged manifest is left alone, and the segment stays`() throws {
    let closed = try Closed(records: 100)
    try closed.folder.write("exposures/2026-11-21/manifest.json", "{\"segments\":[{}]}")
    #expect(throws: SystemFailure.self) { try closed.archive() }
    #expect(try closed.store.folder.exposures == closed.sent)
    try File.remove(closed.folder.path("exposures/2026-11-21/manifest.json"))
    try closed.archive()
    #expect(try closed.store.folder.segments.map(\.parts) == [[.compressed]])
  }
}
