// The two programs as their users meet them: options, exit codes, messages, files.

import JSON
import Kernel
import Snapshots
import ProgramSupport
import Testing

@Suite struct ProgramTests {
  /// Writes a configuration with these members and runs `turnout-edge` on it.
  private func edge(
    _ members: String, _ arguments: [String] = ["--check"], variables: [String: String] = [:]
  ) throws -> Program.Result {
    let folder = try Folder()
    let site = try Site()
    try folder.write("trust.json", site.trusted.encode())
    try folder.write("edge.json", members)
    return try Program.run(
      Program.built + "/turnout-edge", ["--config", folder.path("edge.json")] + arguments,
      variables: variables)
  }

  private static let upstream =
    #""upstream": {"url": "http://127.0.0.1:1/", "environments": ["prod"], "trust": "trust.json"}"#

  @Test func `a good configuration is checked without starting`() throws {
    let result = try edge("{\(Self.upstream)}")
    #expect(result.code == 0)
    #expect(result.output == "the configuration is good\n")
    #expect(result.errors == "")
  }

  @Test(arguments: [
    (#"{"listn": []}"#, "did you mean \"listen\"?"),
    (#"{"upstream": {"polInterval": "1s"}}"#, "did you mean \"upstream.pollInterval\"?"),
    (#"{"limits": {"body": "1TiB"}}"#, "limits.body: needs a size"),
    (#"{"workers": -1}"#, "workers: needs an integer from 0 to 1024"),
    (#"{"workers": "two"}"#, "workers: needs an integer"),
    (#"{"pinWorkers": 1}"#, "pinWorkers: needs true or false"),
    (#"{"listen": ["nowhere"]}"#, "listen: \"nowhere\" is neither HOST:PORT nor unix:PATH"),
    (#"{"listen": []}"#, "listen: name at least one address"),
    (#"{"drainTimeout": "5"}"#, "drainTimeout: needs a duration with a unit"),
    (#"{"drainTimeout": 5}"#, "drainTimeout: needs a duration with a unit"),
    (#"{"admin": null}"#, "admin: has a value of the wrong type"),
    ("{", "not JSON"), ("[]", "is no object"), (#"{"workers": 1, "workers": 2}"#, "not JSON"),
    ("{}", "upstream.url: is missing"),
    (#"{"upstream": {"url": "ftp://x/", "environments": ["prod"]}}"#, "is no address"),
    (#"{"upstream": {"url": "http://x/"}}"#, "upstream.environments: name at least one"),
    (#"{"upstream": {"url": "http://x/", "environments": ["../x"]}}"#, "is no name of an environment"),
    (#"{"upstream": {"url": "http://x/", "environments": ["a", "a"]}}"#, "twice"),
    (#"{"upstream": {"url": "http://x/", "environments": ["prod"]}}"#, "upstream.trust: is missing"),
    (#"{"upstream": {"url": "http://x/", "environments": ["prod"], "onExpiry": "go"}}"#, "none of serve"),
    (
      #"{"upstream": {"url": "http://x/", "environments": ["prod"], "trust": "trust.json", "clientKey": "k"}}"#,
      "upstream.clientKey: needs upstream.clientCertificate"
    ),
    (#"{\#(upstream), "visitors": {"sticky": "session"}}"#, "\"session\" is none of off, cookie and header"),
    (#"{\#(upstream), "visitors": {"sticky": "header"}}"#, "visitors.keyFile: is missing"),
    (#"{\#(upstream), "visitors": {"domain": "a;b"}}"#, "visitors.domain: \"a;b\" is no domain"),
    (#"{\#(upstream), "visitors": {"keyFile": "trust.json"}}"#, "visitors.keyFile: "),
  ])
  func `a bad configuration is refused with code 2 and says what`(members: String, message: String) throws {
    let result = try edge(members)
    #expect(result.code == 2)
    #expect(result.errors.contains(message), "\(result.errors)")
    #expect(result.output == "")
  }

  @Test func `files that are named must be there and be what they should`() throws {
    for (trust, code) in [("nothing.json", 1), ("edge.json", nil)] as [(String, Int32?)] {
      let result = try edge(
        #"{"upstream": {"url": "http://x/", "environments": ["prod"], "trust": "\#(trust)"}}"#)
      #expect(result.code != 0)
      if let code { #expect(result.code == code) }
      #expect(!result.errors.isEmpty)
    }
    let missing = try Program.run(Program.built + "/turnout-edge", ["--config", "/nothing/edge.json"])
    #expect(missing.code == 2)
    #expect(missing.errors.contains("/nothing/edge.json"))
  }

  @Test func `variables win over the file, and unknown ones are refused`() throws {
    let fine = try edge(
      "{}",
      variables: [
        "TURNOUT_EDGE_UPSTREAM_URL": "http://127.0.0.1:1/", "TURNOUT_EDGE_UPSTREAM_ENVIRONMENTS": "prod,test",
        "TURNOUT_EDGE_UPSTREAM_TRUST": "trust.json", "TURNOUT_EDGE_UPSTREAM_POLL_INTERVAL": "250ms",
      ])
    #expect(fine.code == 0, "\(fine.errors)")
    let bad = try edge("{\(Self.upstream)}", variables: ["TURNOUT_EDGE_WORKERS": "x"])
    #expect(bad.code == 2)
    #expect(bad.errors.contains("workers: needs an integer"))
    let unknown = try edge("{\(Self.upstream)}", variables: ["TURNOUT_EDGE_WORKER": "1"])
    #expect(unknown.code == 2)
    #expect(unknown.errors.contains("did you mean \"TURNOUT_EDGE_WORKERS\"?"))
    let site = try Site()
    try site.publish("prod", 1)
    let upstream = try ScriptedUpstream(site)
    var settings = EdgeSettings("http://127.0.0.1:1/", site)
    settings.variables = ["TURNOUT_EDGE_UPSTREAM_URL": upstream.url, "TURNOUT_EDGE_WORKERS": "2"]
    let running = try EdgeProcess(settings)
    #expect(try running.metric("turnout_workers") == 2)
  }

  @Test func `an address in use ends the start with code 1`() throws {
    let house = try House()
    let result = try edge(
      #"{"listen": ["unix:\#(house.edge.folder.path("edge.sock"))"], \#(Self.upstream)}"#, [])
    #expect(result.code == 1)
    #expect(result.errors.contains("in use"))
    #expect(try house.edge.unixClient().get("/health").status == 200)
  }

  @Test(arguments: ["turnout", "turnout-edge"])
  func `help, version and suggestions`(name: String) throws {
    let program = Program.built + "/" + name
    let help = try Program.run(program, ["--help"])
    #expect(help.code == 0)
    #expect(help.output.contains("Usage: \(name)"))
    #expect(help.output.contains("Exit codes:"))
    let version = try Program.run(program, ["--version"])
    #expect(version.code == 0)
    #expect(version.output.hasPrefix("\(name) "))
    let nothing = try Program.run(program, [])
    #expect(nothing.code == 2)
    #expect(nothing.errors.hasPrefix("\(name): "))
    let wrong = try Program.run(
      program, name == "turnout" ? ["decide", "--snapsot", "x"] : ["--confg", "x"])
    #expect(wrong.code == 2)
    #expect(wrong.errors.contains(name == "turnout" ? "did you mean --snapshot?" : "did you mean --config?"))
    if name == "turnout" {
      #expect(try Program.run(program, ["sing"]).errors.contains("did you mean sign?"))
      for command in ["keygen", "sign", "verify", "lint", "decide", "explain", "trust next", "trust sign"] {
        #expect(help.output.contains("  \(command) "))
        let words = command.split(separator: " ").map(String.init)
        #expect(try Program.run(program, words + ["--help"]).code == 0)
      }
    }
  }

  @Test func `the tool's way from a key to a decision`() throws {
    let folder = try Folder()
    let trust = folder.path("trust.json")
    for name in ["a", "b"] {
      let made = try Program.turnout("keygen", "--private", folder.path(name + ".pem"), "--trust", trust)
      #expect(made.code == 0, "\(made.errors)")
    }
    #expect(try Program.turnout("keygen", "--private", folder.path("a.pem"), "--trust", trust).code == 1)
    let three = ["keygen", "--private", folder.path("c.pem"), "--trust", trust, "--threshold", "2"]
    #expect(try Program.run(Program.built + "/turnout", three).code == 0)

    let snapshot = try folder.write("snapshot.json", Site.snapshot("prod", 4))
    let lint = try Program.turnout("lint", snapshot)
    #expect(lint.code == 0, "\(lint.output)")
    let out = folder.path("site")
    let manifest = out + "/configs/prod/manifest.json"
    let one = try Program.turnout("sign", "--snapshot", snapshot, "--key", folder.path("a.pem"), "--out", out)
    #expect(one.code == 0, "\(one.errors)")
    let early = try Program.turnout("verify", "--trust", trust, "--manifest", manifest)
    #expect(early.code == 3)
    #expect(early.errors.contains("1 of the 2 needed"))
    let two = try Program.turnout(
      "sign", "--snapshot", snapshot, "--key", folder.path("a.pem"), "--key", folder.path("b.pem"), "--out",
      out)
    #expect(two.code == 0)
    let served = out + "/configs/prod/snapshots/4.json"
    let verified = try Program.turnout(
      "verify", "--trust", trust, "--manifest", manifest, "--snapshot", served, "--environment", "prod")
    #expect(verified.code == 0, "\(verified.errors)")
    #expect(verified.output.contains("prod version 4: good"))
    for arguments in [["--min-version", "5"], ["--environment", "test"], ["--snapshot", trust]] {
      let base = ["verify", "--trust", trust, "--manifest", manifest]
      #expect(try Program.run(Program.built + "/turnout", base + arguments).code == 3)
    }

    // What the tool signed, an edge serves; and both decide alike.
    let edge = try EdgeProcess(Self.settings(folder, "file:" + out))
    let decided = try Program.turnout("decide", "--snapshot", served, "--user", "u1")
    #expect(decided.code == 0)
    #expect(try decided.output == edge.get("/decide?user_key=u1").text + "\n")
    let explained = try Program.turnout(
      "explain", "--snapshot", served, "--user", "u1", "--json", "--manifest", manifest, "--trust", trust)
    #expect(try explained.output == edge.admin("/explain?user_key=u1").text)
    let text = try Program.turnout("explain", "--snapshot", served, "--user", "u1", "--experiment", "color")
    #expect(text.code == 0)
    #expect(text.output.hasPrefix("color: EXPERIMENT_ASSIGNED -> "))
    #expect(text.output.contains("with salt \"s1\""))
  }

  @Test func `the way to rotate a key works as docs/distribution.md has it`() throws {
    let folder = try Folder()
    let root = File.directory(of: File.directory(of: File.directory(of: #filePath)))
    let page = String(decoding: try File.read(root + "/docs/distribution.md", limit: 1 << 20), as: UTF8.self)
    let chapter = try #require(page.range(of: "## Rotating keys"))
    let start = try #require(page[chapter.upperBound...].firstRange(of: "```sh\n"))
    let end = try #require(page[start.upperBound...].firstRange(of: "```"))
    let script = String(page[start.upperBound..<end.lowerBound])

    // An edge that was given the first key file follows the folder.
    try folder.write("snapshot.json", Site.snapshot("prod", 1))
    func run(_ script: String) throws -> Program.Result {
      try Program.run(
        "/bin/sh", ["-ec", "cd \(folder.path); PATH=\(Program.built):$PATH; \(script)"])
    }
    let first = try run(
      """
      turnout keygen --private keys/release.pem --trust keys/trust.json
      turnout sign --snapshot snapshot.json --key keys/release.pem --out site
      """)
    #expect(first.code == 0, "\(first.errors)")
    var settings = try EdgeSettings("file:" + folder.path("site"), Site())
    settings.trusted = try TrustedKeys(decoding: folder.read("keys/trust.json"))
    let edge = try EdgeProcess(settings)
    let done = try run(script)
    #expect(done.code == 0, "\(done.errors)")
    #expect(done.output.contains("trust 1: good, 1 of 1 keys must sign"))
    #expect(done.output.contains("prod version 1: good"))
    try eventually("the edge takes the step") { try edge.metric("turnout_trust_number") == 1 }
    // What the former key signs counts no more; the new trust file may stand in for a key file.
    try folder.write("snapshot.json", Site.snapshot("prod", 2))
    #expect(try run("turnout sign --snapshot snapshot.json --key keys/release.pem --out site").code == 0)
    #expect(try edge.event("snapshot_refused")["reason"]?.text == "signature")
    let check = "turnout verify --manifest site/configs/prod/manifest.json --trust "
    #expect(try run(check + "site/configs/trust/1.json").code == 3)
    #expect(try run(check + "keys/trust.json --site site").code == 3)
    #expect(try run("turnout sign --snapshot snapshot.json --key keys/next.pem --out site").code == 0)
    #expect(try run(check + "site/configs/trust/1.json").code == 0)
    #expect(try run(check + "keys/trust.json --site site").code == 0)
    try edge.wait(forVersion: 2)
  }

  @Test func `a trust file that wants signatures is called incomplete until it has them`() throws {
    let folder = try Folder()
    func run(_ arguments: String...) throws -> Program.Result {
      try Program.run(Program.built + "/turnout", arguments)
    }
    func path(_ name: String) -> String { folder.path(name) }
    for (key, file) in [("a", "old"), ("b", "old"), ("c", "new")] {
      #expect(try run("keygen", "--private", path(key), "--trust", path(file)).code == 0)
    }
    var old = try TrustedKeys(decoding: folder.read("old"))
    old = TrustedKeys(keys: old.keys, threshold: 2)
    try folder.write("old", old.encode())
    let next = ["trust", "next", "--from", path("old"), "--to", path("new"), "--out", path("site")]
    let file = path("site/configs/trust/1.json")
    let made = try Program.run(Program.built + "/turnout", next + ["--key", path("a")])
    #expect(made.code == 3)
    #expect(made.output.contains("1 of the 2 needed former keys and 0 of the 1 needed new ones"))
    #expect(made.errors.contains("turnout trust sign"))
    // Nobody writes over what may be published.
    #expect(try Program.run(Program.built + "/turnout", next + ["--key", path("a")]).code == 1)
    let sign = ["trust", "sign", "--file", file, "--from", path("old")]
    #expect(try Program.run(Program.built + "/turnout", sign + ["--key", path("a")]).code == 3)
    #expect(try Program.run(Program.built + "/turnout", sign + ["--key", path("b")]).code == 3)
    #expect(try run("verify", "--trust", path("old"), "--site", path("site")).code == 3)
    #expect(try Program.run(Program.built + "/turnout", sign + ["--key", path("c")]).code == 0)
    #expect(try run("verify", "--trust", path("old"), "--site", path("site")).code == 0)
    #expect(try Envelope(decoding: folder.read("site/configs/trust/1.json")).signatures.count == 3)
    // The next step begins where this one ended.
    let second = try run(
      "trust", "next", "--from", file, "--to", path("old"), "--key", path("a"), "--key", path("b"), "--key",
      path("c"), "--out", path("site"))
    #expect(second.code == 0, "\(second.errors)")
    let verified = try run("verify", "--trust", path("old"), "--site", path("site"))
    #expect(verified.output == "trust 2: good, 2 of 2 keys must sign\n")
    #expect(try run("trust", "next", "--from", file, "--out", path("site")).code == 2)
    #expect(try run("trust", "nxt").errors.contains("did you mean trust next?"))
    #expect(try run("verify", "--trust", path("old")).code == 2)
    #expect(try run("trust", "--help").output.contains("sign"))
  }

  private static func settings(_ folder: Folder, _ url: String) throws -> EdgeSettings {
    var settings = try EdgeSettings(url, Site())
    settings.trusted = try TrustedKeys(decoding: folder.read("trust.json"))
    return settings
  }

  @Test func `what is refused ends with code 3`() throws {
    let folder = try Folder()
    let good = try folder.write("good.json", Site.snapshot("prod", 1))
    let text = String(decoding: Site.snapshot("prod", 1), as: UTF8.self)
    let range = try #require(text.range(of: "\"rangeEnd\":9999"))
    let faulty = try folder.write("faulty.json", text.replacingRange(range, "\"rangeEnd\":10000"))
    let broken = try folder.write("broken.json", "{\"version\":1}")
    for path in [faulty, broken] {
      let lint = try Program.turnout("lint", good, path)
      #expect(lint.code == 3)
      #expect(lint.errors.contains("finding"))
    }
    let lint = try Program.turnout("lint", faulty)
    #expect(lint.output.contains("experiments[0].allocations[1].rangeEnd"), "\(lint.output)")
    let key = folder.path("key.pem")
    #expect(try Program.turnout("keygen", "--private", key, "--trust", folder.path("trust.json")).code == 0)
    let out = folder.path("site")
    #expect(try Program.turnout("sign", "--snapshot", faulty, "--key", key, "--out", out).code == 3)
    #expect(!File.exists(out))
    let forced = ["sign", "--snapshot", faulty, "--key", key, "--out", out, "--allow-findings"]
    #expect(try Program.run(Program.built + "/turnout", forced).code == 0)
    #expect(try Program.turnout("decide", "--snapshot", broken, "--user", "u").code == 3)
    #expect(try Program.turnout("decide", "--snapshot", good, "--user", "u", "--context", "[]").code == 3)
    #expect(try Program.turnout("explain", "--snapshot", good, "--user", "u", "--experiment", "no").code == 3)
    #expect(try Program.turnout("decide", "--snapshot", folder.path("no.json"), "--user", "u").code == 1)
    #expect(try Program.turnout("decide", "--snapshot", good).code == 2)
  }
}

extension String {
  fileprivate func replacingRange(_ range: Range<Index>, _ replacement: String) -> String {
    self[..<range.lowerBound] + replacement + self[range.upperBound...]
  }
}
