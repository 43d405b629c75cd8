// Whom a proxy speaks for: X-Forwarded-For is read from its end, where the proxy that is trusted wrote, and only as far
// as proxies are trusted. What stands before that a client may have made up, so it is not looked at.

package import Bytes

package enum ForwardedFor {
  /// The last address of `value` that is no trusted proxy's, or the first one if all are; nil where something else
  /// than an address stands before it is found.
  @_noAllocation @_noLocks
  package static func client(_ value: ByteView, _ proxies: AddressList) -> IPAddress? {
    var end = value.count
    while true {
      var start = end
      while start > 0, value[start - 1] != UInt8(ascii: ",") { start -= 1 }
      guard let address = address(value.slice(value.trimmed(from: start, to: end))) else { return nil }
      if start == 0 || !proxies.contains(address) { return address }
      end = start - 1
    }
  }

  /// An address; some proxies write a port behind it, and brackets around one of IPv6.
  private static func address(_ text: ByteView) -> IPAddress? {
    if let address = IPAddress.parse(text) { return address }
    guard !text.isEmpty else { return nil }
    if text[0] == UInt8(ascii: "[") {
      guard let bracket = text.firstOffset(of: UInt8(ascii: "]")),
        bracket + 1 == text.count || isPort(text.dropping(bracket + 1))
      else { return nil }
      return IPAddress.parse(text.slice(1..<bracket))
    }
    guard let colon = text.firstOffset(of: UInt8(ascii: ":")), isPort(text.dropping(colon)) else {
      return nil
    }
    return IPAddress.parse(text.slice(0..<colon))
  }

  /// `:443`.
  private static func isPort(_ text: ByteView) -> Bool {
    text.count >= 2 && text[0] == UInt8(ascii: ":") && Decimal.parse(text.dropping(1), maximum: 65_535) != nil
  }
}
