// Strings between their two forms: as they stand in a JSON text, and as the bytes they mean.

package import Bytes

extension QuotedText {
  /// Appends the UTF-8 that the string means. An escape that names half of a surrogate pair alone reads as
  /// U+FFFD, as it does where JavaScript hands such a string to a UTF-8 encoder. Never longer than the text.
  @_noAllocation @_noLocks
  package func decode(_ text: ByteView, into output: inout Output) {
    let quoted = text.slice(range)
    guard hasEscapes else { return output.append(quoted) }
    var offset = 0
    while offset < quoted.count {
      guard let escape = quoted.firstOffset(of: UInt8(ascii: "\\"), from: offset) else {
        return output.append(quoted.dropping(offset))
      }
      output.append(quoted.slice(offset..<escape))
      offset = escape + 2
      switch quoted[escape + 1] {
      case UInt8(ascii: "b"): output.append(0x08)
      case UInt8(ascii: "f"): output.append(0x0C)
      case UInt8(ascii: "n"): output.append(0x0A)
      case UInt8(ascii: "r"): output.append(0x0D)
      case UInt8(ascii: "t"): output.append(0x09)
      case UInt8(ascii: "u"): offset = decodeUnicode(quoted, at: escape, into: &output)
      case let byte: output.append(byte)
      }
    }
  }

  /// The bytes that the string means: where they stand, or, if it has escapes, appended to `scratch`.
  @_noAllocation @_noLocks
  package func text(_ text: ByteView, scratch: inout Output) -> ByteView {
    guard hasEscapes else { return text.slice(range) }
    let start = scratch.count
    decode(text, into: &scratch)
    return scratch.written.dropping(start)
  }

  /// Appends the scalar of the \u escape at `escape`; the offset behind it, and behind its second half.
  private func decodeUnicode(_ quoted: ByteView, at escape: Int, into output: inout Output) -> Int {
    let unit = Self.codeUnit(quoted, at: escape + 2)
    let next = escape + 6
    if unit & 0xFC00 == 0xD800, next + 6 <= quoted.count, quoted[next] == UInt8(ascii: "\\"),
      quoted[next + 1] == UInt8(ascii: "u")
    {
      let low = Self.codeUnit(quoted, at: next + 2)
      if low & 0xFC00 == 0xDC00 {
        UTF8Check.append(scalar: 0x10000 + (unit & 0x3FF) << 10 + low & 0x3FF, to: &output)
        return next + 6
      }
    }
    UTF8Check.append(scalar: unit & 0xF800 == 0xD800 ? 0xFFFD : unit, to: &output)
    return next
  }

  private static func codeUnit(_ quoted: ByteView, at offset: Int) -> UInt32 {
    var unit: UInt32 = 0
    for index in 0..<4 { unit = unit << 4 | UInt32(Hex.value(quoted[offset + index]) ?? 0) }
    return unit
  }

  /// Whether the string means the bytes of `literal`; false where `scratch` has no room to tell.
  @_noAllocation @_noLocks
  package func equals(_ text: ByteView, _ literal: StaticString, scratch: Output) -> Bool {
    guard hasEscapes else { return text.slice(range).equals(literal) }
    var decoded = scratch
    let start = decoded.count
    decode(text, into: &decoded)
    return !decoded.isOverflowing && decoded.written.dropping(start).equals(literal)
  }
}

extension ByteView {
  /// The offset at or after `start` of the first byte that a JSON string holds only as an escape; ``count`` without one.
  @_noAllocation @_noLocks
  func firstEscape(from start: Int) -> Int {
    var offset = start
    while offset <= count &- 8 {
      let marks = word(at: offset).escapeMarks
      if marks != 0 { return offset &+ marks.firstMark }
      offset &+= 8
    }
    while offset < count, self[offset] >= 0x20, self[offset] != 0x22, self[offset] != 0x5C { offset &+= 1 }
    return offset
  }
}

extension UInt64 {
  /// Marks the first of eight bytes that is a quote, a backslash or a control character.
  @inline(always)
  var escapeMarks: UInt64 { marks(of: 0x22) | marks(of: 0x5C) | marks(below: 0x20) }
}

extension Output {
  /// Appends `bytes`, which must be UTF-8, as a JSON string with its quotes.
  @_noAllocation @_noLocks
  package mutating func append(jsonString bytes: ByteView) {
    append(UInt8(ascii: "\""))
    var plain = 0
    var offset = 0
    while true {
      offset = bytes.firstEscape(from: offset)
      guard offset < bytes.count else { break }
      let byte = bytes[offset]
      append(bytes.slice(plain..<offset))
      offset += 1
      plain = offset
      append(UInt8(ascii: "\\"))
      switch byte {
      case 0x22, 0x5C: append(byte)
      case 0x08: append(UInt8(ascii: "b"))
      case 0x0C: append(UInt8(ascii: "f"))
      case 0x0A: append(UInt8(ascii: "n"))
      case 0x0D: append(UInt8(ascii: "r"))
      case 0x09: append(UInt8(ascii: "t"))
      default:
        append("u00")
        append(Hex.digit(byte >> 4))
        append(Hex.digit(byte & 0xF))
      }
    }
    append(bytes.dropping(plain))
    append(UInt8(ascii: "\""))
  }
}

extension [UInt8] {
  /// Appends `bytes`, which must be UTF-8, as a JSON string with its quotes.
  package mutating func append(jsonString bytes: ByteView) {
    // Nearly every string stands as it is.
    guard bytes.firstEscape(from: 0) < bytes.count else {
      append(UInt8(ascii: "\""))
      append(bytes)
      return append(UInt8(ascii: "\""))
    }
    // The longest escape, \u00XX, has six bytes.
    self += [UInt8](capacity: bytes.count * 6 + 2) { $0.append(jsonString: bytes) }
  }
}
