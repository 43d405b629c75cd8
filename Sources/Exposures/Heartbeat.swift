// A heartbeat: how far a worker is, and what it lost itself, by the reason. Once a second it makes the end of a
// stream as visible to the collector as its middle.

import Bytes

/// What a worker counted that never became part of a datagram, or left it in vain.
package struct SenderLosses: Equatable, Sendable {
  /// Records dropped because nothing could be sent for so long that the outbox was full.
  package var full: UInt64 = 0
  /// Records that do not fit a datagram.
  package var oversized: UInt64 = 0
  /// Records not made because the same one was made a short time before.
  package var repeats: UInt64 = 0
  /// Datagrams that the kernel refused to send.
  package var refused: UInt64 = 0

  package static var byteCount: Int { 32 }

  package init() {}

  package init(full: UInt64, oversized: UInt64, repeats: UInt64, refused: UInt64) {
    self.full = full
    self.oversized = oversized
    self.repeats = repeats
    self.refused = refused
  }

  /// Of a heartbeat.
  package init(_ datagram: Datagram) {
    precondition(datagram.header.kind == .heartbeat)
    full = datagram.body.word(at: 0)
    oversized = datagram.body.word(at: 8)
    repeats = datagram.body.word(at: 16)
    refused = datagram.body.word(at: 24)
  }

  package mutating func add(_ other: SenderLosses) {
    full &+= other.full
    oversized &+= other.oversized
    repeats &+= other.repeats
    refused &+= other.refused
  }

  @_noAllocation @_noLocks
  func write(to region: ByteRegion, at offset: Int) {
    region.store(littleEndian: full, at: offset)
    region.store(littleEndian: oversized, at: offset + 8)
    region.store(littleEndian: repeats, at: offset + 16)
    region.store(littleEndian: refused, at: offset + 24)
  }
}
