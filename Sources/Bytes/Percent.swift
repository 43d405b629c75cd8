// Percent decoding of a URL's parts (RFC 3986 section 2.1; "+" as a blank as WHATWG URL section 5.1 has it).

package enum Percent {
  /// Appends the decoded `text`; false if an escape is not two hexadecimal digits.
  /// `plusIsSpace` is true in a query, false in a path.
  @_noAllocation @_noLocks
  package static func decode(_ text: ByteView, plusIsSpace: Bool, into output: inout Output) -> Bool {
    var offset = 0
    while offset < text.count {
      let byte = text[offset]
      switch byte {
      case UInt8(ascii: "%"):
        guard offset + 2 < text.count, let high = Hex.value(text[offset + 1]),
          let low = Hex.value(text[offset + 2])
        else { return false }
        output.append(high << 4 | low)
        offset += 3
      case UInt8(ascii: "+") where plusIsSpace:
        output.append(UInt8(ascii: " "))
        offset += 1
      default:
        output.append(byte)
        offset += 1
      }
    }
    return true
  }
}
