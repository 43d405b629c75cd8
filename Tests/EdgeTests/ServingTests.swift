// What a client gets over one connection: routes, methods, keep-alive, pipelining, and bytes cut anywhere.

import Bytes
import Glibc
import JSON
import ProgramSupport
import Snapshots
import Testing

/// An edge over an upstream with one signed environment, `prod`, in version 1.
struct House {
  let site: Site
  let upstream: ScriptedUpstream
  let edge: EdgeProcess

  init(
    padding: Int = 0, document: [UInt8]? = nil, folder: Folder? = nil,
    _ change: (inout EdgeSettings) -> Void = { _ in }
  ) throws {
    site = try Site()
    try site.publish("prod", 1, document: document ?? Site.snapshot("prod", 1, padding: padding))
    upstream = try ScriptedUpstream(site)
    var settings = EdgeSettings(upstream, site)
    change(&settings)
    edge = try EdgeProcess(settings, folder: folder)
    edge.owned = [upstream]
  }
}

/// The members of an answer that do not change from one time to the next.
func stable(_ answer: Answer) throws -> String {
  var text = answer.text
  while let start = text.range(of: "\"decisionId\":\"") {
    let end = text[start.upperBound...].firstIndex(of: "\"")!
    text.replaceSubrange(start.lowerBound...end, with: "\"decisionId\":0")
  }
  return "\(answer.status) \(answer["Content-Type"] ?? "") \(text)"
}

extension String {
  /// Where `needle` first stands.
  func range(of needle: String) -> Range<String.Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(needle) { return start..<index(start, offsetBy: needle.count) }
      start = index(after: start)
    }
    return nil
  }
}

@Suite struct ServingTests {
  static let body =
    #"{"subjectId":"u1","attributes":{"country":"US","plan":"pro"},"flagKeys":["banner","limit","no"]}"#
  static let post =
    "POST /api/v1/decide HTTP/1.1\r\nHost: edge\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
  static let chunked = """
    POST /api/v1/decide HTTP/1.1\r\nHost: edge\r\nTransfer-Encoding: chunked\r\n\r\n\
    5;name=value\r\n\(body.prefix(5))\r\n1\r\n\(body.dropFirst(5).prefix(1))\r\n\
    \(String(body.utf8.count - 6, radix: 16))\r\n\(body.dropFirst(6))\r\n0\r\nTrailer: yes\r\n\r\n
    """

  @Test func `every route of the data port answers`() throws {
    let edge = try House().edge
    let client = try edge.client()

    let decide = try client.get("/decide?user_key=u1&env=prod&context=%7B%22country%22:%22US%22%7D")
    #expect(decide.status == 200)
    #expect(decide["Content-Type"] == "application/json")
    #expect(decide["Date"]?.hasSuffix(" GMT") == true)
    let json = try decide.json()
    #expect(json["user_key"]?.text == "u1")
    #expect(json["environment"]?.text == "prod")
    #expect(json["config_version"]?.integer == 1)
    let assignment = try #require(json["assignments"]?.elements.first { _ in true })
    #expect(assignment["experiment_key"]?.text == "color")
    #expect(["control", "treatment"].contains(assignment["variant_key"]?.text))

    let flags = try client.post("/api/v1/decide", Self.body)
    #expect(flags.status == 200)
    let decisions = try Array(#require(try flags.json()["decisions"]).elements)
    #expect(decisions.map { $0["flagKey"]?.text } == ["banner", "limit", "no"])
    #expect(
      decisions.map { $0["reason"]?.text } == ["EXPERIMENT_ASSIGNED", "FLAG_DEFAULT", "FLAG_NOT_FOUND"])
    #expect(decisions[1]["value"]?.integer == 10)
    #expect(decisions[2]["value"]?.isNull == true)

    let health = try client.get("/health")
    #expect(health.status == 200)
    #expect(health.text == #"{"status":"ok"}"#)
  }

  @Test func `every route of the admin port answers`() throws {
    let edge = try House().edge
    _ = try edge.get("/decide?user_key=u1")
    #expect(try edge.admin("/health").status == 200)

    let ready = try edge.ready()
    #expect(ready.status == 200)
    #expect(try ready.json()["ready"]?.bool == true)
    let state = try #require(try edge.state())
    #expect(state["version"]?.integer == 1)
    #expect(state["signed"]?.bool == true)
    #expect(state["source"]?.text == "upstream")

    let snapshot = try #require(
      try edge.admin("/snapshot").json()["environments"]?.elements.first { _ in true })
    #expect(snapshot["snapshot"]?["sha256"]?.text?.count == 64)
    #expect(snapshot["snapshot"]?["signedBy"].map { Array($0.elements).count } == 1)

    let explain = try edge.admin("/explain?user_key=u1")
    #expect(explain.status == 200)
    let explained = try #require(try explain.json()["experiments"]?.elements.first { _ in true })
    #expect(explained["reason"]?.text == "EXPERIMENT_ASSIGNED")
    #expect(try edge.admin("/explain").errorCode == "MISSING_USER_KEY")

    let metrics = try edge.admin("/metrics")
    #expect(metrics["Content-Type"]?.hasPrefix("text/plain; version=0.0.4") == true)
    #expect(try edge.metric(#"turnout_http_requests_total{route="/decide",status="200"}"#) == 1)
    #expect(try edge.metric(#"turnout_decisions_total{reason="EXPERIMENT_ASSIGNED"}"#) == 1)
    #expect(try edge.metric(#"turnout_snapshot_version{environment="prod"}"#) == 1)
    #expect(try edge.metric(#"turnout_http_request_duration_seconds_bucket{le="+Inf"}"#) == 1)

    #expect(try edge.admin("/nothing").status == 404)
  }

  @Test func `a connection serves one request after the other`() throws {
    let client = try House().edge.client()
    for number in 0..<200 {
      let answer = try client.get("/decide?user_key=user\(number)")
      #expect(try answer.json()["user_key"]?.text == "user\(number)")
      #expect(answer["Connection"] == nil)
    }
  }

  @Test func `two thousand requests in one write are answered in their order`() throws {
    let client = try House().edge.client()
    let requests = (0..<2000).map { "GET /decide?user_key=user\($0) HTTP/1.1\r\nHost: edge\r\n\r\n" }
    try client.send(requests.joined())
    for number in 0..<2000 {
      let answer = try client.read()
      try #require(answer.text.hasPrefix("{\"user_key\":\"user\(number)\","))
    }
    #expect(try client.get("/health").status == 200)
  }

  @Test func `a client may send megabytes of requests ahead`() throws {
    let edge = try House().edge
    let client = try edge.client()
    let count = 60_000
    try client.send(
      (0..<count).map { "GET /health HTTP/1.1\r\nHost: edge\r\nNumber: \($0)\r\n\r\n" }.joined())
    for _ in 0..<count { try #require(try client.read().status == 200) }
    #expect(try edge.metric("turnout_pending_overflows_total") == 0)
  }

  @Test(arguments: [post, chunked, "GET /decide?user_key=u1&context=%7B%7D HTTP/1.1\r\nHost: edge\r\n\r\n"])
  func `a request split at every byte gives the same answer`(request: String) throws {
    let edge = try House().edge
    let expected = try stable(edge.client().ask(request))
    #expect(expected.hasPrefix("200 "))
    let bytes = Array(request.utf8)
    for cut in 1..<bytes.count {
      let client = try edge.unixClient()
      try client.send(Array(bytes[..<cut]))
      try client.waitUntilRead()
      try client.send(Array(bytes[cut...]))
      #expect(try stable(client.read()) == expected, "cut at \(cut)")
      #expect(try client.get("/health").status == 200)
    }
  }

  @Test(arguments: [post, chunked])
  func `a request that comes byte by byte gives the same answer`(request: String) throws {
    let edge = try House().edge
    let expected = try stable(edge.client().ask(request))
    let client = try edge.unixClient()
    for _ in 0..<2 {
      for byte in request.utf8 {
        try client.send([byte])
        try client.waitUntilRead()
      }
      #expect(try stable(client.read()) == expected)
    }
  }

  @Test func `a pipelined pair split at every byte gives the same answers`() throws {
    let edge = try House().edge
    let pair = Array((Self.chunked + "GET /decide?user_key=u2 HTTP/1.1\r\nHost: edge\r\n\r\n").utf8)
    let client = try edge.client()
    try client.send(pair)
    let expected = [try stable(client.read()), try stable(client.read())]
    for cut in 1..<pair.count {
      let client = try edge.unixClient()
      try client.send(Array(pair[..<cut]))
      try client.waitUntilRead()
      try client.send(Array(pair[cut...]))
      #expect(try [stable(client.read()), stable(client.read())] == expected, "cut at \(cut)")
    }
  }

  @Test func `the Unix socket answers as the port does`() throws {
    let edge = try House().edge
    let target = "/decide?user_key=u1"
    #expect(try stable(edge.unixClient().get(target)) == stable(edge.client().get(target)))
    #expect(try stable(edge.unixClient().get("/nothing")) == stable(edge.client().get("/nothing")))
  }

  @Test func `HEAD has the fields of GET and no body`() throws {
    let client = try House().edge.client()
    for target in ["/decide?user_key=u1", "/health", "/configs/prod/manifest.json", "/nothing"] {
      let get = try client.get(target)
      let head = try client.ask("HEAD \(target) HTTP/1.1\r\nHost: edge\r\n\r\n")
      #expect(head.status == get.status)
      #expect(head["Content-Length"] == get["Content-Length"])
      #expect(head["ETag"] == get["ETag"])
    }
    // Nothing of a body is left on the connection.
    #expect(try client.get("/health").text == #"{"status":"ok"}"#)
  }

  @Test(arguments: [
    ("/decide", "POST", "GET, HEAD, OPTIONS"), ("/decide", "DELETE", "GET, HEAD, OPTIONS"),
    ("/api/v1/decide", "GET", "POST, OPTIONS"), ("/api/v1/decide", "HEAD", "POST, OPTIONS"),
    ("/health", "PUT", "GET, HEAD, OPTIONS"), ("/configs/prod/manifest.json", "PATCH", "GET, HEAD, OPTIONS"),
  ])
  func `another method gets 405 with Allow`(target: String, method: String, allowed: String) throws {
    let client = try House().edge.client()
    let answer = try client.ask("\(method) \(target) HTTP/1.1\r\nHost: edge\r\n\r\n")
    #expect(answer.status == 405)
    #expect(answer["Allow"] == allowed)
    if method != "HEAD" { #expect(answer.errorCode == "METHOD_NOT_ALLOWED") }
    #expect(try client.get("/health").status == 200)
  }

  @Test func `OPTIONS names the methods`() throws {
    let client = try House().edge.client()
    for (target, allowed) in [
      ("/decide", "GET, HEAD, OPTIONS"), ("/api/v1/decide", "POST, OPTIONS"),
      ("*", "GET, HEAD, POST, OPTIONS"),
    ] {
      let answer = try client.ask("OPTIONS \(target) HTTP/1.1\r\nHost: edge\r\n\r\n")
      #expect(answer.status == 204)
      #expect(answer["Allow"] == allowed)
    }
    #expect(try client.get("/health").status == 200)
  }

  @Test(arguments: [
    "/", "/Decide", "/decide/", "/decidex", "/api/v1", "/configs/", "/configs/prod", "/configs/prod/",
    "/configs/prod/snapshots/2.json", "/configs/prod/snapshots/01x.json", "/configs/other/manifest.json",
    "/configs/prod/../prod/manifest.json", "/configs/prod/accepted.json", "/ready", "/metrics",
  ])
  func `what is not there gets 404`(target: String) throws {
    let answer = try House().edge.client().get(target)
    #expect(answer.status == 404)
    #expect(answer.errorCode == "NOT_FOUND")
  }

  @Test func `a client of HTTP 1.0 is served and let go`() throws {
    let edge = try House().edge
    let client = try edge.client()
    let answer = try client.ask("GET /health HTTP/1.0\r\n\r\n")
    #expect(answer.status == 200)
    #expect(answer["Connection"] == "close")
    #expect(try client.readToEnd().isEmpty)
    let keeping = try edge.client()
    for _ in 0..<2 {
      let answer = try keeping.ask("GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
      #expect(answer["Connection"] == "keep-alive")
    }
  }

  @Test func `Connection close is the last request`() throws {
    let client = try House().edge.client()
    let request = "GET /health HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n"
    let answer = try client.ask(request + "GET /health HTTP/1.1\r\nHost: edge\r\n\r\n")
    #expect(answer.status == 200)
    #expect(answer["Connection"] == "close")
    #expect(try client.readToEnd().isEmpty)
    #expect(!client.isReset)
  }

  @Test func `a client that expects 100 gets it before it sends its body`() throws {
    let edge = try House().edge
    let client = try edge.client()
    let head = "POST /api/v1/decide HTTP/1.1\r\nHost: edge\r\nExpect: 100-continue\r\n"
    try client.send(head + "Content-Length: \(Self.body.utf8.count)\r\n\r\n")
    #expect(try client.read().status == 100)
    try client.send(Self.body)
    #expect(try client.read().status == 200)
    try client.send(head + "Transfer-Encoding: chunked\r\n\r\n")
    #expect(try client.read().status == 100)
    try client.send("\(String(Self.body.utf8.count, radix: 16))\r\n\(Self.body)\r\n0\r\n\r\n")
    #expect(try client.read().status == 200)
    // A body that came along needs no asking for.
    try client.send(head + "Content-Length: \(Self.body.utf8.count)\r\n\r\n" + Self.body)
    #expect(try client.read().status == 200)
    let refused = try edge.client()
    try refused.send(head + "Content-Length: 1000000\r\n\r\n")
    #expect(try refused.read().status == 413)
  }

  @Test func `after a half-close every whole request is answered`() throws {
    let edge = try House().edge
    for round in 0..<25 {
      let client = try round % 2 == 0 ? edge.client() : edge.unixClient()
      try client.send(String(repeating: "GET /health HTTP/1.1\r\nHost: edge\r\n\r\n", count: round % 3 + 1))
      if round % 5 == 0 { try client.send("GET /health HTTP/1.1\r\nHo") }
      client.endSending()
      for _ in 0...(round % 3) { #expect(try client.read().status == 200) }
      #expect(try client.readToEnd().isEmpty)
      #expect(!client.isReset)
    }
  }

  @Test func `many clients at once are spread over the workers and all served`() throws {
    let edge = try House { $0.workers = 2 }.edge
    let clients = try (0..<100).map { _ in try edge.client() }
    for (number, client) in clients.enumerated() {
      try client.send("GET /decide?user_key=user\(number) HTTP/1.1\r\nHost: edge\r\n\r\n")
    }
    for (number, client) in clients.enumerated() {
      #expect(try client.read().json()["user_key"]?.text == "user\(number)")
    }
    // Optimised, a client would be closed after its last use.
    try withExtendedLifetime(clients) {
      try eventually("all are counted") { try edge.metric("turnout_connections") == 100 }
    }
  }

  /// Requirements from a signed document to answers, counts and explanations, and one of them broken.
  @Test func `a fault in requires leaves out its experiment alone`() throws {
    let house = try House()
    func experiment(_ id: String, _ members: String) -> String {
      """
      {"id":"\(id)","key":"\(id)","salt":"s",\(members)"variants":[{"id":"\(id)-v","key":"v"}],
      "allocations":[{"variantId":"\(id)-v","rangeStart":0,"rangeEnd":9999}]}
      """
    }
    let experiments = [
      experiment("met", #""requires":[{"experiment":"free"}],"#), experiment("free", ""),
      experiment("unmet", #""requires":[{"experiment":"paused"}],"#),
      experiment("paused", #""status":"PAUSED","#),
      experiment("broken", #""requires":[{"experiment":"nowhere"}],"#),
    ]
    let document = Array(
      #"{"version":2,"environment":"prod","experiments":[\#(experiments.joined(separator: ","))]}"#.utf8)
    house.site[Layout.snapshot("prod", 2)] = document
    house.site[Layout.manifest("prod")] = try house.site.sign(house.site.manifest("prod", 2, document))
    let edge = house.edge
    try edge.wait(forVersion: 2)

    let names = ["PREREQUISITE_NOT_MET", "EXPERIMENT_ASSIGNED", "EXPERIMENT_PAUSED"]
    func counts() throws -> [Int] {
      try names.map { try edge.metric("turnout_decisions_total{reason=\"\($0)\"}") }
    }
    let before = try counts()
    let assignments = try #require(edge.get("/decide?user_key=u1").json()["assignments"])
    #expect(assignments.elements.map { $0["experiment_id"]?.text } == ["met", "free"])
    #expect(zip(try counts(), before).map { $0 - $1 } == [1, 2, 1])
    let state = try edge.admin("/snapshot").text
    #expect(state.contains("experiments[4].requires[0].experiment"), "\(state)")
    #expect(state.contains(#"there is no experiment \"nowhere\""#), "\(state)")
    let explained = try #require(edge.admin("/explain?user_key=u1").json()["experiments"])
    #expect(
      explained.elements.map { $0["reason"]?.text } == [
        "EXPERIMENT_ASSIGNED", "EXPERIMENT_ASSIGNED", "PREREQUISITE_NOT_MET", "EXPERIMENT_PAUSED",
      ])

    let folder = try Folder()
    let file = try folder.write("snapshot.json", document)
    let text = try Program.turnout("explain", "--snapshot", file, "--user", "u1", "--experiment", "unmet")
    #expect(
      text.output.contains("prerequisites not met\n      no  experiment paused: any variant; there is none"))
    #expect(try Program.turnout("lint", file).code == 3)
  }
}
