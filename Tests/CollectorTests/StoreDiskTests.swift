import Bytes
import Collector
import Glibc
import Exposures
import Kernel
import ProgramSupport
import Publication
import TestSupport
import Testing

/// A disk that takes what it cannot keep, as one of a storage network may: what it holds lies on a tmpfs of 4 MiB, and
/// only a flush finds that full.
private final class DeceitfulDisk {
  let folder: Folder
  private let backing: Folder

  static let isPossible = (try? DeceitfulDisk()) != nil

  init() throws {
    folder = try Folder()
    backing = try Folder()
    try Program.check("/bin/mount", ["-t", "tmpfs", "-o", "size=4m", "turnout-test", backing.path])
    try Program.check("/usr/bin/truncate", ["-s", "64M", backing.path("image")])
    try Program.check("/usr/sbin/mkfs.ext2", ["-q", "-F", backing.path("image")])
    try Program.check("/bin/mount", ["-o", "loop", backing.path("image"), folder.path])
  }

  deinit {
    _ = try? Program.run("/bin/umount", ["-l", folder.path])
    _ = try? Program.run("/bin/umount", ["-l", backing.path])
  }

  func grow() throws {
    try Program.check("/bin/mount", ["-o", "remount,size=64m", backing.path])
  }
}

@Suite(.enabled(if: DeceitfulDisk.isPossible, "a loop device cannot be mounted here"))
struct StoreFlushTests {
  @Test func `what a flush did not bring to the disk is taken back, and nothing more is stored`() throws {
    let disk = try DeceitfulDisk()
    let sender = try Sender()
    let store = try SegmentStore(disk.folder)
    var sent: [Exposure] = []
    func block(_ datagrams: Int) throws -> Block {
      sent = []
      return try Block.make { block in
        for _ in 0..<datagrams {
          sent += sender.send([Exposure](repeating: Exposure(), count: 10), to: block)
        }
      }
    }
    try store.append(block(10))
    try store.sync(now: Moment.start)
    let (kept, mark) = (sent, sender.mark)
    for _ in 0..<4 { try store.append(block(1000)) }
    #expect(throws: SystemFailure.self) { try store.sync(now: Moment.start + 1) }
    #expect(store.isLost)
    #expect(store.counters.synced.value < 50_000)
    #expect(throws: SystemFailure.self) { try store.append(block(1)) }
    #expect(throws: SystemFailure.self) { try store.close(now: Moment.start) }
    #expect(try store.folder.exposures == kept)

    try disk.grow()
    let next = try SegmentStore(disk.folder)
    #expect(next.recoveredMarks == [mark])
    #expect(try next.folder.exposures == kept)
    #expect(!next.isLost)
  }
}

@Suite(.enabled(if: SmallDisk.isPossible, "a tmpfs cannot be mounted here"))
struct StoreDiskTests {
  private func block(_ sender: Sender, _ datagrams: Int) throws -> (Block, [Exposure]) {
    var sent: [Exposure] = []
    let exposures = [Exposure](repeating: Exposure(), count: 10)
    let block = try Block.make { block in
      for _ in 0..<datagrams { sent += sender.send(exposures, to: block) }
    }
    return (block, sent)
  }

  @Test(arguments: [0, 3_000, 40_000, 300_000])
  func `a full disk leaves whole blocks, and the block that failed goes in when there is room`(room: Int)
    throws
  {
    let disk = try SmallDisk()
    let sender = try Sender()
    let store = try SegmentStore(disk.folder)
    var (first, sent) = try block(sender, 20)
    try store.append(first)
    let stored = Int(store.counters.bytes.value)
    try disk.fill(leaving: room)
    // About 400 KB of lines.
    let (second, more) = try block(sender, 200)
    for attempt in 1...3 {
      let failure = #expect(throws: SystemFailure.self) { try store.append(second) }
      #expect(failure?.isFull == true && failure?.description.contains("Make room") == true)
      #expect(store.counters.writeFailures.value == attempt)
      #expect(try disk.folder.read("exposures/2026-11-21/09/000001.ndjson").count == stored)
      #expect(try store.folder.exposures == sent)
    }
    try disk.release()
    try store.append(second)
    sent += more
    #expect(try store.folder.exposures == sent)
    #expect(try SegmentStore(disk.folder).recoveredMarks == [sender.mark])
    #expect(try store.folder.exposures == sent)
  }

  @Test func `a journal that has no room takes its block with it`() throws {
    let disk = try SmallDisk()
    let sender = try Sender()
    let store = try SegmentStore(disk.folder)
    let (first, sent) = try block(sender, 1)
    try store.append(first)
    let mark = sender.mark
    let (second, more) = try block(sender, 1)
    second.marks = (0..<5000).map { number in
      var mark = sender.mark
      mark.stream.boot = UInt64(number)
      return mark
    }
    try disk.fill(leaving: 20_000)
    #expect(throws: SystemFailure.self) { try store.append(second) }
    #expect(try store.folder.exposures == sent)
    second.marks = [sender.mark]
    try store.append(second)
    #expect(try store.folder.exposures == sent + more)
    try disk.release()
    let recovered = try SegmentStore(disk.folder)
    #expect(recovered.recoveredMarks == [sender.mark] && sender.mark != mark)
    #expect(recovered.counters.tornBytes.value == 0)
  }

  @Test func `a segment that cannot be made or closed for want of room is made or closed later`() throws {
    let disk = try SmallDisk()
    let sender = try Sender()
    let store = try SegmentStore(disk.folder)
    let (first, sent) = try block(sender, 1)
    try disk.fill(leaving: 0)
    for _ in 0..<3 {
      #expect(throws: SystemFailure.self) { try store.append(first) }
    }
    try disk.release()
    try store.append(first)
    try disk.fill(leaving: 0)
    for _ in 0..<3 {
      #expect(throws: SystemFailure.self) { try store.tick(now: Moment.start + Moment.hour) }
    }
    try disk.release()
    try store.tick(now: Moment.start + Moment.hour)
    #expect(try store.folder.segments.filter { $0.parts == [.content, .summary] }.count == 1)
    #expect(try store.folder.exposures == sent)
    #expect(try SegmentStore(disk.folder).recoveredMarks == [sender.mark])
  }

  @Test func `a database without room waits, and goes on when there is some`() throws {
    let disk = try SmallDisk()
    let sender = try Sender()
    let store = try SegmentStore(disk.folder)
    let (first, sent) = try block(sender, 100)
    try store.append(first)
    try store.close(now: Moment.start)
    let follower = try StoreFollower(store.folder, counters: store.counters, usesDatabase: true)
    for room in [0, 100_000] {
      try disk.fill(leaving: room)
      #expect(throws: (any Error).self) { try follower.follow() }
      #expect(try store.folder.segments.map(\.parts) == [[.content, .summary]])
    }
    try disk.release()
    try follower.follow()
    #expect(store.counters.databaseRows.value == sent.count)
    let count = try Program.run(
      "/usr/bin/sqlite3", [store.folder.database, "SELECT count(*) FROM exposures"])
    #expect(count.output == "\(sent.count)\n")
    #expect(try store.folder.segments.map(\.parts) == [[.compressed]])
    #expect(try store.folder.exposures == sent)
  }
}
