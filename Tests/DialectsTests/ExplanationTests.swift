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
}
