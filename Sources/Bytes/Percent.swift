// Percent decoding of a URL's parts (RFC 3986 section 2.1; "+" as a blank as WHATWG URL section 5.1 has it).

package enum Percent {
  /// Appends the decoded `text`; false, and nothing appended, if an escape is not two hexadecimal digits.
  /// `plusIsSpace` is true in a query, false in a path.
  @_noAllocation @_noLocks
  package static func decode(_ text: ByteView, plusIsSpace: Bool, into output: inout Output) -> Bool {
    // Never longer than its encoding.
    guard let room = output.room(text.count) else { return true }
    var offset = 0
    var count = 0
    while offset < text.count {
      var byte = text[offset]
      if byte == UInt8(ascii: "%") {
        guard offset + 2 < text.count, let high = Hex.value(text[offset + 1]),
          let low = Hex.value(text[offset + 2])
        else { return false }
        byte = high << 4 | low
        offset += 2
      } else if plusIsSpace, byte == UInt8(ascii: "+") {
        byte = UInt8(ascii: " ")
      }
      room.store(byte, at: count)
      count &+= 1
      offset &+= 1
    }
    output.advance(by: count)
    return true
  }
}
