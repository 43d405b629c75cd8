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

/// Datagrams that are missing between two that are not, and the records they hold: both as the numbers that the
/// stream gives them, so that a datagram found in the middle says exactly how many records lie on either side.
package struct MissingRun: Equatable, Sendable {
  package var datagrams: Range<UInt64>
  package var records: Range<UInt64>

  /// Nil if so many datagrams cannot hold so many records: each holds one at least.
  package init?(
    from first: UInt64, recordsBefore: UInt64, to end: UInt64, recordsBefore recordsBeforeEnd: UInt64
  ) {
    guard first <= end, recordsBefore <= recordsBeforeEnd else { return nil }
    let count = end - first
    let (most, isBeyond) = count.multipliedReportingOverflow(by: UInt64(DatagramFormat.recordMax))
    guard !isBeyond, count...most ~= recordsBeforeEnd - recordsBefore else { return nil }
    datagrams = first..<end
    records = recordsBefore..<recordsBeforeEnd
  }

  var isEmpty: Bool { datagrams.isEmpty }
}

/// What was counted of a stream so far. Datagrams, unless their name says records: `received` and `recovered` are
/// disjoint; `lost` is final.
package struct StreamCounts: Equatable, Sendable {
  package var received: UInt64 = 0
  /// Received because they were asked for again.
  package var recovered: UInt64 = 0
  package var lost: UInt64 = 0
  /// Received or given up before.
  package var duplicates: UInt64 = 0
  /// Contradicted what is known of the stream; nothing of them was believed.
  package var inconsistent: UInt64 = 0
  /// Of those received and those recovered.
  package var receivedRecords: UInt64 = 0
  package var lostRecords: UInt64 = 0
  /// Sent before this collector first heard of the stream, and no longer to be had: neither received nor lost
  /// under its eyes.
  package var unknown: UInt64 = 0
  package var unknownRecords: UInt64 = 0

  package init() {}

  // Sums of what several streams claim may wrap; a trap would let a lie of one end the service of all.
  package mutating func add(_ other: StreamCounts) {
    received &+= other.received
    recovered &+= other.recovered
    lost &+= other.lost
    duplicates &+= other.duplicates
    inconsistent &+= other.inconsistent
    receivedRecords &+= other.receivedRecords
    lostRecords &+= other.lostRecords
    unknown &+= other.unknown
    unknownRecords &+= other.unknownRecords
  }
}

package struct StreamMark: Equatable, Sendable {
  package var stream: StreamIdentity
  /// The sequence number after the highest one that is known of.
  package var next: UInt64
  /// Records in all datagrams before `next`.
  package var records: UInt64
  /// What lies below this number was sent before the collector first heard of the stream; 0 if nothing was.
  package var contact: UInt64
  /// In order, disjoint, below `next`.
  package var missing: [MissingRun]
  package var counts: StreamCounts

  package init(
    stream: StreamIdentity, next: UInt64, records: UInt64, contact: UInt64, missing: [MissingRun],
    counts: StreamCounts
  ) {
    self.stream = stream
    self.next = next
    self.records = records
    self.contact = contact
    self.missing = missing
    self.counts = counts
  }
}
