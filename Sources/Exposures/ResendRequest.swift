// What the collector asks an edge for: runs of sequence numbers that it misses.

package import Bytes

package struct ResendRequest: Equatable, Sendable {
  /// Runs in one request.
  package static var rangeMax: Int { 64 }
  /// Bytes of one run: its first number and how many.
  static var rangeCount: Int { 12 }

  package var boot: UInt64
  package var worker: UInt16
  package var ranges: [Range<UInt64>]

  package init(boot: UInt64, worker: UInt16, ranges: [Range<UInt64>]) {
    precondition(ranges.count <= Self.rangeMax && !ranges.isEmpty)
    self.boot = boot
    self.worker = worker
    self.ranges = ranges
  }

  /// The datagram, with room for the tag at its end if it is to have one.
  package func encode(edge: ByteView, isTagged: Bool, sentAt: UInt64) -> [UInt8] {
    let start = DatagramFormat.headCount + edge.count
    let count = start + ranges.count * Self.rangeCount + (isTagged ? DatagramFormat.tagCount : 0)
    return [UInt8](capacity: count) { output in
      guard let region = output.room(count) else { return }
      let header = DatagramHeader(
        .resend, isTagged: isTagged, boot: boot, worker: worker, sequence: 0, recordsBefore: 0,
        sentAt: sentAt,
        count: UInt16(ranges.count))
      DatagramFormat.write(header, edge: edge, to: region)
      for (index, range) in ranges.enumerated() {
        let place = start + index * Self.rangeCount
        region.store(littleEndian: range.lowerBound, at: place)
        region.store(littleEndian: UInt32(clamping: range.count), at: place + 8)
      }
      output.advance(by: count)
    }
  }

  /// The run at `index` of a request's datagram.
  @_noAllocation @_noLocks
  package static func range(_ index: Int, of datagram: Datagram) -> Range<UInt64> {
    let first = datagram.body.word(at: index * rangeCount)
    let count = UInt64(datagram.body.word32(at: index * rangeCount + 8))
    let (end, isTooFar) = first.addingReportingOverflow(count)
    return isTooFar ? first..<first : first..<end
  }
}
