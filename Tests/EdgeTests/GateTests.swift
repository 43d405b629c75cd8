// Who may ask, and how often: keys and their scopes, rates, origins, proxies, and what a reload changes of them.

import Bytes
import Edge
import Glibc
import JSON
import Kernel
import ProgramSupport
import Snapshots
import Synchronization
import Testing
import Trust

/// A key as the configuration has it.
func configured(_ key: String, _ members: String...) -> String {
  let digest = Array(key.utf8).withBytes { Digest.sha256Hex($0) }
  return "{"
    + (["\"name\": \"\(key.prefix(8))\"", "\"sha256\": \"\(digest)\""] + members).joined(separator: ", ")
    + "}"
}

private func auth(_ keys: String...) -> String {
  #""auth": {"keys": ["# + keys.joined(separator: ", ") + "]}"
}

@Suite struct GateTests {
  static let key = "0123456789abcdef0123456789abcdef"

  /// An edge over the environments prod and staging.
  private func edge(
    _ members: String..., limits: [String] = [], workers: Int = 1,
    upstream: (@Sendable (UpstreamRequest) -> Void)? = nil
  ) throws -> EdgeProcess {
    let site = try Site()
    for name in ["prod", "staging", "dark"] { try site.publish(name, 1) }
    let server = try ScriptedUpstream { request in
      upstream?(request)
      return site.reply(request)
    }
    var settings = EdgeSettings(server, site, environments: ["prod", "staging"])
    settings.members = members
    settings.limits = limits
    settings.workers = workers
    let edge = try EdgeProcess(settings)
    edge.owned = [server]
    return edge
  }

  private func refusals(_ edge: EdgeProcess, _ code: String) throws -> Int {
    try edge.metric("turnout_auth_refusals_total{reason=\"\(code)\"}")
  }

  // MARK: - Keys

  @Test func `a request passes with a known key in either header and is told why not otherwise`() throws {
    let edge = try edge(auth(configured(Self.key), configured("other-key")))
    let client = try edge.client()
    let bearer = "Authorization: Bearer \(Self.key)"
    let header = "X-API-Key: \(Self.key)"
    let rows: [([String], Int, String?)] = [
      ([bearer], 200, nil), ([header], 200, nil), ([bearer, header], 200, nil),
      (["authorization: bearer \(Self.key)"], 200, nil), (["Authorization: Basic eDp5", header], 200, nil),
      ([], 401, "MISSING_KEY"), (["Authorization: Basic eDp5"], 401, "MISSING_KEY"),
      (["Authorization: Bearer "], 401, "MISSING_KEY"), (["X-API-Key:"], 401, "MISSING_KEY"),
      (["X-API-Key: \(Self.key)0"], 401, "UNKNOWN_KEY"),
      (["X-API-Key: " + String(repeating: "k", count: 513)], 401, "UNKNOWN_KEY"),
      ([bearer, "X-API-Key: other-key"], 401, "CONTRADICTING_KEYS"),
      (["X-API-Key: " + Array(Self.key.utf8).withBytes { Digest.sha256Hex($0) }], 401, "UNKNOWN_KEY"),
    ]
    for (fields, status, code) in rows {
      let answer = try client.get("/decide?user_key=u", fields)
      #expect(answer.status == status, "\(fields)")
      #expect(answer.errorCode == code, "\(fields)")
      #expect(answer["WWW-Authenticate"] == (status == 401 ? "Bearer" : nil), "\(fields)")
    }
    #expect(try refusals(edge, "MISSING_KEY") == 4)
    #expect(try refusals(edge, "UNKNOWN_KEY") == 3)
    #expect(try refusals(edge, "CONTRADICTING_KEYS") == 1)
    #expect(try edge.metric(#"turnout_http_requests_total{route="/decide",status="401"}"#) == 8)
  }

  @Test func `every route but liveness asks for a key`() throws {
    let edge = try edge(auth(configured(Self.key)))
    let client = try edge.client()
    #expect(try client.get("/health").status == 200)
    for target in ["/decide?user_key=u", "/configs/prod/version.json", "/nothing", "/"] {
      #expect(try client.get(target).errorCode == "MISSING_KEY", "\(target)")
    }
    #expect(try client.post("/api/v1/decide", #"{"subjectId":"u"}"#).errorCode == "MISSING_KEY")
    #expect(try client.get("/nothing", ["X-API-Key: \(Self.key)"]).status == 404)
    // What methods there are is no secret.
    #expect(try client.ask("OPTIONS", "/decide").status == 204)
    #expect(try client.ask("DELETE", "/decide").status == 405)
  }

  @Test func `a key is for its routes and its environments`() throws {
    let asked = Mutex(Set<String>())
    let edge = try edge(
      auth(
        configured("all"), configured("documents", #""routes": ["configs"]"#),
        configured("staging", #""environments": ["staging", "later"]"#),
        configured("nowhere", #""environments": ["elsewhere"]"#))
    ) { request in
      if !request.isTrust { asked.withLock { _ = $0.insert(request.environment) } }
    }
    let client = try edge.client()
    let document = "/configs/prod/version.json"
    let rows: [(String, String, Int, String?)] = [
      ("all", "/decide?user_key=u&env=staging", 200, nil), ("all", document, 200, nil),
      ("documents", document, 200, nil), ("documents", "/decide?user_key=u", 403, "ROUTE_NOT_ALLOWED"),
      ("documents", "/nothing", 404, "NOT_FOUND"), ("staging", "/decide?user_key=u&env=staging", 200, nil),
      ("staging", "/decide?user_key=u&env=prod", 403, "ENVIRONMENT_NOT_ALLOWED"),
      ("staging", "/decide?user_key=u&env=dark", 403, "ENVIRONMENT_NOT_ALLOWED"),
      ("staging", "/decide?user_key=u&env=..", 403, "ENVIRONMENT_NOT_ALLOWED"),
      ("staging", document, 403, "ENVIRONMENT_NOT_ALLOWED"),
      ("staging", "/configs/dark/version.json", 403, "ENVIRONMENT_NOT_ALLOWED"),
      ("staging", "/configs/staging/version.json", 200, nil),
      ("staging", "/decide?user_key=u&env=later", 503, "NO_SNAPSHOT"),
      ("nowhere", "/decide?user_key=u", 403, "ENVIRONMENT_NOT_ALLOWED"),
    ]
    for (key, target, status, code) in rows {
      let answer = try client.get(target, ["X-API-Key: \(key)"])
      #expect(answer.status == status, "\(key) \(target)")
      #expect(answer.errorCode == code, "\(key) \(target)")
    }
    // Without a name it is about the first environment that the key may see.
    for (key, name) in [("all", "prod"), ("staging", "staging")] {
      let answer = try client.get("/decide?user_key=u", ["X-API-Key: \(key)"])
      #expect(try answer.json()["environment"]?.text == name)
    }
    let body = #"{"subjectId":"u","environment":"prod"}"#
    let posted = try client.ask(
      "POST /api/v1/decide HTTP/1.1\r\nHost: e\r\nX-API-Key: staging\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    )
    #expect(posted.errorCode == "ENVIRONMENT_NOT_ALLOWED")
    #expect(try refusals(edge, "ROUTE_NOT_ALLOWED") == 1)
    #expect(try refusals(edge, "ENVIRONMENT_NOT_ALLOWED") == 7)
    // The upstream was asked for the one that the key may see and for none that it may not.
    try eventually("the edge asks for it") { asked.withLock { $0.contains("later") } }
    #expect(asked.withLock { $0 } == ["prod", "staging", "later"])
  }

  @Test func `no key and no digest of one is written anywhere`() throws {
    let edge = try edge(auth(configured(Self.key)))
    _ = try edge.client().get("/decide?user_key=u", ["X-API-Key: \(Self.key)"])
    _ = try edge.client().get("/decide?user_key=u", ["X-API-Key: wrong-key"])
    try edge.reload { $0.members = [auth(configured(Self.key), configured(Self.key))] }
    let digest = Array(Self.key.utf8).withBytes { Digest.sha256Hex($0) }
    let pages = try ["/metrics", "/snapshot", "/ready", "/explain?user_key=u"].map { try edge.admin($0).text }
    for text in try pages + [edge.folder.text("log.0")] {
      for secret in [Self.key, digest, "wrong-key"] { #expect(!text.contains(secret)) }
    }
  }

  // MARK: - Reloading

  @Test func `a reload adds and removes keys while connections stay`() throws {
    let edge = try edge(auth(configured("old-key")))
    let client = try edge.client()
    func status(_ key: String) throws -> Int {
      try client.get("/decide?user_key=u", ["X-API-Key: \(key)"]).status
    }
    #expect(try [status("old-key"), status("new-key")] == [200, 401])
    try edge.reload { $0.members = [auth(configured("old-key"), configured("new-key"))] }
    #expect(try [status("old-key"), status("new-key")] == [200, 200])
    try edge.reload { $0.members = [auth(configured("new-key"))] }
    #expect(try [status("old-key"), status("new-key")] == [401, 200])
    // A configuration with a fault changes nothing.
    try edge.reload { $0.members = [auth(configured("old-key")), #""cors": {"origins": ["https://a/"]}"#] }
    #expect(try [status("old-key"), status("new-key")] == [401, 200])
    #expect(try edge.metric(#"turnout_reloads_total{result="failed"}"#) == 1)
    try edge.reload { $0.members = [] }
    #expect(try [status("old-key"), status("new-key"), status("")] == [200, 200, 200])
    try edge.reload { $0.members = [auth(configured("old-key", #""environments": ["staging"]"#))] }
    #expect(
      try client.get("/decide?user_key=u", ["X-API-Key: old-key"]).json()["environment"]?.text == "staging")
    try edge.reload { $0.members = [] }
    #expect(try client.get("/decide?user_key=u").json()["environment"]?.text == "prod")
  }

  @Test func `a reload changes rates, origins and proxies too`() throws {
    let edge = try edge()
    let client = try edge.client()
    let fields = ["Origin: https://a.example", "X-Forwarded-For: 1.2.3.4"]
    for _ in 0..<5 { #expect(try client.get("/decide?user_key=u", fields).status == 200) }
    #expect(try client.get("/decide?user_key=u", fields)["Access-Control-Allow-Origin"] == nil)
    try edge.reload {
      $0.members = [#""cors": {"origins": ["https://a.example"]}, "trustedProxies": ["127.0.0.1"]"#]
      $0.limits = [#""rate": 1, "rateBy": "address""#]
    }
    let answer = try client.get("/decide?user_key=u", fields)
    #expect(answer["Access-Control-Allow-Origin"] == "https://a.example")
    #expect(try client.get("/decide?user_key=u", fields).status == 429)
    #expect(try client.get("/decide?user_key=u").status == 200)
    try edge.reload {
      $0.members = []
      $0.limits = []
    }
    for _ in 0..<5 { #expect(try client.get("/decide?user_key=u", fields).status == 200) }
  }

  @Test func `reload after reload gives back what it took`() throws {
    let edge = try edge(auth(configured("key")), limits: [#""rate": 1000000"#])
    let client = try edge.client()
    func round(_ number: Int) throws {
      try edge.reload { $0.members = [auth(configured("key"), configured("key-\(number)"))] }
      #expect(try client.get("/decide?user_key=u", ["X-API-Key: key-\(number)"]).status == 200)
    }
    func mappings() throws -> Int {
      try File.read("/proc/\(edge.process.pid)/maps", limit: 1 << 22).count { $0 == 0x0A }
    }
    for number in 0..<5 { try round(number) }
    let before = try mappings()
    for number in 5..<40 { try round(number) }
    #expect(try mappings() <= before + 4)
  }

  // MARK: - Rates

  @Test func `a client that asks too often waits as long as it is told`() throws {
    let edge = try edge(limits: [#""rate": 2, "burst": 3"#])
    let client = try edge.client()
    for _ in 0..<3 { #expect(try client.get("/decide?user_key=u").status == 200) }
    let refused = try client.get("/decide?user_key=u")
    #expect(refused.status == 429)
    #expect(refused.errorCode == "RATE_LIMITED")
    let wait = try #require(refused["Retry-After"].flatMap(Int.init))
    #expect(wait == 1)
    for _ in 0..<10 { #expect(try client.get("/health").status == 200) }
    #expect(try client.ask("OPTIONS", "/decide").status == 204)
    let start = seconds()
    try eventually("the client may ask again", within: Double(wait) + 1) {
      seconds() >= start + Double(wait)
    }
    #expect(try client.get("/decide?user_key=u").status == 200)
    #expect(try edge.metric("turnout_rate_limited_total") == 1)
    #expect(try edge.metric(#"turnout_http_requests_total{route="/decide",status="429"}"#) == 1)
    #expect(try edge.metric(#"turnout_http_requests_total{route="/health",status="429"}"#) == 0)
  }

  @Test func `the share of a worker lets the first request of a client pass`() throws {
    let edge = try edge(limits: [#""rate": 1"#], workers: 4)
    for _ in 0..<2 {
      let client = try edge.client()
      let statuses = try (0..<3).map { _ in try client.get("/decide?user_key=u").status }
      // Both connections may have come to one worker.
      #expect(statuses == [200, 429, 429] || statuses == [429, 429, 429])
    }
    let answer = try edge.unixClient().get("/decide?user_key=u")
    #expect(answer.status == 200, "who comes over the Unix socket is another client")
  }

  @Test func `a rate is by key if there are keys, by address if that is said`() throws {
    for by in ["key", "address"] {
      let edge = try edge(
        auth(configured("one"), configured("two")),
        limits: [#""rate": 1"#] + (by == "key" ? [] : [#""rateBy": "address""#]))
      func status(_ key: String) throws -> Int {
        try edge.client().get("/decide?user_key=u", ["X-API-Key: \(key)"]).status
      }
      #expect(try status("one") == 200)
      #expect(try status("one") == 429)
      #expect(try status("two") == (by == "key" ? 200 : 429))
      #expect(
        try edge.unixClient().get("/decide?user_key=u", ["X-API-Key: one"]).status
          == (by == "key" ? 429 : 200))
      // Who is not known has no bucket.
      #expect(try status("three") == 401)
    }
  }

  @Test func `who is on the allow list is never limited`() throws {
    for (allowed, isLimited) in [("127.0.0.0/8", [false, true]), ("unix", [true, false])] {
      let edge = try edge(limits: [#""rate": 1, "rateAllow": ["\#(allowed)"]"#])
      for (client, isLimited) in try zip([edge.client(), edge.unixClient()], isLimited) {
        let statuses = try (0..<20).map { _ in try client.get("/decide?user_key=u").status }
        #expect(statuses.dropFirst().allSatisfy { $0 == (isLimited ? 429 : 200) }, "\(allowed)")
      }
    }
  }

  @Test func `pipelined requests are counted once each, though answers are written twice`() throws {
    // Larger than a send buffer, so that answers are put off and written again.
    let count = 300
    let site = try Site()
    try site.publish("prod", 1)
    let upstream = try ScriptedUpstream(site)
    var settings = EdgeSettings(upstream, site)
    settings.limits = [#""rate": 1, "burst": \#(count)"#]
    let edge = try EdgeProcess(settings)
    let client = try edge.client()
    let user = String(repeating: "u", count: 900)
    try client.send(
      String(repeating: "GET /decide?user_key=\(user) HTTP/1.1\r\nHost: e\r\n\r\n", count: count + 20))
    let statuses = try (0..<(count + 20)).map { _ in try client.read().status }
    // A token or two may come meanwhile.
    #expect(statuses.prefix(count).allSatisfy { $0 == 200 })
    #expect(statuses.count { $0 == 429 } >= 15)
    let limited = try edge.metric("turnout_rate_limited_total")
    #expect(limited == statuses.count { $0 == 429 })
  }

  @Test func `more clients than there are places are served, and those who made room are counted`() throws {
    let edge = try edge(
      #""trustedProxies": ["127.0.0.1"]"#, limits: [#""rate": 1, "rateClients": 8"#])
    let client = try edge.client()
    for number in 0..<100 {
      #expect(try client.get("/decide?user_key=u", ["X-Forwarded-For: 10.0.0.\(number)"]).status == 200)
    }
    #expect(try edge.metric("turnout_rate_evictions_total") > 80)
    try edge.reload { _ in }
    #expect(try client.get("/decide?user_key=u").status == 200)
    #expect(try edge.metric("turnout_rate_evictions_total") > 80)
  }

  // MARK: - Proxies

  /// Trusted proxies, and for each request over TCP the forwarded header with the client it is counted for.
  @Test func `a forwarded address counts if a trusted proxy says so`() throws {
    let rows: [(proxies: String, forwarded: String, client: String)] = [
      (#""127.0.0.1""#, "1.2.3.4", "1.2.3.4"), (#""127.0.0.1""#, "9.9.9.9, 1.2.3.4", "1.2.3.4"),
      (#""127.0.0.0/8", "10.0.0.0/8""#, "1.2.3.4, 10.1.1.1", "1.2.3.4"),
      (#""127.0.0.1""#, "1.2.3.4, 10.1.1.1", "10.1.1.1"), (#""127.0.0.1""#, "nonsense", "127.0.0.1"),
      (#""10.0.0.0/8""#, "1.2.3.4", "127.0.0.1"), (#""unix""#, "1.2.3.4", "127.0.0.1"),
      (#""127.0.0.1""#, "2001:db8::1", "2001:db8::2"), (#""127.0.0.1""#, "::ffff:1.2.3.4", "1.2.3.4"),
      (#""::ffff:127.0.0.1""#, "1.2.3.4", "1.2.3.4"),
    ]
    for (proxies, forwarded, expected) in rows {
      let edge = try edge(
        #""trustedProxies": [\#(proxies), "192.168.0.0/16"]"#, limits: [#""rate": 1"#])
      func status(_ value: String) throws -> Int {
        try edge.client().get("/decide?user_key=u", value.isEmpty ? [] : ["X-Forwarded-For: \(value)"]).status
      }
      #expect(try status(forwarded) == 200)
      #expect(try status(forwarded) == 429)
      // The same client, said plainly.
      let plain = expected == "127.0.0.1" ? "" : expected
      #expect(try status(plain) == 429, "\(proxies) \(forwarded)")
      let isIgnored = expected == "127.0.0.1"
      #expect(
        try edge.metric("turnout_forwarded_ignored_total") == (isIgnored ? 2 : 0), "\(proxies) \(forwarded)")
    }
  }

  @Test func `cookies are secure if a trusted proxy speaks TLS with the client`() throws {
    for (proxies, scheme, expected) in [
      ("127.0.0.1", "https", true), ("127.0.0.1", "HTTPS", true), ("127.0.0.1", "http", false),
      ("127.0.0.1", "https, http", false), ("127.0.0.1", "", false), ("10.0.0.1", "https", false),
    ] {
      let edge = try edge(#""trustedProxies": ["\#(proxies)"]"#, #""visitors": {"cookie": true}"#)
      let answer = try edge.client().get("/decide", ["X-Forwarded-Proto: \(scheme)"])
      #expect(try #require(answer["Set-Cookie"]).contains("Secure") == expected, "\(proxies) \(scheme)")
    }
  }

  @Test func `a key is for the routes of its scope, all of them and no other`() throws {
    let requests = [
      ("decide", "GET", "/decide?user_key=u"), ("decide", "POST", "/api/v1/decide"),
      ("decide", "POST", "/api/v1/decide/batch"), ("ofrep", "POST", "/ofrep/v1/evaluate/flags"),
      ("ofrep", "POST", "/ofrep/v1/evaluate/flags/banner"), ("ofrep", "HEAD", "/ofrep/v1/events"),
      ("client", "GET", "/api/v1/client-snapshot"), ("configs", "GET", "/configs/prod/version.json"),
    ]
    let scopes = ["decide", "ofrep", "client", "configs"]
    let edge = try edge(
      #""auth": {"keys": [\#(scopes.map { configured($0, #""routes": ["\#($0)"]"#) }.joined(separator: ", "))]}"#
    )
    let client = try edge.client()
    for key in scopes {
      for (scope, method, target) in requests {
        let status = try client.ask(method, target, ["X-API-Key: \(key)"]).status
        #expect((status == 403) == (key != scope), "\(key) \(method) \(target): \(status)")
        #expect(status != 401)
      }
    }
  }

  @Test func `bulk answers are told apart by what their key may see`() throws {
    let edge = try edge(
      auth(
        configured("one", #""routes": ["ofrep"]"#), configured("same", #""routes": ["ofrep"]"#),
        configured("all")))
    let client = try edge.client()
    let body = #"{"context":{"targetingKey":"u"}}"#
    let tags = try ["one", "same", "all"].map { key in
      try #require(
        client.ask(
          "POST /ofrep/v1/evaluate/flags HTTP/1.1\r\nHost: e\r\nX-API-Key: \(key)\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        )["ETag"])
    }
    #expect(tags[0] == tags[1])
    #expect(tags[0] != tags[2])
  }

  @Test func `a proxy behind the Unix socket is trusted if it is named`() throws {
    let edge = try edge(#""trustedProxies": ["unix"]"#, limits: [#""rate": 1"#])
    for address in ["1.2.3.4", "1.2.3.5"] {
      let client = try edge.unixClient()
      let statuses = try (0..<2).map { _ in
        try client.get("/decide?user_key=u", ["X-Forwarded-For: \(address)"]).status
      }
      #expect(statuses == [200, 429])
    }
  }

  // MARK: - Origins

  @Test func `a preflight is answered for the origins of the list`() throws {
    let edge = try edge(
      auth(configured(Self.key)),
      #""cors": {"origins": ["https://a.example", "http://localhost:3000"], "maxAge": "2m"}"#)
    let client = try edge.client()
    let rows: [(String, String, String, Bool, String)] = [
      ("/decide", "https://a.example", "GET", true, "GET, HEAD, OPTIONS"),
      ("/api/v1/decide", "http://localhost:3000", "POST", true, "POST, OPTIONS"),
      ("/decide", "https://b.example", "GET", false, ""), ("/decide", "null", "GET", false, ""),
      ("/decide", "https://a.example.org", "GET", false, ""),
    ]
    for (target, origin, method, isAllowed, methods) in rows {
      let answer = try client.ask(
        "OPTIONS", target, ["Origin: \(origin)", "Access-Control-Request-Method: \(method)"])
      #expect(answer.status == 204)
      #expect(answer["Vary"] == "Origin")
      #expect(answer["Access-Control-Allow-Origin"] == (isAllowed ? origin : nil))
      #expect(answer["Access-Control-Allow-Methods"] == (isAllowed ? methods : nil))
      #expect(answer["Access-Control-Max-Age"] == (isAllowed ? "120" : nil))
      #expect((answer["Access-Control-Allow-Headers"] != nil) == isAllowed)
      for name in [
        "Authorization", "Content-Type", "If-None-Match", "X-API-Key", "X-Turnout-Environment",
        "Last-Event-ID",
      ]
      where isAllowed {
        #expect(answer["Access-Control-Allow-Headers"]?.contains(name) == true)
      }
    }
    #expect(try edge.metric("turnout_cors_refusals_total") == 3)
    // Without the field that makes it a preflight it is a question for the methods.
    let plain = try client.ask("OPTIONS", "/decide", ["Origin: https://a.example"])
    #expect(plain["Allow"] == "GET, HEAD, OPTIONS")
    #expect(plain["Access-Control-Allow-Methods"] == nil)
  }

  @Test func `answers and refusals can be read by pages of the list`() throws {
    let edge = try edge(
      auth(configured(Self.key)), #""cors": {"origins": ["https://a.example"], "credentials": true}"#,
      limits: [#""rate": 1, "burst": 2"#])
    let client = try edge.client()
    let key = "X-API-Key: \(Self.key)"
    let origin = "Origin: https://a.example"
    let answers = try [
      client.get("/decide?user_key=u", [origin, key]),
      client.get("/configs/prod/version.json", [origin, key]),
      client.get("/decide?user_key=u", [origin, key]), client.get("/decide?user_key=u", [origin]),
      client.ask("PUT", "/decide", [origin]), client.get("/health", [origin]),
    ]
    #expect(answers.map(\.status) == [200, 200, 429, 401, 405, 200])
    for answer in answers {
      #expect(answer["Access-Control-Allow-Origin"] == "https://a.example", "\(answer.status)")
      #expect(answer["Access-Control-Allow-Credentials"] == "true")
      #expect(answer["Access-Control-Expose-Headers"] == "ETag, Retry-After, X-Turnout-Sticky")
      #expect(answer["Vary"] == "Origin")
    }
    let other = try client.get("/health", ["Origin: https://b.example"])
    #expect(other["Access-Control-Allow-Origin"] == nil)
    #expect(other["Access-Control-Expose-Headers"] == nil)
    #expect(other["Vary"] == "Origin")
    #expect(try client.get("/health")["Vary"] == "Origin")
  }

  @Test func `a star is for every page, and without a list there is no word of it`() throws {
    let open = try edge(#""cors": {"origins": ["*"]}"#)
    let answer = try open.client().get("/decide?user_key=u", ["Origin: https://any.example"])
    #expect(answer["Access-Control-Allow-Origin"] == "*")
    let closed = try edge().client()
    let plain = try closed.get("/decide?user_key=u", ["Origin: https://any.example"])
    let preflight = try closed.ask(
      "OPTIONS", "/decide", ["Origin: https://any.example", "Access-Control-Request-Method: GET"])
    for answer in [plain, preflight] {
      #expect(!answer.fields.contains { $0.name.hasPrefix("Access-Control") || $0.name == "Vary" })
    }
    #expect(preflight.status == 204)
    #expect(preflight["Allow"] == "GET, HEAD, OPTIONS")
  }

  // MARK: - Configuration

  private func check(_ members: String, variables: [String: String] = [:]) throws -> Program.Result {
    let folder = try Folder()
    try folder.write("trust.json", Site().trusted.encode())
    let upstream =
      #""upstream": {"url": "http://127.0.0.1:1/", "environments": ["prod"], "trust": "trust.json"}"#
    try folder.write("edge.json", "{\(upstream)\(members.isEmpty ? "" : ", ")\(members)}")
    return try Program.run(
      Program.built + "/turnout-edge", ["--config", folder.path("edge.json"), "--check"], variables: variables
    )
  }

  private static let digest = String(repeating: "0a", count: 32)

  @Test(arguments: [
    (#""listen": ["0.0.0.0:7070"]"#, "listen: other machines can reach 0.0.0.0:7070: add keys under auth"),
    (#""listen": ["127.0.0.1:7070", "[::]:7070"]"#, "other machines can reach [::]:7070"),
    (#""listen": ["192.0.2.1:7070"]"#, "listen: other machines can reach"),
    (#""listen": ["no-such-host.invalid:7070"]"#, "listen: other machines can reach"),
    (#""listen": ["0.0.0.0:7070"], "auth": {}"#, "listen: other machines can reach"),
    (#""admin": "0.0.0.0:7071""#, "admin: other machines can reach 0.0.0.0:7071, which has no keys"),
    (
      #""admin": "[::]:7071", "auth": {"keys": [{"name": "a", "sha256": "\#(digest)"}]}"#,
      "admin: other machines"
    ),
    (#""auth": "some""#, "auth: needs an object with keys, or the word \"none\""),
    (#""auth": {"key": []}"#, "did you mean \"auth.keys\"?"),
    (#""auth": {"keys": []}"#, "auth.keys: needs 1 to 1024 objects"),
    (#""auth": {"keys": ["abc"]}"#, "auth.keys: needs an array of objects"),
    (#""auth": {"keys": [{"name": "a"}]}"#, "auth.keys[0].sha256: is missing"),
    (#""auth": {"keys": [{"sha256": "\#(digest)"}]}"#, "auth.keys[0].name: is missing"),
    (#""auth": {"keys": [{"name": "a", "sha256": "abc"}]}"#, "auth.keys[0].sha256: needs the 64"),
    (
      #""auth": {"keys": [{"name": "a", "sha256": "\#(digest)", "route": []}]}"#,
      "auth.keys[0].route: there is no such"
    ),
    (
      #""auth": {"keys": [{"name": "a", "sha256": "\#(digest)", "routes": ["decid"]}]}"#,
      "auth.keys[0].routes: needs some of decide, ofrep, client, configs"
    ),
    (
      #""auth": {"keys": [{"name": "a", "sha256": "\#(digest)", "routes": []}]}"#,
      "auth.keys[0].routes: needs some of"
    ),
    (
      #""auth": {"keys": [{"name": "a", "sha256": "\#(digest)", "environments": ["../x"]}]}"#,
      "auth.keys[0].environments: needs 1 to 64 names"
    ),
    (
      #""auth": {"keys": [{"name": "a", "sha256": "\#(digest)"}, {"name": "b", "sha256": "\#(digest.uppercased())"}]}"#,
      "two keys have the same sha256"
    ),
    (
      #""auth": {"keys": [{"name": "a", "sha256": "\#(digest)"}, {"name": "a", "sha256": "\#(digest.dropLast())b"}]}"#,
      "two keys have the same name"
    ),
    (#""adminAuth": "keys""#, "adminAuth: needs the word \"none\""),
    (#""trustedProxies": ["proxy.example"]"#, "trustedProxies: \"proxy.example\" is no address"),
    (#""limits": {"rateAllow": ["10.0.0.0/40"]}"#, "limits.rateAllow: \"10.0.0.0/40\" is no address"),
    (#""limits": {"rateBy": "user"}"#, "limits.rateBy: needs \"key\" or \"address\""),
    (#""limits": {"rateBy": "key"}"#, "limits.rateBy: \"key\" needs keys under auth"),
    (#""limits": {"rate": -1}"#, "limits.rate: needs an integer from 0"),
    (#""cors": {"origins": ["https://a.example/"]}"#, "cors.origins: \"https://a.example/\" is none"),
    (#""cors": {"origins": ["*", "https://a.example"]}"#, "cors.origins: \"*\" is none"),
    (
      #""cors": {"origins": ["*"], "credentials": true}"#, "cors.credentials: cannot be true for every origin"
    ),
  ])
  func `a configuration that would let in the wrong ones is refused`(members: String, message: String) throws
  {
    let result = try check(members)
    #expect(result.code == 2)
    #expect(result.errors.contains(message), "\(result.errors)")
  }

  @Test(arguments: [
    "", #""listen": ["0.0.0.0:7070", "[::]:7070"], "auth": "none", "admin": "0.0.0.0:7071""#,
    #""listen": ["127.0.0.1:7070", "127.8.8.8:70", "[::1]:7070", "localhost:7070", "unix:edge.sock"]"#,
    #""listen": ["0.0.0.0:7070"], "auth": {"keys": [{"name": "a", "sha256": "\#(digest)"}]}"#,
    #""admin": "0.0.0.0:7071", "adminAuth": "none", "auth": {"keys": [{"name": "a", "sha256": "\#(digest)"}]}"#,
  ])
  func `one that says who may ask is taken`(members: String) throws {
    let result = try check(members)
    #expect(result.code == 0, "\(result.errors)")
  }

  @Test func `a variable can open the edge and cannot hold keys`() throws {
    let listen = #""listen": ["0.0.0.0:7070"]"#
    #expect(try check(listen, variables: ["TURNOUT_EDGE_AUTH": "none"]).code == 0)
    let keys = try check(listen, variables: ["TURNOUT_EDGE_AUTH_KEYS": "abc"])
    #expect(keys.code == 2)
    #expect(keys.errors.contains("auth.keys: cannot be given in a variable"))
  }
}
