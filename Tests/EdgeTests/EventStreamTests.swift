// Streams of events: held open, told of every change, bounded, and ended in order.

import Bytes
import Glibc
import JSON
import ProgramSupport
import Testing

/// A client that follows a stream and takes it apart.
private final class Stream {
  private let client: RawClient
  private(set) var head = ""
  private var rest = ""

  init(_ edge: EdgeProcess, _ query: String = "", _ lines: [String] = []) throws {
    client = try edge.client()
    let lines = (["Host: edge"] + lines).joined(separator: "\r\n")
    try client.send("GET /ofrep/v1/events\(query) HTTP/1.1\r\n\(lines)\r\n\r\n")
    rest = try client.readText(until: "\r\n\r\n")
    let end = rest.range(of: "\r\n\r\n")!
    head = String(rest[..<end.lowerBound])
    rest = String(rest[end.upperBound...])
  }

  /// The next event that is no comment: its lines by name.
  func next() throws -> [String: String] {
    while true {
      while rest.range(of: "\n\n") == nil { rest += try client.readText(until: "\n\n", sofar: rest) }
      let end = rest.range(of: "\n\n")!
      let lines = rest[..<end.lowerBound].split(separator: "\n")
      rest = String(rest[end.upperBound...])
      var event: [String: String] = [:]
      for line in lines {
        let parts = line.split(separator: ":", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { continue }
        event[parts[0]] = String(parts[1].dropFirst())
      }
      if event["data"] != nil || event["retry"] != nil { return event }
    }
  }

  /// Whether nothing comes for a while.
  func isQuiet() -> Bool { rest.isEmpty && client.isQuiet(for: 0.5) }

  func isEnded() throws -> Bool { try client.readToEnd().isEmpty }
}

@Suite struct EventStreamTests {
  @Test func `a stream tells of the configuration at first and of each change`() throws {
    let house = try House()
    let stream = try Stream(house.edge, "?env=prod")
    #expect(stream.head.hasPrefix("HTTP/1.1 200 OK\r\n"))
    #expect(stream.head.contains("Content-Type: text/event-stream\r\n"))
    #expect(stream.head.contains("Cache-Control: no-store"))
    #expect(!stream.head.contains("Content-Length"))
    #expect(try stream.next() == ["retry": "2000"])
    var heard: Set<String> = []
    for version in 1...4 {
      if version > 1 { try house.site.publish("prod", version) }
      let event = try stream.next()
      let id = try #require(event["id"])
      #expect(heard.insert(id).inserted)
      let data = try Document(Array(#require(event["data"]).utf8)).root
      #expect(data["type"]?.text == "refetchEvaluation")
      #expect(data["etag"]?.text == "\"\(id)\"")
      // Whoever follows the event gets what it announced.
      let bulk = try house.edge.client().post(
        "/ofrep/v1/evaluate/flags?flagConfigEtag=%22\(id)%22", "{}")
      #expect(try bulk.json()["metadata"]?["configVersion"]?.integer == version)
      #expect(bulk["ETag"]?.hasPrefix("\"\(id)-") == true)
    }
    #expect(try house.edge.metric("turnout_event_streams") == 1)
    #expect(try house.edge.metric("turnout_events_sent_total") == 3)
  }

  @Test func `a manifest that is issued again for the same snapshot is no change`() throws {
    let house = try House()
    let stream = try Stream(house.edge)
    for _ in 0..<2 { _ = try stream.next() }
    try house.site.publish("prod", 1, lifetime: 7200)
    try eventually("the new manifest is served") {
      try house.edge.metric("turnout_snapshots_published_total") >= 2
    }
    #expect(stream.isQuiet())
  }

  @Test func `whoever comes back is told only what it has not heard`() throws {
    let house = try House()
    let first = try Stream(house.edge)
    _ = try first.next()
    let id = try #require(try first.next()["id"])
    let same = try Stream(house.edge, "", ["Last-Event-ID: \(id)"])
    _ = try same.next()
    #expect(same.isQuiet())
    let other = try Stream(house.edge, "", ["Last-Event-ID: elsewhere"])
    _ = try other.next()
    #expect(try other.next()["id"] == id)
    try house.site.publish("prod", 2)
    #expect(try same.next()["id"] != id)
  }

  @Test func `streams are bounded, and one that ends leaves its place`() throws {
    let house = try House { $0.limits = ["\"eventStreams\": 2"] }
    var streams = try (0..<2).map { _ in try Stream(house.edge) }
    let refused = try house.edge.get("/ofrep/v1/events")
    #expect(refused.status == 503)
    #expect(refused.errorCode == "TOO_MANY_STREAMS")
    #expect(refused["Retry-After"] == "10")
    #expect(try house.edge.metric("turnout_event_streams_refused_total") == 1)
    streams.removeFirst()
    // The next change finds out who is gone.
    try house.site.publish("prod", 2)
    try eventually("there is room") { try house.edge.metric("turnout_event_streams") == 1 }
    let next = try Stream(house.edge)
    #expect(try next.next() == ["retry": "2000"])
  }

  @Test func `a stream is refused like any other request`() throws {
    let edge = try House().edge
    #expect(try edge.get("/ofrep/v1/events?env=nowhere").status == 503)
    #expect(try edge.get("/ofrep/v1/events?track=x").status == 400)
    let client = try edge.client()
    #expect(try client.post("/ofrep/v1/events", "").status == 405)
    let head = try client.ask("HEAD /ofrep/v1/events HTTP/1.1\r\nHost: edge\r\n\r\n")
    #expect(head.status == 200)
    #expect(head["Content-Type"] == "text/event-stream")
  }

  @Test func `what a client sends behind its request is dropped, and other clients are served`() throws {
    let house = try House()
    let client = try house.edge.client()
    try client.send(
      "GET /ofrep/v1/events HTTP/1.1\r\nHost: edge\r\n\r\nGET /health HTTP/1.1\r\nHost: edge\r\n\r\n")
    let text = try client.readText(until: "retry: 2000\n\n")
    #expect(!text.contains("ok"))
    #expect(try house.edge.get("/health").status == 200)
  }

  @Test func `an edge that is told to end ends its streams`() throws {
    let house = try House()
    let stream = try Stream(house.edge)
    for _ in 0..<2 { _ = try stream.next() }
    house.edge.mayEnd = true
    house.edge.process.signal(SIGTERM)
    #expect(try stream.isEnded())
    #expect(try house.edge.process.exitCode() == 0)
  }

  @Test func `many streams hear of one change`() throws {
    let house = try House()
    let streams = try (0..<200).map { _ in try Stream(house.edge) }
    for stream in streams { for _ in 0..<2 { _ = try stream.next() } }
    try house.site.publish("prod", 2)
    let ids = try Set(streams.map { try $0.next()["id"] })
    #expect(ids.count == 1)
    #expect(try house.edge.metric("turnout_events_sent_total") == 200)
  }
}
