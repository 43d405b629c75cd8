// The upstream's failures: what is served meanwhile, how often it is asked, and how soon it is noticed that it is back.

import Glibc
import JSON
import Kernel
import ProgramSupport
import Snapshots
import Testing

@Suite struct OutageTests {
  /// How an upstream can fail, and the reason that is counted.
  static let failures: [String: (reason: Refusal.Reason, reply: Reply)] = [
    "unauthorized": (.status, .answer(401, ["WWW-Authenticate: Bearer"], [])),
    "forbidden": (.status, .answer(403, [], [])),
    "missing": (.status, .answer(404, [], Array("<h1>Not Found</h1>".utf8))),
    "limited": (.status, .answer(429, ["Retry-After: 1"], [])),
    "failing": (.status, .answer(500, [], Array("oh".utf8))),
    "balancer": (.status, .answer(503, ["Retry-After: Fri, 31 Dec 1999 23:59:59 GMT"], [])),
    "redirect": (.status, .answer(302, ["Location: http://127.0.0.1:1/"], [])),
    "page": (.malformed, .answer(200, ["Content-Type: text/html"], Array("<!doctype html>".utf8))),
    "hanging": (.timeout, .hang),
    "dripping": (
      .timeout, .drip(Array("HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n".utf8), milliseconds: 100)
    ),
    "truncated": (.protocolError, .raw(Array("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".utf8))),
    "closing": (.protocolError, .close),
    "resetting": (.unreachable, .reset),
  ]

  @Test func `whatever the upstream does, an edge with a last good starts, and one without waits`() throws {
    let names = Self.failures.keys.sorted()
    let site = try Site()
    for name in names { try site.publish(name, 1) }
    let upstream = try ScriptedUpstream(site)
    var settings = EdgeSettings(upstream, site, environments: names)
    settings.upstream = [#""timeout": "1s""#]
    let seasoned = try EdgeProcess(settings)

    upstream.answer { request in Self.failures[request.environment]?.reply ?? site.reply(request) }
    let start = seconds()
    try seasoned.restart()
    print("ready from the disk after \(Int((seconds() - start) * 1000)) ms, the upstream failing")
    let fresh = try EdgeProcess(settings, waitsUntilReady: false)
    for name in names {
      let reason = Self.failures[name]!.reason
      for edge in [seasoned, fresh] {
        let line = try edge.event("snapshot_refused") { $0["environment"]?.text == name }
        #expect(line["reason"]?.text == reason.rawValue, "\(name): \(line["message"]?.text ?? "")")
        #expect(try edge.refusals(reason) > 0)
      }
      #expect(try seasoned.version(name) == 1, "\(name)")
      #expect(try seasoned.state(name)?["source"]?.text == "disk")
      #expect(try seasoned.metric("turnout_snapshot_from_disk{environment=\"\(name)\"}") == 1)
      let answer = try fresh.get("/decide?user_key=u&env=\(name)")
      #expect(answer.status == 503)
      #expect(answer["Retry-After"] == "1")
    }
    #expect(try seasoned.ready().status == 200)
    #expect(try fresh.ready().status == 503)
    #expect(try fresh.get("/health").status == 200)
    // Each of the two edges has one request for an environment under way.
    #expect(upstream.peakOfOne <= 2)
    upstream.answer { site.reply($0) }
    try fresh.waitUntilReady()
  }

  @Test func `an upstream that is back is noticed within the poll interval`() throws {
    let house = try House { $0.pollInterval = "500ms" }
    let port = house.upstream.port
    house.upstream.stop()
    // Long enough for a doubling time to be long.
    try eventually("it tried often") { try house.edge.events("snapshot_refused").count >= 5 }
    for line in try house.edge.events("snapshot_refused") {
      #expect(line["reason"]?.text == "unreachable")
      #expect(try #require(line["retryMilliseconds"]?.integer) <= 1200)
    }
    try house.site.publish("prod", 2)
    let site = house.site
    let start = seconds()
    let back = try ScriptedUpstream(port: port) { site.reply($0) }
    try house.edge.wait(forVersion: 2)
    print("the upstream was noticed \(Int((seconds() - start) * 1000)) ms after it was back")
    // And all the while there was one request at most.
    #expect(max(house.upstream.peak, back.peak) == 1)
  }

  @Test func `an upstream that died silently is noticed, and again when it lives`() throws {
    let site = try Site()
    try site.publish("prod", 1)
    let nginx = try Nginx(site)
    var settings = EdgeSettings("http://127.0.0.1:\(nginx.plainPort)", site)
    settings.upstream = [#""timeout": "1s""#]
    let edge = try EdgeProcess(settings)
    nginx.signal(SIGSTOP)
    #expect(try edge.event("snapshot_refused")["reason"]?.text == "timeout")
    #expect(try edge.version() == 1)
    try site.publish("prod", 10)
    try site.write(to: nginx.folder, under: "site")
    nginx.signal(SIGCONT)
    try edge.wait(forVersion: 10)
  }

  @Test func `an upstream that takes no connection counts as nobody`() throws {
    let site = try Site()
    try site.publish("prod", 1)
    let hole = try BlackHole()
    var settings = EdgeSettings("http://127.0.0.1:\(hole.port)", site)
    settings.upstream = [#""timeout": "1s""#]
    let edge = try EdgeProcess(settings, waitsUntilReady: false)
    for count in 1...2 {
      try eventually("it tries") { try edge.events("snapshot_refused").count >= count }
    }
    for line in try edge.events("snapshot_refused") {
      #expect(line["reason"]?.text == "unreachable")
      #expect(line["message"]?.text?.contains("in time") == true)
      #expect(try #require(line["retryMilliseconds"]?.integer) <= 1200)
    }
    #expect(try edge.ready().status == 503)
    #expect(try edge.get("/health").status == 200)
  }

  @Test func `an answer without end costs no more memory than its limit`() throws {
    let limit = 64 << 20
    let house = try House()
    let (site, edge) = (house.site, house.edge)
    func peak() throws -> Int {
      let status = String(decoding: try File.readVirtual("/proc/\(edge.process.pid)/status"), as: UTF8.self)
      let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
      return try #require(line.split(separator: " ").dropFirst().first.flatMap { Int($0) }) * 1024
    }
    let before = try peak()
    house.upstream.answer { request in
      request.isSnapshot ? .endless(head: "HTTP/1.1 200 OK\r\n\r\n") : site.reply(request)
    }
    try site.publish("prod", 2) { $0.length = limit }
    try edge.event("snapshot_refused", within: 30) { $0["reason"]?.text == "oversized" }
    let growth = try peak() - before
    print("an answer without end cost \(growth >> 20) MiB at its peak")
    #expect(growth <= 2 * limit)
    #expect(try edge.version() == 1)
  }

  // MARK: - Names

  @Test func `a resolver that is dead holds nothing up, and is asked again`() throws {
    let site = try Site()
    for name in ["prod", "asked"] { try site.publish(name, 1) }
    let upstream = try ScriptedUpstream(site)
    let folder = try Folder()
    var settings = EdgeSettings("http://upstream.test:\(upstream.port)/", site)
    settings.upstream = [#""timeout": "500ms""#]
    settings.variables = [
      "LD_PRELOAD": try Shim.make("dead_resolver", in: folder), "RESOLVER_FILE": folder.path("alive"),
    ]
    let edge = try EdgeProcess(settings, folder: folder, waitsUntilReady: false)
    // The first fetch has its deadline although the resolver goes on being dead, and so has the next.
    try eventually("it tries twice") { try edge.events("snapshot_refused").count >= 2 }
    for line in try edge.events("snapshot_refused") {
      #expect(line["reason"]?.text == "unreachable")
      #expect(line["message"]?.text == "the resolver did not answer in time")
    }
    // The thread that follows the upstream takes other work meanwhile.
    let before = try edge.metric("turnout_upstream_fetches_total")
    #expect(try edge.get("/decide?user_key=u&env=asked").status == 503)
    try eventually("another environment is asked for at once", within: 5) {
      try edge.metric("turnout_upstream_fetches_total") > before
    }
    #expect(upstream.requests.isEmpty)
    try folder.write("alive", "yes")
    try edge.waitUntilReady()
    try edge.wait(forVersion: 1)
    try site.publish("prod", 2)
    try edge.wait(forVersion: 2)
  }

  @Test func `a name that does not exist is refused, and a known one is found`() throws {
    let site = try Site()
    try site.publish("prod", 1)
    let upstream = try ScriptedUpstream(site)
    let edge = try EdgeProcess(EdgeSettings("http://localhost:\(upstream.port)/", site))
    #expect(try edge.version() == 1)
    try edge.restart { $0.url = "http://nowhere.invalid:\(upstream.port)/" }
    let line = try edge.event("snapshot_refused")
    #expect(line["reason"]?.text == "unreachable")
    #expect(try edge.version() == 1)
    #expect(try edge.state()?["source"]?.text == "disk")
  }
}

/// A port where the kernel drops whoever wants to connect: its queue is full and nobody accepts.
private final class BlackHole {
  let port: UInt16
  private var sockets: [Int32]

  init() throws {
    let (listener, port) = try Plug.listen(backlog: 0)
    self.port = port
    sockets = [listener]
    for _ in 0..<4 {
      let filler = try Plug.socket(AF_INET).release()
      _ = fcntl(filler, F_SETFL, O_NONBLOCK)
      _ = unsafe Plug.with(Plug.loopback(port)) { unsafe connect(filler, $0, $1) }
      sockets.append(filler)
    }
  }

  deinit { for socket in sockets { close(socket) } }
}
