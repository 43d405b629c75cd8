import Dialects
import JSON
import Testing

struct ExplainBodyTests {
  private static let document = """
    {"version":1,"environment":"e","experiments":[{"id":"x","key":"k","salt":"s"},{"id":"y","key":"é","salt":"s"}]}
    """

  private func keys(_ reply: Reply) throws -> [String?] {
    try #require(try reply.json()["experiments"], "\(reply)").elements.map { $0["experiment_key"]?.text }
  }

  @Test func `the members of POST api v1 decide mean what they mean there`() throws {
    let desk = try Desk(Self.document)
    let reply = desk.explain(
      #"{"environment":"e","track":false,"flagKeys":["f"],"more":[{}],"attributes":{"a": 1},"subjectId":"u\u0031"}"#
    )
    #expect(desk.environment == "e")
    #expect(try reply.json()["user_key"]?.text == "u1")
    #expect(reply.text.contains(#""context":{"a": 1},"#))
    #expect(try reply.json()["selected"] == nil)
    #expect(try keys(reply) == ["k", "é"])
  }

  @Test(arguments: [
    (#"[]"#, []), (#"["x"]"#, ["k"]), (#"["\u00e9"]"#, ["é"]), (#"[ "y" , "k" ]"#, ["k", "é"]),
    (#"[1],"experiments":["k"]"#, ["k"]), (#"["x"],"\u0065xperiments":["y"]"#, ["é"]),
  ])
  func `experiments are selected by key or id, by the last member of that name`(
    list: String, expected: [String]
  ) throws {
    #expect(
      try keys(Desk(Self.document).explain(#"{"subjectId":"u","experiments":\#(list)}"#)) == expected)
  }

  @Test(arguments: [
    "null", "\"k\"", "{}", "1", "[1]", "[\"k\",null]", "[[\"k\"]]", "[\"k\"],\"experiments\":null",
  ])
  func `a selection that is no array of strings is refused`(list: String) throws {
    let reply = try Desk(Self.document).explain(#"{"experiments":\#(list),"subjectId":"u"}"#)
    #expect(reply.code == "INVALID_EXPERIMENTS")
  }

  @Test func `128 experiments may be selected`() throws {
    let desk = try Desk(Self.document)
    func body(_ count: Int) -> String {
      #"{"subjectId":"u","experiments":[\#(Array(repeating: "\"k\"", count: count).joined(separator: ","))]}"#
    }
    #expect(try keys(desk.explain(body(ExplainBody.experimentMax))) == ["k"])
    #expect(desk.explain(body(ExplainBody.experimentMax + 1)).code == "INVALID_EXPERIMENTS")
  }

  @Test(arguments: [
    ("", "MALFORMED_BODY"), ("[]", "MALFORMED_BODY"), ("{\"subjectId\":\"u\"", "MALFORMED_BODY"),
    ("{}", "MISSING_SUBJECT"), ("{\"subjectId\":1}", "INVALID_SUBJECT"),
    ("{\"subjectId\":\"u\",\"attributes\":[]}", "INVALID_CONTEXT"),
  ])
  func `what POST api v1 decide refuses is refused`(body: String, code: String) throws {
    #expect(try Desk(Self.document).explain(body).code == code)
  }
}
