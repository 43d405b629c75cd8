// Requests on a connection, one behind the other: a cut changes nothing, a head ends in one place, a body is the
// chunks' data, and every part that a route reads is what a plain program reads there.

import Access
import Bytes
import HTTP
import Kernel

final class RequestLaw: Law {
  private let memory: Memory
  private let whole: ByteRegion
  private let dripped: ByteRegion
  private let room: ByteRegion
  private let proxies: AddressList
  private let nobody: AddressList

  /// As an edge has it, and one whose limits a short input reaches.
  private static let parsers: [RequestParser] = {
    var small = RequestParser()
    small.lineMax = 48
    small.fieldsMax = 160
    small.fieldCountMax = 4
    small.bodyMax = 64
    small.chunkOverheadMax = 64
    small.trailersMax = 32
    return [RequestParser(), small]
  }()

  /// Bytes of an input that are looked at.
  private static var inputMax: Int { 1 << 20 }

  init() throws {
    memory = try Memory(byteCount: 4 * Self.inputMax)
    whole = memory.region.part(from: 0, count: Self.inputMax)
    dripped = memory.region.part(from: Self.inputMax, count: Self.inputMax)
    room = memory.region.part(from: 2 * Self.inputMax, count: Self.inputMax)
    var carver = Carver(memory.region.part(from: 3 * Self.inputMax, count: Self.inputMax))
    proxies = AddressList(["127.0.0.1", "10.0.0.0/8", "2001:db8::/32"], &carver)
    nobody = AddressList([], &carver)
  }

  func check(_ input: ByteView) throws {
    let input = input.slice(0..<min(input.count, Self.inputMax))
    for parser in Self.parsers {
      var rest = input
      while !rest.isEmpty, let count = try checkRequest(rest, parser) { rest = rest.dropping(count) }
    }
  }

  /// The bytes of the request at the beginning; nil if it is none, or not there as a whole.
  private func checkRequest(_ bytes: ByteView, _ parser: RequestParser) throws -> Int? {
    var request = Request()
    let outcome = parser.parse(bytes, into: &request)
    let cut = bytes.chance(bytes.count)
    var early = Request()
    let earlyOutcome = parser.parse(bytes.slice(0..<cut), into: &early)
    switch outcome {
    case .incomplete:
      try hold(earlyOutcome == .incomplete, "what is incomplete was incomplete at \(cut)")
      return nil
    case .invalid:
      try hold(earlyOutcome != .head, "what is invalid was no head at \(cut)")
      return nil
    case .head: break
    }
    if cut < request.headCount {
      try hold(earlyOutcome == .incomplete, "a head is incomplete at \(cut): \(earlyOutcome)")
    } else {
      try hold(earlyOutcome == .head && early == request, "a head is the same at \(cut): \(early) \(request)")
    }
    try checkHead(bytes, request, parser)
    try checkAnswer(bytes, request)
    switch request.framing {
    case .none: return request.headCount
    case .length(let count):
      try hold(count > 0 && count <= parser.bodyMax, "a body of \(count) bytes is within the limit")
      return count <= bytes.count - request.headCount ? request.headCount + count : nil
    case .chunked: return try checkChunks(bytes, from: request.headCount, parser)
    }
  }

  // MARK: - The head

  private func checkHead(_ bytes: ByteView, _ request: Request, _ parser: RequestParser) throws {
    let head = bytes.slice(0..<request.headCount)
    try hold(head.ends(with: ("\r\n\r\n" as StaticString).bytes), "a head ends with an empty line")
    try hold(request.headCount <= parser.headMax, "a head of \(request.headCount) is within the limits")
    for range in [
      request.path, request.query, request.ifNoneMatch, request.authorization, request.apiKey, request.origin,
      request.requestedMethod, request.lastEventID, request.environment, request.sticky, request.cookie,
      request.forwardedFor, request.forwardedProto,
    ] {
      try hold(range.bounds.upperBound <= request.headCount, "a part of the head lies in it")
      let part = [UInt8](bytes.slice(range))
      try hold(!part.contains { $0 < 0x20 && $0 != 0x09 || $0 == 0x7F }, "a part has no control character")
    }
    let path = bytes.slice(request.path)
    try hold(path.isEmpty || path[0] == UInt8(ascii: "/"), "a path begins with a slash")
    try hold(path.firstOffset(of: UInt8(ascii: "?")) == nil, "a path has no query")
    try checkQuery(bytes, request.query)
    try checkPercent(path)
    try checkCookies(bytes, request.cookie)
    try checkForwarded(bytes.slice(request.forwardedFor))
    if case .key(let key) = Credential.read(
      authorization: bytes.slice(request.authorization), apiKey: bytes.slice(request.apiKey))
    {
      try hold(!key.isEmpty && key.count <= Credential.keyMax, "a key has a length that is allowed")
    }
    _ = ETag.matches(bytes.slice(request.ifNoneMatch), ("\"7\"" as StaticString).bytes)
  }

  private func checkQuery(_ bytes: ByteView, _ range: ByteRange) throws {
    var fields = Query(range)
    for text in bytes.slice(range).split(UInt8(ascii: "&")) where !text.isEmpty {
      guard let field = fields.next(bytes) else {
        throw Broken(description: "a query's fields end too early")
      }
      let equals = text.firstIndex(of: UInt8(ascii: "=")) ?? text.count
      try hold([UInt8](bytes.slice(field.name)) == Array(text[..<equals]), "a name ends before the first =")
      try hold(
        [UInt8](bytes.slice(field.value)) == Array(text[equals...].dropFirst()), "a value begins behind it")
      try checkPercent(bytes.slice(field.value))
    }
    try hold(fields.next(bytes) == nil, "a query has no more fields than separators tell")
  }

  private func checkPercent(_ text: ByteView) throws {
    for plusIsSpace in [false, true] {
      var output = Output(room)
      let isDecoded = Percent.decode(text, plusIsSpace: plusIsSpace, into: &output)
      try hold(isDecoded == (plain(text, plusIsSpace) != nil), "an escape is two hexadecimal digits")
      try hold([UInt8](output.written) == plain(text, plusIsSpace) ?? [], "an escape is the byte it names")
    }
  }

  private func plain(_ text: ByteView, _ plusIsSpace: Bool) -> [UInt8]? {
    var result: [UInt8] = []
    var rest = [UInt8](text)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%") {
        guard let high = rest.popFirst().flatMap(Hex.value), let low = rest.popFirst().flatMap(Hex.value)
        else {
          return nil
        }
        result.append(high << 4 | low)
      } else {
        result.append(plusIsSpace && byte == UInt8(ascii: "+") ? 0x20 : byte)
      }
    }
    return result
  }

  private func checkCookies(_ bytes: ByteView, _ range: ByteRange) throws {
    var cookies = Cookies(range)
    for text in bytes.slice(range).split(UInt8(ascii: ";")).map(trimmed) where !text.isEmpty {
      guard let cookie = cookies.next(bytes) else { throw Broken(description: "the cookies end too early") }
      let equals = text.firstIndex(of: UInt8(ascii: "="))
      let name = trimmed(equals.map { Array(text[..<$0]) } ?? [])
      let value = trimmed(equals.map { Array(text[($0 + 1)...]) } ?? text)
      try hold([UInt8](bytes.slice(cookie.name)) == name, "a cookie's name ends before the first =")
      try hold([UInt8](bytes.slice(cookie.value)) == value, "a cookie's value begins behind it")
    }
    try hold(cookies.next(bytes) == nil, "there are no more cookies than separators tell")
  }

  private func trimmed(_ text: [UInt8]) -> [UInt8] {
    func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
    return Array(text.drop(while: isBlank).reversed().drop(while: isBlank).reversed())
  }

  private func checkForwarded(_ value: ByteView) throws {
    let last = value.split(UInt8(ascii: ",")).last ?? []
    let address = last.withBytes { ForwardedFor.client($0, nobody) }
    try hold(
      ForwardedFor.client(value, nobody) == address, "where no proxy is trusted, the last address counts")
    if let client = ForwardedFor.client(value, proxies), proxies.contains(client) {
      let addresses = value.split(UInt8(ascii: ",")).map { text in
        text.withBytes { ForwardedFor.client($0, nobody) }
      }
      try hold(addresses.allSatisfy { $0.map(proxies.contains) ?? false }, "a proxy is no client of others")
    }
  }

  // MARK: - The answer

  /// What answers a request is read by the client that Turnout itself is.
  private func checkAnswer(_ bytes: ByteView, _ request: Request) throws {
    var output = Output(room)
    let head = ResponseHead(
      .ok, .json, for: request, date: ("Date: Sat, 21 Nov 2026 18:41:04 GMT\r\n" as StaticString).bytes,
      into: &output)
    let body = bytes.slice(request.path)
    let start = output.count
    output.append(body)
    head.finish(&output)
    guard let answer = try Response.parse(output.written) else {
      throw Broken(description: "an answer has a head")
    }
    try hold(answer.status == 200 && answer.headCount == start, "an answer's head is read as it was written")
    try hold(
      answer.framing == (body.isEmpty ? Framing.none : .length(body.count)), "an answer tells its length")
    try hold(answer.keepsAlive == request.keepsAlive, "an answer says whether the connection stays")
  }

  // MARK: - Chunks

  /// The bytes up to the end of the chunks; nil if they are none, or not there as a whole.
  private func checkChunks(_ bytes: ByteView, from start: Int, _ parser: RequestParser) throws -> Int? {
    whole.copy(bytes, to: 0)
    dripped.copy(bytes, to: 0)
    var body = ChunkedBody(start: start)
    let outcome = body.advance(whole, filled: bytes.count, parser)
    var drip = ChunkedBody(start: start)
    var filled = start
    var dripOutcome = ChunkedBody.Outcome.incomplete
    var step: UInt64 = 0
    while filled < bytes.count, dripOutcome == .incomplete {
      step += 1
      filled += 1 + bytes.chance(min(bytes.count - filled, 24) - 1, step)
      dripOutcome = drip.advance(dripped, filled: filled, parser)
    }
    switch outcome {
    case .incomplete: try hold(dripOutcome == .incomplete, "what is incomplete drips as such: \(dripOutcome)")
    case .invalid:
      // Too long a line may be refused at another of its bytes.
      if case .invalid = dripOutcome { return nil }
      throw Broken(description: "what is invalid drips as such: \(outcome) \(dripOutcome)")
    case .complete:
      try hold(dripOutcome == .complete && drip.offset == body.offset, "a body ends in one place")
    }
    try hold(body.count <= parser.bodyMax && body.offset <= bytes.count, "a body stays within its limits")
    let data = [UInt8](whole.bytes.slice(start..<(start + body.count)))
    try hold(drip.count == body.count, "a body has one length")
    try hold([UInt8](dripped.bytes.slice(start..<(start + drip.count))) == data, "a body drips as it is")
    guard outcome == .complete else { return nil }
    try hold(data == plainData([UInt8](bytes.dropping(start))), "a body is the data of its chunks")
    return body.offset
  }

  /// The data of chunks that are known to be well-formed.
  private func plainData(_ chunks: [UInt8]) -> [UInt8] {
    var data: [UInt8] = []
    var rest = chunks[...]
    while true {
      var size = 0
      while let digit = rest.first.flatMap(Hex.value) {
        size = size << 4 | Int(digit)
        rest.removeFirst()
      }
      rest = rest.drop { $0 != 0x0A }.dropFirst()
      guard size > 0 else { return data }
      data += rest.prefix(size)
      rest = rest.dropFirst(size + 2)
    }
  }
}

extension ChunkedBody {
  /// Reads on within a parser's limits.
  mutating func advance(_ buffer: ByteRegion, filled: Int, _ parser: RequestParser) -> Outcome {
    advance(
      buffer, filled: filled, bodyMax: parser.bodyMax, overheadMax: parser.chunkOverheadMax,
      trailersMax: parser.trailersMax)
  }
}
