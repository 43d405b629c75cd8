// A place in a head, and the few ways of moving on that requests and responses share.

import Bytes

struct Cursor {
  enum LineEnd { case done, incomplete, invalid }

  let bytes: ByteView
  var offset = 0

  init(_ bytes: ByteView) {
    self.bytes = bytes
  }

  /// Skips empty lines, perhaps none; at the first half of one it waits for the other.
  mutating func skipEmptyLines() -> LineEnd {
    while offset < bytes.count, bytes[offset] == 0x0D {
      let end = endLine()
      guard end == .done else { return end }
    }
    return .done
  }

  /// Skips the bytes of a token, perhaps none.
  mutating func skipToken() -> ByteRange {
    let start = offset
    while offset < bytes.count, Characters.isToken(bytes[offset]) { offset += 1 }
    return ByteRange(from: start, to: offset)
  }

  /// Skips what a request target may hold: visible ASCII without the fragment's "#".
  mutating func skipTarget() {
    let ones: UInt64 = 0x0101_0101_0101_0101
    while offset + 8 <= bytes.count {
      let word = bytes.word(at: offset)
      let hash = word ^ (ones &* 0x23)
      let delete = word ^ (ones &* 0x7F)
      let stops =
        ((word &- (ones &* 0x21)) & ~word) | ((hash &- ones) & ~hash) | ((delete &- ones) & ~delete) | word
      let marks = stops & (ones &* 0x80)
      if marks != 0 {
        offset += marks.trailingZeroBitCount / 8
        return
      }
      offset += 8
    }
    while offset < bytes.count, Characters.isTarget(bytes[offset]) { offset += 1 }
  }

  /// Skips what a field value may hold: visible characters, blanks, tabs and bytes above ASCII.
  mutating func skipFieldValue() {
    let ones: UInt64 = 0x0101_0101_0101_0101
    while true {
      while offset + 8 <= bytes.count {
        let word = bytes.word(at: offset)
        let delete = word ^ (ones &* 0x7F)
        let low = (word &- (ones &* 0x20)) & ~word
        let marks = (low | ((delete &- ones) & ~delete)) & (ones &* 0x80)
        if marks != 0 {
          offset += marks.trailingZeroBitCount / 8
          break
        }
        offset += 8
      }
      while offset < bytes.count, bytes[offset] >= 0x20, bytes[offset] != 0x7F { offset += 1 }
      guard offset < bytes.count, bytes[offset] == 0x09 else { return }
      offset += 1
    }
  }

  /// Skips CR LF and nothing else: a bare LF or CR is where request smuggling begins (section 2.2).
  mutating func endLine() -> LineEnd {
    guard offset < bytes.count else { return .incomplete }
    guard bytes[offset] == 0x0D else { return .invalid }
    guard offset + 1 < bytes.count else { return .incomplete }
    guard bytes[offset + 1] == 0x0A else { return .invalid }
    offset += 2
    return .done
  }
}
