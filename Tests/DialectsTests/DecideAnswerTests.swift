import Bytes
import Dialects
import Foundation
import JSON
import Snapshots
import TestSupport
import Testing

/// A decision without the id that is new in every answer.
private func decisions(_ reply: Reply) throws -> [(key: String, rest: String)] {
  try #require(reply.json()["decisions"]).elements.map { decision in
    let members = decision.members.filter { $0.key.text != "decisionId" }
    return (
      decision["flagKey"]?.text ?? "",
      members.map { "\($0.key.text ?? "")=\(String(decoding: $0.value.compacted(), as: UTF8.self))" }
        .joined(separator: "&")
    )
  }
}

/// The text with every decision's id, which is new in each answer, replaced.
private func withoutIDs(_ text: String) -> String {
  let start = "\"decisionId\":\""
  return text.components(separatedBy: start).enumerated().map { index, part in
    index == 0 ? part : "ID" + part[part.firstIndex(of: "\"")!...]
  }.joined(separator: start)
}

private func body(_ user: String, _ context: String, _ keys: [String]? = nil) -> String {
  let keys = keys.map { ",\"flagKeys\":[\($0.map(\.quoted).joined(separator: ","))]" } ?? ""
  return "{\"subjectId\":\(user.quoted),\"attributes\":\(context)\(keys)}"
}

struct DecideAnswerTests {
  @Test func `the answer of GET decide, byte for byte`() throws {
    let experiment = """
      {"id":"x","key":"k","salt":"s","variants":[{"id":"v","key":"vk","payload":{ "a": [1.50, "é\\n"] }}],
      "allocations":[{"variantId":"v","rangeStart":0,"rangeEnd":9999}]}
      """
    let document = "{\"version\":7,\"environment\":\"prod\",\"experiments\":[\(experiment)]}"
    #expect(
      try Desk(document).get("user_key=a%22").text == """
        {"user_key":"a\\"","environment":"prod","config_version":7,"assignments":[{"experiment_key":"k",\
        "experiment_id":"x","variant_key":"vk","variant_id":"v","payload":{"a":[1.50,"é\\n"]}}]}
        """)
    #expect(
      try Desk("{\"version\":0,\"environment\":\"e\",\"experiments\":[]}").get("user_key=a").text
        == "{\"user_key\":\"a\",\"environment\":\"e\",\"config_version\":0,\"assignments\":[]}")
  }

  @Test func `the answer of POST decide, byte for byte`() throws {
    let experiment = """
      {"id":"x","key":"k","salt":"s","flagKey":"f","variants":[{"id":"v","key":"vk","value":[ 1 ]}],
      "overrides":[{"userKey":"o","variantId":"v"}]}
      """.replacing("[ 1 ]", with: "{ \"a\": 1 }")
    let document = """
      {"version":7,"environment":"prod","flags":[{"key":"f","type":"object","default":{}}],"experiments":[\(experiment)]}
      """
    let desk = try Desk(document)
    #expect(
      withoutIDs(desk.post("{\"subjectId\":\"o\",\"flagKeys\":[\"f\",\"g\",\"f\"]}").text) == """
        {"decisions":[{"flagKey":"f","value":{"a":1},"decisionId":"ID",\
        "reason":"OVERRIDE","experimentId":"x","variantId":"v"},\
        {"flagKey":"g","value":null,"decisionId":null,"reason":"FLAG_NOT_FOUND","experimentId":null,"variantId":null},\
        {"flagKey":"f","value":{"a":1},"decisionId":"ID",\
        "reason":"OVERRIDE","experimentId":"x","variantId":"v"}]}
        """)
    #expect(desk.counts.notFound == 1)
    #expect(desk.counts.defaults == 0)
    #expect(
      desk.post("{\"subjectId\":\"u\"}").text == """
        {"decisions":[{"flagKey":"f","value":{},"decisionId":null,"reason":"FLAG_DEFAULT",\
        "experimentId":null,"variantId":null}]}
        """)
    #expect(desk.counts.defaults == 1)
  }

  /// Of experiments that drive one flag the highest ranked that has the user answers.
  @Test func `a flag is driven by the highest ranked experiment that has the user`() throws {
    func experiment(_ id: String, _ priority: Int, _ more: String = "") -> String {
      """
      {"id":"\(id)","key":"\(id)","salt":"s","flagKey":"bool","priority":\(priority)\(more),
      "variants":[{"id":"v","key":"v","value":"of \(id)"}],
      "allocations":[{"variantId":"v","rangeStart":0,"rangeEnd":9999}]}
      """
    }
    func answer(_ experiments: String...) throws -> String? {
      let desk = try Desk(Sample.document(flags: ["bool"], experiments: experiments))
      #expect(desk.findings.allSatisfy { $0.severity == .warning })
      // A user whom no holdout of the sample keeps out.
      return try desk.post("{\"subjectId\":\"u\"}").json()["decisions"]?.elements.map { $0["value"]?.text }
        .first ?? nil
    }
    #expect(try answer(experiment("a", 1), experiment("b", 2)) == "of b")
    #expect(try answer(experiment("b", 2), experiment("a", 1)) == "of b")
    #expect(try answer(experiment("a", 1), experiment("b", 2, ",\"status\":\"PAUSED\"")) == "of a")
    #expect(try answer(experiment("b", 2, ",\"status\":\"PAUSED\"")) == "default of bool")
  }

  /// Which flags are asked for, in which order, and where they stand in the snapshot, changes no decision.
  @Test(arguments: [5, 6])
  func `a flag's decision depends on no other flag`(_ seed: UInt64) throws {
    var random = Random(seed: seed)
    for round in 0..<60 {
      let experiments = Sample.experiments(&random)
      let cap = random.oneIn(2) ? random.below(3) : nil
      let desk = try Desk(Sample.document(cap: cap, experiments: experiments))
      let shuffled = try Desk(
        Sample.document(flags: Sample.flags.shuffled(using: &random), cap: cap, experiments: experiments))
      for _ in 0..<8 {
        let (user, context) = ("user-\(random.below(40))", Sample.context(&random))
        let all = try decisions(desk.post(body(user, context)))
        #expect(all.map(\.key) == Sample.flags)
        let byKey = Dictionary(uniqueKeysWithValues: all)
        #expect(
          Dictionary(uniqueKeysWithValues: try decisions(shuffled.post(body(user, context)))) == byKey,
          "\(round)")
        let keys = (0..<random.below(10)).map { _ in random.pick(Sample.flags + ["unknown", "bool "]) }
        let some = try decisions(desk.post(body(user, context, keys)))
        #expect(some.map(\.key) == keys)
        for (key, rest) in some {
          let unknown =
            "flagKey=\(key.quoted)&value=null&reason=\"FLAG_NOT_FOUND\"&experimentId=null&variantId=null"
          #expect(rest == byKey[key] ?? unknown, "\(round)")
        }
      }
    }
  }

  @Test func `both dialects tell of the same assignments`() throws {
    var random = Random(seed: 7)
    for _ in 0..<60 {
      let desk = try Desk(Sample.document(experiments: Sample.experiments(&random)))
      let user = "user-\(random.below(40))"
      let assignments = try #require(desk.get("user_key=\(user)").json()["assignments"]).elements.map {
        "\($0["experiment_id"]?.text ?? "") \($0["variant_id"]?.text ?? "")"
      }
      for decision in try #require(desk.post(body(user, "{}")).json()["decisions"]).elements {
        guard let experiment = decision["experimentId"]?.text else { continue }
        #expect(assignments.contains("\(experiment) \(decision["variantId"]?.text ?? "")"))
      }
    }
  }
}
