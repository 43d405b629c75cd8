// The public part of a snapshot over HTTP: its conditional requests, what stays here, and that another program,
// which has nothing but the document, decides as the edge does.

import Bytes
import JSON
import ProgramSupport
import TestSupport
import Testing
import Trust

@Suite struct ClientSnapshotTests {
  static let path = "/api/v1/client-snapshot"

  /// An edge with these documents, each an environment of its own.
  private func edge(_ documents: [(environment: String, document: [UInt8])]) throws -> EdgeProcess {
    let site = try Site()
    for (environment, document) in documents { try site.publish(environment, 1, document: document) }
    let upstream = try ScriptedUpstream(site)
    let edge = try EdgeProcess(EdgeSettings(upstream, site, environments: documents.map(\.environment)))
    edge.owned = [upstream]
    return edge
  }

  @Test func `the document is served with a tag, and not again to whom has it`() throws {
    let house = try House()
    let client = try house.edge.client()
    let answer = try client.get(Self.path)
    #expect(answer.status == 200)
    #expect(answer["Content-Type"] == "application/json")
    let tag = try #require(answer["ETag"])
    #expect(tag == "\"\(answer.body.withBytes { Digest.sha256Hex($0) })\"")
    #expect(try client.get(Self.path + "?env=prod").body == answer.body)

    for (value, status) in [
      (tag, 304), ("\"x\", \(tag)", 304), ("W/\(tag)", 304), ("*", 304), ("\"x\"", 200),
    ] {
      let again = try client.ask(
        "GET \(Self.path) HTTP/1.1\r\nHost: edge\r\nIf-None-Match: \(value)\r\n\r\n")
      #expect(again.status == status, "\(value)")
      #expect(again["ETag"] == tag)
      #expect(again.body == (status == 200 ? answer.body : []))
    }
    let head = try client.ask("HEAD \(Self.path) HTTP/1.1\r\nHost: edge\r\n\r\n")
    #expect(head.status == 200)
    #expect(head["ETag"] == tag)
    #expect(head["Content-Length"] == "\(answer.body.count)")
    let options = try client.ask("OPTIONS \(Self.path) HTTP/1.1\r\nHost: edge\r\n\r\n")
    #expect(options.status == 204)
    #expect(options["Allow"] == "GET, HEAD, OPTIONS")
    let post = try client.post(Self.path, "{}")
    #expect(post.status == 405)
    #expect(post["Allow"] == "GET, HEAD, OPTIONS")

    // A new version has a new tag; the old one fetches it.
    try house.site.publish("prod", 2)
    try house.edge.wait(forVersion: 2)
    let fresh = try client.ask("GET \(Self.path) HTTP/1.1\r\nHost: edge\r\nIf-None-Match: \(tag)\r\n\r\n")
    #expect(fresh.status == 200)
    #expect(fresh["ETag"] != tag)
    #expect(try fresh.json()["version"]?.integer == 2)
    let series = #"turnout_http_requests_total{route="/api/v1/client-snapshot",status="304"}"#
    #expect(try house.edge.metric(series) == 4)
  }

  @Test(arguments: [
    ("?env=none", 503, "NO_SNAPSHOT"), ("?env=../x", 400, "INVALID_ENVIRONMENT"),
    ("?env=prod&env=prod", 400, "MALFORMED_QUERY"), ("?env=%ff", 400, "MALFORMED_QUERY"),
    ("/", 404, "NOT_FOUND"),
    ("/prod", 404, "NOT_FOUND"),
  ])
  func `an environment is asked for as on decide`(query: String, status: Int, code: String) throws {
    let answer = try House().edge.get(Self.path + query)
    #expect(answer.status == status)
    #expect(answer.errorCode == code)
    #expect((answer["Retry-After"] == "1") == (status == 503))
  }

  @Test func `nothing is served of a snapshot that is over`() throws {
    let site = try Site()
    try site.publish("prod", 1, lifetime: 2)
    let upstream = try ScriptedUpstream(site)
    var settings = EdgeSettings(upstream, site)
    settings.upstream = [#""onExpiry": "refuse""#]
    let edge = try EdgeProcess(settings)
    #expect(try edge.get(Self.path).status == 200)
    try eventually("the manifest is over") { try edge.get("/decide?user_key=u").status == 503 }
    #expect(try edge.get(Self.path).errorCode == "NO_SNAPSHOT")
  }

  // MARK: - Elsewhere

  /// Experiments over the golden vectors: the rules of the one file with the salts of the other.
  private static func document(_ environment: String, cap: Int?) -> [UInt8] {
    let salts = Vectors.lines("bucketing.jsonl").map { element($0)["salt"]!.source }
    var experiments: [String] = []
    for (index, line) in Vectors.lines("targeting.jsonl").enumerated() {
      let salt = String(decoding: salts[index % salts.count], as: UTF8.self)
      let rules = String(decoding: element(line)["rules"]!.source, as: UTF8.self)
      experiments.append(experiment(index, ["\"salt\":\"\(salt)\"", "\"targetingRules\":\(rules)"]))
    }
    let more = [
      #""hash":"sha256","salt":"s1""#, #""layer":"l""#, #""layer":"l","status":"PAUSED""#,
      #""layer":"l","conflictDomain":"d","priority":3"#, #""salt":"d1","conflictDomain":"d","priority":2"#,
      #""salt":"d2","conflictDomain":"d","startedAt":"2026-01-01T00:00:00.0002Z""#,
      #""salt":"d3","conflictDomain":"d","startedAt":"2026-01-01T00:00:00.0001Z""#,
      #""salt":"d4","conflictDomain":"e","audienceRules":[{"conditions":[{"attribute":"a","operator":"exists"}]}]"#,
      #""salt":"d5","flagKey":"f""#, #""salt":"d6","flagKey":"f","priority":1"#,
      #""salt":"d7","requires":[{"flag":"f","variants":["a","b26"]}]"#,
      #""salt":"d8","priority":5,"conflictDomain":"d","requires":[{"experiment":"x27","variants":["b"]}]"#,
      #""salt":"d9","priority":6,"flagKey":"g","requires":[{"experiment":"k21"}]"#,
      #""layer":"l","private":true,"priority":-9"#,
      #""salt":"secret","conflictDomain":"e","private":true,"priority":-9"#,
    ]
    for member in more { experiments.append(experiment(experiments.count, [member])) }
    // In reverse, so that a private experiment is the first to take buckets of the layer; ranked last, it takes
    // nothing else with it.
    return Array(
      """
      {"version":1,"environment":"\(environment)"\(cap.map { ",\"maxExperimentsPerUser\":\($0)" } ?? ""),
      "layers":[{"key":"l","salt":"of the layer"}],
      "holdouts":[{"key":"h","salt":"h","share":700},{"key":"i","salt":"i","share":2500,"experiments":["x18","k3","x25"]}],
      "flags":[{"key":"f","type":"string","default":""},
      {"key":"g","type":"string","default":"","requires":[{"experiment":"k28"},{"experiment":"x17"}]}],
      "experiments":[\(experiments.reversed().joined(separator: ","))]}
      """.utf8)
  }

  private static func experiment(_ index: Int, _ members: [String]) -> String {
    let start = index * 211 % 4000
    return """
      {"id":"x\(index)","key":"k\(index)",\(members.joined(separator: ",")),
      "variants":[{"id":"a\(index)","key":"a","value":"A"},{"id":"b\(index)","key":"b","value":"B"}],
      "allocations":[{"variantId":"a\(index)","rangeStart":\(start),"rangeEnd":\(start + 3000)},
      {"variantId":"b\(index)","rangeStart":\(start + 2500),"rangeEnd":\(start + 5999)}]}
      """
  }

  private static func element(_ line: [UInt8]) -> Element { try! Document(line).root }

  /// Every context of the targeting vectors for users of the bucketing vectors and others.
  private static func cases() -> [(user: String, context: String)] {
    let known = Vectors.lines("bucketing.jsonl").compactMap { element($0)["user_key"]?.text }
    let users =
      Array(Set(known)).filter { !$0.isEmpty && $0.utf8.count < 512 } + (0..<110).map { "user-\($0)" }
    var contexts = Vectors.lines("targeting.jsonl").compactMap { element($0)["context_raw"]?.text }
    contexts += [
      #"{"a":"U\u0053","country":"US","plan":"pro"}"#, #"{"a":1,"a":"US"}"#, #"{"a":{"b":{"c":1}}}"#, "[]",
      #"{"a":"\ud800"}"#, #"{"a":82}"#, "{\"a\":1e999}",
    ]
    return users.flatMap { user in contexts.map { (user, $0) } }
  }

  @Test(arguments: [nil, 2])
  func `another program decides with the document as the edge does`(cap: Int?) throws {
    let edge = try edge([("prod", Self.document("prod", cap: cap))])
    let client = try edge.client()
    let document = try client.get(Self.path).json()
    let shown = try Set(#require(document["experiments"]).elements.compactMap { $0["key"]?.text })
    #expect(shown.count > 20)
    #expect(document["serverOnly"]?.elements.map(\.text) == [])

    let cases = Self.cases()
    #expect(cases.count > 2500)
    let folder = try Folder()
    let lines = cases.map { "[\($0.user.quoted),\($0.context.quoted)]\n" }.joined()
    let program = #filePath.replacing("ClientSnapshotTests.swift", with: "Support/client_evaluator.py")
    let result = try Program.run(
      "/usr/bin/python3",
      [program, "http://127.0.0.1:\(edge.port)\(Self.path)", folder.write("cases", lines)], within: 120)
    try #require(result.code == 0, "\(result.errors)")
    let decided = result.output.split(separator: "\n")
    try #require(decided.count == cases.count)

    var assigned = 0
    for ((user, context), line) in zip(cases, decided) {
      let answer = try client.get("/decide?user_key=\(user.encoded)&context=\(context.encoded)")
      guard answer.status == 200 else {
        #expect(answer.errorCode == "INVALID_CONTEXT")
        #expect(line == "null", "\(user) \(context)")
        continue
      }
      let assignments = try #require(try answer.json()["assignments"]).elements.compactMap { assignment in
        assignment["experiment_key"]?.text.map { ($0, assignment["variant_id"]?.text) }
      }.filter { shown.contains($0.0) }
      let elsewhere = try Document(Array(line.utf8)).root.members.map { ($0.key.text!, $0.value.text) }
      #expect(
        Dictionary(uniqueKeysWithValues: elsewhere) == Dictionary(uniqueKeysWithValues: assignments),
        "\(user) \(context)")
      assigned += assignments.count
    }
    #expect(assigned > cases.count)
  }

  @Test func `nothing of a private experiment leaves the edge in the document`() throws {
    let text = """
      {"version":1,"environment":"prod","layers":[{"key":"secret","salt":"secret"}],
      "flags":[{"key":"f","type":"string","default":"d"}],
      "holdouts":[{"key":"secret","salt":"secret","share":1,"experiments":["secret"]}],
      "experiments":[{"id":"secret","key":"secret","private":true,"layer":"secret","conflictDomain":"d","flagKey":"f",
      "targetingRules":[{"conditions":[{"attribute":"secret","operator":"eq","value":"secret"}]}],
      "overrides":[{"userKey":"secret","variantId":"secret"}],
      "variants":[{"id":"secret","key":"secret","payload":"secret","value":"secret"}],
      "allocations":[{"variantId":"secret","rangeStart":0,"rangeEnd":1}]},
      {"id":"open","key":"open","salt":"s","flagKey":"f","variants":[{"id":"v","key":"v","value":"of the flag"}],
      "overrides":[{"userKey":"secret","variantId":"v"}]},
      {"id":"lower","key":"lower","salt":"s","conflictDomain":"d","priority":-1}]}
      """
    let answer = try edge([("prod", Array(text.utf8))]).get(Self.path)
    #expect(!answer.text.contains("secret"))
    #expect(!answer.text.contains("of the flag"))
    let json = try answer.json()
    #expect(json["experiments"]?.elements.map { $0["key"]?.text } == ["open"])
    #expect(json["serverOnly"]?.elements.map(\.text) == ["lower"])
    #expect(json["serverOnlyFlags"]?.elements.map(\.text) == ["f"])
    #expect(json["flags"]?.elements.map(\.text) == [])

    let folder = try Folder()
    let file = try folder.write("public.json", answer.body)
    #expect(try Program.turnout("lint", file).code == 0)
    #expect(try Program.turnout("decide", "--snapshot", file, "--user", "u").code == 0)
  }
}

extension String {
  /// The string as JSON.
  fileprivate var quoted: String {
    var text: [UInt8] = []
    Array(utf8).withBytes { text.append(jsonString: $0) }
    return String(decoding: text, as: UTF8.self)
  }

  /// The string as a value in a query.
  fileprivate var encoded: String {
    utf8.map { "%" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
