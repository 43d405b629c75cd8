import Collector
import Exposures
import Kernel
import ProgramSupport
import Publication
import TestSupport
import Testing

/// A store that was killed with a segment open, kept in memory so that it can be laid out again and again.
private struct Killed {
  var content: [UInt8]
  var journal: [UInt8]
  /// After each block, the first entry before any: bytes, records sent so far, and marks.
  var states: [(bytes: Int, sent: [Exposure], marks: [StreamMark])] = []

  init(blocks: Int, seed: UInt64 = 1) throws {
    var random = Random(seed: seed)
    let folder = try Folder()
    let store = try SegmentStore(folder)
    let senders = try [Sender("web-1"), Sender("web-2", boot: 2, worker: 3)]
    states = [(0, [], [])]
    for _ in 0..<blocks {
      var (bytes, sent, marks) = states.last!
      let sender = random.pick(senders)
      let block = try Block.make { sent += sender.send([Exposure(&random), Exposure(&random)], to: $0) }
      try store.append(block)
      bytes = Int(store.counters.bytes.value)
      marks.removeAll { $0.stream == sender.mark.stream }
      marks.append(sender.mark)
      states.append((bytes, sent, marks))
    }
    content = try folder.read("exposures/2026-11-21/09/000001.ndjson")
    journal = try folder.read("exposures/2026-11-21/09/000001.marks")
  }

  /// Starts a store over `content` and `journal` and compares all it says with the state after `blocks` blocks.
  func expect(_ blocks: Int, _ content: [UInt8], _ journal: [UInt8], _ what: String) throws {
    let folder = try Folder()
    try folder.write("exposures/2026-11-21/09/000001.ndjson", content)
    try folder.write("exposures/2026-11-21/09/000001.marks", journal)
    let store = try SegmentStore(folder)
    let state = states[blocks]
    let stored = try store.folder.exposures
    #expect(stored == state.sent, "\(what)")
    #expect(sorted(store.recoveredMarks) == sorted(state.marks), "\(what)")
    let torn = content[state.bytes...]
    #expect(store.counters.tornBytes.value == torn.count, "\(what)")
    #expect(store.counters.tornRecords.value == torn.split(separator: 0x0A).count, "\(what)")
    // A second start finds the same.
    #expect(try sorted(SegmentStore(folder).recoveredMarks) == sorted(state.marks), "\(what)")
    #expect(try store.folder.segments.allSatisfy { !$0.parts.contains(.journal) })
  }
}

private func sorted(_ marks: [StreamMark]) -> [StreamMark] {
  marks.sorted { $0.stream.edge < $1.stream.edge }
}

struct StoreRecoveryTests {
  @Test func `a segment cut at any byte keeps its whole blocks, and the marks say just those`() throws {
    let killed = try Killed(blocks: 5)
    for end in killed.states[3].bytes...killed.content.count {
      let blocks = killed.states.lastIndex { $0.bytes <= end }!
      try killed.expect(blocks, Array(killed.content.prefix(end)), killed.journal, "cut at \(end)")
    }
  }

  @Test func `a journal cut at any byte vouches for its whole lines only`() throws {
    let killed = try Killed(blocks: 3)
    for end in 0...killed.journal.count {
      let blocks = killed.journal.prefix(end).count { $0 == 0x0A }
      try killed.expect(blocks, killed.content, Array(killed.journal.prefix(end)), "cut at \(end)")
    }
  }

  @Test func `content that the journal does not agree with is cut off`() throws {
    let killed = try Killed(blocks: 4)
    // Pages that never came to the disk read as zeros.
    var content = killed.content
    content.replaceSubrange(
      killed.states[2].bytes..., with: [UInt8](repeating: 0, count: content.count - killed.states[2].bytes))
    try killed.expect(2, content, killed.journal, "zeros")
    // A line's end that is lost makes one line of two.
    content = killed.content
    content[content[killed.states[2].bytes...].firstIndex(of: 0x0A)!] = 0x20
    try killed.expect(2, content, killed.journal, "a lost line's end")
    // A line in the middle of the journal that is none ends it.
    var lines = killed.journal.split(separator: 0x0A).map { Array($0) + [0x0A] }
    lines[1][5] ^= 0x40
    try killed.expect(1, killed.content, Array(lines.joined()), "a changed journal")
  }

  @Test func `marks survive the closing of their segment, and newer ones win`() throws {
    let folder = try Folder()
    let (first, second) = (try Sender("a"), try Sender("b"))
    var store = try SegmentStore(folder)
    try store.append(Block.make { first.send([Exposure()], to: $0) })
    try store.append(Block.make { second.send([Exposure()], to: $0) })
    try store.close(now: Moment.start)
    try store.append(Block.make { first.send([Exposure()], to: $0) })
    store = try SegmentStore(folder)
    #expect(sorted(store.recoveredMarks) == [first.mark, second.mark])
    #expect(first.mark.next == 2)
  }

  @Test func `every field of a mark survives`() throws {
    let folder = try Folder()
    let sender = try Sender("größe \"1\"", boot: .max, worker: .max)
    let block = try Block.make { sender.send([Exposure()], to: $0) }
    var mark = sender.mark
    mark.missing = [
      MissingRun(from: 1, recordsBefore: 2, to: 4, recordsBefore: 32)!,
      MissingRun(from: 9, recordsBefore: 50, to: 10, recordsBefore: 51)!,
    ]
    mark.contact = 5
    mark.counts.inconsistent = 9
    mark.next = 1 << 55
    mark.records = 1 << 56 - 1
    mark.counts.received = 1
    mark.counts.recovered = 2
    mark.counts.lost = 3
    mark.counts.duplicates = 4
    mark.counts.receivedRecords = 5
    mark.counts.lostRecords = 6
    mark.counts.unknown = 7
    mark.counts.unknownRecords = 8
    block.marks = [mark]
    try SegmentStore(folder).append(block)
    #expect(try SegmentStore(folder).recoveredMarks == [mark])
    #expect(try SegmentStore(folder).recoveredMarks == [mark])
  }

  @Test func `streams are forgotten after a day, and beyond a number`() throws {
    let folder = try Folder()
    let sender = try Sender()
    let store = try SegmentStore(folder)
    let block = try Block.make { sender.send([Exposure()], to: $0) }
    try store.append(block)
    try store.close(now: Moment.start)
    #expect(try SegmentStore(folder, now: Moment.start + 24 * Moment.hour - 1).recoveredMarks.count == 1)
    #expect(try SegmentStore(folder, now: Moment.start + 24 * Moment.hour).recoveredMarks.isEmpty)

    for moment in 0..<3 {
      block.arrivedAt = Moment.start + 1 + UInt64(moment)
      block.marks = (0..<10_000).map { number in
        var mark = sender.mark
        mark.stream.boot = UInt64(moment * 10_000 + number)
        return mark
      }
      try store.append(block)
    }
    let recovered = try SegmentStore(folder).recoveredMarks
    #expect(recovered.count == 16_384)
    #expect(recovered.count { $0.stream.boot >= 20_000 } == 10_000)
  }

  @Test func `a start after each step of closing ends it`() throws {
    let folder = try Folder()
    let sender = try Sender()
    var store = try SegmentStore(folder)
    try store.append(Block.make { sender.send([Exposure()], to: $0) })
    let journal = try folder.read("exposures/2026-11-21/09/000001.marks")
    let opened = try store.folder.exposures
    try store.close(now: Moment.start)
    // The journal is removed last, and has nothing to say any more.
    try folder.write("exposures/2026-11-21/09/000001.marks", "")
    store = try SegmentStore(folder)
    #expect(try store.folder.exposures == opened)
    #expect(try store.folder.segments.map(\.parts) == [[.content, .summary]])
    #expect(store.recoveredMarks == [sender.mark])
    // The summary before it.
    try folder.write("exposures/2026-11-21/09/000001.marks", journal)
    try File.remove(folder.path("exposures/2026-11-21/09/000001.closed"))
    store = try SegmentStore(folder)
    #expect(try store.folder.exposures == opened)
    #expect(try store.folder.segments.map(\.parts) == [[.content, .summary]])
    #expect(store.recoveredMarks == [sender.mark])
  }

  @Test func `files of a segment that got no block are removed`() throws {
    let folder = try Folder()
    try folder.write("exposures/2026-11-21/09/000001.ndjson", "")
    try folder.write("exposures/2026-11-21/09/000001.marks", "")
    try folder.write("exposures/2026-11-21/09/000002.marks", "")
    let store = try SegmentStore(folder)
    #expect(try store.folder.segments.isEmpty)
  }

  @Test func `a damaged table of marks is refused, and the remedy helps`() throws {
    let folder = try Folder()
    try folder.write("marks.json", "[{\"edge\":\"web-1\"}]")
    let failure = #expect(throws: SystemFailure.self) { try SegmentStore(folder) }
    #expect(failure?.description.contains("Remove it") == true)
    try File.remove(folder.path("marks.json"))
    _ = try SegmentStore(folder)
  }
}
