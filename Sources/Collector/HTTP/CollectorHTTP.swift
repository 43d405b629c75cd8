// The collector's HTTP port: events in, and the pages that say how it is. Its own thread and server; the calls of
// one turn are on the disk before any of them is answered.

import Bytes
package import HTTP
package import Kernel
package import Publication
package import Server

package struct CollectorHTTP: ~Copyable {
  /// What a page of the program shows.
  package struct Page: Sendable {
    package var status: Status
    package var type: ContentType
    package var body: [UInt8]

    package init(_ status: Status, _ type: ContentType, _ body: [UInt8]) {
      self.status = status
      self.type = type
      self.body = body
    }
  }

  /// The page at a path, with what this thread alone knows for the metrics; nil if there is none.
  package typealias Pages = @Sendable (_ path: String, _ events: EventCounters, _ tally: Tally) -> Page?

  private var server: Server
  private let intake: EventIntake
  private let isEnding: SharedWord
  private let pages: Pages

  /// A call of 1,000 large events, and an answer that rejects each of them.
  package static var limits: Limits {
    var limits = Limits()
    limits.parser.bodyMax = 4 * 1024 * 1024
    limits.parser.chunkOverheadMax = 1024 * 1024
    limits.bodyTime = 30_000_000_000
    limits.connections = 256
    // A turn is one transaction, and whoever asks in it waits for all of it.
    limits.requestsPerTurn = 4
    limits.largeAnswer = 2 * 1024 * 1024
    limits.largeAnswers = 16
    return limits
  }

  /// What it asks of its driver.
  package static var driverSettings: DriverSettings {
    DriverSettings(submissions: 256, completions: 1024, buffers: 128, bufferSize: 8192)
  }

  package init(
    _ listeners: [Int32], limits: Limits = Self.limits, intake: EventIntake, on driver: consuming Driver,
    isEnding: SharedWord, pages: @escaping Pages
  ) throws(SystemFailure) {
    server = try Server(limits, on: driver, listeners: listeners)
    self.intake = intake
    self.isEnding = isEnding
    self.pages = pages
  }

  /// Answers until the process ends; returns when the last connection is gone.
  package mutating func run() {
    while true {
      if isEnding.value != 0 {
        server.drain()
        if server.isDrained { return }
      }
      turn()
    }
  }

  private mutating func turn() {
    server.wait()
    let now = Int(server.wall / 1_000_000)
    while server.next() {
      var exchange = server.exchange
      answer(&exchange, now)
      server.exchange = exchange
      server.finish()
    }
    if intake.endTurn(now: now) { server.flush() } else { server.abandonTurn() }
  }

  private func answer(_ exchange: inout Exchange, _ now: Int) {
    let method = exchange.request.method
    if exchange.path.equals("/api/v1/events") {
      guard method == .post else { return refuse(&exchange, "Use POST.", allow: "Allow: POST\r\n") }
      return takeEvents(&exchange, now)
    }
    guard let page = page(String(exchange.path)) else {
      let fault = EventAnswer(
        .notFound, "NOT_FOUND", "There are POST /api/v1/events and GET /health, /ready, /metrics and /stats.")
      return write(&exchange, fault.status, fault.body)
    }
    guard method == .get || method == .head else {
      return refuse(&exchange, "Use GET.", allow: "Allow: GET, HEAD\r\n")
    }
    write(&exchange, page.status, page.body, type: page.type)
  }

  private func page(_ path: String) -> Page? {
    if path == "/health" { return Page(.ok, .json, Array("{\"status\":\"ok\"}".utf8)) }
    if path == "/ready" { intake.recheck(now: Int(server.wall / 1_000_000)) }
    return pages(path, intake.counters, server.tally)
  }

  /// Bytes that the head of an answer cannot exceed.
  private static var headMax: Int { 512 }

  private func takeEvents(_ exchange: inout Exchange, _ now: Int) {
    let body = exchange.bytes.slice(exchange.request.body)
    let room = exchange.output.capacity - exchange.output.count - Self.headMax
    guard let answer = intake.answer(body, now: now, room: room) else {
      // An overflow: the server hands the request over again when it has more room.
      _ = exchange.output.room(.max)
      return
    }
    write(
      &exchange, answer.status, answer.body, fields: answer.status == .unavailable ? "Retry-After: 1\r\n" : ""
    )
    precondition(!exchange.output.isOverflowing)
  }

  private func refuse(_ exchange: inout Exchange, _ advice: String, allow: StaticString) {
    let fault = EventAnswer(.methodNotAllowed, "METHOD_NOT_ALLOWED", advice)
    write(&exchange, fault.status, fault.body, fields: allow)
  }

  private func write(
    _ exchange: inout Exchange, _ status: Status, _ body: [UInt8], type: ContentType = .json,
    fields: StaticString = ""
  ) {
    let head = ResponseHead(
      status, type, for: exchange.request, date: exchange.date, fields: fields.bytes, into: &exchange.output)
    body.withBytes { exchange.output.append($0) }
    head.finish(&exchange.output)
  }
}
