import Bytes
import HTTP
import TestSupport
import Testing

private func parse(_ text: some Collection<UInt8>, _ parser: RequestParser = RequestParser()) -> Parsed {
  Parsed(text, parser)
}

private struct NoHead: Error {
  var outcome: Parsed
}

/// The head that `text` is; an error is the test's failure.
@discardableResult
private func head(_ text: some Collection<UInt8>, _ parser: RequestParser = RequestParser()) throws -> Request
{
  let outcome = parse(text, parser)
  guard case .head(let request) = outcome else { throw NoHead(outcome: outcome) }
  return request
}

/// A head that is accepted, and what it says; `text` holds the lines, without the CRLF of each.
struct AcceptedHead: CustomTestStringConvertible, Sendable {
  var why: String
  var text: String
  var method = Method.get
  var path: String
  var query = ""
  var framing = Framing.none
  var keepsAlive = true
  var expectsContinue = false
  var ifNoneMatch = ""

  init(
    _ why: String, _ lines: String..., method: Method = .get, path: String = "/", query: String = "",
    framing: Framing = .none, keepsAlive: Bool = true, expectsContinue: Bool = false, ifNoneMatch: String = ""
  ) {
    self.why = why
    text = lines.joined(separator: "\r\n") + "\r\n\r\n"
    self.method = method
    self.path = path
    self.query = query
    self.framing = framing
    self.keepsAlive = keepsAlive
    self.expectsContinue = expectsContinue
    self.ifNoneMatch = ifNoneMatch
  }

  var testDescription: String { why }

  // Section numbers are RFC 9112's unless they begin with the name of another one.
  static let all: [AcceptedHead] = [
    AcceptedHead("3: the smallest request", "GET / HTTP/1.1", "Host: a"),
    AcceptedHead("2.2: an empty line before the request line", "", "GET / HTTP/1.1", "Host: a"),
    AcceptedHead("2.2: two of them", "", "", "GET / HTTP/1.1", "Host: a"),
    AcceptedHead(
      "2.2: as many as may be left over", String(repeating: "\r\n", count: 15), "GET / HTTP/1.1", "Host: a"),
    AcceptedHead("3.1: HEAD", "HEAD / HTTP/1.1", "Host: a", method: .head),
    AcceptedHead("3.1: POST", "POST / HTTP/1.1", "Host: a", method: .post),
    AcceptedHead("3.1: PUT", "PUT / HTTP/1.1", "Host: a", method: .put),
    AcceptedHead("3.1: DELETE", "DELETE / HTTP/1.1", "Host: a", method: .delete),
    AcceptedHead("3.1: PATCH", "PATCH / HTTP/1.1", "Host: a", method: .patch),
    AcceptedHead("3.1: TRACE", "TRACE / HTTP/1.1", "Host: a", method: .trace),
    AcceptedHead(
      "3.1: OPTIONS of a resource", "OPTIONS /x HTTP/1.1", "Host: a", method: .options, path: "/x"),

    AcceptedHead("3.2.1: a query", "GET /a/b?c=d&e HTTP/1.1", "Host: a", path: "/a/b", query: "c=d&e"),
    AcceptedHead("3.2.1: an empty query", "GET /a? HTTP/1.1", "Host: a", path: "/a"),
    AcceptedHead("3.2.1: a query with a question mark", "GET /?a?b HTTP/1.1", "Host: a", query: "a?b"),
    AcceptedHead("3.2.1: two slashes are a path", "GET //a HTTP/1.1", "Host: a", path: "//a"),
    AcceptedHead("3.2: an empty host", "GET / HTTP/1.1", "Host:"),
    AcceptedHead("3.2: a port", "GET / HTTP/1.1", "Host: example.com:8080"),
    AcceptedHead("3.2: an empty port", "GET / HTTP/1.1", "Host: example.com:"),
    AcceptedHead("3.2: an address", "GET / HTTP/1.1", "Host: [2001:db8::1]:443"),
    AcceptedHead("3.2: an escape", "GET / HTTP/1.1", "Host: caf%C3%A9.example:80"),
    AcceptedHead("3.2: every other character", "GET / HTTP/1.1", "Host: a-b._~!$&'()*+,;="),
    AcceptedHead("3.2.2: absolute form", "GET http://b/p?q HTTP/1.1", "Host: a", path: "/p", query: "q"),
    AcceptedHead("3.2.2: a scheme in any case", "GET HtTpS://[::1]:80/ HTTP/1.1", "Host: a"),
    AcceptedHead("3.2.2: an authority alone", "GET http://b HTTP/1.1", "Host: a", path: ""),
    AcceptedHead(
      "3.2.2: an authority and a query", "GET http://b?q=/ HTTP/1.1", "Host: a", path: "", query: "q=/"),
    AcceptedHead("3.2.4: asterisk form", "OPTIONS * HTTP/1.1", "Host: a", method: .options, path: ""),

    AcceptedHead("2.3: a later minor version", "GET / HTTP/1.9", "Host: a"),
    AcceptedHead(
      "9.3: HTTP/1.0 ends the connection and needs no host", "GET / HTTP/1.0", "A: b", keepsAlive: false),
    AcceptedHead("9.3: HTTP/1.0 that asks to keep it", "GET / HTTP/1.0", "Connection: keep-alive"),
    AcceptedHead(
      "9.3: close wins", "GET / HTTP/1.0", "Connection: keep-alive", "Connection: close", keepsAlive: false),
    AcceptedHead("9.6: close", "GET / HTTP/1.1", "Host: a", "Connection: close", keepsAlive: false),
    AcceptedHead(
      "9.6: close in a list, in any case", "GET / HTTP/1.1", "Host: a", "cOnnection: x,\t,CLOSE ,y",
      keepsAlive: false),
    AcceptedHead(
      "9.6: an option that only begins with close", "GET / HTTP/1.1", "Host: a", "Connection: closed"),

    AcceptedHead(
      "5: no blank before a value", "GET / HTTP/1.1", "Host:a", "If-None-Match:\"1\"", ifNoneMatch: "\"1\""),
    AcceptedHead(
      "5: blanks around a value are not part of it", "GET / HTTP/1.1", "Host: \t a \t ",
      "If-None-Match: \t\"a b\"\t ", ifNoneMatch: "\"a b\""),
    AcceptedHead("5: an empty value", "GET / HTTP/1.1", "Host: a", "X:", "Y: "),
    AcceptedHead(
      "5: a value of any visible bytes", "GET / HTTP/1.1", "Host: a", "X: a:b\t\u{E9}\u{20AC}~!\""),
    AcceptedHead(
      "5.1: a name in any case", "GET / HTTP/1.1", "hOsT: a", "CONTENT-length: 3", framing: .length(3)),
    AcceptedHead("3.2: an empty host", "GET / HTTP/1.1", "Host:"),
    AcceptedHead("RFC 3986 3.2.2: an address and a port", "GET / HTTP/1.1", "Host: [2001:db8::1]:8080"),

    AcceptedHead(
      "6.2: a length", "POST / HTTP/1.1", "Host: a", "Content-Length: 5", method: .post, framing: .length(5)),
    AcceptedHead(
      "6.2: a length of nothing", "POST / HTTP/1.1", "Host: a", "Content-Length: 0", method: .post),
    AcceptedHead(
      "6.2: leading zeros", "GET / HTTP/1.1", "Host: a", "Content-Length: 0005", framing: .length(5)),
    AcceptedHead(
      "6.1: chunked", "POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", method: .post,
      framing: .chunked),
    AcceptedHead(
      "7: chunked in any case", "GET / HTTP/1.1", "Host: a", "Transfer-Encoding: ChunkeD", framing: .chunked),

    AcceptedHead(
      "RFC 9110 10.1.1: a client that waits", "PUT / HTTP/1.1", "Host: a", "Expect: 100-Continue",
      "Content-Length: 1",
      method: .put, framing: .length(1), expectsContinue: true),
    AcceptedHead(
      "RFC 9110 10.1.1: the same before chunks", "PUT / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked",
      "Expect: 100-continue", method: .put, framing: .chunked, expectsContinue: true),
    AcceptedHead("RFC 9110 10.1.1: nothing to wait for", "GET / HTTP/1.1", "Host: a", "Expect: 100-continue"),
    AcceptedHead(
      "RFC 9110 10.1.1: HTTP/1.0 has no interim answers", "PUT / HTTP/1.0", "Expect: 100-continue",
      "Content-Length: 1",
      method: .put, framing: .length(1), keepsAlive: false),
  ]
}

struct AcceptedHeadTests {
  @Test(arguments: AcceptedHead.all)
  func `a valid head says what it says`(_ row: AcceptedHead) throws {
    let text = Array(row.text.utf8)
    let request = try head(text)
    func part(_ range: ByteRange) -> String { String(decoding: text[range.bounds], as: UTF8.self) }
    #expect(request.method == row.method)
    #expect(part(request.path) == row.path)
    #expect(part(request.query) == row.query)
    #expect(request.framing == row.framing)
    #expect(request.keepsAlive == row.keepsAlive)
    #expect(request.minorVersion == (row.text.contains("HTTP/1.0") ? 0 : 1))
    #expect(request.expectsContinue == row.expectsContinue)
    #expect(part(request.ifNoneMatch) == row.ifNoneMatch)
    #expect(request.headCount == text.count)
  }

  @Test func `fields that routes look at are found whatever the case of their names`() throws {
    let names = [
      "Authorization", "X-API-Key", "Origin", "Access-Control-Request-Method", "Last-Event-ID",
      "X-Turnout-Environment", "X-Turnout-Sticky", "Cookie", "X-Forwarded-For", "X-Forwarded-Proto",
    ]
    for spell in [{ $0 }, { $0.lowercased() }, { $0.uppercased() }] as [(String) -> String] {
      let lines = names.enumerated().map { "\(spell($0.element)): value \($0.offset)\r\n" }.joined()
      let text = Array("GET / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n".utf8)
      let request = try head(text)
      let found = [
        request.authorization, request.apiKey, request.origin, request.requestedMethod, request.lastEventID,
        request.environment, request.sticky, request.cookie, request.forwardedFor, request.forwardedProto,
      ].map { String(decoding: text[$0.bounds], as: UTF8.self) }
      #expect(found == names.indices.map { "value \($0)" })
    }
  }

  @Test func `of several cookies the first counts, of several forwarding fields the last`() throws {
    let text = Array(
      """
      GET / HTTP/1.1\r\nHost: a\r\nCookie: a\r\nX-Forwarded-For: c\r\nX-Forwarded-Proto: e\r\n\
      Cookie: b\r\nX-Forwarded-For: d\r\nX-Forwarded-Proto: f\r\n\r\n
      """.utf8)
    let request = try head(text)
    let found = [request.cookie, request.forwardedFor, request.forwardedProto].map {
      String(decoding: text[$0.bounds], as: UTF8.self)
    }
    #expect(found == ["a", "d", "f"])
  }

  @Test(arguments: AcceptedHead.all)
  func `every proper prefix of a valid head is incomplete`(_ row: AcceptedHead) {
    for count in 0..<row.text.utf8.count {
      #expect(parse(row.text.utf8.prefix(count)) == .incomplete, "the first \(count) bytes")
    }
  }

  @Test(arguments: AcceptedHead.all)
  func `what stands behind a head does not change it`(_ row: AcceptedHead) {
    let outcome = parse(row.text.utf8)
    for rest in ["x", "\r\n", " : ", "GET / HTTP/1.1\r\nHost: b\r\n\r\n", "\u{0}"] {
      #expect(parse((row.text + rest).utf8) == outcome)
    }
  }

  @Test func `pipelined requests are read one by one`() throws {
    var rest = Array(AcceptedHead.all.map { $0.text }.joined().utf8)
    for row in AcceptedHead.all {
      let request = try head(rest)
      #expect(request.headCount == row.text.utf8.count)
      #expect(request.method == row.method)
      rest.removeFirst(request.headCount)
    }
    #expect(rest.isEmpty)
  }
}

/// A head that is refused, and why; `text` is sent as it stands.
struct RefusedHead: CustomTestStringConvertible, Sendable {
  var why: String
  var text: String
  var rejection: Rejection

  init(_ why: String, _ text: String, _ rejection: Rejection) {
    self.why = why
    self.text = text
    self.rejection = rejection
  }

  /// A request whose fault is in its request line.
  static func line(_ why: String, _ line: String, _ rejection: Rejection) -> RefusedHead {
    RefusedHead(why, line + "\r\nHost: a\r\n\r\n", rejection)
  }

  /// A request whose fault is in its fields.
  static func fields(_ why: String, _ fields: String, _ rejection: Rejection) -> RefusedHead {
    RefusedHead(why, "POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n\r\n", rejection)
  }

  /// A request with a `Host` that is none.
  static func host(_ why: String, _ host: String) -> RefusedHead {
    RefusedHead("3.2: \(why)", "GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n", .malformedHost)
  }

  var testDescription: String { why }

  // Section numbers are RFC 9112's unless they begin with the name of another one.
  static let repeatedFields = [
    "Authorization", "X-API-Key", "Origin", "X-Turnout-Sticky", "X-Turnout-Environment",
  ].map { fields("a second \($0)", "\($0): a\r\n\($0.lowercased()): b\r\n", .repeatedField) }

  static let all: [RefusedHead] =
    repeatedFields + [
      line("2.2: a blank before the method", " GET / HTTP/1.1", .malformedRequestLine),
      line("2.2: a CR alone before the method", "\rGET / HTTP/1.1", .malformedRequestLine),
      line("2.2: an LF alone before the method", "\nGET / HTTP/1.1", .malformedRequestLine),
      line("3: no method", "/ HTTP/1.1", .malformedRequestLine),
      line("3: a method alone", "GET", .malformedRequestLine),
      line("3: a tab for a blank", "GET\t/ HTTP/1.1", .malformedRequestLine),
      line("3: a tab for the other blank", "GET /\tHTTP/1.1", .malformedTarget),
      line("3: two blanks before the target", "GET  / HTTP/1.1", .malformedTarget),
      line("3: two blanks behind the target", "GET /  HTTP/1.1", .malformedRequestLine),
      line("3: a blank behind the version", "GET / HTTP/1.1 ", .malformedRequestLine),
      line("3: a blank in the target", "GET /a b HTTP/1.1", .malformedRequestLine),
      line("3: no version, as in HTTP/0.9", "GET /", .malformedRequestLine),
      line("3: no version behind the blank", "GET / ", .malformedRequestLine),
      line("2.3: a version in lower case", "GET / http/1.1", .malformedRequestLine),
      line("2.3: a version without a point", "GET / HTTP/11", .malformedRequestLine),
      line("2.3: a comma for the point", "GET / HTTP/1,1", .malformedRequestLine),
      line("2.3: two digits behind the point", "GET / HTTP/1.10", .malformedRequestLine),
      line("2.3: no digit behind the point", "GET / HTTP/1.", .malformedRequestLine),
      line("2.3: a letter for a digit", "GET / HTTP/1.x", .malformedRequestLine),
      line("2.3: another protocol", "GET / SIP/1.1", .malformedRequestLine),
      line("2.3: HTTP/2.0", "GET / HTTP/2.0", .unsupportedVersion),
      line("RFC 9113 3.4: the preface of HTTP/2", "PRI * HTTP/2.0", .unsupportedVersion),
      line("2.3: HTTP/0.9", "GET / HTTP/0.9", .unsupportedVersion),
      RefusedHead(
        "2.2: an LF alone ends the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", .malformedRequestLine),
      RefusedHead(
        "2.2: a CR alone ends the request line", "GET / HTTP/1.1\rHost: a\r\n\r\n", .malformedRequestLine),
      RefusedHead(
        "2.2: CR CR LF ends the request line", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", .malformedRequestLine),
      RefusedHead("a TLS client hello", "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}", .malformedRequestLine),

      line("3.1: a method in lower case is another one", "get / HTTP/1.1", .unsupportedMethod),
      line("3.1: an unknown method", "BREW / HTTP/1.1", .unsupportedMethod),
      line("3.1: an unknown method as long as a known one", "PEST / HTTP/1.1", .unsupportedMethod),
      line(
        "3: a method that is longer than any", String(repeating: "M", count: 33) + " / HTTP/1.1",
        .unsupportedMethod),
      line("3.2.3: CONNECT is for proxies", "CONNECT a:443 HTTP/1.1", .unsupportedMethod),

      line("3.2: a target that is no path", "GET a HTTP/1.1", .malformedTarget),
      line("3.2.4: the asterisk is for OPTIONS", "GET * HTTP/1.1", .malformedTarget),
      line("3.2.4: the asterisk stands alone", "OPTIONS */ HTTP/1.1", .malformedTarget),
      line("3.2.2: no authority", "GET http:///a HTTP/1.1", .malformedTarget),
      line("3.2.2: no authority at all", "GET http:// HTTP/1.1", .malformedTarget),
      line("3.2.2: another scheme", "GET ftp://a/ HTTP/1.1", .malformedTarget),
      line("RFC 9110 4.2.4: user information", "GET http://u@a/ HTTP/1.1", .malformedTarget),
      line("RFC 3986 3.5: a fragment", "GET /a#b HTTP/1.1", .malformedTarget),
      line("RFC 3986 2: a byte above ASCII", "GET /\u{E9} HTTP/1.1", .malformedTarget),
      line("RFC 3986 2: a control character", "GET /\u{1} HTTP/1.1", .malformedTarget),
      line("RFC 3986 2: a NUL", "GET /a\u{0}b HTTP/1.1", .malformedTarget),
      line("RFC 3986 2: a DEL", "GET /\u{7F} HTTP/1.1", .malformedTarget),

      fields("5.1: a blank before the colon", "X : a", .malformedField),
      fields("5.1: a tab before the colon", "X\t: a", .malformedField),
      fields("5.1: no name", ": a", .malformedField),
      fields("5.1: no colon", "X", .malformedField),
      fields("5.1: a blank in the name", "X Y: a", .malformedField),
      fields("5.1: a bracket in the name", "X[]: a", .malformedField),
      fields("5.1: a byte above ASCII in the name", "\u{E9}: a", .malformedField),
      fields("5.2: a line folded with a blank", "X: a\r\n b", .foldedField),
      fields("5.2: a line folded with a tab", "X: a\r\n\tb", .foldedField),
      fields("5.2: a blank line of blanks", "X: a\r\n ", .foldedField),
      RefusedHead("2.2: a blank before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", .foldedField),
      fields("2.2: an LF alone ends a field", "X: a\nY: b", .malformedField),
      fields("2.2: a CR alone ends a field", "X: a\rY: b", .malformedField),
      fields("2.2: CR CR LF ends a field", "X: a\r", .malformedField),
      RefusedHead("2.2: an LF alone ends the head", "GET / HTTP/1.1\r\nHost: a\r\n\n", .malformedField),
      RefusedHead("2.2: a CR alone ends the head", "GET / HTTP/1.1\r\nHost: a\r\n\rGET", .malformedField),
      fields("RFC 9110 5.5: a NUL in a value", "X: a\u{0}b", .malformedField),
      fields("RFC 9110 5.5: a control character in a value", "X: a\u{B}b", .malformedField),
      fields("RFC 9110 5.5: a DEL in a value", "X: a\u{7F}", .malformedField),

      RefusedHead("3.2: no host", "GET / HTTP/1.1\r\n\r\n", .missingHost),
      RefusedHead("3.2: no host in absolute form", "GET http://a/ HTTP/1.1\r\nX: b\r\n\r\n", .missingHost),
      fields("3.2: two hosts", "Host: b", .missingHost),
      fields("3.2: the same host twice", "Host: a", .missingHost),
      RefusedHead("3.2: two names in a host", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", .malformedHost),
      RefusedHead("3.2: a path in a host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", .malformedHost),
      RefusedHead("3.2: a user in a host", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", .malformedHost),
      RefusedHead(
        "3.2: a byte above ASCII in a host", "GET / HTTP/1.1\r\nHost: \u{E9}\r\n\r\n", .malformedHost),

      host("a port that is none", "a:b"),
      host("two ports", "a:1:2"),
      host("a port alone", ":80"),
      host("half an address", "[::1"),
      host("an address without brackets", "::1"),
      host("no address in brackets", "[a]"),
      host("an IPv4 address in brackets", "[127.0.0.1]"),
      host("something behind an address", "[::1]a"),
      host("a port of an address that is none", "[::1]:a"),
      host("half an escape", "a%2"),
      host("no escape", "a%zz"),
      host("a list", "a, b"),
      line("3.2.2: a port alone", "GET http://:80/ HTTP/1.1", .malformedTarget),
      line("3.2.2: a port that is none", "GET http://a:b/ HTTP/1.1", .malformedTarget),
      line("3.2.2: half an address", "GET http://[::1/ HTTP/1.1", .malformedTarget),
      RefusedHead(
        "2.2: more empty lines than are left over from anything", String(repeating: "\r\n", count: 17),
        .malformedRequestLine),

      fields("6.2: an empty length", "Content-Length:", .malformedLength),
      fields("6.2: a negative length", "Content-Length: -1", .malformedLength),
      fields("6.2: a signed length", "Content-Length: +1", .malformedLength),
      fields("6.2: a hexadecimal length", "Content-Length: 0x1", .malformedLength),
      fields("6.2: a fraction of a length", "Content-Length: 1.0", .malformedLength),
      fields("6.2: a blank in a length", "Content-Length: 1 2", .malformedLength),
      fields("6.3: a list of lengths", "Content-Length: 1, 2", .malformedLength),
      fields("6.3: a list of the same length", "Content-Length: 1,1", .malformedLength),
      fields("6.3: two lengths", "Content-Length: 1\r\nContent-Length: 2", .ambiguousLength),
      fields("6.3: the same length twice", "Content-Length: 1\r\nContent-Length: 1", .ambiguousLength),
      fields(
        "6.3: a length, then chunks", "Content-Length: 1\r\nTransfer-Encoding: chunked", .ambiguousLength),
      fields(
        "6.3: chunks, then a length", "Transfer-Encoding: chunked\r\nContent-Length: 1", .ambiguousLength),
      fields(
        "6.3: a length of nothing, and chunks", "Content-Length: 0\r\nTransfer-Encoding: chunked",
        .ambiguousLength),
      fields(
        "6.3: chunked twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", .ambiguousLength),
      RefusedHead(
        "6.1: chunks in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", .ambiguousLength),
      fields("6.2: a length above the limit", "Content-Length: 65537", .bodyTooLarge),
      fields("6.2: a length that no integer holds", "Content-Length: 18446744073709551617", .bodyTooLarge),

      fields("6.1: another coding before chunked", "Transfer-Encoding: gzip, chunked", .unsupportedCoding),
      fields("6.1: two before chunked", "Transfer-Encoding: a ,\tb;c=d,CHUNKED", .unsupportedCoding),
      fields("6.3: another coding", "Transfer-Encoding: gzip", .ambiguousLength),
      fields("6.3: another coding behind chunked", "Transfer-Encoding: chunked, gzip", .ambiguousLength),
      fields(
        "6.3: another coding in a second field", "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
        .ambiguousLength),
      fields("6.1: chunked twice in one field", "Transfer-Encoding: chunked, chunked", .ambiguousLength),
      fields("6.3: the coding of RFC 2068", "Transfer-Encoding: identity", .ambiguousLength),
      fields("6.3: no coding", "Transfer-Encoding:", .ambiguousLength),
      fields("6.3: nothing before chunked", "Transfer-Encoding: , chunked", .ambiguousLength),
      fields("6.3: nothing behind chunked", "Transfer-Encoding: chunked,", .ambiguousLength),
      fields("7: chunked with a parameter", "Transfer-Encoding: chunked;a=b", .ambiguousLength),
      fields("7: chunked in quotes", "Transfer-Encoding: \"chunked\"", .ambiguousLength),
      fields("7: what only ends in chunked", "Transfer-Encoding: xchunked", .ambiguousLength),
      fields("RFC 9110 10.1.1: another expectation", "Expect: payment", .unsupportedExpectation),
    ]
}

struct RefusedHeadTests {
  @Test(arguments: RefusedHead.all)
  func `a faulty head is refused with its reason`(_ row: RefusedHead) {
    #expect(parse(row.text.utf8) == .invalid(row.rejection))
  }

  // RELIABILITY H5: one answer, no guess, wherever the input was cut on its way.
  @Test(arguments: RefusedHead.all)
  func `a faulty head is refused with the same reason however much of it has come`(_ row: RefusedHead) {
    var isRefused = false
    for count in 0...row.text.utf8.count {
      switch parse(row.text.utf8.prefix(count)) {
      case .incomplete: #expect(!isRefused, "refused, but not by the first \(count) bytes")
      case .invalid(let rejection):
        isRefused = true
        #expect(rejection == row.rejection, "the first \(count) bytes")
      case .head: Issue.record("a head by the first \(count) bytes")
      }
    }
    #expect(isRefused)
  }
}

struct RequestParserLimitTests {
  private func line(_ count: Int) -> String {
    "GET /" + String(repeating: "a", count: count - 14) + " HTTP/1.1"
  }

  // RELIABILITY H1.
  @Test func `a request line of 8192 bytes is served, one of 8193 is too long`() throws {
    #expect(line(8192).utf8.count == 8192)
    try head((line(8192) + "\r\nHost: a\r\n\r\n").utf8)
    #expect(parse((line(8193) + "\r\nHost: a\r\n\r\n").utf8) == .invalid(.targetTooLong))
  }

  @Test func `empty lines before it do not make a request line longer`() throws {
    try head((String(repeating: "\r\n", count: 16) + line(8192) + "\r\nHost: a\r\n\r\n").utf8)
    #expect(parse(("\r\n" + line(8193) + "\r\nHost: a\r\n\r\n").utf8) == .invalid(.targetTooLong))
  }

  @Test func `a request line is refused as soon as it is too long`() {
    let line = Array(line(10_000).utf8)
    #expect(parse(line[..<8192]) == .incomplete)
    #expect(parse(line[..<8193]) == .invalid(.targetTooLong))
  }

  @Test func `a method that is longer than any is not waited for`() {
    #expect(parse(String(repeating: "M", count: 32).utf8) == .incomplete)
    #expect(parse(String(repeating: "M", count: 33).utf8) == .invalid(.unsupportedMethod))
  }

  /// A head whose field lines have `count` bytes with their CRLFs.
  private func fields(_ count: Int) -> String {
    "GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "a", count: count - 14) + "\r\n\r\n"
  }

  // RELIABILITY H2.
  @Test func `field lines of 16 KiB are served, one byte more is too large`() throws {
    #expect(fields(16_384).utf8.count == 16_384 + 18)
    try head(fields(16_384).utf8)
    #expect(parse(fields(16_385).utf8) == .invalid(.headTooLarge))
  }

  @Test func `many short field lines count like one long one`() throws {
    func lines(_ last: Int) -> String {
      let line = "X: " + String(repeating: "a", count: 251) + "\r\n"
      let rest = "Y: " + String(repeating: "a", count: last) + "\r\n"
      return "GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: line, count: 63) + rest + "\r\n"
    }
    #expect(lines(242).utf8.count == 16_384 + 18)
    try head(lines(242).utf8)
    #expect(parse(lines(243).utf8) == .invalid(.headTooLarge))
  }

  @Test(arguments: ["X: a", "a"])
  func `a field that does not end is refused once it is too large`(_ begin: String) {
    let text = "GET / HTTP/1.1\r\n" + begin + String(repeating: "a", count: 20_000)
    #expect(parse(text.utf8.prefix(16 + 16_384)) == .incomplete)
    #expect(parse(text.utf8.prefix(16 + 16_385)) == .invalid(.headTooLarge))
  }

  @Test(arguments: ["", "\r", "\r\n"])
  func `a field that is too large is refused wherever it is cut`(_ end: String) {
    let text = "GET / HTTP/1.1\r\nX: " + String(repeating: "a", count: 16_382) + end
    #expect(parse(text.utf8) == .invalid(.headTooLarge))
  }

  @Test func `100 field lines are served, the 101st is one too many`() throws {
    func lines(_ count: Int) -> String {
      "GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: "X: a\r\n", count: count - 1) + "\r\n"
    }
    try head(lines(100).utf8)
    #expect(parse(lines(101).utf8) == .invalid(.tooManyFields))
  }

  // RELIABILITY H3: refused from the length alone, before any of the body.
  @Test func `a body of 64 KiB is served, one byte more is too large`() throws {
    func text(_ length: Int) -> String { "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(length)\r\n\r\n" }
    let request = try head(text(65_536).utf8)
    #expect(request.framing == .length(65_536))
    #expect(parse(text(65_537).utf8) == .invalid(.bodyTooLarge))
  }

  @Test func `limits are the parser's own`() throws {
    let text = "GET / HTTP/1.0\r\nA: b\r\nContent-Length: 9\r\n\r\n".utf8
    var parser = RequestParser()
    parser.lineMax = 14
    parser.fieldsMax = 25
    parser.fieldCountMax = 2
    parser.bodyMax = 9
    try head(text, parser)
    func refusal(_ change: (inout RequestParser) -> Void) -> Parsed {
      var stricter = parser
      change(&stricter)
      return parse(text, stricter)
    }
    #expect(refusal { $0.lineMax = 13 } == .invalid(.targetTooLong))
    #expect(refusal { $0.fieldsMax = 24 } == .invalid(.headTooLarge))
    #expect(refusal { $0.fieldCountMax = 1 } == .invalid(.tooManyFields))
    #expect(refusal { $0.bodyMax = 8 } == .invalid(.bodyTooLarge))
  }

  @Test func `the largest head is no larger than the parser says`() throws {
    let fields = "Host: a\r\nX: " + String(repeating: "a", count: 16_384 - 14) + "\r\n\r\n"
    let request = try head((String(repeating: "\r\n", count: 16) + line(8192) + "\r\n" + fields).utf8)
    #expect(request.headCount == RequestParser().headMax)
  }
}

struct RequestParserLawTests {
  private static let seeds = AcceptedHead.all.map { $0.text } + RefusedHead.all.map { $0.text }

  private func mutate(_ text: inout [UInt8], _ random: inout Random) {
    let bytes = Array("\r\n\r\n :\t/?*aH1.,;=\"\u{0}\u{7F}".utf8) + [0x80, 0xFF]
    guard let position = text.indices.randomElement(using: &random) else { return }
    switch Int.random(in: 0..<4, using: &random) {
    case 0: text[position] = bytes.randomElement(using: &random)!
    case 1: text.remove(at: position)
    case 2: text.insert(text[position], at: position)
    default: text.insert(bytes.randomElement(using: &random)!, at: position)
    }
  }

  @Test func `however a request was changed, it is a head from its last byte on and not before`() {
    var random = Random(seed: 1)
    var heads = 0
    for _ in 0..<3_000 {
      var text = Array(Self.seeds.randomElement(using: &random)!.utf8)
      for _ in 0..<Int.random(in: 1...2, using: &random) { mutate(&text, &random) }
      guard case .head(let request) = parse(text) else { continue }
      heads += 1
      #expect(request.headCount <= text.count)
      #expect(text[..<request.headCount].suffix(4).elementsEqual("\r\n\r\n".utf8))
      for range in [request.path, request.query, request.ifNoneMatch, request.cookie, request.authorization] {
        #expect(range.bounds.upperBound <= request.headCount)
      }
      #expect(parse(text[..<request.headCount]) == .head(request))
      let cut = Int.random(in: 0..<request.headCount, using: &random)
      #expect(parse(text[..<cut]) == .incomplete, "\(String(decoding: text, as: UTF8.self)) at \(cut)")
    }
    // Were there none, the law would say nothing.
    #expect(heads > 150)
  }

  @Test func `what was refused stays refused, whatever follows`() {
    var random = Random(seed: 2)
    for _ in 0..<3_000 {
      var text = Array(Self.seeds.randomElement(using: &random)!.utf8)
      mutate(&text, &random)
      let cut = Int.random(in: 0...text.count, using: &random)
      guard case .invalid(let rejection) = parse(text[..<cut]) else { continue }
      #expect(parse(text) == .invalid(rejection), "\(String(decoding: text, as: UTF8.self)) at \(cut)")
    }
  }

  @Test func `random bytes are no request and no trap`() {
    var random = Random(seed: 3)
    for _ in 0..<2_000 {
      let text = random.bytes(Int.random(in: 0...60, using: &random), of: 0...255)
      if case .head = parse(text) { Issue.record("\(text)") }
    }
  }
}
