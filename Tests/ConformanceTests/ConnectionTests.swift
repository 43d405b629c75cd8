// What happens on a connection beyond single requests: pipelines, halves that are closed, expectations, and the end that
// an error brings (RFC 9112 section 9, RFC 9110 section 10.1.1; RELIABILITY C5 to C7).

import Glibc
import ProgramSupport
import Testing

struct ConnectionTests {
  private static let health = "GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
  private static let body = #"{"subjectId":"u"}"#
  private static let post =
    "POST /api/v1/decide HTTP/1.1\r\nHost: a\r\nContent-Length: 17\r\n\r\n" + body
  private static let chunked =
    "POST /api/v1/decide HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n11\r\n\(body)\r\n0\r\n\r\n"

  // MARK: - Pipelines

  @Test(arguments: Driver.allCases, Transport.allCases)
  func `two thousand requests in one write are answered in order, and others meanwhile`(
    driver: Driver, transport: Transport
  ) throws {
    let stand = try Stand(driver)
    let many = try stand.client(transport)
    let requests = (0..<2000).map { "GET /decide?user_key=u\($0) HTTP/1.1\r\nHost: a\r\n\r\n" }
    try many.send(requests.joined())
    // Nobody reads the answers of the first yet.
    let other = try stand.client(.tcp)
    for _ in 0..<50 { #expect(try other.get("/health").status == 200) }
    for number in 0..<2000 {
      try #require(try many.read().text.hasPrefix("{\"user_key\":\"u\(number)\","), "\(number)")
    }
    #expect(try many.get("/health").status == 200)
    #expect(try stand.edge.metric("turnout_turns_shared_total") > 0)
  }

  @Test(arguments: Driver.allCases)
  func `how many requests of a connection a turn answers can be set, and changes no answer`(
    driver: Driver
  ) throws {
    let stand = try Stand(driver, limits: [#""requestsPerTurn": 1"#])
    let client = try stand.client(.tcp)
    try client.send((0..<100).map { "GET /decide?user_key=u\($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined())
    for number in 0..<100 { #expect(try client.read().text.hasPrefix("{\"user_key\":\"u\(number)\",")) }
    #expect(try stand.edge.metric("turnout_turns_shared_total") >= 99)
  }

  // MARK: - Halves

  @Test(arguments: Driver.allCases, Transport.allCases)
  func `every whole request before the client's end is answered, then the edge ends too`(
    driver: Driver, transport: Transport
  ) throws {
    let stand = try Stand(driver)
    let whole = [
      Self.health, Self.post, Self.chunked, Self.health + Self.post + Self.chunked,
      String(repeating: Self.health, count: 200),
    ]
    for _ in 0..<25 {
      for (requests, count) in zip(whole, [1, 1, 1, 3, 200]) {
        let client = try stand.client(transport)
        try client.send(requests)
        client.endSending()
        for _ in 0..<count { #expect(try client.read().status == 200) }
        #expect(try client.readToEnd().isEmpty)
        #expect(!client.isReset)
      }
    }
  }

  @Test(arguments: Driver.allCases, Transport.allCases)
  func `a request that the client's end cuts short is dropped without a word`(
    driver: Driver, transport: Transport
  ) throws {
    let stand = try Stand(driver)
    for request in [Self.health, Self.post, Self.chunked] {
      let bytes = Array(request.utf8)
      for cut in 0..<bytes.count {
        for before in ["", Self.health] {
          let client = try stand.client(transport)
          try client.send(Array(before.utf8) + bytes[..<cut])
          client.endSending()
          if !before.isEmpty { #expect(try client.read().status == 200) }
          #expect(try client.readToEnd().isEmpty, "cut at \(cut)")
          #expect(!client.isReset)
        }
      }
    }
  }

  @Test(arguments: Driver.allCases)
  func `a client that ends at once is let go`(driver: Driver) throws {
    let stand = try Stand(driver)
    for _ in 0..<100 {
      let client = try stand.client(.tcp)
      client.endSending()
      #expect(try client.readToEnd().isEmpty)
    }
  }

  // MARK: - Expectations

  private static func expecting(_ fields: String, version: String = "1.1") -> String {
    "POST /api/v1/decide HTTP/\(version)\r\nHost: a\r\nExpect: 100-continue\r\n\(fields)\r\n\r\n"
  }

  @Test(arguments: Driver.allCases)
  func `a client that waits to be told so is told to send its body`(driver: Driver) throws {
    let stand = try Stand(driver)
    for (fields, body) in [
      ("Content-Length: 17", Self.body),
      ("Transfer-Encoding: chunked", "11\r\n\(Self.body)\r\n0\r\n\r\n"),
      ("Content-Length: 17\r\nExpect: 100-CONTINUE", Self.body),
    ] {
      let client = try stand.client(.tcp)
      for _ in 0..<3 {
        try client.send(Self.expecting(fields))
        let interim = try client.read()
        Expected(100).judge(interim, isLast: false, fields)
        #expect(interim.fields.isEmpty)
        // Once, however the body comes.
        try client.send(String(body.prefix(5)))
        #expect(client.isQuiet(for: 0.05))
        try client.send(String(body.dropFirst(5)))
        #expect(try client.read().status == 200)
      }
    }
  }

  @Test(arguments: Driver.allCases)
  func `the answers of a pipeline come before it is told to go on`(driver: Driver) throws {
    let stand = try Stand(driver)
    let client = try stand.client(.tcp)
    try client.send(Self.health + Self.post + Self.expecting("Content-Length: 17"))
    #expect(try [client.read().status, client.read().status, client.read().status] == [200, 200, 100])
    try client.send(Self.body + Self.health)
    #expect(try [client.read().status, client.read().status] == [200, 200])
  }

  @Test(arguments: Driver.allCases)
  func `a client that does not wait gets its answer, with or without a word before it`(
    driver: Driver
  ) throws {
    let stand = try Stand(driver)
    for cut in 0...Self.body.utf8.count {
      let client = try stand.client(.unix)
      try client.send(Self.expecting("Content-Length: 17") + Self.body.prefix(cut))
      try client.waitUntilRead()
      try client.send(String(Self.body.dropFirst(cut)))
      let first = try client.read()
      #expect(first.status == (cut < Self.body.utf8.count ? 100 : 200))
      if first.status == 100 { #expect(try client.read().status == 200) }
      #expect(try client.get("/health").status == 200)
    }
  }

  @Test(arguments: Driver.allCases)
  func `HTTP/1.0 is not told to go on`(driver: Driver) throws {
    let stand = try Stand(driver)
    let client = try stand.client(.unix)
    try client.send(Self.expecting("Content-Length: 17", version: "1.0"))
    try client.waitUntilRead()
    #expect(client.isQuiet(for: 0.05))
    try client.send(Self.body)
    #expect(try client.read().status == 200)
    #expect(try client.readToEnd().isEmpty)
  }

  @Test(arguments: Driver.allCases)
  func `a body that is too large is refused before it is asked for, and not read`(driver: Driver) throws {
    let stand = try Stand(driver)
    for fields in ["Content-Length: 65537", "Content-Length: 99999999999999999999"] {
      let client = try stand.client(.tcp)
      try client.send(Self.expecting(fields))
      let answer = try client.read()
      #expect(answer.status == 413)
      #expect(try client.readToEnd().isEmpty)
    }
    let client = try stand.client(.tcp)
    try client.send(Self.expecting("Transfer-Encoding: chunked"))
    #expect(try client.read().status == 100)
    try client.send("10001\r\n")
    #expect(try client.read().status == 413)
    #expect(try client.readToEnd().isEmpty)
  }

  // MARK: - Errors

  @Test(arguments: Driver.allCases, Transport.allCases)
  func `a client that goes on sending reads the error in each of a thousand tries`(
    driver: Driver, transport: Transport
  ) throws {
    let stand = try Stand(driver)
    let more = [UInt8](repeating: 0x78, count: 60_000)
    let bad = [
      ("GET / HTTP/1.1\r\n\r\n", 400), ("GET /\(String(repeating: "a", count: 8200))", 414),
      ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n", 413),
      ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx", 400),
    ]
    for round in 0..<1000 {
      let client = try stand.client(transport)
      let (request, status) = bad[round % bad.count]
      try client.send(Array(request.utf8) + more)
      let answer = try client.read()
      #expect(answer.status == status)
      #expect(answer["Connection"] == "close")
      #expect(try client.readToEnd().isEmpty)
      #expect(!client.isReset)
    }
    try eventually("every connection is gone") { try stand.edge.metric("turnout_connections") == 0 }
    #expect(try stand.edge.metric("turnout_linger_cutoffs_total") == 0)
  }

  @Test(arguments: Driver.allCases)
  func `whoever goes on sending after an error without end is cut off`(driver: Driver) throws {
    let stand = try Stand(driver, limits: [#""lingerTimeout": "300ms""#])
    let client = try stand.client(.tcp)
    try client.send("GET / HTTP/1.1\r\n\r\n")
    #expect(try client.read().status == 400)
    #expect(try client.readToEnd().isEmpty)
    // It has read the end, and neither says so nor goes.
    try eventually("its place is free") { try stand.edge.metric("turnout_connections") == 0 }
    #expect(try stand.edge.metric("turnout_linger_cutoffs_total") == 1)
    let flooding = try stand.client(.tcp)
    try flooding.send("GET / HTTP/1.1\r\n\r\n")
    let flood = [UInt8](repeating: 0x78, count: 1 << 20)
    for _ in 0..<8 { _ = flooding.sendBlindly(flood) }
    try eventually("the other place is free") { try stand.edge.metric("turnout_connections") == 0 }
    #expect(try stand.edge.metric("turnout_linger_cutoffs_total") == 2)
  }
}
