import Bytes
import HTTP
import TestSupport
import Testing

private func parse(_ text: some Collection<UInt8>) throws -> Response? {
  try GuardedBytes(text).withBytes { try Response.parse($0) }
}

/// A response with the lines of `head`, without its last two CRLFs.
private func parse(head: String) throws -> Response {
  try #require(try parse((head + "\r\n\r\n").utf8))
}

struct ResponseTests {
  @Test(arguments: [
    ("HTTP/1.1 200 OK", 200), ("HTTP/1.1 200 ", 200), ("HTTP/1.1 200", 200), ("HTTP/1.0 404 Not Found", 404),
    ("HTTP/1.1 599 \u{E9}t\u{E9}", 599), ("HTTP/1.9 100 Continue", 100),
  ])
  func `a status line has its status`(_ line: String, _ status: Int) throws {
    #expect(try parse(head: line).status == status)
  }

  // RFC 9112 section 6.3.
  @Test(
    arguments: [
      ("HTTP/1.1 200 OK", nil),
      ("HTTP/1.1 200 OK\r\nContent-Length: 5", .length(5)),
      ("HTTP/1.1 200 OK\r\ncontent-length:0", Framing.none),
      ("HTTP/1.1 200 OK\r\nTransfer-Encoding: CHUNKED", .chunked),
      ("HTTP/1.1 204 No Content", Framing.none),
      ("HTTP/1.1 304 Not Modified\r\nContent-Length: 5", Framing.none),
      ("HTTP/1.1 103 Early Hints\r\nContent-Length: 5", Framing.none),
    ] as [(String, Framing?)])
  func `a body ends where the RFC says`(_ head: String, _ framing: Framing?) throws {
    #expect(try parse(head: head).framing == framing)
  }

  @Test func `fields are read in any case and order`() throws {
    let text =
      "HTTP/1.1 503 No\r\nRetry-After:\t7 \r\nX-Other: a:b\r\nETAG: \"v1\"\r\nContent-Encoding: gzip\r\n"
      + "Turnout-Long-Poll: 30\r\nConnection: Close\r\nEmpty:\r\n\r\n"
    let response = try #require(try parse(text.utf8))
    #expect(String(decoding: Array(text.utf8)[response.etag.bounds], as: UTF8.self) == "\"v1\"")
    #expect(response.retryAfter == 7)
    #expect(response.longPoll == 30)
    #expect(response.isEncoded)
    #expect(!response.keepsAlive)
    #expect(response.headCount == text.utf8.count)
  }

  @Test func `what a head does not say is not so`() throws {
    let response = try parse(head: "HTTP/1.1 200 OK")
    #expect(response.etag.isEmpty && response.retryAfter == nil && response.longPoll == nil)
    #expect(!response.isEncoded && response.keepsAlive)
    #expect(try !parse(head: "HTTP/1.1 200 OK\r\nContent-Encoding: Identity").isEncoded)
    #expect(try !parse(head: "HTTP/1.0 200 OK").keepsAlive)
  }

  @Test(
    arguments: [
      ("Retry-After: 3600", 3600), ("Retry-After: 3601", nil),
      ("Retry-After: Sun, 06 Nov 1994 08:49:37 GMT", nil),
      ("Retry-After: -1", nil),
    ] as [(String, Int?)])
  func `a time to wait is believed up to an hour`(_ field: String, _ expected: Int?) throws {
    #expect(try parse(head: "HTTP/1.1 503 No\r\n" + field).retryAfter == expected)
  }

  @Test func `a long poll is believed up to five minutes`() throws {
    #expect(try parse(head: "HTTP/1.1 200 OK\r\nTurnout-Long-Poll: 300").longPoll == 300)
    #expect(try parse(head: "HTTP/1.1 200 OK\r\nTurnout-Long-Poll: 301").longPoll == nil)
  }

  @Test func `every proper prefix of a head is incomplete, and what follows it does not matter`() throws {
    let text = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nETag: \"a\"\r\n\r\n"
    for count in 0..<text.utf8.count { #expect(try parse(text.utf8.prefix(count)) == nil, "\(count)") }
    let response = try parse(text.utf8)
    for body in ["abc", "\r\n\r\n", "HTTP/1.1 404 Not Found\r\n\r\n"] {
      #expect(try parse((text + body).utf8) == response)
    }
  }

  @Test(arguments: [
    "", "x", "HTTP/2 200", "HTTP/2.0 200 OK", "HTTP/1.x 200 OK", "http/1.1 200 OK", "HTTP/1.1  200 OK",
    "HTTP/1.1 20 OK",
    "HTTP/1.1 2000 OK", "HTTP/1.1 200OK", "HTTP/1.1 099 No", "HTTP/1.1 -20 No", "HTTP/1.1 abc", "ICY 200 OK",
    "HTTP/1.1",
    "HTTP/1.1 200 OK\r\nX", "HTTP/1.1 200 OK\r\nX : a", "HTTP/1.1 200 OK\r\n: a",
    "HTTP/1.1 200 OK\r\n folded: a",
    "HTTP/1.1 200 OK\r\nX: a\r\n b", "HTTP/1.1 200 OK\r\nX: \u{0}", "HTTP/1.1 200 OK\r\nX: a\nY: b",
    "HTTP/1.1 200 OK\r\nX: a\rb",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1", "HTTP/1.1 200 OK\r\nContent-Length: 1, 1",
    "HTTP/1.1 200 OK\r\nContent-Length: -1", "HTTP/1.1 200 OK\r\nContent-Length:",
    "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999",
    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked",
  ])
  func `what is not HTTP of version 1 is refused`(_ head: String) {
    // Behind the first empty line there may be anything, a whole response included.
    let text = (head.isEmpty ? "a\r\n" : head) + "\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"
    #expect(throws: Response.Malformed.self) { try parse(text.utf8) }
  }

  @Test func `random changes do not trap, and a head ends in an empty line`() {
    var random = Random(seed: 1)
    let seed = Array(
      "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nETag: \"a\"\r\nConnection: close\r\n\r\nabc".utf8)
    let bytes = Array("\r\n\r\n: \t\u{0}0HX,".utf8)
    for _ in 0..<3_000 {
      var text = seed
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let position = Int.random(in: 0..<text.count, using: &random)
        if Bool.random(using: &random) { text.remove(at: position) }
        text.insert(bytes.randomElement(using: &random)!, at: position)
      }
      guard let response = try? parse(text) else { continue }
      #expect(text[..<response.headCount].suffix(3).elementsEqual("\n\r\n".utf8))
      #expect(response.etag.bounds.upperBound <= response.headCount)
    }
  }
}
