import Bytes
import Dialects
import JSON
import TestSupport
import Testing

private func body(_ user: String?, _ context: String = "{}") -> String {
  let inner = context.dropFirst().dropLast()
  let key = user.map { "\"targetingKey\":\($0.quoted)" }
  return
    "{\"context\":{\([key, inner.isEmpty ? nil : String(inner)].compactMap { $0 }.joined(separator: ","))}}"
}

private func text(_ element: Element?) -> String {
  element.map { String(decoding: $0.compacted(), as: UTF8.self) } ?? ""
}

/// A document with one flag of a type and what drives it.
private func document(type: String, value: String, experiments: String = "") -> String {
  """
  {"version":7,"environment":"prod","flags":[{"key":"f","type":"\(type)","default":\(value)}],
  "experiments":[\(experiments)]}
  """
}

private func experiment(
  _ id: String, _ members: String = "", flag: String? = "f", value: String = "true", end: Int = 9999
) -> String {
  let flag = flag.map { "\"flagKey\":\"\($0)\"," } ?? ""
  return """
    {"id":"\(id)","key":"\(id)-key","salt":"s\(id)",\(flag)\(members.isEmpty ? "" : members + ",")
    "variants":[{"id":"\(id)-v","key":"on","value":\(value),"payload":{"p":1}}],
    "allocations":[{"variantId":"\(id)-v","rangeStart":0,"rangeEnd":\(end)}]}
    """
}

private let targeting =
  #""targetingRules":[{"conditions":[{"attribute":"plan","operator":"eq","value":"pro"}]}]"#

struct EvaluationAnswerTests {
  @Test func `the answer under a key, byte for byte`() throws {
    let desk = try Desk(document(type: "boolean", value: "false", experiments: experiment("x")))
    #expect(
      desk.evaluate("f", body("u")).text == """
        {"key":"f","value":true,"reason":"STATIC","variant":"on","metadata":{"configVersion":7,\
        "experimentKey":"x-key","experimentId":"x","variantId":"x-v"}}
        """)
    let fallback = try Desk(document(type: "boolean", value: "false"))
    #expect(
      fallback.evaluate("f", "").text == """
        {"key":"f","value":false,"reason":"STATIC","variant":"default","metadata":{"configVersion":7}}
        """)
    #expect(
      fallback.evaluate(nil, "").text == """
        {"flags":[{"key":"f","value":false,"reason":"STATIC","variant":"default","metadata":{"configVersion":7}}],\
        "eventStreams":[{"type":"sse","endpoint":{"requestUri":"/ofrep/v1/events?env=prod"},\
        "inactivityDelaySec":120}],"metadata":{"environment":"prod","configVersion":7}}
        """)
    #expect(
      try Desk("{\"version\":0,\"environment\":\"e\",\"experiments\":[]}").evaluate(nil, "").text
        .hasPrefix("{\"flags\":[],"))
  }

  @Test(arguments: [
    ("integer", "3", "3"), ("integer", "3.0", "3"), ("integer", "3e2", "300"), ("integer", "-0", "0"),
    ("number", "1", "1.0"), ("number", "-7", "-7.0"), ("number", "1.50", "1.50"), ("number", "1e2", "1e2"),
    ("boolean", "true", "true"), ("string", "\"1\"", "\"1\""), ("object", "{ \"a\": 1 }", "{\"a\":1}"),
  ])
  func `a number always shows a fraction or exponent, an integer never`(
    _ type: String, _ written: String, _ shown: String
  ) throws {
    let desk = try Desk(
      document(type: type, value: written, experiments: experiment("x", targeting, value: written)))
    for context in ["{}", "{\"plan\":\"pro\"}"] {
      #expect(text(try desk.evaluate("f", body("u", context)).json()["value"]) == shown)
    }
  }

  @Test(arguments: [
    // Whatever is decided without looking at the user or at the context.
    (experiment("x"), "{}", "STATIC", "on"),
    (experiment("x", targeting), "{\"plan\":\"pro\"}", "TARGETING_MATCH", "on"),
    (experiment("x", targeting), "{}", "DEFAULT", "default"),
    (experiment("x", end: 9998), "{}", "SPLIT", "on"),
    (experiment("x", targeting, end: 9998), "{\"plan\":\"pro\"}", "SPLIT", "on"),
    (experiment("x", "\"status\":\"PAUSED\""), "{}", "DISABLED", "default"),
    (
      experiment("x", "\"status\":\"PAUSED\"") + "," + experiment("y", targeting), "{}", "DEFAULT", "default"
    ),
    (experiment("x", #""overrides":[{"userKey":"u","variantId":"x-v"}]"#), "{}", "TARGETING_MATCH", "on"),
    (experiment("x", end: 0), "{}", "DEFAULT", "default"),
    (experiment("x", "\"conflictDomain\":\"d\""), "{}", "SPLIT", "on"),
    (
      experiment("x", "\"conflictDomain\":\"d\"," + targeting), "{\"plan\":\"pro\"}", "TARGETING_MATCH", "on"
    ),
    ("", "{}", "STATIC", "default"),
  ])
  func `the reason says what decided`(
    _ experiments: String, _ context: String, _ reason: String, _ variant: String
  ) throws {
    let desk = try Desk(document(type: "boolean", value: "false", experiments: experiments))
    #expect(desk.findings.isEmpty)
    let json = try desk.evaluate("f", body("u", context)).json()
    #expect(json["reason"]?.text == reason)
    #expect(json["variant"]?.text == variant)
    #expect(json["metadata"]?.kind == .object)
  }

  @Test(arguments: [
    ("{\"p\":1}", "{\"p\":1}"), ("null", "{}"), ("3", "{\"payload\":3}"), ("[1, 2]", "{\"payload\":[1,2]}"),
    ("\"a\"", "{\"payload\":\"a\"}"),
  ])
  func `an experiment without a flag answers its payload as an object`(_ payload: String, _ value: String)
    throws
  {
    let experiment = """
      {"id":"x","key":"k","salt":"s","variants":[{"id":"v","key":"on","payload":\(payload)}],
      "allocations":[{"variantId":"v","rangeStart":0,"rangeEnd":9999}],\(targeting)}
      """
    let desk = try Desk("{\"version\":1,\"environment\":\"e\",\"experiments\":[\(experiment)]}")
    #expect(text(try desk.evaluate("k", body("u", "{\"plan\":\"pro\"}")).json()["value"]) == value)
    #expect(text(try desk.evaluate("k", body("u")).json()["value"]) == "{}")
  }

  @Test func `a flag comes before an experiment of the same key, which then answers under none`() throws {
    let other = experiment("y", flag: nil).replacing("y-key", with: "f")
    let desk = try Desk(document(type: "boolean", value: "false", experiments: other))
    #expect(text(try desk.evaluate("f", body("u")).json()["value"]) == "false")
    #expect(try Array(#require(desk.evaluate(nil, body("u")).json()["flags"]).elements).count == 1)
  }

  @Test func `all answers are those under each key, and those of POST decide`() throws {
    var random = Random(seed: 5)
    for _ in 0..<300 {
      let desk = try Desk(
        Sample.document(cap: random.oneIn(3) ? 2 : nil, experiments: Sample.experiments(&random)))
      for _ in 0..<4 {
        let user = "user-\(random.below(8))"
        let context = Sample.context(&random)
        let all = try Array(
          #require(desk.evaluate(nil, body(user, context)).json()["flags"]).elements)
        let decisions = try Array(
          #require(
            desk.post("{\"subjectId\":\(user.quoted),\"attributes\":\(context)}").json()["decisions"]
          ).elements)
        #expect(desk.findings.isEmpty || decisions.count <= all.count)
        for (index, evaluation) in all.enumerated() {
          let key = try #require(evaluation["key"]?.text)
          let path = Array(key.utf8).map { "%" + String(256 + Int($0), radix: 16).dropFirst() }.joined()
          #expect(desk.evaluate(path, body(user, context)).text == text(evaluation))
          guard index < decisions.count else { continue }
          let decision = decisions[index]
          #expect(decision["flagKey"]?.text == key)
          #expect(text(decision["value"]) == text(evaluation["value"]))
          #expect(decision["variantId"]?.text == evaluation["metadata"]?["variantId"]?.text)
        }
      }
    }
  }

  @Test func `what is answered without a user is what every user gets`() throws {
    var random = Random(seed: 6)
    var answered = 0
    var missing = 0
    for _ in 0..<600 {
      var experiments = Sample.experiments(&random)
      // Some that do not split, which the samples hardly ever are.
      for index in experiments.indices where random.oneIn(2) {
        experiments[index] = experiment(
          "x\(index)",
          random.pick(["", targeting, "\"requires\":[{\"experiment\":\"x\((index + 1) % 6)\"}]"]),
          flag: random.pick(["bool", "text"]), value: "\"on\"")
      }
      // Without the holdout over all, in which everybody's bucket matters.
      let document = Sample.document(cap: random.oneIn(6) ? 2 : nil, experiments: experiments)
        .replacing(",\n{\"key\":\"all\",\"salt\":\"all\",\"share\":300}", with: "")
      let desk = try Desk(document)
      let context = random.oneIn(2) ? "{\"plan\":\"pro\"}" : Sample.context(&random)
      for evaluation in try #require(desk.evaluate(nil, body(nil, context)).json()["flags"]).elements {
        if let code = evaluation["errorCode"]?.text {
          #expect(code == "TARGETING_KEY_MISSING")
          missing += 1
          continue
        }
        answered += 1
        let key = try #require(evaluation["key"]?.text)
        let path = Array(key.utf8).map { "%" + String(256 + Int($0), radix: 16).dropFirst() }.joined()
        #expect(desk.evaluate(path, body(nil, context)).text == text(evaluation))
        for _ in 0..<6 {
          // No override names one of these.
          let user = "someone-\(random.next())"
          #expect(desk.evaluate(path, body(user, context)).text == text(evaluation), "\(experiments)")
        }
      }
    }
    #expect(answered > 1000)
    #expect(missing > 500)
  }
}
