// The second thread of the store, which never holds up the first: it reads new lines into the database, then archives
// closed segments that the database has read. What fails is logged once and tried again.

import Bytes
package import Kernel
import Operations
package import Publication

package final class StoreFollower {
  /// Between two looks at the segments.
  private static let pause: UInt32 = 100_000

  private let folder: StoreFolder
  private let counters: StoreCounters
  private let usesDatabase: Bool
  /// Opened by the first round that can.
  private var database: ExposureDatabase?
  /// Days and hours, as in "2026-11-21" and "2026-11-21/09", that need not be looked at again.
  private var settled: Set<String> = []
  /// Segments of other hours that the database has read to their end.
  private var readSegments: Set<SegmentName> = []
  private let parts: Memory

  package init(_ folder: StoreFolder, counters: StoreCounters, usesDatabase: Bool) throws(SystemFailure) {
    self.folder = folder
    self.counters = counters
    self.usesDatabase = usesDatabase
    parts = try Memory(byteCount: 1 << 20)
  }

  /// Follows until `ending` is not 0, and then to the end of what is on the disk by then.
  package func run(until ending: SharedWord) {
    var failure = ""
    while true {
      let isLast = ending.value != 0
      do {
        try follow()
        if !failure.isEmpty { Log.write(.info, "store_follows_again") }
        failure = ""
      } catch {
        counters.followerFailures.add(1)
        if failure != "\(error)" { Log.write(.error, "store_waits", ["reason": .text("\(error)")]) }
        failure = "\(error)"
      }
      if isLast { return }
      Process.pause(microseconds: Self.pause)
    }
  }

  /// Reads and archives all there is.
  package func follow() throws {
    if usesDatabase, database == nil {
      database = try ExposureDatabase(folder.database, counters: counters)
    }
    let segments = try unsettledSegments()
    if let database { try read(segments, into: database) }
    for segment in segments where segment.parts.contains(.summary) {
      try Archive.put(segment.name, in: folder)
      counters.segmentsArchived.add(1)
    }
  }

  /// The segments of all hours that are not settled. An hour is settled when nothing is left to be done there; the
  /// newest ones never are, as segments are still made there.
  private func unsettledSegments() throws(SystemFailure) -> [SegmentFiles] {
    var segments: [SegmentFiles] = []
    let days = try folder.days()
    for day in days where !settled.contains(day) {
      let hours = try folder.hours(of: day)
      for hour in hours where !settled.contains("\(day)/\(hour)") {
        let found = try folder.segments(of: day, hour)
        segments += found
        let isNew = days.suffix(2).contains(day) && hours.suffix(2).contains(hour)
        if !isNew, found.allSatisfy({ isDone($0) }) {
          settled.insert("\(day)/\(hour)")
          readSegments.subtract(found.map(\.name))
        }
      }
      if !days.suffix(2).contains(day), hours.allSatisfy({ settled.contains("\(day)/\($0)") }) {
        settled.insert(day)
      }
    }
    return segments
  }

  private func isDone(_ segment: SegmentFiles) -> Bool {
    segment.parts == [.compressed] && (database == nil || readSegments.contains(segment.name))
  }

  private func read(_ segments: [SegmentFiles], into database: ExposureDatabase) throws {
    var unread: [(segment: SegmentFiles, offset: Int, lag: Int)] = []
    for segment in segments where !readSegments.contains(segment.name) {
      let progress = try database.progress(of: segment.name)
      if progress.isRead {
        readSegments.insert(segment.name)
      } else {
        // Of compressed segments, which are few, it counts the compressed bytes.
        let part = segment.parts.contains(.content) ? SegmentPart.content : .compressed
        let size = try? File.size(folder.path(segment.name, part))
        unread.append((segment, progress.offset, max(0, (size ?? 0) - progress.offset)))
      }
    }
    var lag = unread.reduce(0) { $0 + $1.lag }
    counters.databaseLag.value = UInt64(lag)
    for (segment, offset, bytes) in unread {
      if segment.parts.contains(.content) {
        let isClosed = segment.parts.contains(.summary)
        lag -= try readContent(segment.name, isClosed: isClosed, from: offset, into: database)
      } else if segment.parts.contains(.compressed) {
        try readCompressed(segment.name, from: offset, into: database)
        lag -= bytes
      }
      counters.databaseLag.value = UInt64(max(0, lag))
    }
  }

  /// Returns how many bytes it read.
  private func readContent(
    _ name: SegmentName, isClosed: Bool, from offset: Int, into database: ExposureDatabase
  ) throws -> Int {
    // Of the open segment only what no power failure can take back.
    let synced = isClosed ? Int.max : Int(counters.synced.value)
    guard isClosed || offset < synced else { return 0 }
    let file = try LogFile(reading: folder.path(name, .content))
    let end = min(file.count, synced)
    var place = offset
    try database.read(name, from: offset, isClosed: isClosed) {
      let room = parts.region.part(from: 0, count: max(0, min(parts.region.count, end - place)))
      let part = try file.read(at: place, into: room)
      place += part.count
      return part
    }
    return place - offset
  }

  private func readCompressed(_ name: SegmentName, from offset: Int, into database: ExposureDatabase) throws {
    let file = try Decompressor(folder.path(name, .compressed))
    var skip = offset
    try database.read(name, from: offset, isClosed: true) {
      while true {
        let part = try file.next()
        guard skip > 0, !part.isEmpty else { return part }
        let taken = min(skip, part.count)
        skip -= taken
        if taken < part.count { return part.dropping(taken) }
      }
    }
  }
}
