// Request lines: RFC 9112 sections 2.2, 2.3 and 3.

extension Row {
  /// A request whose line is `line`, in HTTP/1.1 with a host and without a body.
  private static func line(_ line: String) -> [UInt8] { Array((line + "\r\nHost: a\r\n\r\n").utf8) }

  private static func malformed(
    _ section: String, _ name: String, _ text: String, _ code: String = "MALFORMED_REQUEST_LINE"
  ) -> Row {
    refused(section, name, line(text), 400, code)
  }

  static let requestLines: [Row] = [
    served("3", "the smallest request", "GET /health HTTP/1.1\r\nHost: a\r\n\r\n"),
    served("2.2", "an empty line before the request line", "\r\nGET /health HTTP/1.1\r\nHost: a\r\n\r\n"),
    served("2.2", "two of them", "\r\n\r\nGET /health HTTP/1.1\r\nHost: a\r\n\r\n"),
    served(
      "2.2", "sixteen of them",
      String(repeating: "\r\n", count: 16) + "GET /health HTTP/1.1\r\nHost: a\r\n\r\n"),
    served("2.3", "a later minor version", line("GET /health HTTP/1.2")),
    served("2.3", "the last minor version", line("GET /health HTTP/1.9")),
    served("2.3", "HTTP/1.0", "GET /health HTTP/1.0\r\n\r\n", isKept: false),
    served("2.3", "HTTP/1.0 with a host", "GET /health HTTP/1.0\r\nHost: a\r\n\r\n", isKept: false),
    refused(
      "2.2", "more empty lines than are left over", String(repeating: "\r\n", count: 17), 400,
      "MALFORMED_REQUEST_LINE"),
    refused(
      "2.2", "empty lines without end", String(repeating: "\r\n", count: 50_000), 400,
      "MALFORMED_REQUEST_LINE"),
    refused("2.2", "LFs without end", String(repeating: "\n", count: 1000), 400, "MALFORMED_REQUEST_LINE"),
    malformed("2.2", "an LF before the request line", "\nGET /health HTTP/1.1"),
    malformed("2.2", "a CR before the request line", "\rGET /health HTTP/1.1"),
    malformed("2.2", "a blank before the request line", " GET /health HTTP/1.1"),
    malformed("2.2", "a line of blanks before the request line", "  \r\nGET /health HTTP/1.1"),
    refused(
      "2.2", "an LF ends the request line", "GET /health HTTP/1.1\nHost: a\r\n\r\n", 400,
      "MALFORMED_REQUEST_LINE"),
    refused(
      "2.2", "LFs end all lines", "GET /health HTTP/1.1\nHost: a\n\n", 400, "MALFORMED_REQUEST_LINE"),
    refused(
      "2.2", "a CR ends the request line", "GET /health HTTP/1.1\rHost: a\r\n\r\n", 400,
      "MALFORMED_REQUEST_LINE"),
    refused(
      "2.2", "CR CR LF ends the request line", "GET /health HTTP/1.1\r\r\nHost: a\r\n\r\n", 400,
      "MALFORMED_REQUEST_LINE"),
    malformed("3", "two blanks behind the method", "GET  /health HTTP/1.1", "MALFORMED_TARGET"),
    malformed("3", "two blanks behind the target", "GET /health  HTTP/1.1"),
    malformed("3", "a tab behind the method", "GET\t/health HTTP/1.1"),
    malformed("3", "a tab behind the target", "GET /health\tHTTP/1.1", "MALFORMED_TARGET"),
    malformed("3", "a vertical tab behind the method", "GET\u{B}/health HTTP/1.1"),
    malformed("3", "a blank behind the version", "GET /health HTTP/1.1 "),
    malformed("3", "a tab behind the version", "GET /health HTTP/1.1\t"),
    malformed("3", "a word behind the version", "GET /health HTTP/1.1 x"),
    malformed("3", "a blank in the target", "GET /heal th HTTP/1.1"),
    malformed("3", "no method", " /health HTTP/1.1"),
    malformed("3", "a target alone", "/health HTTP/1.1"),
    malformed("3", "a method alone", "GET"),
    malformed("3", "no target", "GET HTTP/1.1"),
    malformed("3", "no version", "GET /health"),
    malformed("3", "no version behind the blank", "GET /health "),
    malformed("2.3", "the name in lower case", "GET /health http/1.1"),
    malformed("2.3", "another name", "GET /health HTTQ/1.1"),
    malformed("2.3", "a longer name", "GET /health XHTTP/1.1"),
    malformed("2.3", "no slash", "GET /health HTTP1.1"),
    malformed("2.3", "a blank behind the slash", "GET /health HTTP/ 1.1"),
    malformed("2.3", "no point", "GET /health HTTP/11"),
    malformed("2.3", "a comma for the point", "GET /health HTTP/1,1"),
    malformed("2.3", "no minor version", "GET /health HTTP/1."),
    malformed("2.3", "a version of one number", "GET /health HTTP/1"),
    malformed("2.3", "two digits of a minor version", "GET /health HTTP/1.10"),
    malformed("2.3", "two digits of a major version", "GET /health HTTP/01.1"),
    malformed("2.3", "a letter for a digit", "GET /health HTTP/1.x"),
    malformed("2.3", "a negative minor version", "GET /health HTTP/1.-1"),
    refused("2.3", "HTTP/2.0", line("GET /health HTTP/2.0"), 505, "UNSUPPORTED_VERSION"),
    refused("2.3", "HTTP/3.0", line("GET /health HTTP/3.0"), 505, "UNSUPPORTED_VERSION"),
    refused("2.3", "HTTP/0.9 by its name", line("GET /health HTTP/0.9"), 505, "UNSUPPORTED_VERSION"),
    refused(
      "RFC 9113 3.4", "the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505,
      "UNSUPPORTED_VERSION"),
    refused(
      "RFC 1945 4.1", "HTTP/0.9", "GET /health\r\n", 400, "MALFORMED_REQUEST_LINE"),
    refused(
      "RFC 8446 4", "TLS", [0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3] + [UInt8](repeating: 7, count: 60), 400,
      "MALFORMED_REQUEST_LINE"),
    refused("RFC 5321 4.1", "SMTP", "EHLO a\r\n", 400, "MALFORMED_REQUEST_LINE"),
    refused("RFC 4253 4.2", "SSH", "SSH-2.0-x\r\n", 400, "MALFORMED_REQUEST_LINE"),
    refused(
      "RFC 1928 3", "SOCKS", [5, 1, 0] as [UInt8], 400, "MALFORMED_REQUEST_LINE"),
  ]

  // MARK: - Methods: RFC 9110 section 9

  static let methods: [Row] = [
    served("RFC 9110 9.3.2", "HEAD", line("HEAD /health HTTP/1.1"), Expected(200, toHead: true)),
    served(
      "RFC 9110 9.3.2", "HEAD of what is not there", line("HEAD /nothing HTTP/1.1"),
      Expected(404, toHead: true)),
    served(
      "RFC 9110 9.3.2", "HEAD of what takes POST", line("HEAD /api/v1/decide HTTP/1.1"),
      Expected(405, toHead: true, fields: ("Allow", "POST, OPTIONS"))),
    served(
      "RFC 9110 9.3.7", "OPTIONS of a route", line("OPTIONS /health HTTP/1.1"),
      Expected(204, fields: ("Allow", "GET, HEAD, OPTIONS"))),
    served(
      "RFC 9110 9.3.7", "OPTIONS of a route that takes POST", line("OPTIONS /api/v1/decide HTTP/1.1"),
      Expected(204, fields: ("Allow", "POST, OPTIONS"))),
    served(
      "3.2.4", "OPTIONS of the server", line("OPTIONS * HTTP/1.1"),
      Expected(204, fields: ("Allow", "GET, HEAD, POST, OPTIONS"))),
    served(
      "3.2.4", "OPTIONS of the server in absolute form", line("OPTIONS http://a HTTP/1.1"),
      Expected(204, fields: ("Allow", "GET, HEAD, POST, OPTIONS"))),
    served("RFC 9110 9.3.7", "OPTIONS of nothing", line("OPTIONS /nothing HTTP/1.1"), Expected(404)),
    served(
      "RFC 9110 9.1", "GET of what takes POST", line("GET /api/v1/decide HTTP/1.1"),
      Expected(405, "METHOD_NOT_ALLOWED", fields: ("Allow", "POST, OPTIONS"))),
    served(
      "RFC 9110 9.1", "POST of what takes GET",
      "POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}".utf8,
      Expected(405, "METHOD_NOT_ALLOWED", fields: ("Allow", "GET, HEAD, OPTIONS"))),
    served(
      "RFC 9110 9.3.1", "a body of GET is not the next request",
      "GET /health HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nGET /x HT"),
    served(
      "RFC 9110 9.3.2", "a body of HEAD neither",
      "HEAD /health HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd", toHead: true),
    served(
      "RFC 9110 9.3.7", "a body of OPTIONS neither",
      "OPTIONS /health HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", 204),
    refused(
      "RFC 9110 9.3.6", "CONNECT", line("CONNECT a:443 HTTP/1.1"), 501, "UNSUPPORTED_METHOD"),
    refused(
      "RFC 9110 9.1", "a method longer than any", line(String(repeating: "M", count: 100) + " / HTTP/1.1"),
      501, "UNSUPPORTED_METHOD"),
    refused(
      "3", "a method without end", String(repeating: "M", count: 20_000), 501, "UNSUPPORTED_METHOD"),
    refused(
      "RFC 9110 9.3.2", "HEAD with two hosts", "HEAD /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400,
      "MISSING_HOST", toHead: true),
    refused(
      "RFC 9110 9.3.2", "HEAD with a body that is too large",
      "HEAD /health HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n", 413, "BODY_TOO_LARGE",
      toHead: true),
    refused(
      "RFC 9110 9.3.2", "HEAD with malformed chunks",
      "HEAD /health HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400, "MALFORMED_CHUNK",
      toHead: true),
  ]

  static let otherMethods: [Row] = ["PUT", "DELETE", "PATCH", "TRACE"].flatMap { method in
    [
      served(
        "RFC 9110 15.5.6", "\(method) of a route", line("\(method) /health HTTP/1.1"),
        Expected(405, "METHOD_NOT_ALLOWED", fields: ("Allow", "GET, HEAD, OPTIONS"))),
      served("RFC 9110 15.5.5", "\(method) of nothing", line("\(method) /x HTTP/1.1"), Expected(404)),
    ]
  }

  static let unknownMethods: [Row] = [
    "get", "Get", "GETT", "GE", "BREW", "PROPFIND", "X-Y_Z", "!#$%&'*+-.^`|~",
  ].map {
    refused("RFC 9110 9.1", "the method \($0)", line("\($0) /health HTTP/1.1"), 501, "UNSUPPORTED_METHOD")
  }

  static let noMethods: [Row] = [
    "G(T", "G,T", "G/T", "G:T", "G;T", "G@T", "G\"T", "G{T", "G\u{0}T", "G\u{7F}T", "G\u{E9}T",
  ].map {
    malformed("RFC 9110 5.6.2", "\($0.debugDescription) is no method", "\($0) /health HTTP/1.1")
  }

  // MARK: - Targets: RFC 9112 section 3.2

  static let targets: [Row] = [
    served("3.2.1", "a query", line("GET /health?a=b&c HTTP/1.1")),
    served("3.2.1", "an empty query", line("GET /health? HTTP/1.1")),
    served("3.2.1", "question marks in a query", line("GET /health?a?b?? HTTP/1.1")),
    served("3.2.1", "the root", line("GET / HTTP/1.1"), Expected(404, "NOT_FOUND")),
    served("3.2.1", "two slashes", line("GET //health HTTP/1.1"), Expected(404)),
    served("3.2.2", "absolute form", line("GET http://a/health HTTP/1.1")),
    served("3.2.2", "absolute form of another host", line("GET http://b:80/health?c HTTP/1.1")),
    served("3.2.2", "absolute form of https", line("GET https://a/health HTTP/1.1")),
    served("3.2.2", "a scheme in other case", line("GET HTTP://A/health HTTP/1.1")),
    served("3.2.2", "absolute form of an address", line("GET http://[::1]:7070/health HTTP/1.1")),
    served("3.2.2", "absolute form without a path", line("GET http://a HTTP/1.1"), Expected(404)),
    served("3.2.2", "absolute form, a query alone", line("GET http://a?b HTTP/1.1"), Expected(404)),
    served(
      "3.2.2", "absolute form in HTTP/1.0", "GET http://a/health HTTP/1.0\r\n\r\n", isKept: false),
    served(
      "RFC 3986 2.1", "escapes",
      line("GET /decide?user_key=%C3%A9%20%2B%25%26&context=%7B%7D HTTP/1.1")),
    served("RFC 3986 2.1", "an escape in lower case", line("GET /decide?user_key=%c3%a9 HTTP/1.1")),
    served("RFC 3986 2.1", "an escaped NUL", line("GET /decide?user_key=a%00b HTTP/1.1")),
    served("RFC 3986 2.1", "an escape in a path", line("GET /%68ealth HTTP/1.1"), Expected(404)),
    served("RFC 3986 5.2.4", "dot segments", line("GET /x/../health HTTP/1.1"), Expected(404)),
    served("RFC 3986 5.2.4", "escaped dot segments", line("GET /%2e%2e/health HTTP/1.1"), Expected(404)),
    served("RFC 3986 6.2.2", "a path in other case", line("GET /HEALTH HTTP/1.1"), Expected(404)),
    served("RFC 3986 3.3", "parameters of a path", line("GET /health;a=b HTTP/1.1"), Expected(404)),
    served(
      "RFC 3986 2.1", "a key in a path",
      post("/ofrep/v1/evaluate/flags/ban%6Eer", #"{"context":{"targetingKey":"u"}}"#)),
    malformed("3.2", "no path", "GET health HTTP/1.1", "MALFORMED_TARGET"),
    malformed("3.2", "a query alone", "GET ?a HTTP/1.1", "MALFORMED_TARGET"),
    malformed("3.2.3", "an authority", "GET a:80 HTTP/1.1", "MALFORMED_TARGET"),
    malformed("3.2.4", "the asterisk of GET", "GET * HTTP/1.1", "MALFORMED_TARGET"),
    malformed("3.2.4", "the asterisk of POST", "POST * HTTP/1.1", "MALFORMED_TARGET"),
    malformed("3.2.4", "more than the asterisk", "OPTIONS *? HTTP/1.1", "MALFORMED_TARGET"),
    malformed("3.2.2", "another scheme", "GET ftp://a/health HTTP/1.1", "MALFORMED_TARGET"),
    malformed("3.2.2", "one slash behind the scheme", "GET http:/a/health HTTP/1.1", "MALFORMED_TARGET"),
    malformed("RFC 9110 4.2.1", "no host", "GET http:///health HTTP/1.1", "MALFORMED_TARGET"),
    malformed("RFC 9110 4.2.1", "a port alone", "GET http://:80/health HTTP/1.1", "MALFORMED_TARGET"),
    malformed("RFC 9110 4.2.4", "a user", "GET http://u@a/health HTTP/1.1", "MALFORMED_TARGET"),
    malformed("RFC 3986 3.2.3", "a port that is none", "GET http://a:b/health HTTP/1.1", "MALFORMED_TARGET"),
    malformed("RFC 3986 3.2.2", "half an address", "GET http://[::1/health HTTP/1.1", "MALFORMED_TARGET"),
    malformed("RFC 3986 3.2.2", "no address", "GET http://[x]/health HTTP/1.1", "MALFORMED_TARGET"),
    malformed("3.2", "a fragment", "GET /health#a HTTP/1.1", "MALFORMED_TARGET"),
    malformed("3.2", "two bytes above ASCII", "GET /h\u{E9}alth HTTP/1.1", "MALFORMED_TARGET"),
  ]

  static let malformedEscapes: [Row] = [
    "%", "%2", "%zz", "%2x", "%%41", "a%", "%u0041", "%ff", "%C3", "%ed%a0%80", "%c0%80", "%f5%80%80%80",
  ]
  .map {
    served(
      "RFC 3986 2.1", "the escape \($0)", line("GET /decide?user_key=\($0) HTTP/1.1"),
      Expected(400, "MALFORMED_QUERY"))
  }

  static let bytesOfTargets: [Row] = (0x00...0xFF).filter {
    $0 < 0x20 && $0 != 0x0D || $0 == 0x7F || $0 > 0x7F && $0 % 15 == 0
  }.map { (byte: Int) -> Row in
    refused(
      "3.2", "the byte \(byte) in a target",
      Array("GET /a".utf8) + [UInt8(byte)] + line(" HTTP/1.1"), 400, "MALFORMED_TARGET")
  }

  /// A POST with a body of a known length.
  static func post(_ target: String, _ body: String, _ fields: String = "") -> [UInt8] {
    Array(
      "POST \(target) HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\(fields)\r\n\(body)".utf8)
  }
}
