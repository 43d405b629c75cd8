// What the store counts, for the metrics: each word is written by one thread.

import Publication

final class StoreFigures: Sendable {
  /// Records that are on the disk, and their bytes as lines.
  let records = SharedWord()
  let bytes = SharedWord()
  let segmentsClosed = SharedWord()
  /// What a former process had written but not flushed, and was cut at the start; the edges are asked for it.
  let tornBytes = SharedWord()
  let writeFailures = SharedWord()
  /// Whether the last write failed: 0 or 1.
  let isFailing = SharedWord()
  /// Segments that are compressed, and steps on the way there that failed and are tried again.
  let segmentsCompressed = SharedWord()
  let archiveFailures = SharedWord()
  /// Records in the database, and bytes of lines that it has not read.
  let databaseRecords = SharedWord()
  let databaseLag = SharedWord()
}
