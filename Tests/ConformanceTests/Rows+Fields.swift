// Header lines: RFC 9112 sections 2.2, 3.2 and 5, RFC 9110 sections 5 and 7.

extension Row {
  /// GET /health with further header lines.
  static func health(_ fields: String, version: String = "1.1") -> String {
    "GET /health HTTP/\(version)\r\nHost: a\r\n\(fields)\r\n\r\n"
  }

  private static func malformed(
    _ section: String, _ name: String, _ fields: String, _ code: String = "MALFORMED_HEADER"
  ) -> Row {
    refused(section, name, health(fields), 400, code)
  }

  private static func host(_ name: String, _ host: String, isValid: Bool) -> Row {
    let text = "GET /health HTTP/1.1\r\nHost:\(host)\r\n\r\n"
    return isValid ? served("3.2", name, text) : refused("3.2", name, text, 400, "MALFORMED_HOST")
  }

  static let fields: [Row] = [
    served("5", "a name in other case", "GET /health HTTP/1.1\r\nhOsT: a\r\n\r\n"),
    served("5", "no blank behind the colon", "GET /health HTTP/1.1\r\nHost:a\r\n\r\n"),
    served("5", "blanks and tabs around a value", "GET /health HTTP/1.1\r\nHost: \t a \t \r\n\r\n"),
    served("RFC 9110 5.5", "an empty value", health("X:")),
    served("RFC 9110 5.5", "a value of blanks", health("X: \t ")),
    served("RFC 9110 5.5", "blanks and tabs in a value", health("X: a b\tc")),
    served("RFC 9110 5.5", "colons in a value", health("X: a:b::c")),
    served("RFC 9110 5.5", "every visible character", health("X: \(visible)")),
    served("RFC 9110 5.6.2", "every character of a name", health("!#$%&'*+-.^_`|~09azAZ: a")),
    served("RFC 9110 5.3", "the same name many times", health("X: a\r\nX: b\r\nx: a\r\nX:")),
    served("RFC 9110 6.6.1", "a date", health("Date: Tue, 15 Nov 1994 08:12:31 GMT")),
    served("RFC 9110 7.8", "Upgrade is ignored", health("Connection: Upgrade\r\nUpgrade: websocket")),
    served(
      "RFC 9113 3.1", "so is h2c",
      health("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA")),
    served("RFC 9110 10.1.4", "TE is ignored", health("TE: trailers, deflate;q=0.5\r\nConnection: TE")),
    served("RFC 9110 12.5", "nothing is negotiated", health("Accept: image/png\r\nAccept-Encoding: br")),
    served("RFC 9110 14.2", "ranges are ignored", health("Range: bytes=0-3")),
    served(
      "RFC 9110 8.3", "the type of a body is not looked at", health("Content-Type: a/b\r\nContent-Type: c")),
    malformed("5.1", "a blank before the colon", "X : a"),
    malformed("5.1", "a tab before the colon", "X\t: a"),
    malformed("5.1", "a blank before the colon of a length", "Content-Length : 5"),
    malformed("5.1", "a blank before the colon of a coding", "Transfer-Encoding : chunked"),
    malformed("5.1", "no name", ": a"),
    malformed("5.1", "no colon", "X"),
    malformed("5.1", "a blank in a name", "X Y: a"),
    malformed("5.1", "a byte above ASCII in a name", "\u{E9}: a"),
    malformed("5.2", "a folded line", "X: a\r\n b", "FOLDED_HEADER"),
    malformed("5.2", "a line folded with a tab", "X: a\r\n\tb", "FOLDED_HEADER"),
    malformed("5.2", "a line folded to nothing", "X: a\r\n ", "FOLDED_HEADER"),
    malformed("5.2", "a folded length", "Content-Length:\r\n 5", "MALFORMED_CONTENT_LENGTH"),
    malformed("5.2", "a folded coding", "Transfer-Encoding: chunked\r\n , gzip", "FOLDED_HEADER"),
    refused(
      "2.2", "a blank before the first line", "GET /health HTTP/1.1\r\n Host: a\r\n\r\n", 400,
      "FOLDED_HEADER"),
    refused(
      "2.2", "a line of blanks before the first line", "GET /health HTTP/1.1\r\n \r\nHost: a\r\n\r\n", 400,
      "FOLDED_HEADER"),
    malformed("2.2", "an LF ends a line", "X: a\nY: b"),
    malformed("2.2", "a CR ends a line", "X: a\rY: b"),
    malformed("2.2", "CR CR LF ends a line", "X: a\r"),
    refused(
      "2.2", "an LF ends the head", "GET /health HTTP/1.1\r\nHost: a\r\n\n", 400, "MALFORMED_HEADER"),
    refused(
      "2.2", "a CR ends the head", "GET /health HTTP/1.1\r\nHost: a\r\n\rGET / HTTP/1.1", 400,
      "MALFORMED_HEADER"),
    refused("3.2", "no host", "GET /health HTTP/1.1\r\n\r\n", 400, "MISSING_HOST"),
    refused("3.2", "no host, others", "GET /health HTTP/1.1\r\nX: a\r\n\r\n", 400, "MISSING_HOST"),
    refused(
      "3.2", "no host but that of the target", "GET http://a/health HTTP/1.1\r\n\r\n", 400, "MISSING_HOST"),
    malformed("3.2", "two hosts", "Host: b", "MISSING_HOST"),
    malformed("3.2", "the same host twice", "host: a", "MISSING_HOST"),
    refused(
      "3.2", "two hosts in HTTP/1.0", "GET /health HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400,
      "MISSING_HOST"),
    host("a name", " example.com", isValid: true),
    host("a name with a port", " example.com:8080", isValid: true),
    host("an empty port", " example.com:", isValid: true),
    host("an address", " 127.0.0.1:7070", isValid: true),
    host("an address in brackets", " [2001:db8::1]", isValid: true),
    host("an address in brackets, with a port", " [::ffff:1.2.3.4]:80", isValid: true),
    host("an escape", " caf%C3%A9", isValid: true),
    host("no host in particular", "", isValid: true),
    host("two names", " a b", isValid: false),
    host("a list", " a, b", isValid: false),
    host("a path", " a/b", isValid: false),
    host("a query", " a?b", isValid: false),
    host("a scheme", " http://a", isValid: false),
    host("a user", " u@a", isValid: false),
    host("a port that is none", " a:b", isValid: false),
    host("a signed port", " a:+80", isValid: false),
    host("two ports", " a:80:80", isValid: false),
    host("a port alone", " :80", isValid: false),
    host("half an address", " [::1", isValid: false),
    host("the other half", " ::1]", isValid: false),
    host("an address without brackets", " ::1", isValid: false),
    host("no address", " [::g]", isValid: false),
    host("an address of nine groups", " [1:2:3:4:5:6:7:8:9]", isValid: false),
    host("half an escape", " a%4", isValid: false),
    host("no escape", " a%zz", isValid: false),
    host("a byte above ASCII", " \u{E9}", isValid: false),
    host("quotes", " \"a\"", isValid: false),
    host("a backslash", " a\\b", isValid: false),
    malformed(
      "RFC 9110 5.3", "Authorization twice", "Authorization: Bearer a\r\nAuthorization: Bearer b",
      "REPEATED_HEADER"),
  ]

  static let controlCharacters: [Row] = ([0x7F] + Array(0x00..<0x20)).filter {
    ![0x09, 0x0A, 0x0D].contains($0)
  }.flatMap { (byte: Int) -> [Row] in
    [
      refused(
        "RFC 9110 5.5", "the byte \(byte) in a value",
        Array("GET /health HTTP/1.1\r\nHost: a\r\nX: a".utf8) + [UInt8(byte)] + Array("b\r\n\r\n".utf8), 400,
        "MALFORMED_HEADER"),
      refused(
        "RFC 9110 5.6.2", "the byte \(byte) in a name",
        Array("GET /health HTTP/1.1\r\nHost: a\r\nX".utf8) + [UInt8(byte)] + Array("Y: b\r\n\r\n".utf8),
        400, "MALFORMED_HEADER"),
    ]
  }

  static let delimiters: [Row] = "\"(),/;<=>?@[\\]{}".utf8.map { (byte: UInt8) -> Row in
    refused(
      "RFC 9110 5.6.2", "\(Character(Unicode.Scalar(byte))) in a name",
      Array("GET /health HTTP/1.1\r\nHost: a\r\nX".utf8) + [byte] + Array("Y: b\r\n\r\n".utf8), 400,
      "MALFORMED_HEADER")
  }

  static let bytesAboveASCII: [Row] = (0x80...0xFF).filter { $0 % 17 == 0 }.map { (byte: Int) -> Row in
    served(
      "RFC 9110 5.5", "the byte \(byte) in a value",
      Array("GET /health HTTP/1.1\r\nHost: a\r\nX: a".utf8) + [UInt8(byte)] + Array("b\r\n\r\n".utf8))
  }

  private static let visible = String(decoding: UInt8(0x21)...0x7E, as: UTF8.self)

  // MARK: - Persistence: RFC 9112 section 9

  static let persistence: [Row] = [
    served("9.3", "HTTP/1.1 stays", health("X: a")),
    served("9.6", "close", health("Connection: close"), isKept: false),
    served("9.6", "close in other case", health("connection: CLOSE"), isKept: false),
    served("9.6", "close among others", health("Connection: a, close ,b"), isKept: false),
    served("9.6", "close behind empty elements", health("Connection: ,,close"), isKept: false),
    served("9.6", "close in a second line", health("Connection: a\r\nConnection: close"), isKept: false),
    served("9.3", "close wins", health("Connection: keep-alive, close"), isKept: false),
    served("9.3", "what only begins like it", health("Connection: closed")),
    served("9.3", "keep-alive changes nothing", health("Connection: keep-alive\r\nKeep-Alive: timeout=5")),
    served(
      "9.6", "what follows close is not looked at",
      health("Connection: close") + "GET /health HTTP/1.1\r\n\r\nrubbish", isKept: false),
    served(
      "9.3", "HTTP/1.0 with keep-alive", health("Connection: keep-alive", version: "1.0").utf8,
      Expected(200, fields: ("Connection", "keep-alive"))),
    served(
      "9.3", "HTTP/1.0 with Keep-Alive", health("Connection: a, Keep-Alive", version: "1.0").utf8,
      Expected(200, fields: ("Connection", "keep-alive"))),
    served(
      "9.3", "HTTP/1.0 with both", health("Connection: keep-alive, close", version: "1.0"), isKept: false),
    served("9.3", "HTTP/1.0 with close", health("Connection: close", version: "1.0"), isKept: false),
    served(
      "9.3", "two of HTTP/1.0",
      (health("Connection: keep-alive", version: "1.0") + health("X: a", version: "1.0")).utf8,
      Expected(200), Expected(200), isKept: false),
    served(
      "9.3", "HTTP/1.0 with a body",
      "POST /api/v1/decide HTTP/1.0\r\nContent-Length: 17\r\n\r\n{\"subjectId\":\"u\"}", isKept: false),
    served(
      "9.3", "an error of a route does not end the connection",
      "GET /decide HTTP/1.1\r\nHost: a\r\n\r\n", 400, "MISSING_USER_KEY"),
    served(
      "9.6", "an error of a route, and close", "GET /decide HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
      400, "MISSING_USER_KEY", isKept: false),
  ]

  // MARK: - Expectations: RFC 9110 section 10.1.1

  private static let small = #"{"subjectId":"u"}"#

  static let expectations: [Row] = [
    served(
      "RFC 9110 10.1.1", "a body that is there already needs no 100",
      post("/api/v1/decide", small, "Expect: 100-continue\r\n")),
    served(
      "RFC 9110 10.1.1", "in other case", post("/api/v1/decide", small, "Expect: 100-Continue\r\n")),
    served("RFC 9110 10.1.1", "without a body", health("Expect: 100-continue")),
    served(
      "RFC 9110 10.1.1", "with a body of nothing", health("Expect: 100-continue\r\nContent-Length: 0")),
    served(
      "RFC 9110 10.1.1", "HTTP/1.0 expects nothing",
      "POST /api/v1/decide HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 17\r\n\r\n\(small)",
      isKept: false),
    refused(
      "RFC 9110 10.1.1", "another expectation", health("Expect: payment"), 417, "UNSUPPORTED_EXPECTATION"),
    refused(
      "RFC 9110 10.1.1", "another one beside it", health("Expect: 100-continue, a"), 417,
      "UNSUPPORTED_EXPECTATION"),
    refused(
      "RFC 9110 10.1.1", "a parameter", health("Expect: 100-continue; a=b"), 417, "UNSUPPORTED_EXPECTATION"),
    refused(
      "RFC 9110 10.1.1", "a body that is too large",
      "POST /api/v1/decide HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 65537\r\n\r\n", 413,
      "BODY_TOO_LARGE"),
    refused(
      "RFC 9110 10.1.1", "ambiguous framing",
      "POST /api/v1/decide HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
      400, "AMBIGUOUS_LENGTH"),
  ]
}
