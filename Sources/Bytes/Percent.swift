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
        guard offset &+ 2 < text.count, let high = Hex.value(text[offset &+ 1]),
          let low = Hex.value(text[offset &+ 2])
        else { return false }
        byte = high << 4 | low
        offset &+= 2
      } else if plusIsSpace, byte == UInt8(ascii: "+") {
        byte = UInt8(ascii: " ")
      } else if offset <= text.count &- 8 {
        // What stands for itself is copied eight bytes at a time, with what follows: that is written over later.
        let word = text.word(at: offset)
        room.store(littleEndian: word, at: count)
        let marks = word.marks(of: 0x25) | (plusIsSpace ? word.marks(of: 0x2B) : 0)
        // A branch that is foreseen costs less than an offset that has to be waited for.
        if marks == 0 {
          offset &+= 8
          count &+= 8
        } else {
          let plain = marks.firstMark
          offset &+= plain
          count &+= plain
        }
        continue
      }
      room.store(byte, at: count)
      count &+= 1
      offset &+= 1
    }
    output.advance(by: count)
    return true
  }
}
