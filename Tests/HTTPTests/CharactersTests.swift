import Bytes
import HTTP
import TestSupport
import Testing

// The classes are bit maps, seen here through the parser, for each of the 256 bytes.
struct CharactersTests {
  private func outcome(_ text: [UInt8]) -> Rejection? {
    switch Parsed(text) {
    case .invalid(let rejection): rejection
    case .incomplete, .head: nil
    }
  }

  private static let alphanumerics = Set(
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)
  // RFC 9110 section 5.6.2.
  private static let token = alphanumerics.union("!#$%&'*+-.^_`|~".utf8)
  // RFC 3986 sections 2.2, 2.3 and 3.2.2.
  private static let host = alphanumerics.union("-._~!$&'()*+,;=".utf8)

  @Test(arguments: UInt8.min...UInt8.max)
  func `a byte is in a method, a name, a target or a host where the RFCs have it`(_ byte: UInt8) {
    let method = outcome("Q".utf8 + [byte] + "T / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
    #expect((method == .unsupportedMethod) == Self.token.contains(byte))

    let name = outcome("GET / HTTP/1.1\r\nHost: a\r\nX".utf8 + [byte] + "Y: b\r\n\r\n".utf8)
    #expect((name == nil) == (Self.token.contains(byte) || byte == UInt8(ascii: ":")))

    let target = outcome("GET /".utf8 + [byte] + " HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
    #expect((target == nil) == ((0x21...0x7E).contains(byte) && byte != UInt8(ascii: "#")))

    let host = outcome("GET / HTTP/1.1\r\nHost: a".utf8 + [byte] + "b\r\n\r\n".utf8)
    #expect((host == nil) == Self.host.contains(byte))
    let authority = outcome("GET http://a".utf8 + [byte] + "b/ HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
    #expect((authority == nil) == (Self.host.contains(byte) || "/?".utf8.contains(byte)))
  }

  @Test(arguments: UInt8.min...UInt8.max)
  func `a byte is in a name or a host, or not, wherever it stands`(_ byte: UInt8) {
    for count in [1, 7, 8, 9, 16, 17] {
      for position in 0..<count {
        var word = [UInt8](repeating: 0x61, count: count)
        word[position] = byte
        let name = outcome("GET / HTTP/1.1\r\nHost: a\r\nX".utf8 + word + "Y: b\r\n\r\n".utf8)
        #expect((name == nil) == (Self.token.contains(byte) || byte == UInt8(ascii: ":")))
        let host = outcome("GET / HTTP/1.1\r\nHost: a".utf8 + word + "b\r\n\r\n".utf8)
        // What follows is "aa" or "ab".
        let isEscape = byte == UInt8(ascii: "%") && position + 1 < count
        #expect((host == nil) == (Self.host.contains(byte) || isEscape))
      }
    }
  }
}
