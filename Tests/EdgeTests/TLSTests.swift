// The data port over TLS, as real clients see it.

import Glibc
import JSON
import Kernel
import ProgramSupport
import Snapshots
import Testing

/// An edge whose TCP port speaks TLS.
private struct SecureHouse {
  let house: House
  let certificates: Certificates
  var edge: EdgeProcess { house.edge }
  var folder: Folder { certificates.folder }

  init(
    padding: Int = 0, members: [String] = [], _ change: (inout EdgeSettings) -> Void = { _ in }
  ) throws {
    let folder = try Folder()
    certificates = try Certificates(in: folder)
    for end in ["pem", "key"] { try folder.write("shown." + end, folder.read("server." + end)) }
    house = try House(padding: padding, folder: folder) { settings in
      settings.members = [
        #""tls": {\#((["\"certificate\": \"shown.pem\", \"key\": \"shown.key\""] + members).joined(separator: ", "))}"#
      ]
      change(&settings)
    }
  }

  func settings(_ change: (inout TLSPeerSettings) -> Void = { _ in }) -> TLSPeerSettings {
    var settings = TLSPeerSettings(authority: certificates.path("ca.pem"))
    change(&settings)
    return settings
  }

  func peer(_ change: (inout TLSPeerSettings) -> Void = { _ in }) throws -> TLSPeer {
    try TLSPeer(settings(change))
  }

  func client(_ peer: TLSPeer? = nil) throws -> RawClient {
    try RawClient(port: edge.port, tls: peer ?? self.peer())
  }

  /// Runs curl against a path with what else it is told; what it printed.
  func curl(_ path: String, _ arguments: String...) throws -> Program.Result {
    try Program.run(
      "/usr/bin/curl",
      ["-sS", "--cacert", certificates.path("ca.pem")] + arguments
        + ["https://localhost:\(edge.port)" + path])
  }

  /// Runs `openssl s_client` with nothing to say.
  func openssl(_ arguments: String...) throws -> Program.Result {
    try Program.run(
      "/usr/bin/openssl",
      ["s_client", "-connect", "127.0.0.1:\(edge.port)", "-CAfile", certificates.path("ca.pem")] + arguments)
  }

  func metric(_ name: String) throws -> Int { try edge.metric("turnout_tls_" + name) }
}

@Suite struct TLSTests {
  private static let health = "GET /health HTTP/1.1\r\nHost: e\r\n\r\n"

  @Test func `curl and openssl speak TLS 1.2 and 1.3, and nothing older`() throws {
    let house = try SecureHouse()
    for options in [["--tls-max", "1.2"], ["--tlsv1.3"]] {
      let result = try house.curl("/decide?user_key=u", options[0], options.count > 1 ? options[1] : "-s")
      #expect(result.code == 0, "\(result.errors)")
      #expect(result.output.contains(#""user_key":"u""#))
    }
    for (option, version) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
      let result = try house.openssl(option, "-brief")
      #expect(result.errors.contains("Protocol version: \(version)"), "\(result.errors)")
    }
    #expect(try house.metric("handshakes_total") == 4)
    let old = try house.openssl("-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0")
    #expect(old.errors.contains("alert protocol version"), "\(old.errors)")
    try eventually("it is counted") { try house.metric("handshake_failures_total") == 1 }
    // The Unix socket speaks as it did.
    #expect(try house.edge.unixClient().get("/health").status == 200)
  }

  @Test func `a client that offers protocols must offer HTTP 1.1`() throws {
    let house = try SecureHouse()
    #expect(try house.openssl("-alpn", "h2,http/1.1").output.contains("ALPN protocol: http/1.1"))
    #expect(try house.openssl("-alpn", "h2").errors.contains("alert no application protocol"))
    #expect(try house.curl("/health", "--no-alpn").output == #"{"status":"ok"}"#)
  }

  @Test func `a session is taken up by every worker`() throws {
    let house = try SecureHouse { $0.workers = 2 }
    let reconnected = try house.openssl("-tls1_2", "-reconnect")
    #expect(reconnected.output.split(separator: "\n").filter { $0.hasPrefix("Reused, ") }.count == 5)
    for (isVersion12, takesTickets) in [(true, true), (true, false), (false, true)] {
      func settings(_ session: TLSPeer.Session?) -> TLSPeerSettings {
        house.settings {
          $0.isVersion12 = isVersion12
          $0.takesTickets = takesTickets
          $0.session = session
        }
      }
      let first = try TLSPeer(settings(nil))
      #expect(try house.client(first).get("/health").status == 200)
      for _ in 0..<16 {
        let again = try TLSPeer(settings(first.session))
        #expect(try house.client(again).get("/health").status == 200)
        #expect(again.isResumed)
      }
    }
    #expect(try house.metric("resumptions_total") == 5 + 3 * 16)
    #expect(try house.metric("handshake_failures_total") == 0)
  }

  @Test func `with authorities for clients only their clients are let in`() throws {
    let house = try SecureHouse(members: [#""clientAuthorities": "ca.pem""#])
    func curl(_ name: String, _ version: String) throws -> Program.Result {
      try house.curl(
        "/health", version, "1.3", "--cert", house.certificates.path(name + ".pem"), "--key",
        house.certificates.path(name + ".key"))
    }
    #expect(try curl("client", "--tls-max").output == #"{"status":"ok"}"#)
    #expect(try curl("stranger", "--tls-max").code != 0)
    #expect(try house.curl("/health").code != 0)
    #expect(try house.curl("/health", "--tls-max", "1.2").code != 0)
    try eventually("they are counted") { try house.metric("handshake_failures_total") == 3 }
    #expect(try house.metric("handshakes_total") == 1)
    #expect(try house.edge.unixClient().get("/health").status == 200)
  }

  @Test func `large documents arrive whole, whoever reads them slowly`() throws {
    let house = try SecureHouse(padding: 6_000_000) { $0.upstream = [#""snapshotSize": "16MiB""#] }
    let document = Site.snapshot("prod", 1, padding: 6_000_000)
    let path = "/configs/prod/snapshots/1.json"
    let copy = house.folder.path("copy.json")
    #expect(try house.curl(path, "-o", copy).code == 0)
    #expect(try File.read(copy, limit: 1 << 28) == document)
    let client = try house.client()
    // The second one waits until the first one is on its way whole.
    try client.send(String(repeating: "GET \(path) HTTP/1.1\r\nHost: e\r\n\r\n", count: 2) + Self.health)
    usleep(50_000)
    for _ in 0..<2 { #expect(try client.read().body == document) }
    #expect(try client.read().text == #"{"status":"ok"}"#)
    let tag = try #require(try client.get(path)["ETag"])
    let unchanged = try client.ask("GET \(path) HTTP/1.1\r\nHost: e\r\nIf-None-Match: \(tag)\r\n\r\n")
    #expect(unchanged.status == 304)
  }

  @Test(arguments: [true, false])
  func `a thousand requests in one piece are answered in order`(isVersion12: Bool) throws {
    let house = try SecureHouse()
    let client = try house.client(house.peer { $0.isVersion12 = isVersion12 })
    try client.send((0..<1000).map { "GET /decide?user_key=u\($0) HTTP/1.1\r\nHost: e\r\n\r\n" }.joined())
    for index in 0..<1000 { #expect(try client.read().json()["user_key"]?.text == "u\(index)") }
    let body = try client.post("/api/v1/decide", ServingTests.body)
    #expect(body.status == 200)
    #expect(try client.ask(ServingTests.chunked).text.count > 10)
  }

  @Test func `what breaks HTTP is answered and then the connection ends in order`() throws {
    let house = try SecureHouse()
    for (request, status, code) in RefusalTests.malformed {
      let client = try house.client()
      try client.send(Self.health + request + (code == "TARGET_TOO_LONG" ? "" : Self.health))
      #expect(try client.read().status == 200)
      let answer = try client.read()
      #expect(answer.status == status)
      #expect(answer.errorCode == code)
      #expect(try client.readToEnd().isEmpty)
      #expect(client.hasGoodbye)
      #expect(!client.isReset)
    }
    let client = try house.client()
    #expect(try client.ask("GET /health HTTP/1.1\r\nHost: e\r\nConnection: close\r\n\r\n").status == 200)
    #expect(try client.readToEnd().isEmpty)
    #expect(client.hasGoodbye)
  }

  @Test func `a client that says goodbye or half closes still gets its answers`() throws {
    let house = try SecureHouse()
    for saysGoodbye in [true, false] {
      for requests in [0, 1, 100] {
        let client = try house.client()
        try client.send(String(repeating: Self.health, count: requests) + "GET /cut")
        if saysGoodbye { try client.sayGoodbye() } else { client.endSending() }
        for _ in 0..<requests { #expect(try client.read().status == 200) }
        #expect(try client.readToEnd().isEmpty)
        #expect(client.hasGoodbye)
        #expect(!client.isReset)
      }
    }
  }

  @Test func `what is no TLS is told nothing and counted`() throws {
    let house = try SecureHouse()
    let texts = [Self.health, "\u{16}\u{3}\u{1}\u{0}\u{5}hello", String(repeating: "garbage", count: 50_000)]
    for text in texts {
      let client = try RawClient(port: house.edge.port)
      try client.send(text)
      #expect(try client.readToEnd().count <= 7, "an alert at most")
    }
    // Who says nothing at all did not begin.
    _ = try RawClient(port: house.edge.port)
    try eventually("they are gone") { try house.edge.metric("turnout_connections") == 0 }
    #expect(try house.metric("handshake_failures_total") == texts.count)
    // After the handshake it is another thing.
    let client = try house.client()
    #expect(try client.get("/health").status == 200)
    try client.sendCiphertext(Array("\u{17}\u{3}\u{3}\u{0}\u{20}these are 32 bytes of no record.".utf8))
    #expect(try client.readToEnd().isEmpty)
    #expect(client.fault?.contains("bad record mac") == true)
    #expect(try house.metric("broken_total") == 1)
    #expect(try house.metric("handshake_failures_total") == texts.count)
    #expect(try house.client().get("/health").status == 200)
  }

  @Test func `a client may not renegotiate`() throws {
    let house = try SecureHouse()
    let commands = try house.folder.write("commands", "R\n")
    let result = try Program.run(
      "/bin/sh",
      [
        "-c",
        "(cat \(commands); sleep 1) | openssl s_client -connect 127.0.0.1:\(house.edge.port) -tls1_2 -CAfile \(house.certificates.path("ca.pem"))",
      ])
    #expect(result.errors.contains("no renegotiation"), "\(result.errors)")
    #expect(try house.client().get("/health").status == 200)
  }

  @Test func `new keys are taken on the way`() throws {
    let house = try SecureHouse()
    let peer = try house.peer()
    let client = try house.client(peer)
    for _ in 0..<5 {
      peer.updateKeys()
      #expect(try client.get("/health").status == 200)
    }
  }

  @Test func `a handshake may come a byte at a time`() throws {
    let house = try SecureHouse()
    for isVersion12 in [true, false] {
      let peer = try house.peer { $0.isVersion12 = isVersion12 }
      #expect(try RawClient(port: house.edge.port, tls: peer, step: 1).get("/health").status == 200)
    }
  }

  @Test func `the deadline for a head holds for the handshake before it`() throws {
    let house = try SecureHouse { $0.limits = [#""headerTimeout": "300ms""#, #""idleTimeout": "2s""#] }
    let hello = try house.peer()
    _ = try hello.handshake()
    let bytes = hello.takeOutgoing()
    for count in [0, 1, bytes.count / 2, bytes.count] {
      let client = try RawClient(port: house.edge.port)
      try client.send(Array(bytes.prefix(count)))
      let start = seconds()
      #expect(try client.readToEnd().isEmpty == (count < bytes.count))
      #expect(seconds() - start < 1.5)
    }
    try eventually("they are counted") { try house.metric("handshake_failures_total") == 3 }
    // The same deadline goes on behind it.
    let silent = try house.client()
    #expect(try silent.readToEnd(within: 1.5).isEmpty)
    #expect(silent.hasGoodbye)
    let slow = try house.client()
    try slow.send("GET /hea")
    let answer = try slow.read(within: 1.5)
    #expect(answer.status == 408)
    #expect(try slow.readToEnd().isEmpty)
    #expect(slow.hasGoodbye)
    // And after an answer that of an idle connection.
    let idle = try house.client()
    #expect(try idle.get("/health").status == 200)
    #expect(idle.isQuiet(for: 1))
    #expect(try idle.readToEnd().isEmpty)
    #expect(idle.hasGoodbye)
  }

  @Test func `a client that does not read is let go`() throws {
    let house = try SecureHouse(padding: 8_000_000) {
      $0.limits = [#""writeTimeout": "300ms""#]
      $0.upstream = [#""snapshotSize": "16MiB""#]
    }
    let client = try house.client()
    try client.send("GET /configs/prod/snapshots/1.json HTTP/1.1\r\nHost: e\r\n\r\n")
    try eventually("it is let go") { try house.edge.metric("turnout_write_timeouts_total") == 1 }
    try eventually("its place is free") { try house.edge.metric("turnout_connections") == 0 }
  }

  @Test func `a reload shows the new certificate and leaves connections alone`() throws {
    let house = try SecureHouse { $0.workers = 2 }
    func renew(_ name: String) throws {
      for end in ["pem", "key"] {
        try house.folder.write("shown." + end, house.folder.read("\(name).\(end)"))
      }
    }
    func reload(_ event: String, _ count: Int) throws {
      house.edge.process.signal(SIGHUP)
      try eventually("the reload is over") { try house.edge.events(event).count == count }
    }
    let peer = try house.peer()
    let old = try house.client(peer)
    #expect(try old.get("/health").status == 200)
    #expect(peer.subject == "/CN=server")
    try renew("renewed")
    try reload("reloaded", 1)
    // Both workers, sooner or later.
    for _ in 0..<16 {
      let new = try house.peer()
      #expect(try house.client(new).get("/health").status == 200)
      #expect(new.subject == "/CN=renewed")
    }
    #expect(try house.openssl().output.contains("subject=CN = renewed"))
    #expect(try old.get("/health").status == 200)
    let again = try house.peer { $0.session = peer.session }
    #expect(try house.client(again).get("/health").status == 200)
    #expect(again.isResumed)
    // What cannot be used changes nothing.
    try house.folder.write("shown.pem", "no certificate")
    try reload("reload_failed", 1)
    let line = try house.edge.event("reload_failed")
    #expect(line["reason"]?.text?.contains("shown.pem") == true)
    try renew("server")
    try house.folder.write("shown.key", house.folder.read("client.key"))
    try reload("reload_failed", 2)
    #expect(try house.edge.metric(#"turnout_reloads_total{result="failed"}"#) == 2)
    let new = try house.peer()
    #expect(try house.client(new).get("/health").status == 200)
    #expect(new.subject == "/CN=renewed")
    #expect(try old.get("/health").status == 200)
  }

  @Test func `a stream of events goes on over TLS until either side ends it`() throws {
    let house = try SecureHouse()
    house.edge.mayEnd = true
    func follow(_ peer: TLSPeer) throws -> RawClient {
      let client = try house.client(peer)
      try client.send("GET /ofrep/v1/events HTTP/1.1\r\nHost: edge\r\n\r\n")
      _ = try client.readText(until: "etag")
      return client
    }
    let peer = try house.peer()
    let stream = try follow(peer)
    for version in 2...4 {
      // Keys may change while nobody asks for anything.
      peer.updateKeys()
      try stream.sendCiphertext(peer.takeOutgoing())
      try house.house.site.publish("prod", version)
      _ = try stream.readText(until: "etag")
    }
    let other = try follow(house.peer())
    try eventually("both are there") { try house.edge.metric("turnout_event_streams") == 2 }
    try other.sayGoodbye()
    try eventually("one has left") { try house.edge.metric("turnout_event_streams") == 1 }
    #expect(!stream.hasGoodbye)
    house.edge.process.signal(SIGTERM)
    _ = try stream.readToEnd()
    #expect(stream.hasGoodbye)
    #expect(try house.edge.process.exitCode() == 0)
  }

  @Test func `told to end it says goodbye to every client`() throws {
    let house = try SecureHouse()
    house.edge.mayEnd = true
    let idle = try house.client()
    #expect(try idle.get("/health").status == 200)
    let half = try house.client()
    try half.send(
      "POST /api/v1/decide HTTP/1.1\r\nHost: e\r\nContent-Length: \(ServingTests.body.utf8.count)\r\nExpect: 100-continue\r\n\r\n"
    )
    #expect(try half.read().status == 100)
    house.edge.process.signal(SIGTERM)
    try house.edge.event("ending")
    #expect(try idle.readToEnd().isEmpty)
    try half.send(ServingTests.body)
    let answer = try half.read()
    #expect(answer.status == 200)
    #expect(answer["Connection"] == "close")
    #expect(try half.readToEnd().isEmpty)
    for client in [idle, half] {
      #expect(client.hasGoodbye)
      #expect(!client.isReset)
    }
    #expect(try house.edge.process.exitCode() == 0)
    #expect(try house.edge.event("ended")["connectionsCut"]?.bool == false)
  }

  @Test func `thousands of handshakes leave nothing behind`() throws {
    let house = try SecureHouse()
    func memory() throws -> Int { try house.edge.metric("process_resident_memory_bytes") }
    func run(_ count: Int) throws {
      var session: TLSPeer.Session?
      for index in 0..<count {
        let peer = try house.peer {
          $0.isVersion12 = index % 2 == 0
          $0.takesTickets = index % 4 < 2
          $0.session = index % 8 < 6 ? session : nil
        }
        let client = try house.client(peer)
        #expect(try client.get("/health").status == 200)
        if index % 8 == 0 { session = peer.session }
        if index % 3 == 0 { try client.sayGoodbye() }
      }
      try eventually("all are gone") { try house.edge.metric("turnout_connections") == 0 }
    }
    try run(500)
    let (before, descriptors) = (try memory(), house.edge.process.descriptorCount)
    try run(2000)
    #expect(try house.metric("handshakes_total") == 2500)
    try eventually("no descriptor is left") { house.edge.process.descriptorCount <= descriptors }
    #expect(try memory() < before + 4 * 1024 * 1024)
  }

  @Test func `a certificate that cannot be used is found before anything starts`() throws {
    let folder = try Folder()
    _ = try Certificates(in: folder)
    func check(_ members: String) throws -> Program.Result {
      let path = try folder.write(
        "edge.json",
        """
        {"upstream": {"url": "file:site", "environments": ["prod"], "allowUnsigned": true}, "tls": {\(members)}}
        """)
      return try Program.run(Program.built + "/turnout-edge", ["--config", path, "--check"])
    }
    #expect(try check(#""certificate": "server.pem", "key": "server.key""#).code == 0)
    // Both in one file.
    try folder.write("both.pem", folder.read("server.pem") + folder.read("server.key"))
    #expect(try check(#""certificate": "both.pem", "clientAuthorities": "ca.pem""#).code == 0)
    for (members, code, part) in [
      (#""certificate": "server.pem""#, 1, "server.pem"),
      (#""certificate": "server.pem", "key": "client.key""#, 1, "client.key"),
      (#""certificate": "both.pem", "clientAuthorities": "client.key""#, 1, "client.key"),
      (#""key": "server.key""#, 2, "tls.key"),
      (#""clientAuthorities": "ca.pem""#, 2, "tls.clientAuthorities"),
    ] {
      let result = try check(members)
      #expect(result.code == Int32(code), "\(members)")
      #expect(result.errors.contains(part), "\(result.errors)")
    }
  }
}
