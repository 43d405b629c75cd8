// The sink that is always there: every record a line of a segment file, in the order of arrival. A flush makes what
// was written durable and the journal then says so; after a crash what the journal does not know of is cut away, and
// the edges are asked for it again.
//
// Invariant: the lines up to `written` are whole, and those up to the journal's last entry are on the disk.

import Bytes
import Exposures
import JSON
import Kernel
import Operations
import Publication

struct SegmentStore: Sink {
  private let directory: String
  private let settings: CollectorConfiguration.Files
  let figures: StoreFigures
  private let progress: Mailbox<SegmentProgress>
  private let archiveWaker: Waker
  private var segment: Segment?
  /// Marks of every stream since the last one that stands in `marks.json`, newest only.
  private var marks: [StreamIdentity: StreamMark]
  /// Those that changed since the last flush.
  private var changed: Set<StreamIdentity> = []
  private var closed: [SegmentPath]
  private var line = ExposureLine()
  private let buffer: SharedMemory
  private var syncAt: UInt64 = 0

  /// The segment that is being written.
  private struct Segment {
    let path: SegmentPath
    let lines: OpenFile
    let journal: OpenFile
    var entry = MarkJournal.Entry()
    var written = 0
    var records = 0
    var journalBytes = 0
  }

  /// Bytes of lines that are put together before they are written.
  private static var bufferSize: Int { 1 << 20 }

  /// A store in `directory` that goes on where `recovered` stops.
  init(
    _ directory: String, _ settings: CollectorConfiguration.Files, _ recovered: Recovery, figures: StoreFigures,
    progress: Mailbox<SegmentProgress>, archiveWaker: Waker
  ) throws(SystemFailure) {
    self.directory = directory
    self.settings = settings
    self.figures = figures
    self.progress = progress
    self.archiveWaker = archiveWaker
    marks = Dictionary(uniqueKeysWithValues: recovered.marks.map { ($0.stream, $0) })
    closed = recovered.closed
    buffer = try SharedMemory(byteCount: Self.bufferSize)
    figures.tornBytes.value = UInt64(recovered.tornBytes)
    announce()
  }

  // MARK: - Taking blocks

  /// Writes the block's records; while the disk does not take them it tries again, and the block is missing.
  mutating func take(_ block: Block) {
    while true {
      do throws(SystemFailure) {
        try append(block)
        return succeed()
      } catch {
        fail(error)
        Process.pause(microseconds: 200_000)
      }
    }
  }

  private mutating func append(_ block: Block) throws(SystemFailure) {
    if let segment, !segment.path.isCurrent(at: block.arrivedAt) || segment.written >= settings.segmentMax {
      try close()
    }
    if segment == nil { segment = try makeSegment(at: block.arrivedAt) }
    let start = segment!.written
    do throws(SystemFailure) {
      try write(block)
    } catch {
      // Half a block is no block: it is written anew.
      segment!.written = start
      try? segment!.lines.truncate(to: start)
      throw error
    }
    segment!.records += block.recordCount
    if segment!.entry.firstAt == 0 { segment!.entry.firstAt = block.arrivedAt }
    segment!.entry.lastAt = block.arrivedAt
    for mark in block.marks {
      marks[mark.stream] = mark
      changed.insert(mark.stream)
    }
  }

  private mutating func write(_ block: Block) throws(SystemFailure) {
    var output = Output(buffer.region)
    try block.forEach { (datagram) throws(SystemFailure) in
      line.begin(datagram)
      var reader = RecordReader(datagram)
      while let record = reader.next() {
        if output.capacity - output.count < ExposureLine.byteMax + 1 { try flush(&output) }
        line.append(record, to: &output)
        output.append("\n")
      }
    }
    try flush(&output)
  }

  private mutating func flush(_ output: inout Output) throws(SystemFailure) {
    try segment!.lines.write(output.written, at: segment!.written)
    segment!.written += output.count
    output.rewind(to: 0)
  }

  private func makeSegment(at moment: UInt64) throws(SystemFailure) -> Segment {
    var number = 1
    while true {
      let path = SegmentPath(at: moment, number: number)
      let stem = directory + "/" + path.stem
      number += 1
      if File.exists(stem + ".marks") || File.exists(stem + ".ndjson") || File.exists(stem + ".ndjson.zst") {
        continue
      }
      try File.makeDirectory(File.directory(of: stem))
      // The journal first: lines without one are of nobody.
      let journal = try OpenFile(directory + "/" + path.journal, .create)
      let lines = try OpenFile(directory + "/" + path.lines, .create)
      return Segment(path: path, lines: lines, journal: journal)
    }
  }

  // MARK: - Flushing

  mutating func tick() {
    let now = Clock.monotonic()
    guard now >= syncAt else { return }
    syncAt = now + settings.syncInterval
    do throws(SystemFailure) {
      try sync()
      if let segment, !segment.path.isCurrent(at: Clock.wall() / 1_000_000) { try close() }
      if figures.isFailing.value != 0 { try probe() }
      succeed()
    } catch {
      fail(error)
    }
  }

  mutating func end() {
    do throws(SystemFailure) {
      try close()
    } catch {
      fail(error)
    }
  }

  /// Makes what was written durable, and has the journal say so.
  private mutating func sync() throws(SystemFailure) {
    guard var current = segment, current.written > current.entry.byteCount || !changed.isEmpty else { return }
    try current.lines.sync()
    let recordsBefore = current.entry.recordCount
    let bytesBefore = current.entry.byteCount
    current.entry.byteCount = current.written
    current.entry.recordCount = current.records
    current.entry.marks = changed.compactMap { marks[$0] }
    let text = MarkJournal.encode(current.entry)
    do throws(SystemFailure) {
      try text.withBytes { (bytes) throws(SystemFailure) in try current.journal.write(bytes, at: current.journalBytes) }
      try current.journal.sync()
    } catch {
      try? current.journal.truncate(to: current.journalBytes)
      throw error
    }
    current.journalBytes += text.count
    changed = []
    current.entry.marks = []
    segment = current
    figures.records.value += UInt64(current.records - recordsBefore)
    figures.bytes.value += UInt64(current.written - bytesBefore)
    announce()
  }

  /// Ends the segment: what follows goes into another, and the archive takes this one over.
  private mutating func close() throws(SystemFailure) {
    try sync()
    guard let current = segment else { return }
    // From here on the journal is not needed to know how far the streams are.
    try Recovery.writeMarks(Array(marks.values), in: directory)
    closed.append(current.path)
    segment = nil
    figures.segmentsClosed.value += 1
    announce()
  }

  /// Tells the archive how far it may read, and which segments are its own.
  private func announce() {
    progress.put(
      SegmentProgress(
        closed: closed, open: segment?.path, durable: segment?.entry.byteCount ?? 0))
    archiveWaker.wake()
  }

  // MARK: - Failures

  /// Finds out whether there is room again, while nothing has to be written.
  private func probe() throws(SystemFailure) {
    let path = directory + "/probe"
    try File.replace(path, with: [UInt8](repeating: 0x20, count: 4096))
    try File.remove(path)
  }

  private func succeed() {
    guard figures.isFailing.value != 0 else { return }
    figures.isFailing.value = 0
    Log.write(.info, "storage_resumed", ["directory": .text(directory)])
  }

  private func fail(_ failure: SystemFailure) {
    figures.writeFailures.value += 1
    guard figures.isFailing.value == 0 else { return }
    figures.isFailing.value = 1
    Log.write(.error, "storage_failed", ["reason": .text(failure.description)])
  }
}

/// What the store tells the archive.
final class SegmentProgress: Sendable {
  /// Every segment that was closed since the start, and those found then; in order.
  let closed: [SegmentPath]
  let open: SegmentPath?
  /// Bytes of the open segment that are on the disk.
  let durable: Int

  init(closed: [SegmentPath], open: SegmentPath?, durable: Int) {
    self.closed = closed
    self.open = open
    self.durable = durable
  }
}
