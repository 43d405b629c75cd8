// The default sink: blocks become lines of the open segment. For one thread, which appends, syncs at most every so
// often, and ticks. Whatever kills it, a start finds whole blocks, and marks that say exactly what they hold.

package import Exposures
package import Kernel
import Publication

package final class SegmentStore {
  package let folder: StoreFolder
  package let counters: StoreCounters
  /// How far each stream is by what is stored: what a receiver goes on from, and asks the edges for the rest.
  package let recoveredMarks: [StreamMark]

  /// Bytes after which a segment is closed.
  private let segmentSize: Int
  private var writer: LineWriter
  private var marks: MarkTable
  private var segment: Segment?
  private var lastName: SegmentName?
  /// Why nothing more can be stored.
  private var loss: SystemFailure?

  /// Opens the store in `directory`, which is made if it is not there, and closes what a killed process left open.
  /// `now` is in milliseconds since 1970.
  package init(
    directory: String, segmentSize: Int, now: UInt64, counters: StoreCounters
  ) throws(SystemFailure) {
    folder = StoreFolder(directory)
    self.segmentSize = segmentSize
    self.counters = counters
    writer = try LineWriter()
    try File.makeDirectory(folder.exposures)
    marks = try MarkTable(reading: folder.marks)
    for day in try folder.days() {
      for hour in try folder.hours(of: day) {
        for segment in try folder.segments(of: day, hour) where segment.parts.contains(.journal) {
          try Self.recover(segment, in: folder, &marks, counters)
        }
      }
    }
    marks.prune(now: now)
    recoveredMarks = marks.marks
  }

  private static func recover(
    _ segment: SegmentFiles, in folder: StoreFolder, _ marks: inout MarkTable, _ counters: StoreCounters
  ) throws(SystemFailure) {
    let name = segment.name
    // It was being closed, and all but the last step was done.
    guard !segment.parts.contains(.summary) else { return try File.remove(folder.path(name, .journal)) }
    let recovery = try SegmentRecovery(name, in: folder, marks: &marks)
    counters.tornBytes.add(recovery.tornBytes)
    counters.tornRecords.add(recovery.tornRecords)
    try seal(name, recovery.summary, in: folder, marks)
    counters.segmentsClosed.add(1)
  }

  /// Whether the disk did not keep what it had taken: nothing more is stored, and the process is to end. What was cut
  /// off is asked for again by the next start.
  package var isLost: Bool { loss != nil }

  /// Stores a block. If that fails nothing of it is stored; it may be tried again.
  package func append(_ block: Block) throws(SystemFailure) {
    try counted { () throws(SystemFailure) in
      try roll(at: block.arrivedAt)
      let segment = try current(at: block.arrivedAt)
      let former = segment.summary
      try segment.append(block, &writer)
      marks.note(block.marks, at: block.arrivedAt)
      counters.records.add(segment.summary.records - former.records)
      counters.bytes.add(segment.summary.bytes - former.bytes)
    }
  }

  /// Returns when all that was stored is on the disk. `now` is in milliseconds since 1970.
  package func sync(now: UInt64) throws(SystemFailure) {
    guard let segment, !segment.isSynced else { return }
    try counted { () throws(SystemFailure) in try sync(segment, now: now) }
  }

  /// Closes the segment if its hour is over, or if it is large enough.
  package func tick(now: UInt64) throws(SystemFailure) {
    try counted { () throws(SystemFailure) in try roll(at: now) }
  }

  /// Closes the segment: at the end.
  package func close(now: UInt64) throws(SystemFailure) {
    guard let segment else { return }
    try counted { () throws(SystemFailure) in try close(segment, now: now) }
  }

  /// Whether the disk takes something, found out while there is nothing to store.
  package func probe() throws(SystemFailure) {
    try counted { () throws(SystemFailure) in
      let path = folder.root + "/probe"
      try File.replace(path, with: [UInt8](repeating: 0x20, count: 4096))
      try File.remove(path)
    }
  }

  private func counted(_ body: () throws(SystemFailure) -> Void) throws(SystemFailure) {
    if let loss { throw loss }
    do throws(SystemFailure) {
      try body()
    } catch {
      counters.writeFailures.add(1)
      if segment?.isLost == true { loss = error }
      throw error
    }
  }

  // MARK: - Segments

  private func roll(at moment: UInt64) throws(SystemFailure) {
    guard let segment, segment.size >= segmentSize || segment.hour != moment / 3_600_000 else { return }
    try close(segment, now: moment)
  }

  /// The open segment, or a new one.
  private func current(at moment: UInt64) throws(SystemFailure) -> Segment {
    if let segment { return segment }
    let name = try folder.newName(at: moment, after: lastName)
    let segment = try Segment(name, hour: moment / 3_600_000, in: folder)
    lastName = segment.name
    self.segment = segment
    return segment
  }

  private func close(_ segment: Segment, now: UInt64) throws(SystemFailure) {
    try sync(segment, now: now)
    marks.prune(now: now)
    try Self.seal(segment.name, segment.summary, in: folder, marks)
    self.segment = nil
    counters.synced.value = 0
    counters.segmentsClosed.add(1)
  }

  /// Puts the summary in place of the journal, whose marks move to the file of all marks before. Each step may be
  /// done again after a crash.
  private static func seal(
    _ name: SegmentName, _ summary: SegmentSummary, in folder: StoreFolder, _ marks: MarkTable
  ) throws(SystemFailure) {
    try marks.write(to: folder.marks)
    if summary.records > 0 {
      try summary.write(to: folder.path(name, .summary))
    } else {
      try File.remove(folder.path(name, .content))
    }
    try File.remove(folder.path(name, .journal))
  }

  private func sync(_ segment: Segment, now: UInt64) throws(SystemFailure) {
    try segment.sync()
    counters.synced.value = UInt64(segment.summary.bytes)
    counters.lastSyncAt.value = now
  }
}
