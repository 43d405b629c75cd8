// What is at a limit is served, what is one above is refused (RELIABILITY H1 to H4): with the limits that an edge has
// when nobody sets them.

extension Row {
  private static func text(_ count: Int) -> String { String(repeating: "a", count: count) }

  /// GET /health whose request line has so many bytes.
  private static func line(_ count: Int) -> String {
    "GET /health?\(text(count - 21)) HTTP/1.1\r\nHost: a\r\n\r\n"
  }

  /// GET /health whose header lines have so many bytes, nearly all in one line.
  private static func section(_ count: Int) -> String {
    "GET /health HTTP/1.1\r\nHost: a\r\nX: \(text(count - 14))\r\n\r\n"
  }

  /// GET /health with so many header lines.
  private static func lines(_ count: Int) -> String {
    "GET /health HTTP/1.1\r\nHost: a\r\n" + String(repeating: "X: a\r\n", count: count - 1) + "\r\n"
  }

  private static func body(_ count: Int) -> String {
    #"{"subjectId":"u","a":""# + text(count - 24) + "\"}"
  }

  private static func chunked(_ chunks: String) -> String {
    "POST /api/v1/decide HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
  }

  static let limits: [Row] = [
    served("3", "a request line of 8,000 bytes", line(8000)),
    served("3", "a request line of 8,192 bytes", line(8192)),
    refused("3", "a request line of 8,193 bytes", line(8193), 414, "TARGET_TOO_LONG"),
    refused("3", "a request line of 64 KiB", line(65_536), 414, "TARGET_TOO_LONG"),
    refused("3", "a request line that does not end", "GET /" + text(8200), 414, "TARGET_TOO_LONG"),
    refused("3", "a request line without end", "GET /" + text(300_000), 414, "TARGET_TOO_LONG"),
    refused(
      "3", "a version beyond the limit", "GET /\(text(8187 - 5)) HTTP/1.1\r\nHost: a\r\n\r\n", 414,
      "TARGET_TOO_LONG"),
    served("RFC 9110 5.4", "header lines of 8 KiB", section(8192)),
    served("RFC 9110 5.4", "header lines of 16 KiB", section(16_384)),
    refused("RFC 6585 5", "header lines of 16 KiB and a byte", section(16_385), 431, "HEADERS_TOO_LARGE"),
    refused("RFC 6585 5", "header lines of 64 KiB", section(65_536), 431, "HEADERS_TOO_LARGE"),
    refused(
      "RFC 6585 5", "a header line that does not end",
      "GET /health HTTP/1.1\r\nHost: a\r\nX: " + text(16_400), 431, "HEADERS_TOO_LARGE"),
    refused(
      "RFC 6585 5", "a header line without end", "GET /health HTTP/1.1\r\nHost: a\r\nX: " + text(300_000),
      431,
      "HEADERS_TOO_LARGE"),
    refused(
      "RFC 6585 5", "a name without end", "GET /health HTTP/1.1\r\nHost: a\r\n" + text(300_000), 431,
      "HEADERS_TOO_LARGE"),
    refused(
      "RFC 6585 5", "a few large header lines",
      health((0..<5).map { "X-\($0): \(text(4000))" }.joined(separator: "\r\n")), 431, "HEADERS_TOO_LARGE"),
    served("RFC 9110 5.4", "100 header lines", lines(100)),
    refused("RFC 6585 5", "101 header lines", lines(101), 431, "TOO_MANY_HEADERS"),
    refused("RFC 6585 5", "2,000 header lines", lines(2000), 431, "TOO_MANY_HEADERS"),
    served(
      "RFC 9110 5.4", "all of it at its limit",
      "GET /health?\(text(8192 - 21)) HTTP/1.1\r\nHost: a\r\nX: \(text(16_384 - 14))\r\n\r\n"),
    served("RFC 9110 15.5.14", "a body of 64 KiB", post("/api/v1/decide", body(65_536))),
    served(
      "RFC 9110 15.5.14", "a chunked body of 64 KiB", chunked("10000\r\n\(body(65_536))\r\n0\r\n\r\n")),
    refused(
      "RFC 9110 15.5.14", "a body of 64 KiB and a byte", post("/api/v1/decide", body(65_537)), 413,
      "BODY_TOO_LARGE"),
    refused(
      "RFC 9110 15.5.14", "a larger body, of which nothing comes",
      "POST /api/v1/decide HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n", 413, "BODY_TOO_LARGE"),
    refused(
      "RFC 9110 15.5.14", "a body of GET that is too large",
      "GET /health HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n", 413, "BODY_TOO_LARGE"),
    refused(
      "RFC 9110 15.5.14", "a chunk of 64 KiB and a byte", chunked("10001\r\n"), 413, "BODY_TOO_LARGE"),
    refused(
      "RFC 9110 15.5.14", "chunks whose sum is too large",
      chunked("8000\r\n\(text(32_768))\r\n8000\r\n\(text(32_768))\r\n1\r\n"), 413, "BODY_TOO_LARGE"),
    served(
      "7.1.1", "size lines of less than 64 KiB",
      chunked(
        "11;\(text(1000))\r\n{\"subjectId\":\"u\"}\r\n"
          + String(repeating: "1;\(text(1000))\r\n \r\n", count: 60) + "0\r\n\r\n")),
    refused(
      "7.1.1", "size lines of more than 64 KiB",
      chunked(String(repeating: "1;\(text(1000))\r\n \r\n", count: 70)),
      400, "MALFORMED_CHUNK"),
    refused(
      "7.1", "a body of 30,000 chunks", chunked(String(repeating: "1\r\n \r\n", count: 30_000)), 400,
      "MALFORMED_CHUNK"),
    served(
      "7.1", "a body of 10,000 chunks",
      chunked(
        "11\r\n{\"subjectId\":\"u\"}\r\n" + String(repeating: "1\r\n \r\n", count: 10_000) + "0\r\n\r\n")),
  ]

  static let all: [Row] = [
    requestLines, methods, otherMethods, unknownMethods, noMethods, targets, malformedEscapes, bytesOfTargets,
    fields, controlCharacters, delimiters, bytesAboveASCII, persistence, expectations, lengths, codings,
    chunks,
    bodies, numbers, noNumbers, malformedUTF8, questions, limits,
  ].flatMap(\.self)
}
