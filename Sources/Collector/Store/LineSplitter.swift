// Cuts a text that comes in parts into lines, wherever the parts end. What stands behind the last line's end is not
// a line yet.

package import Bytes

package struct LineSplitter: ~Copyable {
  /// The beginning of a line whose end did not come yet.
  private var rest: [UInt8] = []

  package init() {}

  /// Bytes of the line that has no end yet.
  package var restCount: Int { rest.count }

  /// Calls `body` with each line that ends in `part`, without its end.
  package mutating func append<Failure: Error>(
    _ part: ByteView, _ body: (ByteView) throws(Failure) -> Void
  ) throws(Failure) {
    var start = 0
    while let end = part.firstOffset(of: 0x0A, from: start) {
      let line = part.slice(start..<end)
      if rest.isEmpty {
        try body(line)
      } else {
        rest.append(line)
        try rest.withBytes { (line) throws(Failure) in try body(line) }
        rest.removeAll(keepingCapacity: true)
      }
      start = end + 1
    }
    rest.append(part.dropping(start))
  }
}
