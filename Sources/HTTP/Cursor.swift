// A place in a head, and the few ways of moving on that requests and responses share.

import Bytes

struct Cursor {
  enum LineEnd { case done, incomplete, invalid }

  let bytes: ByteView
  var offset = 0

  init(_ bytes: ByteView) {
    self.bytes = bytes
  }

  /// Skips empty lines, perhaps none and at most `max`; at the first half of one it waits for the other.
  mutating func skipEmptyLines(max: Int) -> LineEnd {
    while offset < bytes.count, bytes[offset] == 0x0D {
      guard offset < 2 &* max else { return .invalid }
      let end = endLine()
      guard end == .done else { return end }
    }
    return .done
  }

  /// Skips the bytes of a token, perhaps none.
  mutating func skipToken() -> ByteRange {
    let start = offset
    // Most tokens are letters and hyphens: those eight at a time, whatever else there may be one by one.
    while offset <= bytes.count &- 8 {
      let ordinary = Characters.ordinaryOfToken(bytes.word(at: offset))
      offset &+= ordinary
      if ordinary < 8 { break }
    }
    while offset < bytes.count, Characters.isToken(bytes[offset]) { offset &+= 1 }
    return ByteRange(from: start, to: offset)
  }

  /// Skips what a request target may hold: visible ASCII without the fragment's "#".
  mutating func skipTarget() {
    while offset <= bytes.count &- 16 {
      let words = bytes.words(at: offset)
      let marks =
        words.marks(below: 0x21) | words.marks(of: 0x23) | words.marks(of: 0x7F) | words.marksAboveASCII
      // A branch that is foreseen costs less than an offset that has to be waited for.
      if marks.hasMark {
        offset &+= marks.firstMark
        return
      }
      offset &+= 16
    }
    while offset < bytes.count, Characters.isTarget(bytes[offset]) { offset &+= 1 }
  }

  /// Skips what a field value may hold: visible characters, blanks, tabs and bytes above ASCII.
  mutating func skipFieldValue() {
    while true {
      while offset <= bytes.count &- 8 {
        let word = bytes.word(at: offset)
        let marks = word.marks(below: 0x20) | word.marks(of: 0x7F)
        if marks != 0 {
          offset &+= marks.firstMark
          break
        }
        offset &+= 8
      }
      while offset < bytes.count, bytes[offset] >= 0x20, bytes[offset] != 0x7F { offset &+= 1 }
      guard offset < bytes.count, bytes[offset] == 0x09 else { return }
      offset &+= 1
    }
  }

  /// Skips CR LF and nothing else: a bare LF or CR is where request smuggling begins (section 2.2).
  mutating func endLine() -> LineEnd {
    if offset <= bytes.count &- 2, bytes.word16(at: offset) == 0x0A0D {
      offset &+= 2
      return .done
    }
    guard offset < bytes.count else { return .incomplete }
    return bytes[offset] == 0x0D && offset == bytes.count &- 1 ? .incomplete : .invalid
  }
}
