// In the steady state a worker does not touch the heap: counted from outside the program, by a library that
// stands before the C library's allocator, over requests of every kind.

import Bytes
import Kernel
import Snapshots
import ProgramSupport
import Testing

struct AllocationTests {
  private static let requests = [
    "GET /decide?user_key=user-1&context=%7B%22country%22%3A%22U%53%22%2C%22age%22%3A4.2e1%7D HTTP/1.1\r\nHost: e\r\n\r\n",
    "GET /decide?user_key=%C3%A9+1&env=prod HTTP/1.1\r\nHost: e\r\n\r\n",
    "HEAD /decide?user_key=user-2 HTTP/1.1\r\nHost: e\r\n\r\n",
    "GET /decide?user_key= HTTP/1.1\r\nHost: e\r\n\r\n",
    "GET /decide?user_key=u&context=[1] HTTP/1.1\r\nHost: e\r\n\r\n",
    "GET /decide?user_key=u&env=unknown HTTP/1.1\r\nHost: e\r\n\r\n",
    // A visitor without a cookie, with one, and with a wrong one.
    "GET /decide HTTP/1.1\r\nHost: e\r\n\r\n",
    "GET /decide HTTP/1.1\r\nHost: e\r\nCookie: a=b; turnout_uid=0123456789abcdef0123456789abcdef\r\n\r\n",
    "GET /decide HTTP/1.1\r\nHost: e\r\nCookie: turnout_uid=x; turnout_sticky=x\r\n\r\n",
    "GET /health HTTP/1.1\r\nHost: e\r\n\r\n",
    "GET /nothing HTTP/1.1\r\nHost: e\r\n\r\n",
    "PUT /decide HTTP/1.1\r\nHost: e\r\n\r\n",
    "GET /configs/prod/manifest.json HTTP/1.1\r\nHost: e\r\n\r\n",
    "GET /configs/prod/snapshots/latest.json HTTP/1.1\r\nHost: e\r\n\r\n",
    body(#"{"subjectId":"us\u0065r-1","attributes":{"a":{"b":[1,2,3]}},"flagKeys":["banner","none"]}"#),
    body(#"{"subjectId":"user-1"}"#),
    body(#"{"subjectId":1}"#),
    body("{"),
    body(
      #"{"flagKeys":["banner"],"subjects":[{"subjectId":"a"},{"subjectId":"b\u00e9"},3]}"#,
      "/api/v1/decide/batch"),
    body(#"{"context":{"targetingKey":"us\u0065r","n":1.5e0,"l":[{"a":null}]}}"#, "/ofrep/v1/evaluate/flags"),
    body(#"{"context":{}}"#, "/ofrep/v1/evaluate/flags?env=prod&flagConfigEtag=%22x%22"),
    body(#"{"context":{"targetingKey":"u"}}"#, "/ofrep/v1/evaluate/flags/b%61nner"),
    body("{", "/ofrep/v1/evaluate/flags/banner"),
    body("{}", "/ofrep/v1/evaluate/flags/no%2Fne"),
    "POST /api/v1/decide HTTP/1.1\r\nHost: e\r\nTransfer-Encoding: chunked\r\n\r\n"
      + "5\r\n{\"sub\r\nc;x=y\r\njectId\":\"a\"}\r\n0\r\n\r\n",
  ]

  private static func body(_ json: String, _ target: String = "/api/v1/decide") -> String {
    "POST \(target) HTTP/1.1\r\nHost: e\r\nContent-Length: \(json.utf8.count)\r\n\r\n\(json)"
  }

  /// What stands in the way of a request: members of the configuration, members of its limits, header lines.
  private static let gates: [(members: [String], limits: [String], fields: String)] = [
    ([], [], ""),
    (
      [
        gate,
        #""auth": {"keys": [\#(configured("a-key")), \#(configured("b-key", #""environments": ["x"]"#))]}"#,
      ],
      [#""rate": 1000000"#], "X-API-Key: a-key\r\nOrigin: https://a.example\r\n"
    ),
    ([gate], [stingy], "X-Forwarded-For: 1.2.3.4, 127.0.0.1\r\nOrigin: https://b.example\r\n"),
  ]
  private static let gate =
    #""cors": {"origins": ["https://a.example"]}, "trustedProxies": ["127.0.0.1", "unix"]"#

  private static let stingy = #""rate": 1"#

  /// Requests that a gate turns away, or answers itself.
  private static let turnedAway = [
    "GET /decide?user_key=u HTTP/1.1\r\nHost: f\r\n\r\n",
    "GET /decide?user_key=u HTTP/1.1\r\nHost: f\r\nAuthorization: Bearer unknown\r\n\r\n",
    "GET /decide?user_key=u HTTP/1.1\r\nHost: f\r\nAuthorization: Bearer b-key\r\n\r\n",
    "GET /decide?user_key=u&env=x HTTP/1.1\r\nHost: f\r\nX-API-Key: b-key\r\n\r\n",
    "GET /decide?user_key=u HTTP/1.1\r\nHost: f\r\nX-Forwarded-For: rubbish\r\n\r\n",
    "OPTIONS /decide HTTP/1.1\r\nHost: f\r\nOrigin: https://a.example\r\nAccess-Control-Request-Method: GET\r\n\r\n",
  ]

  @Test(arguments: gates)
  func `a worker allocates nothing per request once it is warm`(
    gate: (members: [String], limits: [String], fields: String)
  ) throws {
    let folder = try Folder()
    let shim = try Shim.make("count_allocations", in: folder)
    let site = try Site()
    try site.publish("prod", 1)
    try site.write(to: folder, under: "site")
    var settings = EdgeSettings("file:site", site)
    // Nobody listens there: exposures are recorded, tagged and sent all the same.
    let key = String(repeating: "0f", count: 32)
    try folder.write("exposures.key", key)
    settings.limits = gate.limits
    settings.members =
      gate.members + [
        "\"exposures\": {\"collector\": \"127.0.0.1:\(try Plug.freePort())\", \"keyFile\": \"exposures.key\", \"flushInterval\": \"1ms\", \"dedupeWindow\": \"0s\"}",
        "\"visitors\": {\"cookie\": true, \"sticky\": \"cookie\", \"keyFile\": \"exposures.key\"}",
      ]
    settings.variables = [
      "LD_PRELOAD": shim, "ALLOCATION_COUNT_FILE": folder.path("count"),
    ]
    let edge = try EdgeProcess(settings, folder: folder)
    let first = "GET /decide?user_key=kept HTTP/1.1\r\nHost: e\r\n\(gate.fields)\r\n"
    let cookie = try #require(try edge.client().ask(first)["Set-Cookie"])
    #expect(cookie.hasPrefix("turnout_sticky="))
    let kept =
      "GET /decide?user_key=kept HTTP/1.1\r\nHost: e\r\nCookie: \(cookie.prefix { $0 != ";" })\r\n\r\n"
    let foreign = kept.replacing("=kept", with: "=other")
    let requests =
      (Self.requests + [kept, foreign]).map {
        $0.replacing("Host: e\r\n", with: "Host: e\r\n" + gate.fields)
      } + Self.turnedAway
    try ask(edge, requests, rounds: 20)
    let before = try count(folder)
    #expect(before > 0, "the worker allocates when it starts; otherwise nothing was counted")
    try ask(edge, requests, rounds: 500)
    #expect(try count(folder) == before)
    let metrics = String(decoding: try edge.admin("/metrics").body, as: UTF8.self)
    #expect(!metrics.contains("turnout_exposures_recorded_total 0\n"))
    #expect(!metrics.contains("turnout_exposure_datagrams_sent_total 0\n"))
    // Who is limited hardly gets as far.
    for outcome in [
      "visitors_total{outcome=\"new\"}", "visitors_total{outcome=\"known\"}", "stickies_read_total",
      "stickies_refused_total{reason=\"tampered\"}", "stickies_written_total",
    ] where gate.limits != [Self.stingy] {
      #expect(try edge.metric("turnout_\(outcome)") >= 500)
    }
  }

  /// Each request alone, all of them pipelined, and some over connections of their own.
  private func ask(_ edge: EdgeProcess, _ requests: [String], rounds: Int) throws {
    let client = try edge.client()
    for round in 0..<rounds {
      if round % 2 == 0 {
        for request in requests { _ = try client.ask(request) }
      } else {
        try client.send(requests.joined())
        for request in requests { _ = try client.read(toHead: request.hasPrefix("HEAD")) }
      }
      if round % 50 == 0 { _ = try edge.unixClient().get("/health") }
    }
  }

  private func count(_ folder: Folder) throws -> UInt64 {
    try folder.read("count").reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
