import Bytes
import HTTP
import TestSupport
import Testing

struct ResponseHeadTests {
  private static let date: StaticString = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"

  private func request(_ method: Method = .get, minorVersion: Int = 1, keepsAlive: Bool = true) -> Request {
    var request = Request()
    request.method = method
    request.minorVersion = minorVersion
    request.keepsAlive = keepsAlive
    return request
  }

  /// The lines of an answer with `body`, and what follows the empty one.
  private func answer(
    to request: Request, _ type: ContentType = .json, fields: StaticString = "", body: StaticString
  ) -> (lines: [String], body: String) {
    let bytes = [UInt8](capacity: 512) { output in
      let head = ResponseHead(
        .ok, type, for: request, date: Self.date.bytes, fields: fields.bytes, into: &output)
      output.append(body)
      head.finish(&output)
    }
    return split(bytes)
  }

  private func split(_ bytes: [UInt8]) -> (lines: [String], body: String) {
    var lines: [String] = []
    var rest = bytes[...]
    while let end = rest.firstIndex(of: 0x0A) {
      #expect(rest[..<end].last == 0x0D)
      let line = String(decoding: rest[..<end].dropLast(), as: UTF8.self)
      rest = rest[(end + 1)...]
      if line.isEmpty { break }
      lines.append(line)
    }
    return (lines, String(decoding: rest, as: UTF8.self))
  }

  @Test func `an answer has its length filled in`() {
    let answer = answer(to: request(), body: "{\"a\":[1,2]}")
    #expect(
      answer.lines == [
        "HTTP/1.1 200 OK", "Date: Sun, 06 Nov 1994 08:49:37 GMT", "Content-Type: application/json",
        "Content-Length:       11",
      ])
    #expect(answer.body == "{\"a\":[1,2]}")
  }

  @Test func `an empty answer has the length 0`() {
    #expect(answer(to: request(), body: "").lines.last == "Content-Length:        0")
  }

  @Test func `an answer to HEAD has the length and not the body`() {
    let head = answer(to: request(.head), body: "hello")
    #expect(head.lines == answer(to: request(.get), body: "hello").lines)
    #expect(head.body == "")
  }

  // RFC 9112 section 9.3: 1.1 is kept and 1.0 is closed unless the answer says otherwise.
  @Test func `an answer says what becomes of the connection where the version does not`() {
    func connection(_ request: Request) -> [String] {
      answer(to: request, body: "").lines.filter { $0.hasPrefix("Connection") }
    }
    #expect(connection(request()) == [])
    #expect(connection(request(keepsAlive: false)) == ["Connection: close"])
    #expect(connection(request(minorVersion: 0)) == ["Connection: keep-alive"])
    #expect(connection(request(minorVersion: 0, keepsAlive: false)) == ["Connection: close"])
  }

  @Test func `further fields and the type of metrics stand in the head`() {
    let answer = answer(to: request(), .metrics, fields: "Allow: GET\r\nX: y\r\n", body: "")
    #expect(answer.lines.contains("Content-Type: text/plain; version=0.0.4; charset=utf-8"))
    #expect(answer.lines.contains("Allow: GET") && answer.lines.contains("X: y"))
  }

  @Test func `an answer behind another one patches its own length`() {
    let bytes = [UInt8](capacity: 512) { output in
      for body: StaticString in ["first", "the second"] {
        let head = ResponseHead(.ok, .json, for: request(), date: Self.date.bytes, into: &output)
        output.append(body)
        head.finish(&output)
      }
    }
    let first = split(bytes)
    #expect(first.lines.last == "Content-Length:        5")
    let second = split(Array(first.body.utf8.dropFirst(5)))
    #expect(second.lines.last == "Content-Length:       10")
    #expect(second.body == "the second")
  }

  // Whatever the capacity is: an answer is whole or overflowing, never cut.
  @Test(arguments: [Method.get, .head])
  func `an answer that does not fit overflows`(_ method: Method) {
    let whole = [UInt8](capacity: 512) { output in
      let head = ResponseHead(.ok, .json, for: request(), date: Self.date.bytes, into: &output)
      output.append("hello")
      head.finish(&output)
    }
    for capacity in 0...whole.count {
      GuardedBytes([UInt8](repeating: 0, count: capacity)).withRegion { region in
        var output = Output(region)
        let head = ResponseHead(.ok, .json, for: request(method), date: Self.date.bytes, into: &output)
        output.append("hello")
        head.finish(&output)
        #expect(output.isOverflowing == (capacity < whole.count))
      }
    }
  }

  @Test func `a head without a body says only what it is given`() {
    let bare = split(
      [UInt8](capacity: 512) {
        ResponseHead.write(.noContent, for: request(), date: Self.date.bytes, into: &$0)
      })
    #expect(bare.lines == ["HTTP/1.1 204 No Content", "Date: Sun, 06 Nov 1994 08:49:37 GMT"])
    let full = split(
      [UInt8](capacity: 512) {
        ResponseHead.write(
          .notModified, for: request(keepsAlive: false), date: Self.date.bytes, length: 1234, type: .json,
          etag: ("\"v1\"" as StaticString).bytes, into: &$0)
      })
    #expect(
      full.lines == [
        "HTTP/1.1 304 Not Modified", "Date: Sun, 06 Nov 1994 08:49:37 GMT", "Connection: close",
        "Content-Type: application/json", "ETag: \"v1\"", "Content-Length: 1234",
      ])
    #expect(bare.body.isEmpty && full.body.isEmpty)
  }

  @Test func `what is written can be read`() throws {
    let bytes = [UInt8](capacity: 512) { output in
      let head = ResponseHead(.unavailable, .json, for: request(), date: Self.date.bytes, into: &output)
      output.append("{}")
      head.finish(&output)
    }
    let response = try #require(try bytes.withBytes { try Response.parse($0) })
    #expect(response.status == 503)
    #expect(response.framing == .length(2))
    #expect(response.headCount == bytes.count - 2)
  }
}
