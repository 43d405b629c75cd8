// The fields of a query, name=value joined by "&", one at a time and not yet decoded.

package import Bytes

package struct Query {
  private var offset: Int
  private let end: Int

  /// The fields of the query at `range`.
  @_noAllocation @_noLocks
  package init(_ range: ByteRange) {
    offset = range.bounds.lowerBound
    end = range.bounds.upperBound
  }

  /// The next field, or nil; a field without "=" has an empty value.
  @_noAllocation @_noLocks
  package mutating func next(_ bytes: ByteView) -> (name: ByteRange, value: ByteRange)? {
    while offset < end {
      // Searched within its own bounds: a look at all that follows, field after field, would be quadratic.
      let stop = bytes.slice(0..<end).firstOffset(of: UInt8(ascii: "&"), from: offset) ?? end
      let start = offset
      offset = stop + 1
      guard stop > start else { continue }
      guard let equals = bytes.slice(0..<stop).firstOffset(of: UInt8(ascii: "="), from: start) else {
        return (ByteRange(from: start, to: stop), ByteRange(start: stop, count: 0))
      }
      return (ByteRange(from: start, to: equals), ByteRange(from: equals + 1, to: stop))
    }
    return nil
  }
}
