// The one read-only view of bytes: a start and a count, bounds-checked at every access, in release too.
// It is a trivial value, unlike RawSpan, whose copies the compiler's @_noAllocation check refuses
// (docs/decisions/0002-byte-views.md). The price is that whoever makes a view vouches for its lifetime:
// views are made of boot-time regions, of published tables, of literals, and inside `withBytes`.

/// `count` bytes from `start`, which must stay readable for as long as the view is used.
@safe @usableFromInline package struct ByteView: BitwiseCopyable, @unchecked Sendable {
  @usableFromInline package let start: UnsafeRawPointer
  /// Bytes.
  @usableFromInline package let count: Int

  @unsafe @inline(always)
  package init(start: UnsafeRawPointer, count: Int) {
    unsafe self.start = start
    self.count = count
  }

  /// The view of nothing.
  @inline(always)
  package static var empty: ByteView { ("" as StaticString).bytes }

  @inline(always)
  package var isEmpty: Bool { count == 0 }

  /// The byte at `offset`; traps outside the view.
  @inline(always)
  package subscript(offset: Int) -> UInt8 {
    // One comparison for both bounds: a negative offset is a huge unsigned one, and counts are never negative.
    precondition(UInt(bitPattern: offset) < UInt(bitPattern: count))
    return unsafe start.load(fromByteOffset: offset, as: UInt8.self)
  }

  /// Eight bytes from `offset`, the first one lowest; traps outside the view.
  @inline(always)
  package func word(at offset: Int) -> UInt64 {
    precondition(offset >= 0 && offset <= count &- 8)
    return unsafe UInt64(littleEndian: start.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  /// Four bytes from `offset`, the first one lowest; traps outside the view.
  @inline(always)
  package func word32(at offset: Int) -> UInt32 {
    precondition(offset >= 0 && offset <= count &- 4)
    return unsafe UInt32(littleEndian: start.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }

  /// Two bytes from `offset`, the first one lowest; traps outside the view.
  @inline(always)
  package func word16(at offset: Int) -> UInt16 {
    precondition(offset >= 0 && offset <= count &- 2)
    return unsafe UInt16(littleEndian: start.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
  }

  /// Sixteen bytes from `offset` as two words; traps outside the view.
  @inline(always)
  package func words(at offset: Int) -> SIMD2<UInt64> {
    precondition(offset >= 0 && offset <= count &- 16)
    let words = unsafe start.loadUnaligned(fromByteOffset: offset, as: SIMD2<UInt64>.self)
    return SIMD2(UInt64(littleEndian: words[0]), UInt64(littleEndian: words[1]))
  }

  /// The bytes of `range`; traps outside the view.
  @inline(always)
  package func slice(_ range: Range<Int>) -> ByteView {
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
    return unsafe ByteView(start: start + range.lowerBound, count: range.upperBound &- range.lowerBound)
  }

  /// The bytes of `range`; traps outside the view.
  @inline(always)
  package func slice(_ range: ByteRange) -> ByteView {
    slice(range.bounds)
  }

  /// The bytes from `offset` on.
  @inline(always)
  package func dropping(_ offset: Int) -> ByteView {
    slice(offset..<count)
  }
}

extension ByteView {
  /// Whether both views hold the same bytes.
  @_noAllocation @_noLocks
  package func equals(_ other: ByteView) -> Bool {
    guard count == other.count else { return false }
    // Whole words, then the last word again where it overlaps them: no byte is looked at alone.
    if count >= 8 {
      var offset = 0
      while offset <= count &- 8 {
        guard word(at: offset) == other.word(at: offset) else { return false }
        offset &+= 8
      }
      return word(at: count &- 8) == other.word(at: count &- 8)
    }
    if count >= 4 {
      return word32(at: 0) == other.word32(at: 0) && word32(at: count &- 4) == other.word32(at: count &- 4)
    }
    guard count > 0 else { return true }
    return self[0] == other[0] && self[count / 2] == other[count / 2] && self[count &- 1] == other[count &- 1]
  }

  /// Whether the view holds exactly the bytes of a literal.
  @_noAllocation @_noLocks
  package func equals(_ literal: StaticString) -> Bool {
    equals(literal.bytes)
  }

  /// Whether the view is `literal` with ASCII letters compared without case; `literal` is lower case.
  @_noAllocation @_noLocks
  package func equalsIgnoringCase(_ literal: StaticString) -> Bool {
    let other = literal.bytes
    guard count == other.count else { return false }
    if count >= 8 {
      var offset = 0
      while offset <= count &- 8 {
        guard word(at: offset).lowercased == other.word(at: offset) else { return false }
        offset &+= 8
      }
      return word(at: count &- 8).lowercased == other.word(at: count &- 8)
    }
    if count >= 4 {
      let ends = UInt64(word32(at: 0)) << 32 | UInt64(word32(at: count &- 4))
      let expected = UInt64(other.word32(at: 0)) << 32 | UInt64(other.word32(at: count &- 4))
      return ends.lowercased == expected
    }
    for offset in 0..<count where self[offset].lowercased != other[offset] { return false }
    return true
  }

  /// The range between the two offsets without blanks at its ends.
  @_noAllocation @_noLocks
  package func trimmed(from start: Int, to end: Int) -> ByteRange {
    var start = start
    var end = end
    while start < end, self[start] == 0x20 || self[start] == 0x09 { start += 1 }
    while end > start, self[end - 1] == 0x20 || self[end - 1] == 0x09 { end -= 1 }
    return ByteRange(from: start, to: end)
  }

  /// Whether the view begins with `prefix`.
  @_noAllocation @_noLocks
  package func starts(with prefix: ByteView) -> Bool {
    prefix.count <= count && slice(0..<prefix.count).equals(prefix)
  }

  /// Whether the view ends with `suffix`.
  @_noAllocation @_noLocks
  package func ends(with suffix: ByteView) -> Bool {
    suffix.count <= count
      && slice((count - suffix.count)..<count).equals(suffix)
  }

  /// The offset of the first `byte` at or after `start`, or nil.
  @_noAllocation @_noLocks
  package func firstOffset(of byte: UInt8, from start: Int = 0) -> Int? {
    var offset = start
    while offset <= count &- 16 {
      let marks = words(at: offset).marks(of: byte)
      if marks.hasMark { return offset &+ marks.firstMark }
      offset &+= 16
    }
    if offset <= count &- 8 {
      let marks = word(at: offset).marks(of: byte)
      if marks != 0 { return offset &+ marks.firstMark }
      offset &+= 8
    }
    while offset < count {
      if self[offset] == byte { return offset }
      offset &+= 1
    }
    return nil
  }

  /// Whether `needle` stands somewhere in the view; an empty needle does.
  @_noAllocation @_noLocks
  package func contains(_ needle: ByteView) -> Bool {
    guard needle.count > 0 else { return true }
    var start = 0
    while let offset = firstOffset(of: needle[0], from: start) {
      guard offset + needle.count <= count else { return false }
      if slice(offset..<(offset + needle.count)).equals(needle) { return true }
      start = offset + 1
    }
    return false
  }
}

extension StaticString {
  /// The literal's UTF-8, which lives as long as the program.
  @inline(always)
  package var bytes: ByteView {
    unsafe ByteView(start: UnsafeRawPointer(utf8Start), count: utf8CodeUnitCount)
  }
}

extension [UInt8] {
  /// Calls `body` with the array's bytes, which may be used until it returns.
  @inline(always)
  package borrowing func withBytes<Result, Failure: Error>(
    _ body: (ByteView) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try unsafe span.bytes.withUnsafeBytes { (bytes) throws(Failure) -> Result in
      guard let start = bytes.baseAddress else { return try body(.empty) }
      return try unsafe body(ByteView(start: start, count: bytes.count))
    }
  }

  /// A copy of what a view shows.
  package init(_ bytes: ByteView) {
    self = unsafe [UInt8](UnsafeRawBufferPointer(start: bytes.start, count: bytes.count))
  }
}

extension String {
  /// The bytes as text, with ill-formed UTF-8 repaired.
  package init(_ bytes: ByteView) {
    self = unsafe String(
      decoding: UnsafeRawBufferPointer(start: bytes.start, count: bytes.count), as: UTF8.self)
  }
}

extension UInt8 {
  /// The ASCII letter in lower case; every other byte unchanged.
  @inline(always)
  package var lowercased: UInt8 {
    self >= 0x41 && self <= 0x5A ? self | 0x20 : self
  }
}
