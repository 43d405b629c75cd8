import TestSupport
import Bytes
import Decisions
import Dialects
import JSON
import Testing

private func strings(_ count: Int) -> String {
  "[\((0..<count).map { "\"flag-\($0)\"" }.joined(separator: ","))]"
}

private func text(_ count: Int) -> String { String(repeating: "u", count: count) }

struct DecideBodyTests {
  private let desk: Desk

  init() throws {
    var random = Random(seed: 3)
    desk = try Desk(Sample.document(experiments: Sample.experiments(&random)))
  }

  @Test(arguments: [
    ("", "MALFORMED_BODY"), (" ", "MALFORMED_BODY"), ("{", "MALFORMED_BODY"), ("nul", "MALFORMED_BODY"),
    ("[]", "MALFORMED_BODY"), ("null", "MALFORMED_BODY"), ("\"a\"", "MALFORMED_BODY"),
    ("5", "MALFORMED_BODY"),
    ("[{\"subjectId\":\"u\"}]", "MALFORMED_BODY"), ("[1,", "MALFORMED_BODY"),
    ("{\"subjectId\":\"u\"} x", "MALFORMED_BODY"), ("{\"subjectId\":\"u\",}", "MALFORMED_BODY"),
    ("{\"subjectId\":\"u\",\"attributes\":{\"a\":}}", "MALFORMED_BODY"),
    // That it is no JSON at all is said before anything else.
    ("{\"subjectId\":1,\"flagKeys\":3", "MALFORMED_BODY"),
    ("{}", "MISSING_SUBJECT"), ("{\"subjectID\":\"u\"}", "MISSING_SUBJECT"),
    ("{\"attributes\":{\"subjectId\":\"u\"}}", "MISSING_SUBJECT"),
    ("{\"subjectId\":null}", "INVALID_SUBJECT"), ("{\"subjectId\":1}", "INVALID_SUBJECT"),
    ("{\"subjectId\":[\"u\"]}", "INVALID_SUBJECT"), ("{\"subjectId\":\"\"}", "INVALID_SUBJECT"),
    ("{\"subjectId\":\"\(text(257))\"}", "INVALID_SUBJECT"),
    ("{\"subjectId\":\"\(text(255))\\u00e9\"}", "INVALID_SUBJECT"),
    ("{\"subjectId\":\"u\",\"environment\":1}", "INVALID_ENVIRONMENT"),
    ("{\"subjectId\":\"u\",\"environment\":null}", "INVALID_ENVIRONMENT"),
    ("{\"subjectId\":\"u\",\"attributes\":[]}", "INVALID_CONTEXT"),
    ("{\"subjectId\":\"u\",\"attributes\":null}", "INVALID_CONTEXT"),
    ("{\"subjectId\":\"u\",\"attributes\":\"{}\"}", "INVALID_CONTEXT"),
    ("{\"subjectId\":\"u\",\"flagKeys\":\"bool\"}", "INVALID_FLAG_KEYS"),
    ("{\"subjectId\":\"u\",\"flagKeys\":null}", "INVALID_FLAG_KEYS"),
    ("{\"subjectId\":\"u\",\"flagKeys\":{}}", "INVALID_FLAG_KEYS"),
    ("{\"subjectId\":\"u\",\"flagKeys\":[1]}", "INVALID_FLAG_KEYS"),
    ("{\"subjectId\":\"u\",\"flagKeys\":[\"a\",null]}", "INVALID_FLAG_KEYS"),
    ("{\"subjectId\":\"u\",\"flagKeys\":[[\"a\"]]}", "INVALID_FLAG_KEYS"),
    ("{\"subjectId\":\"u\",\"flagKeys\":\(strings(129))}", "INVALID_FLAG_KEYS"),
  ])
  func `bad input has a code and a sentence`(_ body: String, _ code: String) throws {
    let reply = desk.post(body)
    #expect(reply.code == code)
    let json = try reply.json()
    #expect(json["errorCode"]?.text == code)
    #expect((json["error"]?.text ?? "").count > 20)
  }

  @Test(
    arguments: [
      ("{}", nil), ("{\"flagKeys\":[]}", nil), ("{\"subjectId\":\"\"}", "INVALID_SUBJECT"),
      ("{\"subjectId\":null}", "INVALID_SUBJECT"),
      ("{\"subjectId\":\"u\",\"subjectId\":\"\"}", "INVALID_SUBJECT"),
      ("[]", "MALFORMED_BODY"), ("{\"track\":1}", "INVALID_TRACK"),
    ] as [(String, String?)])
  func `where visitors are known a subject may be left out, but not empty`(_ body: String, _ code: String?) {
    #expect(desk.post(body, needsUser: false).code == code)
    #expect(desk.userKey == "")
    _ = desk.post("{\"subjectId\":\"u\"}", needsUser: false)
    #expect(desk.userKey == "u")
  }

  @Test func `a body that is no JSON is told the place`() {
    #expect(desk.post("{\"a\":}").text.contains("an unexpected character at byte 5"))
  }

  @Test(arguments: [1, 256])
  func `a subject has 1 to 256 bytes, counted as they are meant`(_ count: Int) throws {
    #expect(desk.post("{\"subjectId\":\"\(text(count))\"}").code == nil)
    let escaped = String(repeating: "\\u0075", count: count)
    #expect(desk.post("{\"subjectId\":\"\(escaped)\"}").code == nil)
    #expect(desk.userKey == text(count))
  }

  @Test(arguments: [0, 1, 128])
  func `up to 128 flags are answered, each in its place`(_ count: Int) throws {
    let json = try desk.post("{\"subjectId\":\"u\",\"flagKeys\":\(strings(count))}").json()
    let keys = try #require(json["decisions"]).elements.map { $0["flagKey"]?.text }
    #expect(keys == (0..<count).map { "flag-\($0)" })
    #expect(desk.counts.notFound == count)
  }

  @Test func `members are known by what they mean, others are ignored, and the last of a name counts`() {
    #expect(
      desk.post("{\"x\":[{\"subjectId\":1}],\"\\u0073ubjectId\":\"a\",\"subjectId\":\"b\"}").code == nil)
    #expect(desk.userKey == "b")
    #expect(desk.post(" {\n\"environment\" : \"st\\u0061ging\" , \"subjectId\" : \"a\" } ").code == nil)
    #expect(desk.environment == "staging")
    #expect(desk.post("{\"subjectId\":\"a\"}").code == nil)
    #expect(desk.environment == "")
  }

  /// Decoded texts of one request stand in one another's neighbourhood; none may run into the next.
  @Test func `escaped strings keep apart`() throws {
    let body = """
      {"environment":"\\u0070rod","flagKeys":["\\u0062ool","no\\"ne"],"subjectId":"\\u0061\\n",
      "attributes":{"a":"\\u0055\\u0053"}}
      """
    let json = try desk.post(body).json()
    #expect(desk.environment == "prod")
    #expect(desk.userKey == "a\n")
    #expect(try #require(json["decisions"]).elements.map { $0["flagKey"]?.text } == ["bool", "no\"ne"])
  }

  @Test func `any bytes are a question or a fault`() throws {
    var random = Random(seed: 4)
    let original = Array(
      """
      {"subjectId":"user-1","attributes":{"a":"US","c":["US",{"b":1}]},"flagKeys":["bool","x"],"environment":"prod"}
      """.utf8)
    let pieces = ["{", "}", "[", "]", "\"", ":", ",", "null", "1e9", "\"subjectId\":", "\\u00", "\\", "\"\""]
    var answers = 0
    for _ in 0..<4000 {
      var body = original
      if random.oneIn(10) { body = (0..<random.below(40)).map { _ in UInt8(random.below(256)) } }
      for _ in 0..<random.below(3) where !body.isEmpty {
        let place = random.below(body.count)
        switch random.below(4) {
        case 0: body[place] = UInt8(random.below(256))
        case 1: body.removeSubrange(place..<min(body.count, place + random.below(12)))
        case 2: body.insert(contentsOf: Array(random.pick(pieces).utf8), at: place)
        default: body.removeSubrange(place...)
        }
      }
      let reply = desk.post(body)
      if reply.code == nil { answers += 1 }
      #expect(throws: Never.self, "\(String(decoding: body, as: UTF8.self))") { try reply.json() }
    }
    #expect(answers > 500)
  }
}
