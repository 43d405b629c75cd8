// Eight or sixteen bytes looked at as words: where is the first one that is looked for? Of what answers, the lowest bit
// that is set is exact, and the highest of its byte; bits above it may mark bytes that are none. So marks of several
// kinds may be united before the first one is asked for.

extension UInt64 {
  @usableFromInline static var ones: UInt64 { @_noAllocation @_noLocks get { 0x0101_0101_0101_0101 } }
  @usableFromInline static var high: UInt64 { @_noAllocation @_noLocks get { 0x8080_8080_8080_8080 } }

  /// Marks the first byte that is `byte`.
  @_noAllocation @_noLocks @inline(always)
  package func marks(of byte: UInt8) -> UInt64 {
    let difference = self ^ (Self.ones &* UInt64(byte))
    return (difference &- Self.ones) & ~difference & Self.high
  }

  /// Marks the first byte that is less than `bound`, which is at most 0x80.
  @_noAllocation @_noLocks @inline(always)
  package func marks(below bound: UInt8) -> UInt64 {
    (self &- (Self.ones &* UInt64(bound))) & ~self & Self.high
  }

  /// Marks every byte above ASCII.
  @inline(always)
  package var marksAboveASCII: UInt64 { @_noAllocation @_noLocks get { self & Self.high } }

  /// The byte, 0...7, of the first mark; 8 if there is none.
  @inline(always)
  package var firstMark: Int { @_noAllocation @_noLocks get { trailingZeroBitCount / 8 } }

  /// Eight bytes with their ASCII letters in lower case; every other byte unchanged.
  @inline(always)
  package var lowercased: UInt64 {
    @_noAllocation @_noLocks get {
      // With its high bit set a byte lends nothing to its neighbours.
      let whole = self | Self.high
      let isUpper = (whole &- Self.ones &* 0x41) & ~(whole &- Self.ones &* 0x5B) & ~self & Self.high
      return self | isUpper >> 2
    }
  }
}

extension SIMD2<UInt64> {
  @usableFromInline static var ones: SIMD2<UInt64> {
    @_noAllocation @_noLocks get { SIMD2(repeating: 0x0101_0101_0101_0101) }
  }
  @usableFromInline static var high: SIMD2<UInt64> {
    @_noAllocation @_noLocks get { SIMD2(repeating: 0x8080_8080_8080_8080) }
  }

  /// Marks the first byte of each word that is `byte`.
  @_noAllocation @_noLocks @inline(always)
  package func marks(of byte: UInt8) -> SIMD2<UInt64> {
    let difference = self ^ (Self.ones &* UInt64(byte))
    return (difference &- Self.ones) & ~difference & Self.high
  }

  /// Marks the first byte of each word that is less than `bound`, which is at most 0x80.
  @_noAllocation @_noLocks @inline(always)
  package func marks(below bound: UInt8) -> SIMD2<UInt64> {
    (self &- (Self.ones &* UInt64(bound))) & ~self & Self.high
  }

  /// Marks every byte above ASCII.
  @inline(always)
  package var marksAboveASCII: SIMD2<UInt64> { @_noAllocation @_noLocks get { self & Self.high } }

  @inline(always)
  package var hasMark: Bool { @_noAllocation @_noLocks get { self[0] | self[1] != 0 } }

  /// The byte, 0...15, of the first mark; 16 if there is none.
  @inline(always)
  package var firstMark: Int {
    @_noAllocation @_noLocks get { self[0] != 0 ? self[0].firstMark : 8 &+ self[1].firstMark }
  }
}
