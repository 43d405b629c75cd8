// What an edge sends of what it showed: the real program, and a socket of the test's own in the collector's place.

import Bytes
import Decisions
import Exposures
import Foundation
import JSON
import Kernel
import ProgramSupport
import Testing
import Trust

/// The collector's place: takes the datagrams apart as they come.
private final class Listener {
  struct Shown: Hashable {
    var user: String
    var experiment: String
    var variant: String
    var version: Int64
    var environment: String
    var rate: Double
    var isOverride: Bool
  }

  let peer: DatagramPeer
  private(set) var headers: [DatagramHeader] = []
  private(set) var datagrams: [UInt64: [UInt8]] = [:]
  private(set) var shown: [Shown] = []
  private(set) var heartbeats: [(header: DatagramHeader, losses: SenderLosses)] = []
  private(set) var edgePort: UInt16 = 0
  private(set) var largest = 0
  private(set) var edges: Set<String> = []
  var isForged = false
  var key: MessageKey?

  init(key: MessageKey? = nil) throws {
    peer = try DatagramPeer()
    self.key = key
  }

  /// Takes the next datagram; false if none comes in time.
  @discardableResult
  func take(within limit: Double = 0.05) throws -> Bool {
    guard let (bytes, port) = peer.receive(within: limit) else { return false }
    edgePort = port
    largest = max(largest, bytes.count)
    try bytes.withBytes { view in
      guard case .datagram(let datagram) = Datagram.read(view) else { throw Failure("malformed") }
      edges.insert(String(datagram.edge))
      if let key, !key.accepts(datagram.tag, of: datagram.signed) { isForged = true }
      if datagram.header.kind == .heartbeat {
        heartbeats.append((datagram.header, SenderLosses(datagram)))
        return
      }
      headers.append(datagram.header)
      datagrams[datagram.header.sequence] = bytes
      var reader = RecordReader(datagram)
      while let record = reader.next() {
        shown.append(
          Shown(
            user: String(record.userKey), experiment: String(record.experiment),
            variant: String(record.variant), version: record.version, environment: String(record.environment),
            rate: record.rate, isOverride: record.isOverride))
      }
    }
    return true
  }

  /// Waits until so many records came.
  func wait(records: Int) throws {
    try eventually("\(records) records come, of \(shown.count)") {
      while try take() {}
      return shown.count >= records
    }
  }

  /// Waits for a heartbeat that was sent after this call.
  func nextHeartbeat(where condition: (DatagramHeader) -> Bool = { _ in true }) throws {
    let count = heartbeats.count
    try eventually("a heartbeat comes") {
      try take(within: 0.5)
      return heartbeats[count...].contains { condition($0.header) }
    }
  }
}

private let snapshot = """
  {"version":5,"environment":"prod","flags":[{"key":"f","type":"string","default":"d"},
  {"key":"g","type":"string","default":"d"}],"experiments":[
  {"id":"e1","key":"k1","salt":"s1","flagKey":"f","variants":[{"id":"e1-a","key":"a","value":"a"}],
  "allocations":[{"variantId":"e1-a","rangeStart":0,"rangeEnd":9999}]},
  {"id":"e2","key":"k2","salt":"s2","flagKey":"g","exposureRate":0.5,
  "variants":[{"id":"e2-a","key":"a","value":"a"},{"id":"e2-b","key":"b","value":"b"}],
  "allocations":[{"variantId":"e2-a","rangeStart":0,"rangeEnd":9999}],
  "overrides":[{"userKey":"vip","variantId":"e2-b"}]},
  {"id":"e3","key":"k3","salt":"s3","exposureRate":0,"variants":[{"id":"e3-a","key":"a"}],
  "allocations":[{"variantId":"e3-a","rangeStart":0,"rangeEnd":9999}]}]}
  """

/// An edge that reports to `listener`; `members` are further ones of "exposures".
private func makeEdge(_ listener: Listener, _ members: [String] = []) throws -> EdgeProcess {
  try makeEdge(
    collector: "127.0.0.1:\(listener.peer.port)",
    ["\"edge\": \"e-1\"", "\"flushInterval\": \"5ms\""] + members)
}

private func makeEdge(collector: String, _ members: [String], folder: Folder? = nil) throws -> EdgeProcess {
  let folder = try folder ?? Folder()
  let site = try Site()
  let document = Array(snapshot.utf8)
  site["configs/prod/snapshots/5.json"] = document
  site["configs/prod/manifest.json"] = try site.sign(site.manifest("prod", 5, document))
  try site.write(to: folder, under: "site")
  try folder.write("exposures.key", keyText)
  var settings = EdgeSettings("file:site", site)
  settings.members = [
    "\"exposures\": {\((["\"collector\": \"\(collector)\""] + members).joined(separator: ", "))}"
  ]
  return try EdgeProcess(settings, folder: folder)
}

private let keyText = String(repeating: "1f", count: 32) + "\n"

private func isSampled(_ user: String, _ experiment: String, rate: Double) -> Bool {
  func fingerprint(_ text: String) -> UInt64 { Array(text.utf8).withBytes { Fingerprint.of($0) } }
  let row = SamplingRow(fingerprint: fingerprint(experiment), rate: rate)
  return Sampling.includes(
    Sampling.place(user: fingerprint(user), experiment: row.fingerprint), row)
}

struct ExposureTests {
  @Test func `every assignment of the sample that was shown is sent, once, with all that is known of it`()
    throws
  {
    let listener = try Listener()
    let edge = try makeEdge(listener)
    let client = try edge.client()
    let users = (0..<200).map { "user-\($0)" }
    for user in users { _ = try client.get("/decide?user_key=\(user)") }
    let sampled = users.filter { isSampled($0, "e2", rate: 0.5) }
    #expect((60...140).contains(sampled.count))
    try listener.wait(records: users.count + sampled.count)
    try listener.nextHeartbeat()
    func records(_ users: [String], _ experiment: String, _ variant: String, _ rate: Double) -> [Listener
      .Shown]
    {
      users.map {
        Listener.Shown(
          user: $0, experiment: experiment, variant: variant, version: 5, environment: "prod", rate: rate,
          isOverride: false)
      }
    }
    #expect(listener.shown.count == users.count + sampled.count)
    #expect(Set(listener.shown) == Set(records(users, "e1", "e1-a", 1) + records(sampled, "e2", "e2-a", 0.5)))
    #expect(listener.edges == ["e-1"])
    #expect(try edge.metric("turnout_exposures_recorded_total") == listener.shown.count)
    // e3 for each user, and e2 for the rest.
    #expect(try edge.metric("turnout_exposures_unsampled_total") == users.count * 2 - sampled.count)
  }

  @Test func `numbers have no gaps and state how many records came before`() throws {
    let listener = try Listener()
    let edge = try makeEdge(listener)
    let client = try edge.client()
    for user in 0..<300 { _ = try client.get("/decide?user_key=user-\(user)") }
    try listener.wait(records: 300)
    try listener.nextHeartbeat()
    var records: UInt64 = 0
    for (index, header) in listener.headers.enumerated() {
      #expect(header.sequence == UInt64(index))
      #expect(header.recordsBefore == records)
      records += UInt64(header.count)
    }
    let last = try #require(listener.heartbeats.last)
    #expect(last.header.sequence == UInt64(listener.headers.count) && last.header.recordsBefore == records)
  }

  @Test func `an answer for some flags exposes those alone, and an override says that it is one`() throws {
    let listener = try Listener()
    let edge = try makeEdge(listener)
    _ = try edge.client().ask(post(#"{"subjectId":"u","flagKeys":["f","none"]}"#))
    _ = try edge.client().ask(post(#"{"subjectId":"vip","flagKeys":["g"]}"#))
    let isVIPSampled = isSampled("vip", "e2", rate: 0.5)
    try listener.wait(records: isVIPSampled ? 2 : 1)
    #expect(listener.shown.map(\.experiment) == (isVIPSampled ? ["e1", "e2"] : ["e1"]))
    if isVIPSampled {
      #expect(listener.shown[1].isOverride && listener.shown[1].variant == "e2-b")
    }
  }

  @Test func `who asks not to be tracked is not, and neither is who asks for the head alone`() throws {
    let listener = try Listener()
    let edge = try makeEdge(listener)
    let client = try edge.client()
    _ = try client.get("/decide?user_key=a&track=false")
    _ = try client.ask(post(#"{"subjectId":"b","track":false}"#))
    _ = try client.ask(
      post(#"{"subjectId":"c"}"#).replacing("/api/v1/decide", with: "/api/v1/decide?track=false"))
    _ = try client.ask("HEAD /decide?user_key=d HTTP/1.1\r\nHost: e\r\n\r\n")
    _ = try edge.client().get("/decide?user_key=e&track=true")
    try listener.wait(records: 1)
    try listener.nextHeartbeat()
    #expect(Set(listener.shown.map(\.user)) == ["e"])
    #expect(try edge.metric("turnout_exposures_untracked_answers_total") == 3)
    let answer = try edge.get("/decide?user_key=a&track=perhaps")
    #expect(answer.status == 400)
    #expect(try answer.json()["errorCode"]?.text == "INVALID_TRACK")
  }

  @Test func `the same exposure is sent once in the window, and each time without one`() throws {
    for (window, count) in [("60s", 1), ("0s", 10)] {
      let listener = try Listener()
      let edge = try makeEdge(listener, ["\"dedupeWindow\": \"\(window)\""])
      let client = try edge.client()
      for _ in 0..<10 { _ = try client.ask(post(#"{"subjectId":"u","flagKeys":["f"]}"#)) }
      try listener.wait(records: count)
      try listener.nextHeartbeat()
      #expect(listener.shown.count == count)
      #expect(try edge.metric("turnout_exposures_repeated_total") == 10 - count)
      #expect(listener.heartbeats.last?.losses.repeats == UInt64(10 - count))
    }
  }

  @Test func `a datagram is as large as it may be and no larger, and a record that fits none is counted`()
    throws
  {
    let listener = try Listener()
    let edge = try makeEdge(listener, ["\"datagramSize\": 512", "\"dedupeWindow\": \"0s\""])
    let client = try edge.client()
    let long = String(repeating: "x", count: 600)
    for index in 0..<50 {
      let user = index % 10 == 0 ? long : "user-\(index)"
      _ = try client.ask(post(#"{"subjectId":"\#(user.prefix(256))","flagKeys":["f"]}"#))
    }
    _ = try client.get("/decide?user_key=\(long)")
    try listener.wait(records: 50)
    #expect(listener.largest <= 512)
    #expect(try edge.metric("turnout_exposures_dropped_total{reason=\"oversized\"}") >= 1)
  }

  @Test func `with a key every datagram has a tag that is right`() throws {
    let key = try MessageKey(decoding: Array(keyText.utf8)).derived(for: "exposure datagrams")
    let listener = try Listener(key: key)
    let edge = try makeEdge(listener, ["\"keyFile\": \"exposures.key\""])
    let client = try edge.client()
    for user in 0..<100 { _ = try client.get("/decide?user_key=user-\(user)") }
    try listener.wait(records: 100)
    try listener.nextHeartbeat()
    #expect(!listener.isForged)
    #expect(!listener.headers.map(\.isTagged).contains(false))
  }

  @Test func `a key that is read anew tags what is sent from then on`() throws {
    func key(_ text: String) throws -> MessageKey {
      try MessageKey(decoding: Array(text.utf8)).derived(for: "exposure datagrams")
    }
    let listener = try Listener(key: key(keyText))
    let edge = try makeEdge(listener, ["\"keyFile\": \"exposures.key\""])
    _ = try edge.get("/decide?user_key=user-1")
    try listener.wait(records: 1)
    #expect(!listener.isForged)
    let other = String(keyText.filter(\.isHexDigit).reversed())
    try edge.folder.write("exposures.key", other)
    try edge.reload { _ in }
    while try listener.take() {}
    listener.isForged = false
    listener.key = try key(other)
    let count = listener.shown.count
    _ = try edge.get("/decide?user_key=user-2")
    try listener.wait(records: count + 1)
    try listener.nextHeartbeat()
    #expect(!listener.isForged)
  }

  @Test func `what was missed is sent again, byte for byte, to who may ask`() throws {
    let key = try MessageKey(decoding: Array(keyText.utf8)).derived(for: "exposure datagrams")
    let listener = try Listener(key: key)
    let edge = try makeEdge(listener, ["\"keyFile\": \"exposures.key\""])
    let client = try edge.client()
    for user in 0..<100 { _ = try client.get("/decide?user_key=user-\(user)") }
    try listener.wait(records: 100)
    let first = try #require(listener.headers.first)
    let original = try #require(listener.datagrams[first.sequence])
    func ask(_ boot: UInt64, tagged: Bool) {
      let form = ResendRequest(boot: boot, worker: first.worker, ranges: [0..<1, 5_000_000..<5_000_002])
      var request = Array("e-1".utf8).withBytes { form.encode(edge: $0, isTagged: true, sentAt: 0) }
      if tagged { key.tag(atEndOf: &request) }
      listener.peer.send(request, to: listener.edgePort)
    }
    let before = listener.headers.count
    ask(first.boot, tagged: false)
    ask(first.boot &+ 1, tagged: true)
    listener.peer.send(Array("nonsense".utf8), to: listener.edgePort)
    try eventually("three requests are refused") {
      try edge.metric("turnout_exposure_resend_requests_refused_total") == 3
    }
    #expect(try edge.metric("turnout_exposure_datagrams_resent_total") == 0)
    ask(first.boot, tagged: true)
    try eventually("it comes again") {
      try listener.take()
      return listener.headers.count > before && listener.headers.last?.sequence == 0
    }
    #expect(listener.datagrams[0] == original)
    #expect(try edge.metric("turnout_exposure_datagrams_gone_total") == 2)
  }

  @Test func `without a way to the collector exposures are dropped and counted, and decisions go on`() throws
  {
    let edge = try makeEdge(
      collector: "collector.invalid:7073", ["\"retain\": 65536", "\"dedupeWindow\": \"0s\""])
    let client = try edge.client()
    let request = "GET /decide?user_key=user HTTP/1.1\r\nHost: e\r\n\r\n"
    for _ in 0..<200 {
      try client.send(String(repeating: request, count: 50))
      for _ in 0..<50 { #expect(try client.read().status == 200) }
    }
    let recorded = try edge.metric("turnout_exposures_recorded_total")
    let dropped = try edge.metric("turnout_exposures_dropped_total{reason=\"full\"}")
    let perUser = isSampled("user", "e2", rate: 0.5) ? 2 : 1
    #expect(dropped > 0)
    #expect(recorded + dropped == 10_000 * perUser)
    try edge.event("collector_unreachable")
    #expect(try edge.events("collector_unreachable").count == 1)
  }

  @Test func `a collector that is not there costs no decision and no log line`() throws {
    let edge = try makeEdge(
      collector: "127.0.0.1:\(try Plug.freePort())",
      ["\"flushInterval\": \"1ms\"", "\"dedupeWindow\": \"0s\""])
    let client = try edge.client()
    for user in 0..<2000 { #expect(try client.get("/decide?user_key=user-\(user)").status == 200) }
    try eventually("everything was sent into the void or refused") {
      try edge.metric("turnout_exposures_sent_total") == edge.metric("turnout_exposures_recorded_total")
    }
    #expect(try edge.log().count < 10)
  }

  @Test func `an edge that ends sends what is left and says that nothing follows`() throws {
    let listener = try Listener()
    let edge = try makeEdge(
      collector: "127.0.0.1:\(listener.peer.port)", ["\"flushInterval\": \"60s\""])
    edge.mayEnd = true
    let client = try edge.client()
    for user in 0..<10 { _ = try client.ask(post(#"{"subjectId":"u\#(user)","flagKeys":["f"]}"#)) }
    edge.process.signal(SIGTERM)
    try listener.nextHeartbeat(where: \.isEnding)
    #expect(listener.shown.count == 10)
    #expect(listener.heartbeats.last?.header.recordsBefore == 10)
    #expect(try edge.process.exitCode() == 0)
  }
}

private func post(_ json: String) -> String {
  "POST /api/v1/decide HTTP/1.1\r\nHost: e\r\nContent-Length: \(json.utf8.count)\r\n\r\n\(json)"
}
