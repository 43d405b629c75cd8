// A datagram: what the edge and the collector send each other, byte for byte as docs/exposure-protocol.md says.
// Each one stands alone. Numbers are little-endian.

package import Bytes

package enum DatagramKind: UInt8, Sendable, CaseIterable {
  /// Edge to collector: records.
  case exposures = 1
  /// Edge to collector: how far it is, so that a loss at the end shows.
  case heartbeat = 2
  /// Collector to edge: which datagrams to send again.
  case resend = 3
}

/// Why bytes are no datagram.
package enum Malformation: Int, Sendable, CaseIterable {
  case truncated, oversized, magic, version, kind, edge, records

  /// The label of the metrics.
  package var name: StaticString {
    switch self {
    case .truncated: "truncated"
    case .oversized: "oversized"
    case .magic: "magic"
    case .version: "version"
    case .kind: "kind"
    case .edge: "edge"
    case .records: "records"
    }
  }
}

/// The fixed head of every datagram.
package struct DatagramHeader: Equatable, Sendable {
  package var kind: DatagramKind
  /// Whether the last ``DatagramFormat/tagCount`` bytes are a keyed digest of all before them.
  package var isTagged: Bool
  /// Whether the worker has ended: nothing follows. Of a heartbeat only.
  package var isEnding = false
  /// Different for each start of an edge.
  package var boot: UInt64
  package var worker: UInt16
  /// The datagram's number, from 0 in each worker and boot. Of a heartbeat: the number the next one will have.
  package var sequence: UInt64
  /// Records in all datagrams before this one, so that a gap states how many are missing.
  package var recordsBefore: UInt64
  /// Microseconds since 1970.
  package var sentAt: UInt64
  /// Records; ranges of a resend request; 0 of a heartbeat.
  package var count: UInt16

  package init(
    _ kind: DatagramKind, isTagged: Bool, isEnding: Bool = false, boot: UInt64, worker: UInt16,
    sequence: UInt64,
    recordsBefore: UInt64, sentAt: UInt64, count: UInt16
  ) {
    self.kind = kind
    self.isTagged = isTagged
    self.isEnding = isEnding
    self.boot = boot
    self.worker = worker
    self.sequence = sequence
    self.recordsBefore = recordsBefore
    self.sentAt = sentAt
    self.count = count
  }
}

package enum DatagramFormat {
  package static var magic: UInt32 { 0x5058_4E54 }  // "TNXP"
  package static var version: UInt8 { 1 }
  /// Bytes before the edge's id.
  package static var headCount: Int { 44 }
  /// Bytes of a truncated HMAC-SHA256.
  package static var tagCount: Int { 16 }
  /// Bytes of an edge's id.
  package static var edgeMax: Int { 64 }
  /// Bytes of a datagram: with UDP over IPv6 it still fits an Ethernet frame of 1,500 bytes.
  package static var byteMax: Int { 1432 }
  package static var byteMin: Int { 512 }
  /// Records of a datagram: no record is shorter than two bytes.
  package static var recordMax: Int { (byteMax - headCount - 1) / 2 }

  /// Writes the head at the beginning of `region`, which has room for it.
  @_noAllocation @_noLocks
  package static func write(_ header: DatagramHeader, edge: ByteView, to region: ByteRegion) {
    precondition(edge.count <= edgeMax && !edge.isEmpty)
    region.store(littleEndian: magic, at: 0)
    region.store(version, at: 4)
    region.store(header.kind.rawValue, at: 5)
    region.store((header.isTagged ? 1 : 0) | (header.isEnding ? 2 : 0), at: 6)
    region.store(UInt8(truncatingIfNeeded: edge.count), at: 7)
    region.store(littleEndian: header.boot, at: 8)
    region.store(littleEndian: header.sequence, at: 16)
    region.store(littleEndian: header.recordsBefore, at: 24)
    region.store(littleEndian: header.sentAt, at: 32)
    region.store(littleEndian: header.worker, at: 40)
    region.store(littleEndian: header.count, at: 42)
    region.copy(edge, to: headCount)
  }
}

/// A datagram as it was received, its head and its bounds checked. The views are into the received bytes.
package struct Datagram: Sendable {
  package let header: DatagramHeader
  package let edge: ByteView
  /// What stands between the head and the tag.
  package let body: ByteView
  /// What the tag is a digest of.
  package let signed: ByteView
  /// Empty if there is none.
  package let tag: ByteView

  /// What became of reading bytes.
  package enum Outcome {
    case datagram(Datagram)
    case malformed(Malformation)
  }

  private init(_ header: DatagramHeader, edge: ByteView, body: ByteView, signed: ByteView, tag: ByteView) {
    self.header = header
    self.edge = edge
    self.body = body
    self.signed = signed
    self.tag = tag
  }

  /// Reads the head, and walks over the records without using them, so that whoever reads them later cannot fail.
  @_noAllocation @_noLocks
  package static func read(_ bytes: ByteView) -> Outcome {
    guard bytes.count >= DatagramFormat.headCount else { return .malformed(.truncated) }
    guard bytes.count <= DatagramFormat.byteMax else { return .malformed(.oversized) }
    guard bytes.word32(at: 0) == DatagramFormat.magic else { return .malformed(.magic) }
    guard bytes[4] == DatagramFormat.version else { return .malformed(.version) }
    guard let kind = DatagramKind(rawValue: bytes[5]), bytes[6] < 4 else { return .malformed(.kind) }
    let isTagged = bytes[6] & 1 == 1
    let isEnding = bytes[6] & 2 == 2
    guard !isEnding || kind == .heartbeat else { return .malformed(.kind) }
    let edgeCount = Int(bytes[7])
    guard edgeCount > 0, edgeCount <= DatagramFormat.edgeMax else { return .malformed(.edge) }
    let bodyStart = DatagramFormat.headCount + edgeCount
    let bodyEnd = bytes.count - (isTagged ? DatagramFormat.tagCount : 0)
    guard bodyStart <= bodyEnd else { return .malformed(.truncated) }
    let edge = bytes.slice(DatagramFormat.headCount..<bodyStart)
    guard UTF8Check.isValid(edge) else { return .malformed(.edge) }
    let header = DatagramHeader(
      kind, isTagged: isTagged, isEnding: isEnding, boot: bytes.word(at: 8), worker: bytes.word16(at: 40),
      sequence: bytes.word(at: 16), recordsBefore: bytes.word(at: 24), sentAt: bytes.word(at: 32),
      count: bytes.word16(at: 42))
    let datagram = Datagram(
      header, edge: edge, body: bytes.slice(bodyStart..<bodyEnd), signed: bytes.slice(0..<bodyEnd),
      tag: bytes.dropping(bodyEnd))
    if let malformation = datagram.check() { return .malformed(malformation) }
    return .datagram(datagram)
  }

  private func check() -> Malformation? {
    // No counter comes near the end of its range; one that claims to would overflow sums.
    guard header.sequence < 1 << 56, header.recordsBefore < 1 << 56 else { return .records }
    switch header.kind {
    case .exposures:
      var records = RecordReader(self)
      while records.next() != nil {}
      return header.count > 0 && records.isComplete ? nil : .records
    case .heartbeat:
      guard header.count == 0 else { return .records }
      return body.count >= SenderLosses.byteCount ? nil : .truncated
    case .resend:
      guard header.count > 0, Int(header.count) <= ResendRequest.rangeMax else { return .records }
      return body.count >= Int(header.count) * ResendRequest.rangeCount ? nil : .truncated
    }
  }
}
