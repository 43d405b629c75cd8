// What a client gets that does it wrong: an answer it can read, then the end; and nobody else notices.

import JSON
import ProgramSupport
import Testing

@Suite struct RefusalTests {
  /// Bytes, status, stable code. Each ends the connection.
  static let malformed: [(String, Int, String)] = [
    ("GET /\(String(repeating: "a", count: 8200)) HTTP/1.1\r\nHost: e\r\n\r\n", 414, "TARGET_TOO_LONG"),
    ("GET /\(String(repeating: "a", count: 60_000))", 414, "TARGET_TOO_LONG"),
    (
      "GET / HTTP/1.1\r\nHost: e\r\nX: \(String(repeating: "a", count: 17_000))\r\n\r\n", 431,
      "HEADERS_TOO_LARGE"
    ),
    (
      "GET / HTTP/1.1\r\nHost: e\r\n" + String(repeating: "X: y\r\n", count: 101) + "\r\n", 431,
      "TOO_MANY_HEADERS"
    ),
    ("POST /api/v1/decide HTTP/1.1\r\nHost: e\r\nContent-Length: 65537\r\n\r\n", 413, "BODY_TOO_LARGE"),
    (
      "POST /api/v1/decide HTTP/1.1\r\nHost: e\r\nContent-Length: 99999999999999999999999\r\n\r\n", 413,
      "BODY_TOO_LARGE"
    ),
    (
      "POST /api/v1/decide HTTP/1.1\r\nHost: e\r\nTransfer-Encoding: chunked\r\n\r\n10001\r\n", 413,
      "BODY_TOO_LARGE"
    ),
    (
      "POST / HTTP/1.1\r\nHost: e\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400,
      "AMBIGUOUS_LENGTH"
    ),
    (
      "POST / HTTP/1.1\r\nHost: e\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
      "AMBIGUOUS_LENGTH"
    ),
    (
      "POST / HTTP/1.1\r\nHost: e\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400,
      "AMBIGUOUS_LENGTH"
    ),
    ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "AMBIGUOUS_LENGTH"),
    ("POST / HTTP/1.1\r\nHost: e\r\nContent-Length: +5\r\n\r\nhello", 400, "MALFORMED_CONTENT_LENGTH"),
    ("POST / HTTP/1.1\r\nHost: e\r\nContent-Length: 5, 5\r\n\r\nhello", 400, "MALFORMED_CONTENT_LENGTH"),
    ("GET / HTTP/1.1\r\nHost: e\r\nX: a\r\n b\r\n\r\n", 400, "FOLDED_HEADER"),
    ("GET / HTTP/1.1\r\nHost: e\r\nX: a\rb\r\n\r\n", 400, "MALFORMED_HEADER"),
    ("GET / HTTP/1.1\r\nHost: e\r\nX: a\n\r\n\r\n", 400, "MALFORMED_HEADER"),
    ("GET / HTTP/1.1\nHost: e\n\n", 400, "MALFORMED_REQUEST_LINE"),
    ("GET / HTTP/1.1\r\nHost: e\r\nX: a\0b\r\n\r\n", 400, "MALFORMED_HEADER"),
    ("GET /a\0b HTTP/1.1\r\nHost: e\r\n\r\n", 400, "MALFORMED_TARGET"),
    ("GET /a b HTTP/1.1\r\nHost: e\r\n\r\n", 400, "MALFORMED_REQUEST_LINE"),
    ("GET / HTTP/1.1\r\nHost : e\r\n\r\n", 400, "MALFORMED_HEADER"),
    ("GET / HTTP/1.1\r\n: e\r\n\r\n", 400, "MALFORMED_HEADER"),
    ("GET / HTTP/1.1\r\n\r\n", 400, "MISSING_HOST"),
    ("GET / HTTP/1.1\r\nHost: e\r\nHost: f\r\n\r\n", 400, "MISSING_HOST"),
    ("GET / HTTP/1.1\r\nHost: e/f\r\n\r\n", 400, "MALFORMED_HOST"),
    ("GET nothing HTTP/1.1\r\nHost: e\r\n\r\n", 400, "MALFORMED_TARGET"),
    ("GET / HTTP/2.0\r\nHost: e\r\n\r\n", 505, "UNSUPPORTED_VERSION"),
    ("BREW / HTTP/1.1\r\nHost: e\r\n\r\n", 501, "UNSUPPORTED_METHOD"),
    (
      "POST / HTTP/1.1\r\nHost: e\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501,
      "UNSUPPORTED_TRANSFER_CODING"
    ),
    ("GET / HTTP/1.1\r\nHost: e\r\nExpect: more\r\n\r\n", 417, "UNSUPPORTED_EXPECTATION"),
    ("POST / HTTP/1.1\r\nHost: e\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400, "MALFORMED_CHUNK"),
    ("POST / HTTP/1.1\r\nHost: e\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", 400, "MALFORMED_CHUNK"),
    ("POST / HTTP/1.1\r\nHost: e\r\nTransfer-Encoding: chunked\r\n\r\n1\n", 400, "MALFORMED_CHUNK"),
    ("\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}", 400, "MALFORMED_REQUEST_LINE"),
    ("\r\n\r\nX\r\n\r\n", 400, "MALFORMED_REQUEST_LINE"),
  ]

  @Test func `bad framing gets one answer that can be read and then the end`() throws {
    let edge = try House().edge
    for (request, status, code) in Self.malformed {
      for isAfterAnother in [false, true] {
        let client = try edge.client()
        let label = "\(code) \(request.prefix(60))"
        if isAfterAnother { try client.send("GET /health HTTP/1.1\r\nHost: edge\r\n\r\n") }
        try client.send(
          request + (code == "TARGET_TOO_LONG" ? "" : "GET /health HTTP/1.1\r\nHost: e\r\n\r\n"))
        if isAfterAnother { #expect(try client.read().status == 200) }
        let answer = try client.read()
        #expect(answer.status == status, "\(label)")
        #expect(answer.errorCode == code, "\(label)")
        #expect(answer["Connection"] == "close", "\(label)")
        #expect(try client.readToEnd().isEmpty, "\(label)")
        #expect(!client.isReset, "\(label)")
      }
    }
    let code = #"turnout_http_rejections_total{reason="FOLDED_HEADER"}"#
    #expect(try edge.metric(code) == 2)
  }

  @Test func `bad framing is refused wherever the bytes are cut`() throws {
    let edge = try House().edge
    for (request, status, _) in Self.malformed where request.utf8.count < 120 {
      let bytes = Array(request.utf8)
      for cut in 1..<bytes.count {
        let client = try edge.unixClient()
        try client.send(Array(bytes[..<cut]))
        try client.waitUntilRead()
        try client.send(Array(bytes[cut...]))
        let answer = try client.read()
        #expect(answer.status == status, "cut at \(cut): \(request)")
        #expect(try client.readToEnd().isEmpty)
      }
    }
  }

  @Test func `a large bad head is refused wherever the bytes are cut`() throws {
    let edge = try House().edge
    // Bad without an empty line behind it: nothing more will come.
    let start = "GET /health HTTP/1.1\r\nHost: e\r\nX: \(String(repeating: "a", count: 2000))"
    for tail in ["\0", "\rx", "\n", "\r\n folded", "\r\nno colon"] {
      let client = try edge.unixClient()
      try client.send(start)
      try client.waitUntilRead()
      try client.send(tail)
      #expect(try client.read(within: 3).status == 400, "\(tail.debugDescription)")
    }
  }

  @Test func `what is at a limit is served`() throws {
    let edge = try House().edge
    let client = try edge.client()
    let target = "/health?" + String(repeating: "a", count: 8000 - 8)
    #expect(try client.get(target).status == 200)
    let fields = String(repeating: "X-Field: \(String(repeating: "b", count: 144))\r\n", count: 99)
    #expect(try client.ask("GET /health HTTP/1.1\r\nHost: edge\r\n\(fields)\r\n").status == 200)
    let body = #"{"subjectId":"u","attributes":{"a":""# + String(repeating: "c", count: 65_536 - 39) + #""}}"#
    #expect(body.utf8.count == 65_536)
    #expect(try client.post("/api/v1/decide", body).status == 200)
    let chunks = "POST /api/v1/decide HTTP/1.1\r\nHost: edge\r\nTransfer-Encoding: chunked\r\n\r\n"
    #expect(try client.ask(chunks + "10000\r\n\(body)\r\n0\r\n\r\n").status == 200)
  }

  @Test(arguments: [
    ("/decide", "MISSING_USER_KEY"), ("/decide?user_key=", "MISSING_USER_KEY"),
    ("/decide?user_key=%zz", "MALFORMED_QUERY"), ("/decide?user_key=%FF", "MALFORMED_QUERY"),
    ("/decide?user_key=a&user_key=b", "MALFORMED_QUERY"),
    ("/decide?user_key=a&env=a%2Fb", "INVALID_ENVIRONMENT"),
    ("/decide?user_key=a&env=..", "INVALID_ENVIRONMENT"),
    ("/decide?user_key=a&env=\(String(repeating: "e", count: 65))", "INVALID_ENVIRONMENT"),
    ("/decide?user_key=a&context=%5B%5D", "INVALID_CONTEXT"),
    ("/decide?user_key=a&context=1", "INVALID_CONTEXT"),
    ("/decide?user_key=a&context=%7B", "INVALID_CONTEXT"),
    ("/decide?user_key=a&context=x", "INVALID_CONTEXT"),
  ])
  func `a bad query gets 400 with a stable code and the connection stays`(target: String, code: String) throws
  {
    let client = try House().edge.client()
    let answer = try client.get(target)
    #expect(answer.status == 400)
    #expect(answer.errorCode == code)
    #expect(try answer.json()["error"]?.text?.isEmpty == false)
    #expect(try client.get("/health").status == 200)
  }

  @Test(arguments: [
    ("", "MALFORMED_BODY"), ("{", "MALFORMED_BODY"), ("[]", "MALFORMED_BODY"), ("{}", "MISSING_SUBJECT"),
    (#"{"subjectId":""}"#, "INVALID_SUBJECT"), (#"{"subjectId":7}"#, "INVALID_SUBJECT"),
    (#"{"subjectId":"\#(String(repeating: "u", count: 257))"}"#, "INVALID_SUBJECT"),
    (#"{"subjectId":"u","attributes":[]}"#, "INVALID_CONTEXT"),
    (#"{"subjectId":"u","flagKeys":"banner"}"#, "INVALID_FLAG_KEYS"),
    (#"{"subjectId":"u","flagKeys":[1]}"#, "INVALID_FLAG_KEYS"),
    (#"{"subjectId":"u","environment":1}"#, "INVALID_ENVIRONMENT"),
    (#"{"subjectId":"u","environment":"../x"}"#, "INVALID_ENVIRONMENT"),
    (#"{"subjectId":"u"} x"#, "MALFORMED_BODY"),
    (String(repeating: "[", count: 30_000), "MALFORMED_BODY"),
  ])
  func `a bad body gets 400 with a stable code and the connection stays`(body: String, code: String) throws {
    let client = try House().edge.client()
    let answer = try client.post("/api/v1/decide", body)
    #expect(answer.status == 400)
    #expect(answer.errorCode == code)
    #expect(try answer.json()["error"]?.text?.isEmpty == false)
    #expect(try client.get("/health").status == 200)
  }

  @Test func `an unknown environment gets 503 and is asked to come again`() throws {
    let edge = try House().edge
    let answer = try edge.get("/decide?user_key=u&env=nowhere")
    #expect(answer.status == 503)
    #expect(answer["Retry-After"] == "1")
    #expect(answer.errorCode == "NO_SNAPSHOT")
    let posted = try edge.client().post("/api/v1/decide", #"{"subjectId":"u","environment":"nowhere"}"#)
    #expect(posted.status == 503)
    #expect(posted["Retry-After"] == "1")
  }

  // MARK: - Deadlines

  @Test func `a head that does not come to its end gets 408`() throws {
    let edge = try House { $0.limits = [#""headerTimeout": "400ms""#] }.edge
    let client = try edge.client()
    let start = seconds()
    try client.send("GET /health HTTP/1.1\r\nHo")
    let answer = try client.read(within: 5)
    #expect(answer.status == 408)
    #expect(answer.errorCode == "HEADERS_TIMEOUT")
    #expect(seconds() - start >= 0.39)
    #expect(try client.readToEnd().isEmpty)
    // A connection that never says anything is ended without an answer.
    #expect(try edge.client().readToEnd(within: 5).isEmpty)
    // The deadline is for the whole head, however it drips.
    let dripping = try edge.client()
    var sent = 0
    while Array("GET /health HTTP/1.1\r\nX: ".utf8).count + sent < 8000, try dripping.isQuietAfter("a", sent)
    {
      sent += 1
    }
    #expect(try dripping.read(within: 5).status == 408)
  }

  @Test func `a body that does not come to its end gets 408`() throws {
    let edge = try House { $0.limits = [#""bodyTimeout": "400ms""#] }.edge
    for framing in ["Content-Length: 10\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n5\r\n{"] {
      let client = try edge.client()
      try client.send("POST /api/v1/decide HTTP/1.1\r\nHost: edge\r\n" + framing)
      let answer = try client.read(within: 5)
      #expect(answer.status == 408)
      #expect(answer.errorCode == "BODY_TIMEOUT")
      #expect(try client.readToEnd().isEmpty)
    }
  }

  @Test func `a body has its own deadline, whatever was answered before it`() throws {
    let edge = try House { $0.limits = [#""headerTimeout": "300ms""#] }.edge
    let length = "Content-Length: \(ServingTests.body.utf8.count)\r\n"
    let expecting = try edge.client()
    try expecting.send("POST /api/v1/decide HTTP/1.1\r\nHost: e\r\nExpect: 100-continue\r\n\(length)\r\n")
    #expect(try expecting.read().status == 100)
    let pipelining = try edge.client()
    try pipelining.send("GET /health HTTP/1.1\r\nHost: e\r\n\r\n")
    try pipelining.send("POST /api/v1/decide HTTP/1.1\r\nHost: e\r\n\(length)\r\n{")
    #expect(try pipelining.read().status == 200)
    // Longer than a head may take, and much shorter than a body may.
    #expect(expecting.isQuiet(for: 0.9), "the header deadline was applied to the body")
    #expect(pipelining.isQuiet(for: 0.1), "the header deadline was applied to the body")
    try expecting.send(ServingTests.body)
    #expect(try expecting.read().status == 200)
    try pipelining.send(String(ServingTests.body.dropFirst()))
    #expect(try pipelining.read().status == 200)
  }

  @Test func `an idle connection is ended without a word`() throws {
    let edge = try House { $0.limits = [#""idleTimeout": "300ms""#] }.edge
    let client = try edge.client()
    #expect(try client.get("/health").status == 200)
    #expect(try client.readToEnd(within: 5).isEmpty)
    #expect(!client.isReset)
    #expect(try edge.metric("turnout_idle_timeouts_total") == 1)
  }

  // MARK: - Others

  @Test func `a client that does not read harms nobody and is dropped`() throws {
    let edge = try House(padding: 300_000) { $0.limits = [#""writeTimeout": "500ms""#] }.edge
    let slow = try edge.client()
    let request = "GET /configs/prod/snapshots/1.json HTTP/1.1\r\nHost: edge\r\n\r\n"
    let requests = Array(String(repeating: request, count: 3000).utf8)
    _ = slow.sendBlindly(requests)
    let other = try edge.client()
    for _ in 0..<300 { #expect(try other.get("/decide?user_key=u").status == 200) }
    try eventually("the slow reader is dropped") { try edge.metric("turnout_write_timeouts_total") == 1 }
    try eventually("its place is free") { try edge.metric("turnout_connections") == 1 }
    // What it pinned is free as well: the snapshot may be replaced.
    #expect(try other.get("/health").status == 200)
  }

  @Test func `a slow reader that goes on reading gets everything`() throws {
    let edge = try House(padding: 200_000).edge
    let client = try edge.client()
    let request = "GET /configs/prod/snapshots/1.json HTTP/1.1\r\nHost: edge\r\n\r\n"
    try client.send(String(repeating: request, count: 40) + "GET /health HTTP/1.1\r\nHost: edge\r\n\r\n")
    for _ in 0..<40 {
      let answer = try client.read()
      try #require(answer.status == 200)
      try #require(answer.body == Site.snapshot("prod", 1, padding: 200_000))
    }
    #expect(try client.read().text == #"{"status":"ok"}"#)
  }

  @Test func `connections above the limit are served once a place is free`() throws {
    let edge = try House { $0.limits = [#""connections": 8"#] }.edge
    var clients = try (0..<8).map { _ in try edge.client() }
    for client in clients { #expect(try client.get("/health").status == 200) }
    try eventually("all places are taken") { try edge.metric("turnout_connections") == 8 }
    let waiting = try (0..<4).map { _ in try edge.client() }
    for client in waiting { try client.send("GET /health HTTP/1.1\r\nHost: edge\r\n\r\n") }
    // Nobody who has a place is harmed.
    for client in clients { #expect(try client.get("/health").status == 200) }
    clients.removeFirst(4)
    for client in waiting { #expect(try client.read().status == 200) }
    for client in clients { #expect(try client.get("/health").status == 200) }
  }

  @Test func `ten thousand garbage inputs leave the edge healthy`() throws {
    let edge = try House().edge
    _ = try edge.get("/health")
    try eventually("the edge is quiet") { try edge.metric("turnout_connections") == 0 }
    let before = edge.process.descriptorCount
    let series = try edge.admin("/metrics").text.split(separator: "\n").count
    var random = Seeded(seed: 20_260_101)
    let samples =
      Self.malformed.map(\.0).filter { $0.utf8.count < 400 } + [ServingTests.post, ServingTests.chunked]
    for round in 0..<10_000 {
      let client = try round % 10 == 0 ? edge.client() : edge.unixClient()
      try client.send(random.garbage(samples))
      if round % 3 == 0 {
        client.endSending()
        _ = try client.readToEnd()
      }
    }
    #expect(try edge.get("/health").status == 200)
    #expect(try edge.version() == 1)
    try eventually("every connection is gone") { try edge.metric("turnout_connections") == 0 }
    try eventually("every descriptor is closed") { edge.process.descriptorCount <= before }
    #expect(try edge.log().count < 20)
    #expect(try edge.admin("/metrics").text.split(separator: "\n").count <= series)
  }
}

extension RawClient {
  /// Sends one byte of a field, the first time behind a request line, and tells whether nothing came for a while.
  fileprivate func isQuietAfter(_ byte: String, _ number: Int) throws -> Bool {
    try send(number == 0 ? "GET /health HTTP/1.1\r\nX: " : byte)
    return isQuiet(for: 0.02)
  }
}

/// Random numbers that are the same in every run (SplitMix64).
struct Seeded: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }

  /// Random bytes, or a sample with some of its bytes changed, dropped or doubled.
  mutating func garbage(_ samples: [String]) -> [UInt8] {
    if Int.random(in: 0..<3, using: &self) == 0 {
      return (0..<Int.random(in: 1..<300, using: &self)).map { _ in UInt8.random(in: 0...255, using: &self) }
    }
    var bytes = Array(samples.randomElement(using: &self)!.utf8)
    for _ in 0..<Int.random(in: 1..<6, using: &self) where !bytes.isEmpty {
      let place = Int.random(in: 0..<bytes.count, using: &self)
      switch Int.random(in: 0..<4, using: &self) {
      case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &self)
      case 1: bytes.removeSubrange(place...)
      case 2: bytes.insert(contentsOf: bytes[place...].prefix(40), at: place)
      default: bytes[place] = UInt8.random(in: 0...255, using: &self)
      }
    }
    return bytes
  }
}
