// What the store counts, for the metrics and between its two threads. Each word is written by one thread only.

package import Publication

package final class StoreCounters: Sendable {
  // Written by the thread that stores.
  package let records = SharedWord()
  package let bytes = SharedWord()
  package let segmentsClosed = SharedWord()
  /// What a start cut off because no whole block stood behind it.
  package let tornBytes = SharedWord()
  package let tornRecords = SharedWord()
  package let writeFailures = SharedWord()
  /// 1 while the last write failed.
  package let isFailing = SharedWord()
  /// Milliseconds since 1970.
  package let lastSyncAt = SharedWord()
  /// Bytes of the open segment that are on the disk, all of them whole lines; 0 before its files are made, so that
  /// a reader that sees the files never has the number of the segment before.
  package let synced = SharedWord()

  // Written by the thread that follows.
  package let segmentsArchived = SharedWord()
  package let databaseRows = SharedWord()
  /// Bytes of lines that are not in the database yet.
  package let databaseLag = SharedWord()
  /// Lines that could not be read back.
  package let unreadableLines = SharedWord()
  /// Failures of the database or the archive, after each of which it waits and tries again.
  package let followerFailures = SharedWord()

  package init() {}
}

extension SharedWord {
  /// For the one thread that writes it.
  func add(_ count: Int) { value += UInt64(count) }
}
