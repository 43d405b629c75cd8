// A request head from bytes (RFC 9112 sections 2 to 6): stateless, so any prefix may be tried again with
// more. Where framing could be read in two ways it refuses; nothing is guessed, nothing is repaired.

package import Bytes

package struct RequestParser: Sendable {
  /// Bytes of the request line without its CRLF.
  package var lineMax = 8192
  /// Bytes of the field lines with their CRLFs.
  package var fieldsMax = 16 * 1024
  /// Field lines.
  package var fieldCountMax = 100
  /// Bytes of a body.
  package var bodyMax = 64 * 1024
  /// Bytes of the lines that say how long a body's chunks are.
  package var chunkOverheadMax = 64 * 1024
  /// Bytes of a trailer section.
  package var trailersMax = 8192

  package init() {}

  /// Empty lines before a request line.
  private static var emptyLinesMax: Int { 16 }

  /// Bytes that a head can have at the most, the empty lines around it included.
  package var headMax: Int { Self.emptyLinesMax * 2 + lineMax + 2 + fieldsMax + 2 }

  /// Bytes that a head which begins with `bytes` has at the most before it comes to the end of its line or of its fields.
  package func unfinishedMax(_ bytes: ByteView) -> Int {
    var cursor = Cursor(bytes)
    _ = cursor.skipEmptyLines(max: Self.emptyLinesMax)
    let newline = bytes.firstOffset(of: 0x0A, from: cursor.offset)
    return newline.map { $0 + 1 + fieldsMax } ?? cursor.offset + lineMax
  }

  /// Reads the head at the beginning of `bytes` into `request`, which is none before the outcome says so, but may have a
  /// method: a request is large enough that each copy of it would be seen in the figures.
  @_noAllocation @_noLocks
  package func parse(_ bytes: ByteView, into request: inout Request) -> ParseOutcome {
    request = Request()
    var cursor = Cursor(bytes)
    // An empty line before the request line is left over from an old client's body (section 2.2).
    switch cursor.skipEmptyLines(max: Self.emptyLinesMax) {
    case .done: break
    case .incomplete: return .incomplete
    case .invalid: return .invalid(.malformedRequestLine)
    }
    switch requestLine(&cursor, &request) {
    case .done: break
    case .incomplete: return .incomplete
    case .invalid(let rejection): return .invalid(rejection)
    }
    var fields = FieldFacts()
    switch fieldLines(&cursor, &request, &fields) {
    case .done: break
    case .incomplete: return .incomplete
    case .invalid(let rejection): return .invalid(rejection)
    }
    request.headCount = cursor.offset
    if let rejection = frame(&request, fields) { return .invalid(rejection) }
    return .head
  }

  private enum Step {
    case done, incomplete
    case invalid(Rejection)
  }

  // MARK: - The request line

  private func requestLine(_ cursor: inout Cursor, _ request: inout Request) -> Step {
    let start = cursor.offset
    let bytes = cursor.bytes
    let limit = start + lineMax
    if bytes.count &- start >= 4, bytes.word32(at: start) == Self.get {
      cursor.offset &+= 4
      request.method = .get
    } else {
      let method = cursor.skipToken()
      // No method is that long (section 3), and to wait for its end would keep rubbish waiting.
      guard method.count <= 32 else { return .invalid(.unsupportedMethod) }
      guard cursor.offset < bytes.count else { return .incomplete }
      guard !method.isEmpty, bytes[cursor.offset] == UInt8(ascii: " ") else {
        return .invalid(.malformedRequestLine)
      }
      cursor.offset += 1
      request.method = Self.method(bytes.slice(method))
    }

    let targetStart = cursor.offset
    cursor.skipTarget()
    let target = ByteRange(from: targetStart, to: cursor.offset)
    guard cursor.offset <= limit else { return .invalid(.targetTooLong) }
    guard cursor.offset < bytes.count else { return .incomplete }
    guard bytes[cursor.offset] == UInt8(ascii: " "), !target.isEmpty else {
      return .invalid(bytes[cursor.offset] == UInt8(ascii: "\r") ? .malformedRequestLine : .malformedTarget)
    }
    cursor.offset += 1

    switch version(&cursor, &request) {
    case .done: break
    case let step: return step
    }
    guard cursor.offset <= limit else { return .invalid(.targetTooLong) }
    switch cursor.endLine() {
    case .done: break
    case .incomplete: return .incomplete
    case .invalid: return .invalid(.malformedRequestLine)
    }
    if let rejection = split(target, bytes, &request) { return .invalid(rejection) }
    return .done
  }

  /// "GET " and "HTTP/1.1" as words of their bytes.
  private static var get: UInt32 { 0x2054_4547 }
  private static var version11: UInt64 { 0x312E_312F_5054_5448 }

  private func version(_ cursor: inout Cursor, _ request: inout Request) -> Step {
    if cursor.bytes.count &- cursor.offset >= 8, cursor.bytes.word(at: cursor.offset) == Self.version11 {
      cursor.offset &+= 8
      return .done
    }
    let expected = ("HTTP/" as StaticString).bytes
    for index in 0..<expected.count {
      guard cursor.offset < cursor.bytes.count else { return .incomplete }
      guard cursor.bytes[cursor.offset] == expected[index] else { return .invalid(.malformedRequestLine) }
      cursor.offset += 1
    }
    guard cursor.offset + 3 <= cursor.bytes.count else { return .incomplete }
    let major = cursor.bytes[cursor.offset] &- UInt8(ascii: "0")
    let minor = cursor.bytes[cursor.offset + 2] &- UInt8(ascii: "0")
    guard major < 10, minor < 10, cursor.bytes[cursor.offset + 1] == UInt8(ascii: ".") else {
      return .invalid(.malformedRequestLine)
    }
    guard major == 1 else { return .invalid(.unsupportedVersion) }
    cursor.offset += 3
    request.minorVersion = min(Int(minor), 1)
    request.keepsAlive = request.minorVersion == 1
    return .done
  }

  /// Finds path and query in a target of any of the four forms (section 3.2).
  private func split(_ target: ByteRange, _ bytes: ByteView, _ request: inout Request) -> Rejection? {
    var start = target.bounds.lowerBound
    let end = target.bounds.upperBound
    switch request.method {
    case .unknown, .connect: return .unsupportedMethod
    case .options where bytes.slice(target).equals("*"): return nil
    default: break
    }
    if bytes[start] != UInt8(ascii: "/") {
      guard let authority = Self.absoluteFormAuthority(bytes.slice(target)) else { return .malformedTarget }
      start += authority
      // "http://host" and "http://host?query" mean the root, which no route has.
      guard start < end, bytes[start] == UInt8(ascii: "/") else {
        guard start == end || bytes[start] == UInt8(ascii: "?") else { return .malformedTarget }
        request.path = ByteRange(start: start - 1, count: 0)
        request.query = start == end ? .empty : ByteRange(from: start + 1, to: end)
        return nil
      }
    }
    if let mark = bytes.slice(0..<end).firstOffset(of: UInt8(ascii: "?"), from: start) {
      request.path = ByteRange(from: start, to: mark)
      request.query = ByteRange(from: mark + 1, to: end)
    } else {
      request.path = ByteRange(from: start, to: end)
    }
    return nil
  }

  /// The length of "http://authority" at the beginning of an absolute-form target, or nil.
  private static func absoluteFormAuthority(_ target: ByteView) -> Int? {
    let scheme = ("http://" as StaticString).bytes
    let secure = ("https://" as StaticString).bytes
    var offset: Int
    if hasPrefixIgnoringCase(target, scheme) {
      offset = scheme.count
    } else if hasPrefixIgnoringCase(target, secure) {
      offset = secure.count
    } else {
      return nil
    }
    let start = offset
    while offset < target.count, Characters.isAuthority(target[offset]) { offset += 1 }
    return Host.isValid(target.slice(start..<offset)) ? offset : nil
  }

  private static func hasPrefixIgnoringCase(_ text: ByteView, _ prefix: ByteView) -> Bool {
    guard text.count >= prefix.count else { return false }
    for index in 0..<prefix.count where text[index].lowercased != prefix[index] { return false }
    return true
  }

  private static func method(_ token: ByteView) -> Method {
    switch token.count {
    case 3:
      if token.equals("GET") { return .get }
      if token.equals("PUT") { return .put }
    case 4:
      if token.equals("POST") { return .post }
      if token.equals("HEAD") { return .head }
    case 5:
      if token.equals("PATCH") { return .patch }
      if token.equals("TRACE") { return .trace }
    case 6: if token.equals("DELETE") { return .delete }
    case 7:
      if token.equals("OPTIONS") { return .options }
      if token.equals("CONNECT") { return .connect }
    default: break
    }
    return .unknown
  }

  // MARK: - The field lines

  private func fieldLines(_ cursor: inout Cursor, _ request: inout Request, _ facts: inout FieldFacts) -> Step
  {
    let start = cursor.offset
    let bytes = cursor.bytes
    var count = 0
    while true {
      guard cursor.offset - start <= fieldsMax else { return .invalid(.headTooLarge) }
      guard cursor.offset < bytes.count else { return .incomplete }
      if bytes[cursor.offset] == UInt8(ascii: "\r") || bytes[cursor.offset] == UInt8(ascii: "\n") {
        switch cursor.endLine() {
        case .done: return .done
        case .incomplete: return .incomplete
        case .invalid: return .invalid(.malformedField)
        }
      }
      if bytes[cursor.offset] == UInt8(ascii: " ") || bytes[cursor.offset] == UInt8(ascii: "\t") {
        return .invalid(.foldedField)
      }
      count += 1
      guard count <= fieldCountMax else { return .invalid(.tooManyFields) }
      let name = cursor.skipToken()
      guard cursor.offset < bytes.count else {
        return cursor.offset - start > fieldsMax ? .invalid(.headTooLarge) : .incomplete
      }
      guard !name.isEmpty, bytes[cursor.offset] == UInt8(ascii: ":") else { return .invalid(.malformedField) }
      cursor.offset += 1
      let valueStart = cursor.offset
      cursor.skipFieldValue()
      guard cursor.offset < bytes.count else {
        return cursor.offset - start > fieldsMax ? .invalid(.headTooLarge) : .incomplete
      }
      let value = bytes.trimmed(from: valueStart, to: cursor.offset)
      switch cursor.endLine() {
      case .done: break
      case .incomplete: return cursor.offset - start > fieldsMax ? .invalid(.headTooLarge) : .incomplete
      case .invalid: return .invalid(.malformedField)
      }
      if let rejection = note(bytes.slice(name), value, bytes, &request, &facts) {
        return .invalid(rejection)
      }
    }
  }

  /// What the fields said about framing, judged together once all are read.
  private struct FieldFacts {
    var hostCount = 0
    var length: Int?
    var isChunked = false
    var closes = false
    var asksToKeep = false
  }

  private func note(
    _ name: ByteView, _ value: ByteRange, _ bytes: ByteView, _ request: inout Request,
    _ facts: inout FieldFacts
  ) -> Rejection? {
    switch name.count {
    case 4 where name.equalsIgnoringCase("host"):
      facts.hostCount += 1
      guard facts.hostCount == 1 else { return .missingHost }
      // A client that asks no host in particular sends an empty one.
      guard value.count == 0 || Host.isValid(bytes.slice(value)) else { return .malformedHost }
    case 6:
      if name.equalsIgnoringCase("cookie") {
        if request.cookie.count == 0 { request.cookie = value }
      } else if name.equalsIgnoringCase("origin") {
        return Self.once(&request.origin, value)
      } else if name.equalsIgnoringCase("expect") {
        guard bytes.slice(value).equalsIgnoringCase("100-continue") else { return .unsupportedExpectation }
        request.expectsContinue = true
      }
    case 9 where name.equalsIgnoringCase("x-api-key"): return Self.once(&request.apiKey, value)
    case 10 where name.equalsIgnoringCase("connection"):
      noteConnection(bytes.slice(value), &facts)
    case 13:
      if name.equalsIgnoringCase("if-none-match") {
        request.ifNoneMatch = value
      } else if name.equalsIgnoringCase("authorization") {
        return Self.once(&request.authorization, value)
      } else if name.equalsIgnoringCase("last-event-id") {
        request.lastEventID = value
      }
    case 14 where name.equalsIgnoringCase("content-length"):
      guard facts.length == nil else { return .ambiguousLength }
      guard let length = Decimal.parse(bytes.slice(value)) else {
        // Digits that overflow an Int are a length, only too large a one.
        return Self.isDigits(bytes.slice(value)) ? .bodyTooLarge : .malformedLength
      }
      facts.length = length
    case 15 where name.equalsIgnoringCase("x-forwarded-for"): request.forwardedFor = value
    case 16 where name.equalsIgnoringCase("x-turnout-sticky"): return Self.once(&request.sticky, value)
    case 17:
      if name.equalsIgnoringCase("transfer-encoding") {
        guard !facts.isChunked else { return .ambiguousLength }
        guard bytes.slice(value).equalsIgnoringCase("chunked") else {
          return Self.judgeCodings(bytes.slice(value))
        }
        facts.isChunked = true
      } else if name.equalsIgnoringCase("x-forwarded-proto") {
        request.forwardedProto = value
      }
    case 21 where name.equalsIgnoringCase("x-turnout-environment"):
      return Self.once(&request.environment, value)
    case 29 where name.equalsIgnoringCase("access-control-request-method"): request.requestedMethod = value
    default: break
    }
    return nil
  }

  /// Codings that are not chunked alone. If chunked comes last, and once, the end of the body is known but not what it
  /// says; in every other case not even its end is (section 6.3).
  private static func judgeCodings(_ value: ByteView) -> Rejection {
    var start = 0
    while let end = value.firstOffset(of: UInt8(ascii: ","), from: start) {
      let coding = value.slice(value.trimmed(from: start, to: end))
      guard !coding.isEmpty, !coding.equalsIgnoringCase("chunked") else { return .ambiguousLength }
      start = end + 1
    }
    let last = value.slice(value.trimmed(from: start, to: value.count))
    return start > 0 && last.equalsIgnoringCase("chunked") ? .unsupportedCoding : .ambiguousLength
  }

  /// A field that says who asks, or for what, is not guessed from two.
  private static func once(_ place: inout ByteRange, _ value: ByteRange) -> Rejection? {
    guard place.count == 0 else { return .repeatedField }
    place = value
    return nil
  }

  private func noteConnection(_ value: ByteView, _ facts: inout FieldFacts) {
    var start = 0
    while start < value.count {
      let end = value.firstOffset(of: UInt8(ascii: ","), from: start) ?? value.count
      let option = value.slice(value.trimmed(from: start, to: end))
      if option.equalsIgnoringCase("close") { facts.closes = true }
      if option.equalsIgnoringCase("keep-alive") { facts.asksToKeep = true }
      start = end + 1
    }
  }

  private static func isDigits(_ text: ByteView) -> Bool {
    for offset in 0..<text.count where text[offset] &- UInt8(ascii: "0") > 9 { return false }
    return !text.isEmpty
  }

  private func frame(_ request: inout Request, _ facts: FieldFacts) -> Rejection? {
    if request.minorVersion == 1, facts.hostCount != 1 { return .missingHost }
    if facts.isChunked {
      // HTTP/1.0 has no transfer coding: whoever sends one has lost count (section 6.1).
      guard facts.length == nil, request.minorVersion == 1 else { return .ambiguousLength }
      request.framing = .chunked
    } else if let length = facts.length {
      guard length <= bodyMax else { return .bodyTooLarge }
      request.framing = length == 0 ? .none : .length(length)
    }
    if facts.closes {
      request.keepsAlive = false
    } else if request.minorVersion == 0 {
      request.keepsAlive = facts.asksToKeep
    }
    if request.minorVersion == 0 || request.framing == .none { request.expectsContinue = false }
    return nil
  }
}
