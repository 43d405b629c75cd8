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
      for command in ["keygen", "sign", "verify", "lint", "decide", "explain"] {
        #expect(help.output.contains("  \(command) "))
        #expect(try Program.run(program, [command, "--help"]).code == 0)
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
