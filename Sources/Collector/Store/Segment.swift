// The segment that is being written: its content and its journal. Whole blocks only: one that could not be written
// to its end is cut off again before anything else is written.

import Bytes
import Kernel

final class Segment {
  let name: SegmentName
  /// Hours since 1970, of the arrival of what it holds.
  let hour: UInt64
  private var content: LogFile
  private var journal: LogFile
  private(set) var summary = SegmentSummary()
  /// Bytes of the journal that belong to `summary`.
  private var journalBytes = 0
  /// What is on the disk for certain.
  private var synced: (bytes: Int, journalBytes: Int) = (0, 0)
  /// Whether something may stand behind `summary`.
  private var isRagged = false
  /// Whether the disk did not keep what it had taken: the segment can no longer be used.
  private(set) var isLost = false

  /// Makes the files of a new segment for what arrives in `hour`.
  init(_ name: SegmentName, hour: UInt64, in folder: StoreFolder) throws(SystemFailure) {
    self.name = name
    self.hour = hour
    try folder.makeFolder(of: name)
    let journal = folder.path(name, .journal)
    let content = folder.path(name, .content)
    do throws(SystemFailure) {
      // The journal first: content without one would belong to nobody.
      self.journal = try LogFile(appendingTo: journal)
      self.content = try LogFile(appendingTo: content)
      try File.flush(directory: File.directory(of: content))
    } catch {
      try? File.remove(content)
      try? File.remove(journal)
      throw error
    }
  }

  var isSynced: Bool { synced == (summary.bytes, journalBytes) && !isRagged }
  /// Bytes of the larger of the two files: with many streams and few records it is the journal.
  var size: Int { max(summary.bytes, journalBytes) }

  /// Writes a block. If that fails nothing of it is kept, and it may be tried again.
  func append(_ block: Block, _ writer: inout LineWriter) throws(SystemFailure) {
    if isRagged { try cut(to: (summary.bytes, journalBytes)) }
    isRagged = true
    do throws(SystemFailure) {
      let records = try summary.records + writer.write(block, to: &content)
      let line = JournalLine(
        bytes: content.count, records: records, at: block.arrivedAt, marks: block.marks)
      try line.encode().withBytes { (line) throws(SystemFailure) in try journal.append(line) }
      summary.extend(bytes: content.count, records: records, at: block.arrivedAt)
      journalBytes = journal.count
      isRagged = false
    } catch {
      // If this fails too it is tried again before the next block.
      try? cut(to: (summary.bytes, journalBytes))
      throw error
    }
  }

  /// Returns when everything is on the disk. If that fails the kernel may have dropped what it could not write, so
  /// everything since the last time is cut off, and the segment is lost.
  func sync() throws(SystemFailure) {
    guard !isSynced else { return }
    if isRagged { try cut(to: (summary.bytes, journalBytes)) }
    do throws(SystemFailure) {
      try content.flush()
      try journal.flush()
      synced = (summary.bytes, journalBytes)
    } catch {
      isLost = true
      try? cut(to: synced)
      throw error
    }
  }

  private func cut(to end: (bytes: Int, journalBytes: Int)) throws(SystemFailure) {
    // The content first: a journal that says more than there is vouches for nothing.
    try content.cut(to: end.bytes)
    try journal.cut(to: end.journalBytes)
    isRagged = false
  }
}
