// The key that a request shows: behind `Authorization: Bearer` (RFC 6750) or in `X-API-Key`.

package import Bytes

package enum Credential {
  case missing
  case key(ByteView)
  /// No key can be that long, so it is not even digested.
  case tooLong
  /// Two headers that do not say the same.
  case contradicting

  /// Bytes of a key.
  package static var keyMax: Int { 512 }

  /// Another scheme than Bearer is somebody else's business, and no key.
  @_noAllocation @_noLocks
  package static func read(authorization: ByteView, apiKey: ByteView) -> Credential {
    let token = bearer(authorization)
    guard !token.isEmpty || !apiKey.isEmpty else { return .missing }
    guard token.isEmpty || apiKey.isEmpty || token.equals(apiKey) else { return .contradicting }
    let key = token.isEmpty ? apiKey : token
    return key.count <= keyMax ? .key(key) : .tooLong
  }

  /// What follows the scheme; empty if it is another one.
  private static func bearer(_ value: ByteView) -> ByteView {
    let scheme = 6
    guard value.count > scheme, value[scheme] == UInt8(ascii: " "),
      value.slice(0..<scheme).equalsIgnoringCase("bearer")
    else { return .empty }
    var start = scheme
    while start < value.count, value[start] == UInt8(ascii: " ") { start += 1 }
    return value.dropping(start)
  }
}
