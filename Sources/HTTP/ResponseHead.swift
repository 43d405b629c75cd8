// Writes the head of an answer. The length is not known before the body is written, so its field gets eight
// blanks that are filled in at the end: blanks before a value are allowed (RFC 9112 section 5).

package import Bytes

package enum ContentType: Sendable {
  case json
  /// Prometheus' text exposition format 0.0.4.
  case metrics
  /// Server-sent events (WHATWG HTML, section 9.2).
  case events

  var line: StaticString {
    switch self {
    case .json: "Content-Type: application/json\r\n"
    case .metrics: "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
    case .events: "Content-Type: text/event-stream\r\n"
    }
  }
}

package struct ResponseHead {
  /// Digits that a body's length can have.
  package static var lengthDigits: Int { 8 }

  private let lengthField: ByteRange
  private let bodyStart: Int
  private let sendsBody: Bool

  /// Writes a head for a body that follows in the same output. `date` is the line of the date and `fields`
  /// are further lines, each with its CRLF.
  @_noAllocation @_noLocks
  package init(
    _ status: Status, _ type: ContentType, for request: Request, date: ByteView, fields: ByteView = .empty,
    into output: inout Output
  ) {
    Self.start(status, for: request, date: date, into: &output)
    output.append(type.line)
    output.append(fields)
    lengthField = ByteRange(start: output.count + 16, count: Self.lengthDigits)
    output.append("Content-Length:         \r\n\r\n")
    bodyStart = output.count
    sendsBody = request.method != .head
  }

  /// Fills in the length of what was written since. An answer to HEAD keeps the length and drops the body.
  @_noAllocation @_noLocks
  package func finish(_ output: inout Output) {
    guard !output.isOverflowing else { return }
    output.patch(lengthField, withDecimal: output.count - bodyStart)
    if !sendsBody { output.rewind(to: bodyStart) }
  }

  /// Writes a head without a body: for 204 and 304, and for a body of `length` bytes that is sent from
  /// elsewhere.
  @_noAllocation @_noLocks
  package static func write(
    _ status: Status, for request: Request, date: ByteView, length: Int? = nil, type: ContentType? = nil,
    etag: ByteView = .empty, fields: ByteView = .empty, into output: inout Output
  ) {
    start(status, for: request, date: date, into: &output)
    output.append(fields)
    if let type { output.append(type.line) }
    if !etag.isEmpty {
      output.append("ETag: ")
      output.append(etag)
      output.append("\r\n")
    }
    if let length {
      output.append("Content-Length: ")
      output.append(decimal: length)
      output.append("\r\n")
    }
    output.append("\r\n")
  }

  /// Writes the head of an answer without an end: what follows goes on until the connection is closed, so the
  /// length is not stated (RFC 9112 section 6.3).
  @_noAllocation @_noLocks
  package static func writeStream(
    _ type: ContentType, for request: Request, date: ByteView, fields: ByteView, into output: inout Output
  ) {
    var request = request
    request.keepsAlive = false
    start(.ok, for: request, date: date, into: &output)
    output.append(type.line)
    output.append("Cache-Control: no-store\r\n")
    output.append(fields)
    output.append("\r\n")
  }

  private static func start(_ status: Status, for request: Request, date: ByteView, into output: inout Output)
  {
    output.append(status.line)
    output.append(date)
    if !request.keepsAlive {
      output.append("Connection: close\r\n")
    } else if request.minorVersion == 0 {
      output.append("Connection: keep-alive\r\n")
    }
  }
}
