// A parsed response head, for the client that fetches from the upstream (RFC 9112 sections 4 and 6.3).

package import Bytes

package struct Response: Equatable, Sendable {
  package var status = 0
  /// How the body ends; nil for "when the connection closes".
  package var framing: Framing? = nil
  package var keepsAlive = true
  package var etag = ByteRange.empty
  /// Whether the body went through a content coding such as gzip, which was not asked for.
  package var isEncoded = false
  /// Whole seconds that the server asks to wait before the next request, where it says so in seconds.
  package var retryAfter: Int?
  /// Seconds that the server is willing to hold a request with `?wait=`; nil if it does not offer to.
  package var longPoll: Int?
  /// Bytes of the head with the empty line.
  package var headCount = 0

  package init() {}

  /// The head at the beginning of `bytes`: nil while it is incomplete.
  package static func parse(_ bytes: ByteView) throws(Malformed) -> Response? {
    var cursor = Cursor(bytes)
    var response = Response()
    guard let end = headEnd(bytes) else { return nil }
    guard bytes.count > 12, bytes.starts(with: ("HTTP/1." as StaticString).bytes),
      bytes[7] &- UInt8(ascii: "0") < 10, bytes[8] == 0x20,
      let status = Decimal.parse(bytes.slice(9..<12)), status >= 100, bytes[12] == 0x20 || bytes[12] == 0x0D
    else { throw Malformed() }
    response.status = status
    response.keepsAlive = bytes[7] != UInt8(ascii: "0")
    guard let line = bytes.firstOffset(of: 0x0A) else { throw Malformed() }
    cursor.offset = line + 1
    while cursor.offset < end - 2 {
      let name = cursor.skipToken()
      guard !name.isEmpty, bytes[cursor.offset] == UInt8(ascii: ":") else { throw Malformed() }
      cursor.offset += 1
      let start = cursor.offset
      cursor.skipFieldValue()
      let value = bytes.trimmed(from: start, to: cursor.offset)
      guard cursor.endLine() == .done else { throw Malformed() }
      try response.note(bytes.slice(name), value, bytes)
    }
    if status == 204 || status == 304 || status < 200 { response.framing = Framing.none }
    response.headCount = end
    return response
  }

  /// The upstream does not speak HTTP/1.1.
  package struct Malformed: Error, Equatable {}

  private static func headEnd(_ bytes: ByteView) -> Int? {
    var start = 0
    while let newline = bytes.firstOffset(of: 0x0A, from: start) {
      if newline >= 3, bytes[newline - 1] == 0x0D, bytes[newline - 2] == 0x0A { return newline + 1 }
      start = newline + 1
    }
    return nil
  }

  private mutating func note(_ name: ByteView, _ value: ByteRange, _ bytes: ByteView) throws(Malformed) {
    let text = bytes.slice(value)
    if name.equalsIgnoringCase("content-length") {
      guard let length = Decimal.parse(text), framing == nil else { throw Malformed() }
      framing = length == 0 ? Framing.none : .length(length)
    } else if name.equalsIgnoringCase("transfer-encoding") {
      guard text.equalsIgnoringCase("chunked"), framing == nil else { throw Malformed() }
      framing = .chunked
    } else if name.equalsIgnoringCase("connection") {
      if text.equalsIgnoringCase("close") { keepsAlive = false }
    } else if name.equalsIgnoringCase("etag") {
      etag = value
    } else if name.equalsIgnoringCase("content-encoding") {
      isEncoded = !text.equalsIgnoringCase("identity")
    } else if name.equalsIgnoringCase("retry-after") {
      retryAfter = Decimal.parse(text, maximum: 3600)
    } else if name.equalsIgnoringCase("turnout-long-poll") {
      longPoll = Decimal.parse(text, maximum: 300)
    }
  }
}
