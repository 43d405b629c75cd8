// The upstream's side: what the edge asks for and how often, and that nothing bad that comes is ever used.

import Bytes
import JSON
import Kernel
import Snapshots
import Synchronization
import ProgramSupport
import Testing
import Trust

@Suite struct UpstreamTests {
  // MARK: - What is asked

  @Test func `a storm for an unknown environment is one fetch`() throws {
    let site = try Site()
    try site.publish("prod", 1)
    try site.publish("new", 1)
    let gate = Gate()
    let upstream = try ScriptedUpstream { request in
      if !request.isTrust, request.environment != "prod" { gate.pass() }
      return site.reply(request)
    }
    var settings = EdgeSettings(upstream, site)
    settings.workers = 2
    settings.pollInterval = "1h"
    let edge = try EdgeProcess(settings)
    for name in ["new", "none"] {
      let clients = try (0..<8).map { _ in try edge.client() }
      let request = "GET /decide?user_key=u&env=\(name) HTTP/1.1\r\nHost: edge\r\n\r\n"
      for client in clients { try client.send(String(repeating: request, count: 25)) }
      for client in clients {
        for _ in 0..<25 { try #require(try client.read().status == 503) }
      }
    }
    try eventually("both are asked for") { upstream.manifests(for: "none").count == 1 }
    gate.open()
    try edge.wait(forVersion: 1, "new")
    try edge.event("snapshot_refused") { $0["environment"]?.text == "none" }
    // The answer "there is none" is remembered, for longer than a failure's back-off of 1.2 s at most.
    let client = try edge.client()
    let end = seconds() + 2
    while seconds() < end { #expect(try client.get("/decide?user_key=u&env=none").status == 503) }
    #expect(upstream.manifests(for: "none").count == 1)
    #expect(upstream.manifests(for: "new").count == 1)
    #expect(upstream.requests(for: "new").count == 2)
    // What a request asked for does not count for readiness.
    #expect(try edge.ready().status == 200)
  }

  @Test func `the set of known environments is bounded`() throws {
    let site = try Site()
    try site.publish("prod", 1)
    for number in 0..<20 { try site.publish("e\(number)", 1) }
    let upstream = try ScriptedUpstream(site)
    var settings = EdgeSettings(upstream, site)
    settings.upstream = [#""maxEnvironments": 4"#]
    let edge = try EdgeProcess(settings)
    let client = try edge.client()
    for number in 0..<3 {
      try eventually("the first ones are served") {
        try client.get("/decide?user_key=u&env=e\(number)").status == 200
      }
    }
    for number in 3..<20 {
      let before = try edge.metric("turnout_environments_refused_total")
      #expect(try client.get("/decide?user_key=u&env=e\(number)").status == 503)
      try eventually("it is refused") { try edge.metric("turnout_environments_refused_total") > before }
    }
    #expect(Set(upstream.requests.filter { !$0.isTrust }.map(\.environment)) == ["prod", "e0", "e1", "e2"])
    #expect(try edge.version() == 1)
  }

  @Test func `an unchanged manifest is answered 304 and fetched no more`() throws {
    let house = try House()
    try eventually("the manifest was asked for again") { house.upstream.manifests(for: "prod").count > 4 }
    let requests = house.upstream.requests(for: "prod")
    #expect(requests[0].ifNoneMatch == nil)
    #expect(requests.filter(\.isSnapshot).count == 1)
    #expect(requests.filter(\.isManifest).dropFirst().allSatisfy { $0.ifNoneMatch != nil })
    try house.site.publish("prod", 2)
    try house.edge.wait(forVersion: 2)
    #expect(try house.edge.metric("turnout_snapshot_age_seconds{environment=\"prod\"}") < 5)
  }

  @Test func `a version whose snapshot could not be fetched is tried again`() throws {
    let house = try House()
    let site = house.site
    let failures = Tally()
    house.upstream.answer { request in
      // The manifest is fine and has an ETag; its snapshot is cut short the first time.
      if request.path == Layout.snapshot("prod", 2), failures.add() == 1 { return .close }
      return site.reply(request)
    }
    try site.publish("prod", 2)
    try house.edge.wait(forVersion: 2)
    #expect(failures.value == 2)
  }

  @Test func `an upstream that says 304 to the snapshot does not make it current`() throws {
    let house = try House()
    let site = house.site
    house.upstream.answer { request in
      request.path == Layout.snapshot("prod", 2) ? .answer(304, [], []) : site.reply(request)
    }
    try site.publish("prod", 2)
    try house.edge.event("snapshot_refused") { $0["reason"]?.text == "status" }
    #expect(try house.edge.version() == 1)
    house.upstream.answer { site.reply($0) }
    try house.edge.wait(forVersion: 2)
  }

  @Test func `after failures it backs off, and longer if it is told to`() throws {
    let site = try Site()
    for name in ["a", "b"] { try site.publish(name, 1) }
    let upstream = try ScriptedUpstream { request in
      request.environment == "a" ? .answer(500, [], []) : .answer(429, ["Retry-After: 3"], [])
    }
    let settings = EdgeSettings(upstream, site, environments: ["a", "b"])
    let edge = try EdgeProcess(settings, waitsUntilReady: false)
    try eventually("it tried three times") { upstream.manifests(for: "a").count == 3 }
    let times = upstream.manifests(for: "a").map(\.time)
    #expect(times[1] - times[0] >= 0.79)
    #expect(times[2] - times[1] >= 1.59)
    try eventually("it tried the other twice") { upstream.manifests(for: "b").count == 2 }
    let others = upstream.manifests(for: "b").map(\.time)
    #expect(others[1] - others[0] >= 3)
    for line in try edge.events("snapshot_refused") {
      #expect(try #require(line["retryMilliseconds"]?.integer) <= 75_000)
    }
    #expect(upstream.peak <= 2)
    #expect(try edge.ready().status == 503)
    #expect(try edge.get("/health").status == 200)
  }

  @Test func `an upstream that offers to hold a request is asked to`() throws {
    let site = try Site()
    try site.publish("prod", 1)
    let gate = Gate()
    let upstream = try ScriptedUpstream { request in
      if request.query == "wait=7" { gate.pass() }
      return site.reply(request, fields: ["Turnout-Long-Poll: 7"])
    }
    var settings = EdgeSettings(upstream, site)
    settings.pollInterval = "1h"
    let edge = try EdgeProcess(settings)
    try eventually("it waits") { upstream.manifests(for: "prod").contains { $0.query == "wait=7" } }
    try site.publish("prod", 2)
    gate.open()
    try edge.wait(forVersion: 2)
    #expect(upstream.manifests(for: "prod")[0].query == "")
  }

  @Test func `a request is held no longer than a silent death may go unnoticed`() throws {
    let site = try Site()
    try site.publish("prod", 1)
    let upstream = try ScriptedUpstream { request in
      request.query.isEmpty ? site.reply(request, fields: ["Turnout-Long-Poll: 300"]) : .hang
    }
    let edge = try EdgeProcess(EdgeSettings(upstream, site))
    try eventually("it waits") { upstream.manifests(for: "prod").contains { $0.query == "wait=30" } }
    #expect(try edge.version() == 1)
  }

  @Test func `a folder is an upstream`() throws {
    let site = try Site()
    try site.publish("prod", 1)
    let folder = try Folder()
    try site.write(to: folder, under: "site")
    let edge = try EdgeProcess(EdgeSettings("file:" + folder.path("site"), site))
    #expect(try edge.version() == 1)
    try site.publish("prod", 2)
    try site.write(to: folder, under: "site")
    try edge.wait(forVersion: 2)
  }

  @Test func `an unsigned upstream is used only where it is allowed, with a warning`() throws {
    let site = try Site()
    try site.publish("prod", 1)
    site[Layout.manifest("prod")] = nil
    let upstream = try ScriptedUpstream(site)
    var settings = EdgeSettings(upstream, site)
    settings.trusted = nil
    settings.upstream = [#""allowUnsigned": true"#]
    let edge = try EdgeProcess(settings)
    #expect(try edge.state()?["signed"]?.bool == false)
    #expect(try edge.events("unsigned_allowed").count == 1)
    try edge.restart()
    #expect(try edge.events("unsigned_allowed").count == 1)
    #expect(try edge.get("/configs/prod/manifest.json").status == 404)
    #expect(try edge.get("/configs/prod/snapshots/latest.json").body == Site.snapshot("prod", 1))
  }

  // MARK: - What is refused

  /// What an upstream does wrong, and the reason that is counted.
  struct Fault: Sendable {
    let name: String
    let reason: Refusal.Reason
    let reply: @Sendable (UpstreamRequest, Site) throws -> Reply
  }

  static func manifest(
    _ name: String, _ reason: Refusal.Reason, _ reply: @escaping @Sendable (Site, String) throws -> Reply
  ) -> Fault {
    Fault(name: name, reason: reason) { request, site in
      request.isManifest ? try reply(site, request.environment) : site.reply(request)
    }
  }

  static func snapshot(
    _ name: String, _ reason: Refusal.Reason, _ reply: @escaping @Sendable ([UInt8]) throws -> Reply
  ) -> Fault {
    Fault(name: name, reason: reason) { request, site in
      request.isSnapshot ? try reply(site[request.path] ?? []) : site.reply(request)
    }
  }

  /// A manifest that says something else than the truth, properly signed.
  static func lie(
    _ name: String, _ reason: Refusal.Reason, _ change: @escaping @Sendable (inout Manifest) -> Void
  ) -> Fault {
    manifest(name, reason) { site, environment in
      let document = Site.snapshot(environment, 6)
      return .answer(200, [], try site.sign(site.manifest(environment, 6, document, change: change)))
    }
  }

  /// Version 6 as it is, signed by others than it should be.
  static func signed(_ name: String, _ signers: @escaping @Sendable (Site) throws -> [PrivateKey]) -> Fault {
    manifest(name, .signature) { site, environment in
      let manifest = site.manifest(environment, 6, Site.snapshot(environment, 6))
      return .answer(200, [], try site.sign(manifest, with: signers(site)))
    }
  }

  static let faults: [Fault] = [
    manifest("status-404", .status) { _, _ in .answer(404, [], []) },
    manifest("status-500", .status) { _, _ in .answer(500, [], Array("oh".utf8)) },
    manifest("status-401", .status) { _, _ in .answer(401, [], []) },
    manifest("status-403", .status) { _, _ in .answer(403, [], []) },
    manifest("status-429", .status) { _, _ in .answer(429, ["Retry-After: 1"], []) },
    manifest("status-206", .status) { site, name in .answer(206, [], site[Layout.manifest(name)] ?? []) },
    manifest("redirect", .status) { _, _ in .answer(302, ["Location: http://127.0.0.1:1/"], []) },
    manifest("redirect-with-the-manifest", .status) { site, name in
      .answer(301, ["Location: /configs/\(name)/manifest.json"], site[Layout.manifest(name)] ?? [])
    },
    manifest("reset", .unreachable) { _, _ in .reset },
    manifest("of-another-environment", .environment) { site, _ in
      .answer(200, [], site[Layout.manifest("status-404")] ?? [])
    },
    manifest("replayed", .rollback) { site, name in
      .answer(200, [], try site.sign(site.manifest(name, 4, Site.snapshot(name, 4))))
    },
    manifest("negative-length", .protocolError) { _, _ in
      .raw(Array("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}".utf8))
    },
    manifest("gzip-unsaid", .malformed) { _, _ in .answer(200, [], [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3]) },
    manifest("html", .malformed) { _, _ in
      .answer(200, ["Content-Type: text/html"], Array("<html>Welcome</html>".utf8))
    },
    manifest("empty", .malformed) { _, _ in .answer(200, [], []) },
    manifest("gzip", .protocolError) { site, name in
      .answer(200, ["Content-Encoding: gzip"], site[Layout.manifest(name)] ?? [])
    },
    manifest("no-http", .protocolError) { _, _ in .raw(Array("SSH-2.0-OpenSSH\r\n\r\n".utf8)) },
    manifest("two-lengths", .protocolError) { _, _ in
      .raw(Array("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}}".utf8))
    },
    manifest("bad-chunks", .protocolError) { _, _ in
      .raw(Array("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".utf8))
    },
    manifest("no-end-of-head", .protocolError) { _, _ in .endless(head: "HTTP/1.1 200 OK\r\nX: ") },
    manifest("cut-short", .protocolError) { _, _ in
      .raw(Array("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"payload".utf8))
    },
    manifest("closed", .protocolError) { _, _ in .close },
    manifest("hang", .timeout) { _, _ in .hang },
    manifest("drip", .timeout) { site, name in
      let body = site[Layout.manifest(name)] ?? []
      let head = "HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n"
      return .drip(Array(head.utf8) + body, milliseconds: 50)
    },
    manifest("large-manifest", .oversized) { _, _ in
      .answer(200, [], [UInt8](repeating: 0x20, count: Envelope.byteCountMax + 1))
    },
    manifest("endless-manifest", .oversized) { _, _ in .endless(head: "HTTP/1.1 200 OK\r\n\r\n") },
    manifest("endless-chunks", .oversized) { _, _ in
      .endless(head: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n")
    },
    snapshot("endless-snapshot", .oversized) { _ in .endless(head: "HTTP/1.1 200 OK\r\n\r\n") },
    snapshot("longer", .oversized) { .answer(200, [], $0 + [0x20]) },
    snapshot("shorter", .length) { .answer(200, [], Array($0.dropLast())) },
    snapshot("no-body", .length) { _ in .answer(200, [], []) },
    snapshot("flipped", .digest) { document in
      var document = document
      document[document.count / 2] ^= 1
      return .answer(200, [], document)
    },
    snapshot("snapshot-gzip", .protocolError) { .answer(200, ["Content-Encoding: gzip"], $0) },
    snapshot("length-lies-short", .length) {
      .raw(Array("HTTP/1.1 200 OK\r\nContent-Length: \($0.count - 1)\r\n\r\n".utf8) + $0)
    },
    snapshot("length-lies-long", .oversized) {
      .raw(Array("HTTP/1.1 200 OK\r\nContent-Length: \($0.count + 1)\r\n\r\n".utf8) + $0)
    },
    snapshot("snapshot-cut-short", .protocolError) {
      .raw(Array("HTTP/1.1 200 OK\r\nContent-Length: \($0.count)\r\n\r\n".utf8) + $0.dropLast())
    },
    snapshot("snapshot-redirect", .status) { .answer(307, ["Location: /configs/x/snapshots/6.json"], $0) },
    snapshot("snapshot-drip", .timeout) {
      let head = "HTTP/1.1 200 OK\r\nContent-Length: \($0.count)\r\n\r\n"
      return .drip(Array(head.utf8) + $0, milliseconds: 50)
    },
    snapshot("snapshot-404", .status) { _ in .answer(404, [], []) },
    snapshot("snapshot-hang", .timeout) { _ in .hang },
    lie("huge-length", .oversized) { $0.length = 1 << 40 },
    lie("expired", .expired) { $0.expiresAt = $0.issuedAt - 1 },
    lie("other-environment", .environment) { $0.environment = "prod2" },
    lie("escape", .path) { $0.path = "../../etc/passwd" },
    lie("absolute", .path) { $0.path = "/etc/passwd" },
    lie("query", .path) { $0.path += "?x=1" },
    lie("header", .path) { $0.path = "a\r\nX: y" },
    lie("others-snapshot", .document) {
      let other = Site.snapshot("status-404", 6)
      $0.path = Layout.snapshot("status-404", 6)
      $0.length = other.count
      $0.sha256 = other.withBytes { Digest.sha256Hex($0) }
    },
    lie("rollback", .rollback) { $0.version = 3 },
    lie("equivocation", .equivocation) { $0.version = 5 },
    lie("wrong-digest", .digest) { $0.sha256 = String(repeating: "0", count: 64) },
    lie("version-of-manifest", .document) {
      $0.version = 7
      $0.path = "configs/version-of-manifest/snapshots/6.json"
    },
    signed("wrong-key") { _ in try [PrivateKey.generate(), PrivateKey.generate()] },
    signed("below-threshold") { [$0.keys[0]] },
    signed("one-of-two-known") { try [$0.keys[0], PrivateKey.generate()] },
    signed("same-key-twice") { [$0.keys[0], $0.keys[0]] },
    signed("unsigned") { _ in [] },
    manifest("other-type", .malformed) { site, name in
      let manifest = site.manifest(name, 6, Site.snapshot(name, 6))
      let envelope = try Envelope(manifest.encode(), type: "text/plain", signedBy: site.keys)
      return .answer(200, [], envelope.encode())
    },
    manifest("of-another-document", .malformed) { site, name in
      let text = Array("{\"environment\":\"\(name)\",\"version\":6}".utf8)
      let envelope = try Envelope(text, type: Envelope.manifestType, signedBy: site.keys)
      return .answer(200, [], envelope.encode())
    },
  ]

  @Test func `every bad answer is refused with its reason and the last good one stays`() throws {
    let first = try PrivateKey.generate()
    let second = try PrivateKey.generate()
    let site = Site(keys: [first, second], threshold: 2)
    let names = Self.faults.map(\.name)
    #expect(Set(names).count == names.count && names.count <= 64)
    for name in names { try site.publish(name, 5) }
    let upstream = try ScriptedUpstream(site)
    var settings = EdgeSettings(upstream, site, environments: names)
    settings.upstream = [#""timeout": "2s""#, #""snapshotSize": "64KiB""#]
    settings.pollInterval = "200ms"
    let edge = try EdgeProcess(settings)
    let before = Dictionary(
      uniqueKeysWithValues: try Refusal.Reason.allCases.map { ($0, try edge.refusals($0)) })
    #expect(before.values.reduce(0, +) == 0)

    let faults = Dictionary(uniqueKeysWithValues: Self.faults.map { ($0.name, $0) })
    upstream.answer { request in
      guard let fault = faults[request.environment] else { return site.reply(request) }
      return (try? fault.reply(request, site)) ?? .close
    }
    // Version 6 is out; each environment gets it in another broken way.
    for name in names { try site.publish(name, 6) }
    for fault in Self.faults {
      let line = try edge.event("snapshot_refused", within: 25) { $0["environment"]?.text == fault.name }
      #expect(line["reason"]?.text == fault.reason.rawValue, "\(fault.name): \(line["message"]?.text ?? "")")
      #expect(line["serving"]?.integer == 5, "\(fault.name)")
    }
    let client = try edge.client()
    for fault in Self.faults {
      let answer = try client.get("/decide?user_key=u&env=\(fault.name)")
      #expect(answer.status == 200, "\(fault.name)")
      #expect(try answer.json()["config_version"]?.integer == 5, "\(fault.name)")
      #expect(try edge.refusals(fault.reason) > 0, "\(fault.name)")
    }
    #expect(try edge.ready().status == 200)
    #expect(try edge.metric("turnout_snapshots_published_total") == names.count)

    // Nothing of it sticks: once the upstream is well, everybody gets version 6.
    upstream.answer { site.reply($0) }
    for name in names { try edge.wait(forVersion: 6, name) }
  }

  @Test func `of hundreds of truncations and bit flips none is accepted`() throws {
    let site = try Site()
    let names = (0..<50).map { "m\($0)" }
    for name in names { try site.publish(name, 1) }
    let upstream = try ScriptedUpstream(site)
    let edge = try EdgeProcess(EdgeSettings(upstream, site, environments: names))
    let random = Mutex(Seeded(seed: 7))
    let mutated = Tally()
    upstream.answer { request in
      guard let content = site[request.path] else { return .answer(404, [], []) }
      return random.withLock { random in
        // Half of the attempts break the manifest, the others let it through and break the snapshot.
        guard request.isSnapshot || Bool.random(using: &random) else { return .answer(200, [], content) }
        mutated.add()
        var bytes = content
        if Bool.random(using: &random) {
          bytes.removeLast(Int.random(in: 1...bytes.count, using: &random))
        } else {
          // In a manifest only within the payload: a signature's hint may change without harm.
          let range = request.isManifest ? 12..<(bytes.count / 2) : 0..<bytes.count
          bytes[Int.random(in: range, using: &random)] ^= 1 << UInt8.random(in: 0..<7, using: &random)
        }
        if Bool.random(using: &random) { return .answer(200, [], bytes) }
        // Cut off in the middle of what was announced.
        let head = "HTTP/1.1 200 OK\r\nContent-Length: \(content.count)\r\n\r\n"
        return .raw(Array(head.utf8) + bytes)
      }
    }
    for name in names { try site.publish(name, 2) }
    try eventually("200 bad answers were given", within: 25) { mutated.value >= 200 }
    // All that were given by now are refused; those under way follow.
    let given = mutated.value
    var counted = 0
    try eventually("each is counted") {
      counted = try Refusal.Reason.allCases.reduce(0) { $0 + (try edge.refusals($1)) }
      return counted >= given
    }
    #expect(counted <= mutated.value)
    let client = try edge.client()
    for name in names {
      let answer = try client.get("/decide?user_key=u&env=\(name)")
      #expect(try answer.json()["config_version"]?.integer == 1)
      #expect(try client.get("/configs/\(name)/snapshots/latest.json").body == Site.snapshot(name, 1))
    }
    #expect(try edge.metric("turnout_snapshots_published_total") == names.count)
  }

  // MARK: - Expiry

  @Test func `on expiry a running edge goes on and says so, and a cold one is not ready`() throws {
    let site = try Site()
    try site.publish("prod", 1, lifetime: 2)
    let upstream = try ScriptedUpstream(site)
    let edge = try EdgeProcess(EdgeSettings(upstream, site))
    #expect(try edge.state()?["expired"]?.bool == false)
    try edge.event("snapshot_expired")
    try eventually("/ready says it") { try edge.state()?["expired"]?.bool == true }
    #expect(try edge.ready().status == 200)
    #expect(try edge.version() == 1)
    #expect(try edge.metric(#"turnout_snapshot_expired{environment="prod"}"#) == 1)

    try edge.restart(waitsUntilReady: false)
    try edge.event("state_refused") { $0["reason"]?.text == "expired" }
    #expect(try edge.ready().status == 503)
    let answer = try edge.get("/decide?user_key=u")
    #expect(answer.status == 503)
    #expect(answer["Retry-After"] == "1")

    try edge.restart { $0.upstream = [#""onExpiry": "serveAlways""#] }
    #expect(try edge.version() == 1)
    #expect(try edge.state()?["expired"]?.bool == true)

    // A manifest issued anew is news enough.
    try site.publish("prod", 1)
    try eventually("it is fresh again") { try edge.state()?["expired"]?.bool == false }
  }

  @Test func `started with an expired version the edge does not go back to the one before it`() throws {
    let site = try Site()
    try site.publish("prod", 1)
    let upstream = try ScriptedUpstream(site)
    let edge = try EdgeProcess(EdgeSettings(upstream, site))
    try site.publish("prod", 2, lifetime: 1.5)
    try edge.wait(forVersion: 2)
    upstream.stop()
    try edge.event("snapshot_expired")
    try edge.restart(waitsUntilReady: false)
    try edge.event("state_refused") { $0["reason"]?.text == "expired" }
    try edge.event("snapshot_refused")
    #expect(try edge.version() == nil)
    #expect(try edge.ready().status == 503)
  }

  @Test func `where expiry is to refuse, decisions stop`() throws {
    let site = try Site()
    try site.publish("prod", 1, lifetime: 1.5)
    let upstream = try ScriptedUpstream(site)
    var settings = EdgeSettings(upstream, site)
    settings.upstream = [#""onExpiry": "refuse""#]
    let edge = try EdgeProcess(settings)
    #expect(try edge.version() == 1)
    try eventually("it is over") { try edge.get("/decide?user_key=u").status == 503 }
    #expect(try edge.ready().status == 503)
    try site.publish("prod", 1)
    try edge.wait(forVersion: 1)
  }

  @Test func `a manifest issued again keeps its snapshot`() throws {
    let house = try House()
    let before = try house.edge.get("/configs/prod/manifest.json").body
    try eventually("the wall clock went on") { Clock.wall() / 1_000_000 > 0 }
    try house.site.publish("prod", 1, lifetime: 7200)
    try eventually("the new manifest is passed on") {
      try house.edge.get("/configs/prod/manifest.json").body != before
    }
    #expect(house.upstream.requests.filter(\.isSnapshot).count == 1)
    #expect(try house.edge.version() == 1)
  }
}
