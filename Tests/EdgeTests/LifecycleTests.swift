// The life of a process: not ready until it can decide, ending in order, and chains of edges.

import Glibc
import JSON
import Kernel
import Snapshots
import ProgramSupport
import Testing

@Suite struct LifecycleTests {
  @Test func `it is alive before it is ready and asked in vain until it is`() throws {
    let site = try Site()
    for name in ["prod", "other"] { try site.publish(name, 1) }
    let gate = Gate()
    let upstream = try ScriptedUpstream { request in
      if request.environment == "other" { gate.pass() }
      return site.reply(request)
    }
    let edge = try EdgeProcess(
      EdgeSettings(upstream, site, environments: ["prod", "other"]), waitsUntilReady: false)
    try edge.wait(forVersion: 1)
    #expect(try edge.get("/health").status == 200)
    #expect(try edge.ready().status == 503)
    #expect(try edge.ready().json()["ready"]?.bool == false)
    #expect(try edge.get("/decide?user_key=u&env=other").status == 503)
    gate.open()
    try edge.waitUntilReady()
    #expect(try edge.version("other") == 1)
  }

  @Test func `ready means that the first request is served, in every start`() throws {
    let names = (0..<8).map { "e\($0)" }
    let site = try Site()
    for name in names { try site.publish(name, 1) }
    let upstream = try ScriptedUpstream(site)
    let edge = try EdgeProcess(EdgeSettings(upstream, site, environments: names))
    for round in 0..<20 {
      if round == 10 { upstream.stop() }
      try edge.restart()
      for name in names.reversed() { #expect(try edge.version(name) == 1) }
    }
  }

  @Test func `the thread that compiles gives way, and workers do not`() throws {
    let site = try Site()
    try site.publish("prod", 1)
    let upstream = try ScriptedUpstream(site)
    let edge = try EdgeProcess(EdgeSettings(upstream, site))
    let tasks = "/proc/\(edge.process.pid)/task"
    var niceness: [Substring: Int] = [:]
    for task in try File.names(in: tasks) {
      // The fields that follow the name in its parentheses begin with the third.
      let parts = String(decoding: try File.readVirtual("\(tasks)/\(task)/stat"), as: UTF8.self)
        .split(separator: ")")
      niceness[try #require(parts[0].split(separator: "(").last)] = Int(parts[1].split(separator: " ")[16])
    }
    #expect(niceness["sync"] == 5)
    #expect(niceness["worker-0"] == 0)
  }

  @Test func `asked from the first moment it never dies`() throws {
    let site = try Site()
    try site.publish("prod", 1)
    let upstream = try ScriptedUpstream(site)
    let edge = try EdgeProcess(EdgeSettings(upstream, site))
    for _ in 0..<20 {
      // Nobody waits for the edge to be ready: it is asked as soon as it listens.
      try edge.restart(waitsUntilReady: false)
      // What lies on the disk is loaded before anybody is accepted.
      #expect(try edge.get("/decide?user_key=u").status == 200)
      #expect(try edge.ready().status == 200)
    }
  }

  @Test func `after a crash it serves from the disk`() throws {
    let house = try House()
    house.upstream.stop()
    house.edge.mayEnd = true
    house.edge.process.signal(SIGSEGV)
    #expect(try house.edge.process.exitCode() == 128 + SIGSEGV)
    try house.edge.restart()
    #expect(try house.edge.version() == 1)
    #expect(try house.edge.state()?["source"]?.text == "disk")
    house.edge.mayEnd = false
  }

  @Test func `between the announcement of its end and the end everything goes on`() throws {
    let edge = try House { $0.members = [#""drainDelay": "1s""#] }.edge
    edge.mayEnd = true
    let kept = try edge.client()
    #expect(try kept.get("/health").status == 200)
    edge.process.signal(SIGTERM)
    try edge.event("ending")
    #expect(try edge.ready().status == 503)
    #expect(try edge.get("/decide?user_key=u").status == 200)
    #expect(try kept.get("/decide?user_key=u")["Connection"] == nil)
    // Then whoever keeps asking is told.
    try eventually("it is told") { try kept.get("/decide?user_key=u")["Connection"] == "close" }
    #expect(throws: SystemFailure.self) { try edge.client() }
    #expect(try edge.process.exitCode() == 0)
  }

  @Test func `what waits to be accepted when it is told to end is served`() throws {
    let edge = try House { $0.workers = 2 }.edge
    edge.mayEnd = true
    edge.process.signal(SIGSTOP)
    var waiting: [RawClient] = []
    for number in 0..<64 {
      let client = try number % 2 == 0 ? edge.client() : edge.unixClient()
      try client.send("GET /decide?user_key=u HTTP/1.1\r\nHost: e\r\n\r\n")
      waiting.append(client)
    }
    edge.process.signal(SIGTERM)
    edge.process.signal(SIGCONT)
    for client in waiting {
      #expect(try client.read().status == 200)
      #expect(try client.readToEnd().isEmpty)
      #expect(!client.isReset)
    }
    #expect(try edge.process.exitCode() == 0)
  }

  @Test(arguments: [SIGTERM, SIGINT])
  func `told to end it answers what is under way and exits with 0`(signal: Int32) throws {
    let edge = try House { $0.workers = 2 }.edge
    edge.mayEnd = true
    let idle = try edge.client()
    #expect(try idle.get("/health").status == 200)
    let half = try edge.unixClient()
    try half.send(
      "POST /api/v1/decide HTTP/1.1\r\nHost: e\r\nContent-Length: \(ServingTests.body.utf8.count)\r\n\r\n{")
    try half.waitUntilRead()
    let admin = try RawClient(port: edge.adminPort)
    edge.process.signal(signal)
    try edge.event("ending")
    // Who is idle is let go without a word, a moment later.
    #expect(try idle.readToEnd().isEmpty)
    #expect(!idle.isReset)
    #expect(try admin.get("/ready").status == 503)
    #expect(try admin.get("/ready").json()["ending"]?.bool == true)
    try half.send(String(ServingTests.body.dropFirst()))
    let answer = try half.read()
    #expect(answer.status == 200)
    #expect(answer["Connection"] == "close")
    #expect(try half.readToEnd().isEmpty)
    #expect(try edge.process.exitCode() == 0)
    let ended = try edge.event("ended")
    #expect(ended["connectionsCut"]?.bool == false)
    #expect(!File.exists(edge.folder.path("edge.sock")))
  }

  @Test func `an answer on its way when it is told to end is sent whole and does not hold the end up`() throws
  {
    let edge = try House(padding: 8_000_000) { $0.upstream = [#""snapshotSize": "16MiB""#] }.edge
    edge.mayEnd = true
    let client = try edge.client()
    _ = client.sendBlindly(Array("GET /configs/prod/snapshots/1.json HTTP/1.1\r\nHost: e\r\n\r\n".utf8))
    try eventually("the answer is on its way") {
      try edge.metric(#"turnout_http_requests_total{route="/configs",status="200"}"#) == 1
    }
    edge.process.signal(SIGTERM)
    try edge.event("ending")
    let answer = try client.read()
    #expect(answer.body == Site.snapshot("prod", 1, padding: 8_000_000))
    #expect(try client.readToEnd(within: 5).isEmpty)
    #expect(try edge.process.exitCode(within: 5) == 0)
    #expect(try edge.event("ended")["connectionsCut"]?.bool == false)
  }

  @Test func `after the drain time it ends whatever is under way`() throws {
    let edge = try House { $0.members = [#""drainTimeout": "300ms""#] }.edge
    edge.mayEnd = true
    let half = try edge.unixClient()
    try half.send("GET /health HTTP/1.1\r\n")
    try half.waitUntilRead()
    edge.process.signal(SIGTERM)
    #expect(try edge.process.exitCode(within: 4) == 0)
    #expect(try edge.event("ended")["connectionsCut"]?.bool == true)
  }

  @Test func `a second signal ends it at once`() throws {
    let edge = try House().edge
    edge.mayEnd = true
    let half = try edge.unixClient()
    try half.send("GET /health HTTP/1.1\r\n")
    try half.waitUntilRead()
    edge.process.signal(SIGTERM)
    try edge.event("ending")
    edge.process.signal(SIGTERM)
    #expect(try edge.process.exitCode(within: 4) == 128 + SIGTERM)
  }

  @Test func `no request fails while versions are swapped`() throws {
    let house = try House { $0.pollInterval = "1ms" }
    let site = house.site
    let version = Tally()
    version.add()
    house.upstream.answer { request in
      if request.isManifest { try? site.publish("prod", version.add()) }
      return site.reply(request)
    }
    let client = try house.edge.client()
    var last = 0
    var seen = Set<Int>()
    while seen.count < 100 {
      let answer = try client.get("/decide?user_key=u")
      try #require(answer.status == 200)
      let now = try #require(try answer.json()["config_version"]?.integer)
      #expect(now >= last, "one worker never goes back")
      last = now
      seen.insert(now)
    }
  }

  @Test func `a snapshot without experiments is a valid one`() throws {
    let site = try Site()
    let document = Array(#"{"version":1,"environment":"prod","publishedAt":null,"experiments":[]}"#.utf8)
    site[Layout.snapshot("prod", 1)] = document
    site[Layout.manifest("prod")] = try site.sign(site.manifest("prod", 1, document))
    let upstream = try ScriptedUpstream(site)
    let edge = try EdgeProcess(EdgeSettings(upstream, site))
    #expect(try edge.get("/decide?user_key=u").json()["assignments"]?.elements.first { _ in true } == nil)
    #expect(try edge.client().post("/api/v1/decide", #"{"subjectId":"u"}"#).text == #"{"decisions":[]}"#)
  }

  // MARK: - Chains

  @Test func `an edge is the upstream of the next one`() throws {
    let house = try House()
    let port = house.edge.port
    let second = try EdgeProcess(EdgeSettings("http://127.0.0.1:\(port)/", house.site))
    let third = try EdgeProcess(EdgeSettings("http://localhost:\(second.port)", house.site))
    for edge in [second, third] {
      #expect(try edge.version() == 1)
      #expect(try edge.state()?["signed"]?.bool == true)
      let document = try edge.get("/configs/prod/manifest.json")
      #expect(document.body == house.site[Layout.manifest("prod")])
      #expect(try edge.get("/configs/prod/version.json").json()["version"]?.integer == 1)
    }
    try house.site.publish("prod", 2)
    try third.wait(forVersion: 2)
    try eventually("unchanged manifests are not sent again") {
      try second.metric(#"turnout_http_requests_total{route="/configs",status="304"}"#) > 0
    }
    // An environment that only a request to the last one names comes through all of them.
    try house.site.publish("late", 1)
    try eventually("it is not there at once") { try third.get("/decide?user_key=u&env=late").status == 503 }
  }

  @Test func `documents are served with ETag and 304`() throws {
    let edge = try House().edge
    for name in ["manifest.json", "snapshots/1.json", "snapshots/latest.json", "version.json"] {
      let client = try edge.client()
      let answer = try client.get("/configs/prod/" + name)
      #expect(answer.status == 200)
      let tag = try #require(answer["ETag"])
      for (value, status) in [
        (tag, 304), ("W/" + tag, 304), ("\"x\", \(tag)", 304), ("*", 304), ("\"x\"", 200),
      ] {
        let again = try client.ask(
          "GET /configs/prod/\(name) HTTP/1.1\r\nHost: e\r\nIf-None-Match: \(value)\r\n\r\n")
        #expect(again.status == status, "\(name) \(value)")
        #expect(again.body.isEmpty == (status == 304))
      }
    }
  }
}
