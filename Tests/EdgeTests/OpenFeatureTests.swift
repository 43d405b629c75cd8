// What an application sees through OpenFeature's own client, and what a client does that holds all flags.

import ProgramSupport
import Testing

@Suite struct OpenFeatureTests {
  /// What the client makes of each question; a row is a question and what is expected, without `metadata` if the
  /// answer has none but the version.
  private func check(_ rows: [(question: String, answer: String)]) throws {
    let house = try ClientHouse()
    let questions = "[" + rows.map { "{\($0.question)}" }.joined(separator: ",") + "]"
    let answers = try Python.lines(of: "openfeature_client.py", house.url, questions)
    try #require(answers.count == rows.count)
    for (row, answer) in zip(rows, answers) {
      #expect(answer == "{\(row.answer)}", "\(row.question)")
    }
  }

  @Test func `every type of flag arrives with its value, variant, reason and metadata`() throws {
    try check([
      (
        #""type":"boolean","key":"checkout","default":false,"targetingKey":"u1""#,
        #""value":true,"type":"bool","variant":"new","reason":"SPLIT","error":null,"metadata":{"configVersion":1,"experimentKey":"checkout-test","experimentId":"e1","variantId":"e1-b"}"#
      ),
      (
        #""type":"string","key":"banner","default":"x","targetingKey":"u1""#,
        #""value":"none","type":"str","variant":"default","reason":"DEFAULT","error":null,"metadata":{"configVersion":1}"#
      ),
      (
        #""type":"integer","key":"limit","default":0"#,
        #""value":10,"type":"int","variant":"default","reason":"STATIC","error":null,"metadata":{"configVersion":1}"#
      ),
      // Its default is written 1 in the snapshot, and a client that asks for a float refuses an integer.
      (
        #""type":"float","key":"rate","default":0.5"#,
        #""value":1.0,"type":"float","variant":"default","reason":"STATIC","error":null,"metadata":{"configVersion":1}"#
      ),
      (
        #""type":"float","key":"scale","default":0.0,"targetingKey":"u1""#,
        #""value":2.0,"type":"float","variant":"double","reason":"STATIC","error":null,"metadata":{"configVersion":1,"experimentKey":"scale-test","experimentId":"e4","variantId":"e4-a"}"#
      ),
      (
        #""type":"object","key":"theme","default":{},"targetingKey":"u1""#,
        #""value":{"color":"blue"},"type":"dict","variant":"default","reason":"DEFAULT","error":null,"metadata":{"configVersion":1}"#
      ),
    ])
  }

  @Test func `users, overrides, attributes and pauses decide, and the reason says which`() throws {
    try check([
      (
        #""type":"boolean","key":"checkout","default":true,"targetingKey":"u2""#,
        #""value":false,"type":"bool","variant":"old","reason":"SPLIT","error":null,"metadata":{"configVersion":1,"experimentKey":"checkout-test","experimentId":"e1","variantId":"e1-a"}"#
      ),
      (
        #""type":"object","key":"theme","default":{},"targetingKey":"tester""#,
        #""value":{"color":"red","sizes":[1,2.5]},"type":"dict","variant":"loud","reason":"TARGETING_MATCH","error":null,"metadata":{"configVersion":1,"experimentKey":"theme-test","experimentId":"e3","variantId":"e3-b"}"#
      ),
      (
        #""type":"string","key":"banner","default":"x","attributes":{"plan":"pro","team":{"seats":5}}"#,
        #""value":"Thank you for being a pro.","type":"str","variant":"long","reason":"TARGETING_MATCH","error":null,"metadata":{"configVersion":1,"experimentKey":"banner-test","experimentId":"e2","variantId":"e2-a"}"#
      ),
      (
        #""type":"string","key":"banner","default":"x","attributes":{"plan":"pro","team":{"seats":4}}"#,
        #""value":"none","type":"str","variant":"default","reason":"DEFAULT","error":null,"metadata":{"configVersion":1}"#
      ),
      (
        #""type":"boolean","key":"chat","default":false,"targetingKey":"u1""#,
        #""value":true,"type":"bool","variant":"default","reason":"DISABLED","error":null,"metadata":{"configVersion":1}"#
      ),
    ])
  }

  @Test func `an experiment that drives no flag answers under its own key with its payload`() throws {
    try check([
      (
        #""type":"object","key":"ranking","default":{"model":0},"targetingKey":"u3""#,
        #""value":{"model":4},"type":"dict","variant":"learned","reason":"SPLIT","error":null,"metadata":{"configVersion":1,"experimentKey":"ranking","experimentId":"e6","variantId":"e6-b"}"#
      ),
      (
        #""type":"object","key":"ranking","default":{"model":0},"targetingKey":"u1""#,
        #""value":{},"type":"dict","variant":"classic","reason":"SPLIT","error":null,"metadata":{"configVersion":1,"experimentKey":"ranking","experimentId":"e6","variantId":"e6-a"}"#
      ),
    ])
  }

  @Test func `what cannot be answered is the error that OpenFeature has for it, with the caller's default`()
    throws
  {
    try check([
      (
        #""type":"boolean","key":"checkout","default":true"#,
        #""value":true,"type":"bool","variant":null,"reason":"ERROR","error":"TARGETING_KEY_MISSING","metadata":{}"#
      ),
      (
        #""type":"boolean","key":"nope","default":true,"targetingKey":"u1""#,
        #""value":true,"type":"bool","variant":null,"reason":"ERROR","error":"FLAG_NOT_FOUND","metadata":{}"#
      ),
      (
        #""type":"string","key":"limit","default":"x","targetingKey":"u1""#,
        #""value":"x","type":"str","variant":null,"reason":"ERROR","error":"TYPE_MISMATCH","metadata":{}"#
      ),
    ])
  }

  @Test func `a key with slashes, blanks and letters beyond ASCII is found, its slashes encoded or not`()
    throws
  {
    let answer =
      #""value":7,"type":"int","variant":"default","reason":"STATIC","error":null,"metadata":{"configVersion":1}"#
    try check([
      (#""type":"integer","key":"team%20a%2Fb%3A%20gr%C3%B6%C3%9Fe","default":0"#, answer),
      (#""type":"integer","key":"team%20a/b%3A%20gr%C3%B6%C3%9Fe","default":0"#, answer),
    ])
  }

  @Test func `a client that asks too often is told to wait, and does`() throws {
    let house = try ClientHouse(limits: ["\"rate\": 1"])
    let question = #"{"type":"integer","key":"limit","default":3}"#
    let questions = "[" + Array(repeating: question, count: 20).joined(separator: ",") + "]"
    let answers = try Python.lines(of: "openfeature_client.py", house.url, questions)
    #expect(answers.count == 20)
    #expect(answers.first?.hasPrefix(#"{"value":10,"#) == true)
    let refused = answers.filter { $0.contains(#""value":3,"#) && $0.contains(#""error":"GENERAL""#) }
    // A client that understands Retry-After does not ask before that time is over.
    let limited = try house.edge.metric("turnout_rate_limited_total")
    #expect(limited > 0)
    #expect(refused.count > limited)
  }

  // MARK: - All flags at once

  @Test func `who holds all flags revalidates them, and hears of each version once, after a pause too`()
    throws
  {
    let house = try ClientHouse()
    let folder = try Folder()
    let client = try Program(
      Python.path(), [Python.support + "/bulk_client.py", house.url], output: folder.path("out"),
      errors: folder.path("err"))
    func wait(for step: String) throws {
      try eventually("the client says \(step)", within: 60) {
        if try folder.text("out").contains("{\"step\":\"\(step)\"") { return true }
        guard client.isRunning else { throw Failure("the client ended: \(try folder.text("err"))") }
        return false
      }
    }
    try wait(for: "event")
    try house.publish(2)
    try wait(for: "back")
    try house.publish(3)
    let code = try client.exitCode(within: 60)
    #expect(code == 0, "\((try? folder.text("err")) ?? "")")
    #expect(
      try folder.text("out") == """
        {"step":"first","status":200,"isTagKnown":false,"version":1}
        {"step":"again","status":304,"isTagKnown":true,"version":null}
        {"step":"reordered","status":304,"isTagKnown":true,"version":null}
        {"step":"changed","status":200,"isTagKnown":false,"version":1}
        {"step":"elsewhere","status":200,"isTagKnown":true,"version":1}
        {"step":"stream","type":"sse","path":"/ofrep/v1/events?env=prod"}
        {"step":"current","status":304,"isTagKnown":true,"version":null}
        {"step":"event","type":"refetchEvaluation"}
        {"step":"heard","type":"refetchEvaluation","isNew":true}
        {"step":"new","status":200,"isTagKnown":false,"version":2}
        {"step":"new again","status":304,"isTagKnown":true,"version":null}
        {"step":"back"}
        {"step":"heard","type":"refetchEvaluation","isNew":true}

        """)
  }
}
