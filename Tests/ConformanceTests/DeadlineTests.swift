// Deadlines are for the whole of what is waited for, however it drips (RELIABILITY C1 to C4). They are short here.

import Kernel
import ProgramSupport
import Testing

struct DeadlineTests {
  private static let post = "POST /api/v1/decide HTTP/1.1\r\nHost: a\r\n"

  /// The beginnings of a head that never comes to its end, and whether its method is HEAD.
  private static let heads: [(text: String, isHead: Bool)] = [
    ("G", false), ("GET", false), ("GET /heal", false), ("GET /health HTTP/1.", false),
    ("GET /health HTTP/1.1\r", false), ("GET /health HTTP/1.1\r\n", false),
    ("GET /health HTTP/1.1\r\nHos", false), ("GET /health HTTP/1.1\r\nHost: a", false),
    ("GET /health HTTP/1.1\r\nHost: a\r\n", false), ("GET /health HTTP/1.1\r\nHost: a\r\n\r", false),
    ("\r\n", false), ("HEAD /health HTTP/1.1\r\nHost: a\r\n", true),
  ]

  private static let bodies: [(text: String, isHead: Bool)] = [
    (post + "Content-Length: 17\r\n\r\n", false), (post + "Content-Length: 17\r\n\r\n{\"subject", false),
    (post + "Transfer-Encoding: chunked\r\n\r\n", false),
    (post + "Transfer-Encoding: chunked\r\n\r\n1", false),
    (post + "Transfer-Encoding: chunked\r\n\r\n11\r\n{\"su", false),
    (post + "Transfer-Encoding: chunked\r\n\r\n11\r\n{\"subjectId\":\"u\"}", false),
    (post + "Transfer-Encoding: chunked\r\n\r\n11\r\n{\"subjectId\":\"u\"}\r\n0\r\n", false),
    (post + "Transfer-Encoding: chunked\r\n\r\n11\r\n{\"subjectId\":\"u\"}\r\n0\r\nX: a", false),
    ("HEAD /health HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab", true),
  ]

  @Test(arguments: Driver.allCases)
  func `a head that stalls anywhere is given up`(driver: Driver) throws {
    let stand = try Stand(driver, limits: [#""headerTimeout": "300ms""#])
    try stall(stand, Self.heads, "HEADERS_TIMEOUT")
    // One that never says anything is told nothing.
    let mute = try (0..<3).map { _ in try stand.client(.tcp) }
    for client in mute { #expect(try client.readToEnd().isEmpty) }
    #expect(try stand.edge.metric("turnout_idle_timeouts_total") == mute.count)
  }

  @Test(arguments: Driver.allCases)
  func `a body that stalls anywhere is given up`(driver: Driver) throws {
    let stand = try Stand(driver, limits: [#""bodyTimeout": "300ms""#])
    try stall(stand, Self.bodies, "BODY_TIMEOUT")
  }

  /// Sends each beginning over both transports, alone and behind a request, and waits for what it gets.
  private func stall(_ stand: Stand, _ beginnings: [(text: String, isHead: Bool)], _ code: String) throws {
    var waiting: [(client: RawClient, text: String, isHead: Bool)] = []
    for (text, isHead) in beginnings {
      for transport in Transport.allCases {
        for before in ["", "GET /health HTTP/1.1\r\nHost: a\r\n\r\n"] {
          let client = try stand.client(transport)
          try client.send(before + text)
          if !before.isEmpty { #expect(try client.read().status == 200) }
          waiting.append((client, text, isHead))
        }
      }
    }
    for (client, text, isHead) in waiting {
      Expected(408, code, toHead: isHead).judge(
        try client.read(toHead: isHead), isLast: true, text.debugDescription)
      #expect(try client.readToEnd().isEmpty)
    }
    #expect(try stand.rejections(code) == waiting.count)
  }

  @Test(arguments: Driver.allCases)
  func `dripping does not put a deadline off`(driver: Driver) throws {
    let stand = try Stand(driver, limits: [#""headerTimeout": "400ms""#, #""bodyTimeout": "400ms""#])
    let drips: [(start: String, drop: String, code: String)] = [
      ("GET /", "a", "HEADERS_TIMEOUT"),
      ("GET /health HTTP/1.1\r\nHost: a\r\n", "X: a\r\n", "HEADERS_TIMEOUT"),
      ("GET /health HTTP/1.1\r\nHost: a\r\nX: ", "a", "HEADERS_TIMEOUT"),
      (Self.post + "Content-Length: 60000\r\n\r\n", "a", "BODY_TIMEOUT"),
      (Self.post + "Transfer-Encoding: chunked\r\n\r\n", "1\r\na\r\n", "BODY_TIMEOUT"),
      (Self.post + "Transfer-Encoding: chunked\r\n\r\n1;", "a", "BODY_TIMEOUT"),
      (Self.post + "Transfer-Encoding: chunked\r\n\r\n0\r\n", "X: a\r\n", "BODY_TIMEOUT"),
      (Self.post + "Expect: 100-continue\r\nContent-Length: 60000\r\n\r\n", "a", "BODY_TIMEOUT"),
    ]
    let clients = try drips.map { _ in try stand.client(.tcp) }
    for (drip, client) in zip(drips, clients) { try client.send(drip.start) }
    #expect(try clients.last!.read().status == 100)
    var open = Array(zip(drips, clients))
    // Enough for many times the deadline.
    for _ in 0..<90 where !open.isEmpty {
      for (drip, client) in open where client.isQuiet(for: 0.01) { try client.send(drip.drop) }
      open.removeAll { !$0.1.isQuiet(for: 0) }
    }
    #expect(open.isEmpty)
    for (drip, client) in zip(drips, clients) {
      let answer = try client.read()
      #expect(answer.status == 408, "\(drip.start)")
      #expect(answer.errorCode == drip.code, "\(drip.start)")
      #expect(try client.readToEnd().isEmpty)
    }
  }

  @Test(arguments: Driver.allCases)
  func `an idle connection is ended without a word, and a waiting one serves until then`(
    driver: Driver
  ) throws {
    let stand = try Stand(driver, limits: [#""idleTimeout": "400ms""#, #""headerTimeout": "5s""#])
    let clients = try (0..<40).map { try stand.client($0 % 2 == 0 ? .tcp : .unix) }
    for _ in 0..<3 {
      for client in clients { #expect(try client.get("/health").status == 200) }
    }
    for client in clients {
      #expect(try client.readToEnd().isEmpty)
      #expect(!client.isReset)
    }
    #expect(try stand.edge.metric("turnout_idle_timeouts_total") == clients.count)
  }

  @Test(arguments: Driver.allCases)
  func `clients that do not read cost little, harm nobody and are dropped`(driver: Driver) throws {
    let stand = try Stand(driver, padding: 200_000, limits: [#""writeTimeout": "1s""#])
    let other = try stand.client(.tcp)
    #expect(try other.get("/decide?user_key=u").status == 200)
    let before = try stand.edge.process.residentBytes
    let slow = try (0..<4).map { _ in try stand.client(.tcp) }
    let request = "GET /configs/prod/snapshots/1.json HTTP/1.1\r\nHost: a\r\n\r\n"
    let decide = "GET /decide?user_key=u HTTP/1.1\r\nHost: a\r\n\r\n"
    for (place, client) in slow.enumerated() {
      let requests = String(repeating: place % 2 == 0 ? request : decide, count: 100_000)
      _ = client.sendBlindly(Array(requests.utf8))
    }
    for _ in 0..<200 { #expect(try other.get("/decide?user_key=u").status == 200) }
    #expect(try stand.edge.process.residentBytes - before < 8 << 20)
    try eventually("they are dropped") {
      try stand.edge.metric("turnout_write_timeouts_total") == slow.count
    }
    #expect(try stand.edge.metric("turnout_pending_overflows_total") == 0)
    #expect(try other.get("/health").status == 200)
  }
}

extension Program {
  /// Memory of the process that is in use.
  var residentBytes: Int {
    get throws {
      let status = String(decoding: try File.readVirtual("/proc/\(pid)/statm"), as: UTF8.self)
      guard let pages = status.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
        throw Failure("no statm: \(status)")
      }
      return pages * 4096
    }
  }

  /// Processor time of the process so far, in hundredths of a second.
  var processorTicks: Int {
    get throws {
      // The name in parentheses may hold blanks.
      let status = String(decoding: try File.readVirtual("/proc/\(pid)/stat"), as: UTF8.self)
      let fields = status.split(separator: ")").last?.split(separator: " ")
      guard let fields, fields.count > 13, let user = Int(fields[11]), let system = Int(fields[12]) else {
        throw Failure("no stat")
      }
      return user + system
    }
  }
}
