// The pairs of a Cookie field, name=value joined by ";" (RFC 6265 section 4.2.1), one at a time and as they stand
// there: blanks around names and values are no part of them, quotes are.

package import Bytes

package struct Cookies {
  private var offset: Int
  private let end: Int

  /// The pairs of the field's value at `range`.
  @_noAllocation @_noLocks
  package init(_ range: ByteRange) {
    offset = range.bounds.lowerBound
    end = range.bounds.upperBound
  }

  /// The next pair, or nil; one without "=" is a value without a name, as browsers send it.
  @_noAllocation @_noLocks
  package mutating func next(_ bytes: ByteView) -> (name: ByteRange, value: ByteRange)? {
    while offset < end {
      let start = offset
      // Searched within its own bounds: a look at all that follows, pair after pair, would be quadratic.
      let stop = bytes.slice(0..<end).firstOffset(of: UInt8(ascii: ";"), from: start) ?? end
      offset = stop + 1
      let pair = bytes.trimmed(from: start, to: stop)
      guard pair.count > 0 else { continue }
      let bounds = pair.bounds
      guard
        let equals = bytes.slice(0..<bounds.upperBound).firstOffset(
          of: UInt8(ascii: "="), from: bounds.lowerBound)
      else { return (ByteRange(start: bounds.lowerBound, count: 0), pair) }
      return (
        bytes.trimmed(from: bounds.lowerBound, to: equals),
        bytes.trimmed(from: equals + 1, to: bounds.upperBound)
      )
    }
    return nil
  }

  /// The value of the first cookie of that name in the field at `range`, or nil: browsers send the one with the
  /// longest path first (section 5.4).
  @_noAllocation @_noLocks
  package static func first(_ name: StaticString, in range: ByteRange, of bytes: ByteView) -> ByteView? {
    var cookies = Cookies(range)
    while let cookie = cookies.next(bytes) {
      if bytes.slice(cookie.name).equals(name) { return bytes.slice(cookie.value) }
    }
    return nil
  }
}
