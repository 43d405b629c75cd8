// The one writer of answers: appends to a fixed region and, when it is full, says so instead of growing.
// Invariant: count <= capacity; once overflowed, nothing more is written, so a half answer is never sent.

/// Something bytes can be appended to: a fixed ``Output`` on the hot path, an array off it.
package protocol ByteSink: ~Copyable {
  mutating func append(_ byte: UInt8)
  mutating func append(_ bytes: ByteView)
}

/// A cursor into a region of fixed capacity.
@usableFromInline package struct Output: ByteSink {
  @usableFromInline let region: ByteRegion
  /// Bytes written so far.
  @usableFromInline package internal(set) var count: Int
  /// Whether something did not fit; what was written before is then incomplete and must not be sent.
  @usableFromInline package internal(set) var isOverflowing = false

  /// A cursor at `count`, keeping what stands before it.
  @_noAllocation @_noLocks
  package init(_ region: ByteRegion, count: Int = 0) {
    precondition(count <= region.count)
    self.region = region
    self.count = count
  }

  /// Bytes in all.
  package var capacity: Int { @_noAllocation @_noLocks get { region.count } }

  /// What was written so far.
  package var written: ByteView {
    @_noAllocation @_noLocks get { region.bytes.slice(0..<count) }
  }

  @_noAllocation @_noLocks
  @inlinable @inline(always)
  package mutating func append(_ byte: UInt8) {
    guard count < region.count, !isOverflowing else { return isOverflowing = true }
    region.store(byte, at: count)
    count &+= 1
  }

  @_noAllocation @_noLocks
  @inlinable @inline(always)
  package mutating func append(_ bytes: ByteView) {
    guard bytes.count <= region.count &- count, !isOverflowing else { return isOverflowing = true }
    region.copy(bytes, to: count)
    count &+= bytes.count
  }

  /// The next `byteCount` bytes, to be written by hand and then taken with ``advance(by:)``; nil, and an
  /// overflow, if there are not as many.
  @_noAllocation @_noLocks
  package mutating func room(_ byteCount: Int) -> ByteRegion? {
    guard byteCount <= region.count &- count, !isOverflowing else {
      isOverflowing = true
      return nil
    }
    return region.part(from: count, count: byteCount)
  }

  /// Whether everything fitted and `byteCount` more bytes would.
  @_noAllocation @_noLocks
  package func hasRoom(_ byteCount: Int) -> Bool { !isOverflowing && byteCount <= region.count &- count }

  /// Gives up: what was written is incomplete.
  @_noAllocation @_noLocks
  package mutating func overflow() { isOverflowing = true }

  /// Takes bytes that were written into ``room(_:)``.
  @_noAllocation @_noLocks
  package mutating func advance(by byteCount: Int) {
    precondition(byteCount <= region.count &- count)
    count &+= byteCount
  }

  @_noAllocation @_noLocks
  @inlinable @inline(always)
  package mutating func append(_ literal: StaticString) {
    append(literal.bytes)
  }

  /// Appends a decimal number.
  @_noAllocation @_noLocks
  package mutating func append(decimal value: Int) {
    if value < 0 { append(UInt8(ascii: "-")) }
    var digits: [20 of UInt8] = .init(repeating: 0)
    var rest = value.magnitude
    var start = 20
    repeat {
      start -= 1
      let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: 10)
      digits[start] = UInt8(truncatingIfNeeded: remainder) + UInt8(ascii: "0")
      rest = quotient
    } while rest != 0
    for index in start..<20 { append(digits[index]) }
  }

  /// Appends `value` as `count` lower-case hexadecimal digits.
  @_noAllocation @_noLocks
  package mutating func append(hex value: UInt64, digits: Int) {
    var shift = digits * 4
    while shift > 0 {
      shift -= 4
      append(Hex.digit(UInt8(truncatingIfNeeded: value >> UInt64(shift)) & 0xF))
    }
  }

  /// Goes back to `mark`, a former `count`, and forgets an overflow that happened since.
  @_noAllocation @_noLocks
  package mutating func rewind(to mark: Int) {
    precondition(mark <= count)
    count = mark
    isOverflowing = false
  }

  /// Writes `value` right-aligned over the blanks that stand at `range`; an ended overflow is left alone.
  @_noAllocation @_noLocks
  package func patch(_ range: ByteRange, withDecimal value: Int) {
    var rest = value
    var offset = range.bounds.upperBound
    repeat {
      offset -= 1
      precondition(offset >= range.bounds.lowerBound, "the number is wider than its field")
      region.store(UInt8(truncatingIfNeeded: rest % 10) + UInt8(ascii: "0"), at: offset)
      rest /= 10
    } while rest != 0
  }
}

extension [UInt8]: ByteSink {
  package mutating func append(_ bytes: ByteView) {
    unsafe append(contentsOf: UnsafeRawBufferPointer(start: bytes.start, count: bytes.count))
  }

  package mutating func append(_ literal: StaticString) {
    append(literal.bytes)
  }
}

extension [UInt8] {
  /// What `body` writes into room for `capacity` bytes: for callers off the hot path, who may allocate.
  package init(capacity: Int, _ body: (inout Output) -> Void) {
    unsafe self.init(unsafeUninitializedCapacity: capacity) { buffer, count in
      var output = Output(
        unsafe buffer.baseAddress.map {
          unsafe ByteRegion(start: UnsafeMutableRawPointer($0), count: capacity)
        }
          ?? .empty)
      body(&output)
      precondition(!output.isOverflowing)
      count = output.count
    }
  }
}
