// Who is asked: a host with an optional port, as the Host header and an absolute target have it (RFC 3986 sections
// 3.2.2 and 3.2.3). Nobody here looks at what it says; but where two readers see two hosts, smuggling begins.

import Bytes

enum Host {
  @inline(__always)
  static func isValid(_ text: ByteView) -> Bool {
    var offset = 0
    while offset <= text.count &- 8 {
      let ordinary = Characters.ordinaryOfName(text.word(at: offset))
      offset &+= ordinary
      if ordinary < 8 { break }
    }
    while offset < text.count, Characters.isName(text[offset]) { offset &+= 1 }
    guard offset > 0 else { return isLiteral(text) }
    if offset == text.count { return true }
    return text[offset] == UInt8(ascii: ":") ? isPort(text, from: offset &+ 1) : isEscaped(text)
  }

  /// Digits, or none, up to the end.
  @inline(__always)
  private static func isPort(_ text: ByteView, from start: Int) -> Bool {
    var offset = start
    while offset < text.count, text[offset] &- UInt8(ascii: "0") < 10 { offset &+= 1 }
    return offset == text.count
  }

  /// An IPv6 address in brackets, with a port or without.
  @inline(never)
  private static func isLiteral(_ text: ByteView) -> Bool {
    guard !text.isEmpty, text[0] == UInt8(ascii: "["), let bracket = text.firstOffset(of: UInt8(ascii: "]"))
    else { return isEscaped(text) }
    guard let address = IPAddress.parse(text.slice(1..<bracket)) else { return false }
    guard !address.isV4 || text.firstOffset(of: UInt8(ascii: ":")) ?? bracket < bracket else { return false }
    return bracket + 1 == text.count
      || text[bracket + 1] == UInt8(ascii: ":") && isPort(text, from: bracket + 2)
  }

  /// A name with escapes, with a port or without.
  @inline(never)
  private static func isEscaped(_ text: ByteView) -> Bool {
    var offset = 0
    while offset < text.count, text[offset] != UInt8(ascii: ":") {
      if Characters.isName(text[offset]) {
        offset += 1
      } else {
        guard text[offset] == UInt8(ascii: "%"), offset + 2 < text.count, Hex.value(text[offset + 1]) != nil,
          Hex.value(text[offset + 2]) != nil
        else { return false }
        offset += 3
      }
    }
    return offset > 0 && (offset == text.count || isPort(text, from: offset + 1))
  }
}
