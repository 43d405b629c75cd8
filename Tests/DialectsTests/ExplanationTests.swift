import TestSupport
import Bytes
import Dialects
import JSON
import Testing

/// What the steps of an explanation amount to, worked out from them alone.
private func reason(_ steps: [Element]) -> String {
  func bool(_ step: String, _ member: StaticString) -> Bool? {
    let found = steps.filter { $0["step"]?.text == step }.compactMap { $0[member]?.bool }
    return found.isEmpty ? nil : found.contains(true)
  }
  if bool("status", "paused") == true { return "EXPERIMENT_PAUSED" }
  if bool("override", "forced") == true { return "OVERRIDE" }
  if bool("holdout", "held_out") == true { return "HOLDOUT" }
  if bool("audience", "matched") == false || bool("targeting", "matched") == false {
    return "TARGETING_NOT_MATCHED"
  }
  if steps.contains(where: { $0["step"]?.text == "bucket" && $0["variant"]?.isNull == true }) {
    return "NOT_IN_AUDIENCE"
  }
  if bool("prerequisites", "met") == false { return "PREREQUISITE_NOT_MET" }
  if bool("conflict", "lost") == true { return "EXPERIMENT_CONFLICT" }
  if bool("participation", "exceeded") == true { return "PARTICIPATION_LIMIT_EXCEEDED" }
  return "EXPERIMENT_ASSIGNED"
}

struct ExplanationTests {
  @Test(arguments: [11, 12])
  func `an explanation tells the decision's reason and the steps that lead to it`(_ seed: UInt64) throws {
    var random = Random(seed: seed)
    var seen: [String: Int] = [:]
    for _ in 0..<80 {
      let cap = random.oneIn(2) ? random.below(3) : nil
      let experiments = Sample.experiments(&random, withRequirements: random.oneIn(2))
      let desk = try Desk(Sample.document(cap: cap, experiments: experiments))
      for _ in 0..<6 {
        let user = "user-\(random.below(20))"
        let context = Sample.context(&random)
        // Percent-encoded, for "+", "&" and "=" mean something in a query.
        let encoded = context.utf8.map { "%" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        let answer = try desk.get("user_key=\(user)&context=\(encoded)").json()
        let explanation = try desk.explain(user, context)
        #expect(explanation["user_key"]?.text == user)
        #expect(explanation["config_version"]?.integer == 7)
        let assignments = try #require(answer["assignments"]).elements.map { $0["experiment_id"]?.text }
        var explained: [String?] = []
        for experiment in try #require(explanation["experiments"]).elements {
          let told = try #require(experiment["reason"]?.text)
          seen[told, default: 0] += 1
          #expect(told == reason(Array(try #require(experiment["steps"]).elements)), "\(user) \(context)")
          let isAssigned = told == "EXPERIMENT_ASSIGNED" || told == "OVERRIDE"
          #expect(experiment["variant_id"]?.isNull == !isAssigned)
          if isAssigned { explained.append(experiment["experiment_id"]?.text) }
        }
        #expect(explained == assignments)
      }
    }
    #expect(seen.count == 9 && seen.values.allSatisfy { $0 > 5 }, "\(seen)")
  }

  @Test func `a condition shows the value it was compared with, or none where it is missing`() throws {
    let experiment = """
      {"id":"x","key":"k","salt":"s","variants":[],"allocations":[],"targetingRules":[{"conditions":[
      {"attribute":"a","operator":"eq","value":"US"},{"attribute":"b","operator":"neq","value":[1, 2]}]}]}
      """
    let desk = try Desk("{\"version\":1,\"environment\":\"e\",\"experiments\":[\(experiment)]}")
    func conditions(_ context: String) throws -> [Element] {
      let explanation = try desk.explain("u", context)
      let experiment = try #require(explanation["experiments"]?.elements.map { $0 }.first)
      let step = try #require(experiment["steps"]?.elements.first { $0["step"]?.text == "targeting" })
      let rule = try #require(step["rules"]?.elements.map { $0 }.first)
      return try Array(#require(rule["conditions"]).elements)
    }
    for (value, actual) in [
      ("\"\\u0055S\"", "\"US\""), ("\"x\\n\"", "\"x\\n\""), ("1.50", "1.5"), ("null", "null"),
      ("true", "true"),
      ("{\"a\":1}", "\"(an object or array)\""), ("1e999", "null"),
    ] {
      let shown = try conditions("{\"a\":\(value)}")
      #expect(shown[0]["actual"].map { String(decoding: $0.compacted(), as: UTF8.self) } == actual)
      #expect(shown[0]["matched"]?.bool == (actual == "\"US\""))
      #expect(shown[1]["actual"] == nil)
      #expect(shown[1]["value"].map { String(decoding: $0.compacted(), as: UTF8.self) } == "[1,2]")
      #expect(shown[1]["matched"]?.bool == true)
    }
  }

  @Test func `a requirement shows what was wanted and what the user has`() throws {
    let variants = """
      "variants":[{"id":"v","key":"vk","value":true},{"id":"w","key":"wk","value":true}],
      "allocations":[{"variantId":"v","rangeStart":0,"rangeEnd":9999}]
      """
    func experiment(_ id: String, _ members: String) -> String {
      "{\"id\":\"\(id)\",\"key\":\"k\(id)\",\"salt\":\"s\",\(members)\(variants)}"
    }
    let requires = [
      #"{"experiment":"ka"}"#, #"{"experiment":"a","variants":["w","vk"]}"#,
      #"{"experiment":"a","variants":["w"]}"#, #"{"flag":"f","variants":["v"]}"#, #"{"flag":"g"}"#,
    ]
    let experiments = [
      experiment("a", #""flagKey":"f","#),
      experiment("b", "\"requires\":[\(requires.joined(separator: ","))],\"conflictDomain\":\"d\","),
      experiment("c", "\"requires\":[\(requires[0])],"), experiment("d", #""flagKey":"h","#),
    ]
    let flags = [("f", ""), ("g", ""), ("h", #","requires":[{"experiment":"a"}]"#)].map {
      #"{"key":"\#($0)","type":"boolean","default":false\#($1)}"#
    }
    let desk = try Desk(
      """
      {"version":1,"environment":"e","flags":[\(flags.joined(separator: ","))],
      "experiments":[\(experiments.joined(separator: ","))]}
      """)
    let explained = try #require(desk.explain("u", "")["experiments"]).elements.map { $0 }
    func step(_ index: Int) throws -> String? {
      let steps = try #require(explained[index]["steps"]).elements.map { $0 }
      let step = steps.first { $0["step"]?.text == "prerequisites" }
      return step.map { String(decoding: $0.compacted(), as: UTF8.self) }
    }
    #expect(try step(0) == nil)
    #expect(
      try step(1) == """
        {"step":"prerequisites","required":[{"experiment":"ka","actual":"vk","met":true},\
        {"experiment":"ka","variants":["w","vk"],"actual":"vk","met":true},\
        {"experiment":"ka","variants":["w"],"actual":"vk","met":false},\
        {"flag":"f","variants":["v"],"actual":"vk","met":true},\
        {"flag":"g","actual":null,"met":false}],"met":false}
        """)
    #expect(explained[1]["reason"]?.text == "PREREQUISITE_NOT_MET")
    #expect(explained[1]["steps"]?.elements.map { $0["step"]?.text }.last == "prerequisites")
    let met =
      #"{"step":"prerequisites","required":[{"experiment":"ka","actual":"vk","met":true}],"met":true}"#
    #expect(try step(2) == met)
    #expect(try step(3) == met)
  }

  @Test func `an explanation without a context has an empty one`() throws {
    let desk = try Desk("{\"version\":1,\"environment\":\"e\",\"experiments\":[]}")
    #expect(try desk.explain("u\"", "")["context"]?.kind == .object)
    #expect(try desk.explain("u\"", "")["user_key"]?.text == "u\"")
  }

  // MARK: - The whole answer

  /// A snapshot whose experiments are the keys k0, k1, ... with the ids x0, x1, ...
  private func desk(_ seed: UInt64) throws -> Desk {
    var random = Random(seed: seed)
    return try Desk(Sample.document(cap: 2, experiments: Sample.experiments(&random)))
  }

  private func keys(_ answer: Reply) throws -> [String?] {
    try #require(try answer.json()["experiments"]).elements.map { $0["experiment_key"]?.text }
  }

  @Test func `an answer states everything that it follows from`() throws {
    let context = "{\"a\": \"U\\u0053\",\n\"a\":1}"
    let answer = try desk(1).explain("u \"1\"", " \(context)\t", selection: ["x1", "no"]).text
    let signers = Desk.provenance.signers.map(\.quoted).joined(separator: ",")
    let head = """
      {"user_key":"u \\"1\\"","environment":"prod","config_version":7,"snapshot":"\(Desk.provenance.sha256)",\
      "signed_by":[\(signers)],"context":\(context),"selected":["x1","no"],"unknown":["no"],\
      "experiments":[{"experiment_key":"k1","experiment_id":"x1",
      """
    #expect(answer.hasPrefix(head), "\(answer)")
    #expect(answer.hasSuffix("],\"omitted\":0}"))
    #expect(try desk(1).explain("u", "", selection: nil).text.contains("\"context\":{},\"experiments\":["))
  }

  @Test(arguments: [21, 22])
  func `a saved answer gives the same bytes again`(_ seed: UInt64) throws {
    var random = Random(seed: seed)
    for _ in 0..<60 {
      let desk = try Desk(Sample.document(cap: random.below(3), experiments: Sample.experiments(&random)))
      for _ in 0..<6 {
        let user = random.pick(["user-\(random.below(20))", "\u{0}\"\\é\u{1F468}", "\u{7F}/\n"])
        let selection =
          random.oneIn(2) ? nil : (0..<random.below(4)).map { _ in random.pick(["k1", "x2", "é\""]) }
        let saved = desk.explain(user, Sample.context(&random), selection: selection).text
        #expect(try desk.replay(saved) == .answer(saved))
      }
    }
  }

  @Test func `a selection names keys or ids and changes nothing of what is said`() throws {
    let desk = try desk(2)
    let all = try desk.explain("user-1", "{}", selection: nil).json()
    for (selection, keys, unknown) in [
      ([], [], []), (["k3"], ["k3"], []), (["x4", "k0", "k4"], ["k0", "k4"], []),
      (["b", "k5", "a", "b"], ["k5"], ["b", "a", "b"]),
    ] as [([String], [String], [String])] {
      let answer = desk.explain("user-1", "{}", selection: selection)
      #expect(try self.keys(answer) == keys)
      let json = try answer.json()
      #expect(json["unknown"]?.elements.map(\.text) == unknown)
      for experiment in try #require(json["experiments"]).elements {
        let same = try #require(all["experiments"]).elements.first {
          $0["experiment_key"]?.text == experiment["experiment_key"]?.text
        }
        #expect(same?.source == experiment.source)
      }
    }
  }

  @Test func `an answer holds the experiments that fit into the limit and counts the rest`() throws {
    let desk = try desk(3)
    let whole = desk.explain("user-1", "{}", selection: nil).text
    let all = try keys(.answer(whole))
    var seen = Set<Int>()
    for limit in stride(from: whole.utf8.count + 40, through: 0, by: -7) {
      let answer = desk.explain("user-1", "{}", selection: nil, limit: limit)
      guard answer.code == nil else {
        #expect(answer.code == "EXPLANATION_TOO_LARGE")
        seen.insert(-1)
        continue
      }
      #expect(!seen.contains(-1))
      #expect(answer.text.utf8.count <= limit)
      let told = try keys(answer)
      #expect(told == Array(all.prefix(told.count)))
      #expect(try answer.json()["omitted"]?.integer == all.count - told.count)
      seen.insert(told.count)
    }
    #expect(seen == Set(-1...all.count))
  }

  @Test func `the limit holds for a large snapshot, for one large experiment and for a large context`() throws
  {
    let max = Explanation.byteCountMax
    let condition =
      #"{"conditions":[{"attribute":"a","operator":"eq","value":"\#(String(repeating: "v", count: 900))"}]}"#
    func experiment(_ index: Int, rules: Int) -> String {
      let list = Array(repeating: condition, count: rules).joined(separator: ",")
      return #"{"id":"x\#(index)","key":"k\#(index)","salt":"s","targetingRules":[\#(list)]}"#
    }
    func document(_ experiments: [String]) -> String {
      #"{"version":1,"environment":"e","experiments":[\#(experiments.joined(separator: ","))]}"#
    }
    // What a context says of an attribute stands in every condition on it.
    let context = #"{"a":"\#(String(repeating: "c", count: 60_000))"}"#
    let many = try Desk(document((0..<3000).map { experiment($0, rules: 1) }))
    for context in ["{}", context] {
      let answer = many.explain("u", context, selection: nil)
      #expect(answer.text.utf8.count <= max)
      #expect(answer.text.utf8.count > max - 70_000)
      let count = try keys(answer).count
      #expect(try answer.json()["omitted"]?.integer == 3000 - count)
    }
    let large = try Desk(
      document([experiment(0, rules: 1), experiment(1, rules: 60_000), experiment(2, rules: 0)]))
    let answer = large.explain("u", context, selection: nil)
    #expect(try keys(answer) == ["k0"])
    #expect(try answer.json()["omitted"]?.integer == 2)
    #expect(try keys(large.explain("u", context, selection: ["k2"])) == ["k2"])
    let long = #"{"b":"\#(String(repeating: "c", count: max))"}"#
    #expect(large.explain("u", long, selection: nil).code == "EXPLANATION_TOO_LARGE")
  }

  @Test func `a context that fits into no answer is refused`() throws {
    let desk = try desk(4)
    func nested(_ depth: Int) -> String {
      String(repeating: "{\"b\":", count: depth - 1) + "{}" + String(repeating: "}", count: depth - 1)
    }
    let saved = desk.explain("u", nested(63), selection: nil).text
    #expect(try desk.replay(saved) == .answer(saved))
    #expect(desk.explain("u", nested(64), selection: nil).code == "INVALID_CONTEXT")
  }
}
