// A place inside a buffer that somebody else holds: trivial, 8 bytes, without a lifetime.
// Parsed values carry ranges instead of copies, so a request costs no allocation.

/// A run of bytes inside a buffer: `start` and `count` are in bytes, both below 4 GiB.
@usableFromInline package struct ByteRange: BitwiseCopyable, Equatable, Sendable {
  @usableFromInline package var start: UInt32
  @usableFromInline package var count: UInt32

  @inline(always)
  package init(start: Int, count: Int) {
    self.start = UInt32(truncatingIfNeeded: start)
    self.count = UInt32(truncatingIfNeeded: count)
  }

  @inline(always)
  package init(from start: Int, to end: Int) {
    self.init(start: start, count: end &- start)
  }

  @_noAllocation @_noLocks @inline(always)
  package static func == (left: ByteRange, right: ByteRange) -> Bool {
    left.start == right.start && left.count == right.count
  }

  /// The range of nothing, which also stands for "absent".
  @inline(always)
  package static var empty: ByteRange { ByteRange(start: 0, count: 0) }

  @inline(always)
  package var isEmpty: Bool { count == 0 }

  @inline(always)
  package var bounds: Range<Int> { Int(start)..<(Int(start) + Int(count)) }
}
