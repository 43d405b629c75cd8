// How far the reception of one stream is: what has to be remembered so that a collector that starts again neither
// counts a datagram twice nor forgets one that it misses.

/// A stream: the datagrams of one worker of one start of an edge.
package struct StreamIdentity: Hashable, Sendable {
  package var edge: String
  package var boot: UInt64
  package var worker: UInt16

  package init(edge: String, boot: UInt64, worker: UInt16) {
    self.edge = edge
    self.boot = boot
    self.worker = worker
  }
}

/// Datagrams that are missing between two that are not.
package struct MissingRun: Equatable, Sendable {
  /// Sequence numbers.
  package var range: Range<UInt64>
  /// How many records they hold together.
  package var records: UInt64

  package init(range: Range<UInt64>, records: UInt64) {
    self.range = range
    self.records = records
  }
}

/// What was counted of a stream so far. Datagrams: `received` and `recovered` are disjoint; `lost` is final.
package struct StreamCounts: Equatable, Sendable {
  package var received: UInt64 = 0
  /// Received because they were asked for again.
  package var recovered: UInt64 = 0
  package var lost: UInt64 = 0
  package var duplicates: UInt64 = 0
  package var receivedRecords: UInt64 = 0
  package var lostRecords: UInt64 = 0
  /// Sent before this collector first heard of the stream, and no longer to be had: neither received nor lost
  /// under its eyes.
  package var unknown: UInt64 = 0
  package var unknownRecords: UInt64 = 0

  package init() {}
}

package struct StreamMark: Equatable, Sendable {
  package var stream: StreamIdentity
  /// The sequence number after the highest one that is known of.
  package var next: UInt64
  /// Records in all datagrams before `next`.
  package var records: UInt64
  /// In order, disjoint, below `next`.
  package var missing: [MissingRun]
  package var counts: StreamCounts

  package init(
    stream: StreamIdentity, next: UInt64, records: UInt64, missing: [MissingRun], counts: StreamCounts
  ) {
    self.stream = stream
    self.next = next
    self.records = records
    self.missing = missing
    self.counts = counts
  }
}
