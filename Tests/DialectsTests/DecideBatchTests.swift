import Dialects
import JSON
import TestSupport
import Testing

private func subjects(_ count: Int) -> String {
  "{\"subjects\":[\((0..<count).map { "{\"subjectId\":\"user-\($0)\"}" }.joined(separator: ","))]}"
}

/// A text with every decision's id, which is new in each answer, left out.
private func stable(_ element: Element) -> String {
  guard let decisions = element["decisions"] else {
    return String(decoding: element.compacted(), as: UTF8.self)
  }
  return decisions.elements.map { decision in
    decision.members.filter { $0.key.text != "decisionId" }
      .map { "\($0.key.text ?? "")=\(String(decoding: $0.value.compacted(), as: UTF8.self))" }
      .joined(separator: "&")
  }.joined(separator: ";")
}

struct DecideBatchTests {
  private let desk: Desk

  init() throws {
    var random = Random(seed: 3)
    desk = try Desk(Sample.document(experiments: Sample.experiments(&random)))
  }

  @Test(arguments: [
    ("", "MALFORMED_BODY"), ("[]", "MALFORMED_BODY"), ("{\"subjects\":[{}", "MALFORMED_BODY"),
    ("{}", "INVALID_SUBJECTS"), ("{\"subjects\":null}", "INVALID_SUBJECTS"),
    ("{\"subjects\":{}}", "INVALID_SUBJECTS"), ("{\"subjects\":[]}", "INVALID_SUBJECTS"),
    (subjects(129), "INVALID_SUBJECTS"),
    ("{\"subjects\":[{}],\"environment\":1}", "INVALID_ENVIRONMENT"),
    ("{\"subjects\":[{}],\"flagKeys\":1}", "INVALID_FLAG_KEYS"),
    ("{\"subjects\":[{}],\"track\":1}", "INVALID_TRACK"),
    ("{\"subjects\":[{}],\"subjects\":3}", "INVALID_SUBJECTS"),
  ])
  func `a batch that is none is refused whole`(_ body: String, _ code: String) throws {
    let reply = desk.batch(body)
    #expect(reply.code == code)
    #expect((try reply.json()["error"]?.text ?? "").count > 20)
  }

  @Test func `a subject that is none is refused in its place`() throws {
    let bad = [
      "1", "null", "[{\"subjectId\":\"u\"}]", "{}", "{\"subjectId\":7}",
      "{\"subjectId\":\"u\",\"attributes\":[]}",
    ]
    let list = bad.map { "\($0),{\"subjectId\":\"u\"}" }.joined(separator: ",")
    let answers = try Array(desk.batch("{\"subjects\":[\(list)]}").json().elements)
    #expect(
      answers.map { $0["errorCode"]?.text } == [
        "INVALID_SUBJECT", nil, "INVALID_SUBJECT", nil, "INVALID_SUBJECT", nil, "MISSING_SUBJECT", nil,
        "INVALID_SUBJECT", nil, "INVALID_CONTEXT", nil,
      ])
  }

  @Test func `each answer is that of its subject alone`() throws {
    var random = Random(seed: 17)
    for _ in 0..<200 {
      let desk = try Desk(Sample.document(experiments: Sample.experiments(&random)))
      let common = random.oneIn(2) ? ",\"flagKeys\":[\"bool\",\"no\",\"te\\u0078t\"]" : ""
      let subjects = (0..<(1 + random.below(6))).map { index in
        var members = [
          "\"subjectId\":\"us\\u0065r-\(random.below(8))\"", "\"attributes\":\(Sample.context(&random))",
        ]
        let keys = random.oneIn(3) ? ",\"flagKeys\":[\"unused\"]" : ""
        members.shuffle(using: &random)
        return (members.joined(separator: ","), keys)
      }
      let list = subjects.map { "{\($0.0)\($0.1)}" }.joined(separator: " , ")
      let answers = try Array(
        desk.batch("{\"environment\":\"pr\\u006fd\",\"subjects\": [ \(list) ]\(common)}").json().elements)
      #expect(desk.environment == "prod")
      #expect(answers.count == subjects.count)
      for (answer, subject) in zip(answers, subjects) {
        let keys = subject.1.isEmpty ? common : subject.1
        let alone = try desk.post("{\(subject.0)\(keys)}").json()
        #expect(stable(answer) == stable(alone))
      }
    }
  }

  @Test func `tracking is what all say together`() throws {
    for (batch, subject, tracks) in [
      ("true", "true", true), ("true", "false", false), ("false", "true", false),
    ] {
      let desk = try Desk(Sample.document(experiments: []))
      _ = desk.batch("{\"track\":\(batch),\"subjects\":[{\"subjectId\":\"u\",\"track\":\(subject)}]}")
      #expect(desk.tracked == [tracks])
    }
  }
}
