// "Why" from a running edge, saved, and given again offline from the files that the edge was given.

import Bytes
import JSON
import Kernel
import ProgramSupport
import Snapshots
import Testing
import Trust

@Suite struct ExplainTests {
  /// An answer of an edge that is gone, and the files that it followed from.
  private final class Archive {
    let folder: Folder
    let snapshot: String
    let manifest: String
    let trust: String
    let answer: String
    let site: Site

    init(_ body: String) throws {
      folder = try Folder()
      let house = try House()
      site = house.site
      let answered = try RawClient(port: house.edge.adminPort).post("/explain", body)
      #expect(answered.status == 200)
      answer = try folder.write("answer.json", answered.body)
      house.edge.mayEnd = true
      house.edge.process.kill()
      snapshot = try folder.write("snapshot.json", #require(site[Layout.snapshot("prod", 1)]))
      manifest = try folder.write("manifest.json", #require(site[Layout.manifest("prod")]))
      trust = try folder.write("trust.json", site.trusted.encode())
    }

    func replay(_ arguments: [String] = [], answer: String? = nil, snapshot: String? = nil) throws
      -> Program.Result
    {
      let base = ["explain", "--replay", answer ?? self.answer, "--snapshot", snapshot ?? self.snapshot]
      return try Program.run(Program.built + "/turnout", base + arguments)
    }

    /// Replays with the manifest, and another one if it is given.
    func replaySigned(_ manifest: String? = nil, trust: String? = nil) throws -> Program.Result {
      try replay(["--manifest", manifest ?? self.manifest, "--trust", trust ?? self.trust])
    }
  }

  private static let body =
    #"{"subjectId":"u\"1","attributes":{ "country" : "US", "a":"\u00e9" },"experiments":["e1","no"]}"#

  @Test func `an answer of the edge is given again byte for byte when the edge is gone`() throws {
    let archive = try Archive(Self.body)
    let saved = try archive.folder.text("answer.json")
    let json = try Document(Array(saved.utf8)).root
    #expect(json["signed_by"]?.elements.map(\.text) == archive.site.trusted.keys.map(\.id))
    #expect(
      json["snapshot"]?.text == (try archive.folder.read("snapshot.json")).withBytes { Digest.sha256Hex($0) })
    #expect(json["config_version"]?.integer == 1)
    #expect(json["unknown"]?.elements.map(\.text) == ["no"])
    #expect(json["omitted"]?.integer == 0)
    #expect(saved.contains(#""context":{ "country" : "US", "a":"\u00e9" },"#))
    for result in try [archive.replay(), archive.replaySigned()] {
      #expect(result.code == 0, "\(result.errors)")
      #expect(result.output == saved)
    }
    // The tool gives the same answer to the same question, without one to start from.
    let asked = try Program.turnout(
      "explain", "--json", "--snapshot", archive.snapshot, "--manifest", archive.manifest, "--trust",
      archive.trust, "--user", "u\"1", "--context", #" { "country" : "US", "a":"\u00e9" }"#, "--experiment",
      "e1",
      "--experiment", "no")
    #expect(asked.output == saved, "\(asked.errors)")
  }

  @Test func `GET and POST answer the same`() throws {
    let edge = try House().edge
    let get = try edge.admin("/explain?user_key=u1&env=prod&context=%20%7B%22country%22:%22US%22%7D")
    let post = try RawClient(port: edge.adminPort).post(
      "/explain", #"{"subjectId":"u1","environment":"prod","attributes":{"country":"US"},"flagKeys":[]}"#)
    #expect(post.status == 200)
    #expect(get.body == post.body)
    #expect(try post.json()["experiments"].map { Array($0.elements).count } == 1)
  }

  @Test func `another version, another environment and a changed snapshot are refused`() throws {
    let archive = try Archive(Self.body)
    for (snapshot, message) in [
      (Site.snapshot("prod", 2), "config_version: the answer is of version 1, the snapshot is version 2"),
      (Site.snapshot("test", 1), "environment: the answer is of \"prod\", the snapshot of \"test\""),
      (Site.snapshot("prod", 1, padding: 1), "snapshot: the answer is of one with SHA-256 "),
    ] {
      let result = try archive.replay(snapshot: archive.folder.write("other.json", snapshot))
      #expect(result.code == 3)
      #expect(result.errors.contains(message), "\(result.errors)")
      #expect(result.output == "")
    }
  }

  @Test func `an answer that the snapshot does not give is refused, and the one that it gives is printed`()
    throws
  {
    let archive = try Archive(Self.body)
    let saved = try archive.folder.text("answer.json")
    for (change, to) in [
      ("EXPERIMENT_ASSIGNED", "NOT_IN_AUDIENCE"), (#""matched":true"#, #""matched":false"#),
      (#""omitted":0"#, #""omitted":1"#), (#""unknown":["no"]"#, #""unknown":[]"#),
      (#"{"user_key""#, #"{ "user_key""#),
    ] {
      let range = try #require(saved.range(of: change))
      let tampered = saved[..<range.lowerBound] + to + saved[range.upperBound...]
      let result = try archive.replay(answer: archive.folder.write("tampered.json", String(tampered)))
      #expect(result.code == 3)
      let place = saved[..<range.lowerBound].utf8.count
      #expect(
        result.errors.contains("is not what the snapshot gives: it differs from byte "), "\(result.errors)")
      let shared = zip(change.utf8, to.utf8).prefix { $0 == $1 }.map { $0.0 }.count
      #expect(result.errors.contains("from byte \(place + shared) on"), "\(result.errors)")
      #expect(result.output == saved)
    }
    // Another user is another question, whose answer cannot be the same.
    let other = saved.replacing("u\\\"1", with: "u2")
    #expect(try archive.replay(answer: archive.folder.write("other.json", other)).code == 3)
    for broken in ["", "{}", "[]", String(saved.dropLast())] {
      let result = try archive.replay(answer: archive.folder.write("broken.json", broken))
      #expect(result.code == 3)
      #expect(result.errors.contains("is no answer of /explain"))
    }
  }

  @Test func `a manifest that does not vouch for the answer is refused`() throws {
    let archive = try Archive(Self.body)
    let (site, folder) = (archive.site, archive.folder)
    let document = Site.snapshot("prod", 1)
    // Somebody else's keys.
    let stranger = try Site()
    let strange = try folder.write("strange.json", stranger.sign(stranger.manifest("prod", 1, document)))
    #expect(try archive.replaySigned(strange).errors.contains("0 of the 1 needed trusted keys"))
    // A manifest of something else.
    for (change, message) in [
      ({ $0.version = 2 }, "version"), ({ $0.environment = "test" }, "environment"),
      ({ $0.sha256 = String(repeating: "0", count: 64) }, "SHA-256"),
    ] as [((inout Manifest) -> Void, String)] {
      let manifest = try folder.write(
        "other.json", site.sign(site.manifest("prod", 1, document, change: change)))
      let result = try archive.replaySigned(manifest)
      #expect(result.code == 3)
      #expect(result.errors.contains(message), "\(result.errors)")
    }
    // The same snapshot, signed by one key more.
    let both = Site(keys: site.keys + stranger.keys, threshold: 1)
    let resigned = try folder.write("resigned.json", both.sign(both.manifest("prod", 1, document)))
    let trust = try folder.write("both.json", both.trusted.encode())
    let result = try archive.replaySigned(resigned, trust: trust)
    #expect(result.code == 3)
    #expect(
      result.errors.contains(
        "signed_by: the answer names \(site.trusted.keys[0].id), the manifest is signed by"))
    #expect(try archive.replaySigned(resigned).code == 0)
  }

  @Test(arguments: [
    ["--user", "u"], ["--context", "{}"], ["--experiment", "e1"], ["--json"], ["--manifest", "m.json"],
    ["--trust", "t.json"],
  ])
  func `options that do not go with a replay are refused`(arguments: [String]) throws {
    #expect(try Archive(Self.body).replay(arguments).code == (arguments[0] == "--trust" ? 1 : 2))
  }

  @Test(arguments: [
    ("", 400, "MALFORMED_BODY"), ("{", 400, "MALFORMED_BODY"), ("[]", 400, "MALFORMED_BODY"),
    ("{}", 400, "MISSING_SUBJECT"), (#"{"subjectId":""}"#, 400, "INVALID_SUBJECT"),
    (#"{"subjectId":"u","attributes":null}"#, 400, "INVALID_CONTEXT"),
    (#"{"subjectId":"u","environment":1}"#, 400, "INVALID_ENVIRONMENT"),
    (#"{"subjectId":"u","environment":"no"}"#, 503, "NO_SNAPSHOT"),
    (#"{"subjectId":"u","flagKeys":{}}"#, 400, "INVALID_FLAG_KEYS"),
    (#"{"subjectId":"u","track":1}"#, 400, "INVALID_TRACK"),
    (#"{"subjectId":"u","experiments":[1]}"#, 400, "INVALID_EXPERIMENTS"),
    ("{\"subjectId\":\"\u{1}\"}", 400, "MALFORMED_BODY"),
  ])
  func `a malformed body is refused with a code`(body: String, status: Int, code: String) throws {
    let edge = try House().edge
    let client = try RawClient(port: edge.adminPort)
    let answer = try client.post("/explain", body)
    #expect(answer.status == status)
    #expect(answer.errorCode == code)
    #expect(answer["Content-Type"] == "application/json")
    #expect(try client.get("/health").status == 200)
  }

  @Test func `the routes of the admin port name their methods`() throws {
    let edge = try House().edge
    let client = try RawClient(port: edge.adminPort)
    for (target, allowed) in [
      ("/explain", "GET, HEAD, POST, OPTIONS"), ("/health", "GET, HEAD, OPTIONS"),
      ("/ready", "GET, HEAD, OPTIONS"),
      ("/metrics", "GET, HEAD, OPTIONS"), ("/snapshot", "GET, HEAD, OPTIONS"),
      ("*", "GET, HEAD, POST, OPTIONS"),
    ] {
      let options = try client.ask("OPTIONS \(target) HTTP/1.1\r\nHost: edge\r\n\r\n")
      #expect(options.status == 204)
      #expect(options["Allow"] == allowed)
      guard target != "*" else { continue }
      for method in ["PUT", "DELETE", "PATCH"] + (target == "/explain" ? [] : ["POST"]) {
        let answer = try client.ask("\(method) \(target) HTTP/1.1\r\nHost: edge\r\n\r\n")
        #expect(answer.status == 405)
        #expect(answer["Allow"] == allowed)
        #expect(answer.errorCode == "METHOD_NOT_ALLOWED")
      }
    }
    #expect(try client.post("/nothing", "").status == 404)
    #expect(try client.ask("HEAD /explain?user_key=u HTTP/1.1\r\nHost: edge\r\n\r\n").status == 200)
    #expect(try client.get("/health").status == 200)
  }

  @Test func `an unsigned snapshot has no signers`() throws {
    let site = try Site()
    try site.publish("prod", 1)
    let upstream = try ScriptedUpstream(site)
    var settings = EdgeSettings(upstream, site)
    settings.trusted = nil
    settings.upstream = [#""allowUnsigned": true"#]
    let edge = try EdgeProcess(settings)
    #expect(try edge.admin("/explain?user_key=u").json()["signed_by"].map { Array($0.elements).count } == 0)
  }
}
