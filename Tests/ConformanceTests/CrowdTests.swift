// More than there is room for: connections, descriptors, receive buffers, and herds of the slow (RELIABILITY C8 to C10).
// Whoever is there is served, and whoever waits is served once there is room.

import Glibc
import JSON
import ProgramSupport
import Testing

@Suite(.serialized) struct CrowdTests {
  private static let health = "GET /health HTTP/1.1\r\nHost: a\r\n\r\n"

  @Test(arguments: Driver.allCases)
  func `above the limit of connections nobody who is there is harmed, and the others are served later`(
    driver: Driver
  ) throws {
    let stand = try Stand(driver, limits: [#""connections": 20"#])
    var inside = try (0..<20).map { _ in try stand.client(.tcp) }
    for client in inside { #expect(try client.get("/health").status == 200) }
    let outside = try (0..<20).map { try stand.client($0 % 2 == 0 ? .tcp : .unix) }
    for client in outside { try client.send(Self.health) }
    try eventually("some wait") { try stand.edge.metric("turnout_connections_delayed_total") >= 2 }
    for client in inside { #expect(try client.get("/health").status == 200) }
    for client in outside { #expect(client.isQuiet(for: 0)) }
    inside = []
    for client in outside { #expect(try client.read().status == 200) }
    #expect(try stand.edge.metric("turnout_connections_refused_total") == 0)
  }

  @Test(arguments: Driver.allCases)
  func `with few descriptors it takes as many connections as leave some for itself`(driver: Driver) throws {
    let stand = try Stand(driver) { $0.descriptorMax = 128 }
    #expect(try stand.edge.event("connections_limited")["connections"]?.integer == 64)
    try starve(stand, count: 200)
    #expect(try stand.edge.metric("turnout_accept_pauses_total") == 0)
    #expect(try stand.edge.metric("turnout_connections_delayed_total") > 0)
  }

  @Test(arguments: Driver.allCases)
  func `if descriptors run out all the same, accepting rests and goes on when there are some`(
    driver: Driver
  ) throws {
    // So few that what the edge itself has open is more than what is left for it.
    let own = try Stand(driver).edge.process.descriptorCount
    let stand = try Stand(driver) { $0.descriptorMax = 2 * own - 12 }
    try starve(stand, count: 100)
    #expect(try stand.edge.metric("turnout_accept_pauses_total") > 0)
  }

  /// Has so many clients ask at once that most of them must wait.
  private func starve(_ stand: Stand, count: Int) throws {
    let first = try stand.client(.tcp)
    // Asked over a connection that is there already: a new one would have to wait.
    let admin = try RawClient(port: stand.edge.adminPort)
    #expect(try admin.get("/health").status == 200)
    #expect(try first.get("/health").status == 200)
    var others = try (0..<count).map { _ in try stand.client(.tcp) }
    for client in others { try client.send(Self.health) }
    try eventually("some are served") { others.contains { !$0.isQuiet(for: 0) } }
    // Starved it waits: it does not go in circles.
    let process = stand.edge.process
    let (ticks, time) = (try process.processorTicks, seconds())
    while seconds() < time + 0.7 { usleep(50_000) }
    let share = Double(try process.processorTicks - ticks) / 100 / (seconds() - time)
    #expect(share < 0.2, "uses \(share) of a processor while it can do nothing")
    for _ in 0..<100 { #expect(try first.get("/decide?user_key=u").status == 200) }
    #expect(try admin.get("/ready").status == 200)
    // Those who were served go, and so do then those who come after them.
    while !others.isEmpty {
      try eventually("somebody is served") { others.contains { !$0.isQuiet(for: 0) } }
      var waiting: [RawClient] = []
      for client in others {
        if client.isQuiet(for: 0) {
          waiting.append(client)
        } else {
          #expect(try client.read().status == 200)
        }
      }
      others = waiting
    }
    #expect(try first.get("/health").status == 200)
  }

  @Test(arguments: Driver.allCases)
  func `a herd of parked requests harms nobody`(driver: Driver) throws {
    let count = min(10_000, raiseDescriptorLimit() - 2000)
    try #require(count > 1000, "this test needs descriptors: raise the hard limit on open files")
    let stand = try Stand(
      driver,
      limits: ["\"connections\": \(count + 100)", #""headerTimeout": "60s""#, #""bodyTimeout": "60s""#])
    let good = try stand.client(.tcp)
    #expect(try good.get("/decide?user_key=u").status == 200)
    let before = try stand.edge.process.residentBytes
    let parts = [
      "G", "GET /decide?user_key=",
      "GET /health HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "x", count: 200))",
      "POST /api/v1/decide HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{\"subjectId\"",
      "POST /api/v1/decide HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
    ]
    var herd: [RawClient] = []
    for index in 0..<count {
      let client = try stand.client(index % 2 == 0 ? .tcp : .unix)
      try client.send(parts[index % parts.count])
      herd.append(client)
      if index % 100 == 0 { #expect(try good.get("/decide?user_key=u").status == 200) }
    }
    try eventually("all are parked") { try stand.edge.metric("turnout_connections") == count + 1 }
    for _ in 0..<500 { #expect(try good.get("/decide?user_key=u").status == 200) }
    for _ in 0..<50 { #expect(try stand.client(.tcp).get("/health").status == 200) }
    // A page or two of each is what was kept of it.
    #expect(try stand.edge.process.residentBytes - before < count * 12 * 1024)
    // Nobody was forgotten: some come to their end.
    for index in stride(from: 1, to: count, by: count / 20) where index % parts.count == 1 {
      try herd[index].send("u HTTP/1.1\r\nHost: a\r\n\r\n")
      #expect(try herd[index].read().status == 200)
    }
    herd = []
    try eventually("their places are free") { try stand.edge.metric("turnout_connections") <= 1 }
    #expect(try good.get("/health").status == 200)
  }

  @Test(arguments: Driver.allCases)
  func `what is parked stays as it is when what is parked beside it ends`(driver: Driver) throws {
    let stand = try Stand(driver)
    let request = Array("GET /decide?user_key=somebody HTTP/1.1\r\nHost: example.com\r\n\r\n".utf8)
    // More than there are buffers that keep their pages.
    let clients = try (0..<1200).map { _ in try stand.client(.unix) }
    for client in clients { try client.send(Array(request.prefix(50))) }
    for client in clients { try client.waitUntilRead() }
    for isOdd in [false, true] {
      for (place, client) in clients.enumerated() where (place % 2 == 1) == isOdd {
        try client.send(Array(request.dropFirst(50)))
        #expect(try client.read().text.hasPrefix("{\"user_key\":\"somebody\""), "\(place)")
      }
    }
  }

  @Test(arguments: Driver.allCases)
  func `more bytes at once than there are receive buffers are all read`(driver: Driver) throws {
    let stand = try Stand(driver)
    let body = #"{"subjectId":"u","a":""# + String(repeating: "a", count: 65_000) + "\"}"
    let request = Array(
      "POST /api/v1/decide HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8)
    // The edge is stopped while all of them send, so that everything is there when it looks.
    let clients = try (0..<200).map { try stand.client($0 % 2 == 0 ? .tcp : .unix) }
    for client in clients { #expect(try client.get("/health").status == 200) }
    stand.edge.process.signal(SIGSTOP)
    let sent = clients.map { $0.sendBlindly(Array(request.prefix(60_000))) }
    stand.edge.process.signal(SIGCONT)
    for (client, count) in zip(clients, sent) { try client.send(Array(request[count...])) }
    for client in clients { #expect(try client.read().status == 200) }
    if driver == .uring { #expect(try stand.edge.metric("turnout_receive_buffer_exhaustions_total") > 0) }
  }
}
