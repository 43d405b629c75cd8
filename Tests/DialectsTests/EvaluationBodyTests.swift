import Dialects
import JSON
import TestSupport
import Testing

/// A value of a context that can be written in many ways.
private indirect enum Value {
  case text(String)
  case number(String, other: String)
  case literal(String)
  case list([Value])
  case object([(String, Value)])

  static func random(_ random: inout Random, depth: Int = 0) -> Value {
    switch random.below(depth > 3 ? 3 : 5) {
    case 0: return .text(random.pick(["", "a", "é", "targetingKey", "x\"y", "1"]))
    case 1:
      return random.pick([
        .number("1", other: "1.0e0"), .number("-0", other: "0"), .number("25e-1", other: "2.5"),
      ])
    case 2: return .literal(random.pick(["true", "false", "null"]))
    case 3: return .list((0..<random.below(4)).map { _ in .random(&random, depth: depth + 1) })
    default:
      let names = ["a", "b", "c", "é", "targeting", "d.e"].shuffled(using: &random).prefix(random.below(5))
      return .object(names.map { ($0, .random(&random, depth: depth + 1)) })
    }
  }

  /// One of its spellings.
  func text(_ random: inout Random) -> String {
    func blank() -> String { random.pick(["", "", " ", "\n\t"]) }
    func quoted(_ text: String) -> String {
      guard random.oneIn(2) else { return text.quoted }
      return "\"" + text.utf16.map { "\\u" + String(0x10000 + Int($0), radix: 16).dropFirst() }.joined()
        + "\""
    }
    switch self {
    case .text(let text): return quoted(text)
    case .number(let text, let other): return random.oneIn(2) ? text : other
    case .literal(let text): return text
    case .list(let elements):
      return "[" + elements.map { blank() + $0.text(&random) + blank() }.joined(separator: ",") + "]"
    case .object(let members):
      let texts = members.shuffled(using: &random).map {
        blank() + quoted($0.0) + blank() + ":" + $0.1.text(&random)
      }
      return "{" + texts.joined(separator: ",") + blank() + "}"
    }
  }
}

struct EvaluationBodyTests {
  private let desk: Desk

  init() throws {
    var random = Random(seed: 3)
    desk = try Desk(Sample.document(experiments: Sample.experiments(&random)))
  }

  @Test(arguments: [
    (" ", "PARSE_ERROR"), ("{", "PARSE_ERROR"), ("[]", "PARSE_ERROR"), ("null", "PARSE_ERROR"),
    ("5", "PARSE_ERROR"), ("{} x", "PARSE_ERROR"), ("{\"context\":{}", "PARSE_ERROR"),
    ("{\"context\":{\"a\":}}", "PARSE_ERROR"), ("{\"other\":[1,}", "PARSE_ERROR"),
    ("{\"context\":5,\"other\":", "PARSE_ERROR"),
    ("{\"context\":null}", "INVALID_CONTEXT"), ("{\"context\":[]}", "INVALID_CONTEXT"),
    ("{\"context\":\"{}\"}", "INVALID_CONTEXT"), ("{\"context\":{\"targetingKey\":1}}", "INVALID_CONTEXT"),
    ("{\"context\":{\"targetingKey\":null}}", "INVALID_CONTEXT"),
    ("{\"context\":{\"targetingKey\":{\"a\":1}}}", "INVALID_CONTEXT"),
    ("{\"context\":{\"targetingKey\":[\"a\"]}}", "INVALID_CONTEXT"),
    ("{\"context\":{\"targetingKey\":\"u\",\"targetingKey\":2}}", "INVALID_CONTEXT"),
  ])
  func `bad input has a code, a sentence and the key`(_ body: String, _ code: String) throws {
    for path in ["a%2Fb", nil] {
      let reply = desk.evaluate(path, body)
      #expect(reply.code == code)
      let json = try reply.json()
      #expect(json["key"]?.text == (path == nil ? nil : "a/b"))
      #expect(json["errorCode"]?.text == code)
      #expect((json["errorDetails"]?.text ?? "").count > 20)
    }
  }

  @Test(arguments: [
    ("", ""), ("{}", ""), ("{\"context\":{}}", ""), ("{\"context\":{\"targetingKey\":\"\"}}", ""),
    ("{\"context\":{\"targetingKey\":\"u\"}}", "u"),
    ("{\"context\":{\"targeting\\u004bey\":\"\\u0075\"}}", "u"),
    ("{\"targetingKey\":\"x\",\"context\":{\"a\":{\"targetingKey\":\"y\"},\"targetingKey\":\"u\"}}", "u"),
    ("{\"context\":{\"targetingKey\":1,\"targetingKey\":\"u\"}}", "u"),
    ("{\"context\":5,\"context\":{\"targetingKey\":\"u\"}}", "u"),
    ("{\"context\":{\"targetingKey\":\"v\"},\"context\":{\"targetingKey\":\"u\"}}", "u"),
    ("{\"context\":{\"targetingKey\":\"v\"},\"context\":{}}", ""),
    ("{\"context\":{\"targetingKey\":\"u\",\"a\":[{\"targetingKey\":3}]}}", "u"),
  ])
  func `the user is the context's targeting key, the last one of several`(_ body: String, _ user: String) {
    #expect(desk.evaluate(nil, body).code == nil)
    #expect(desk.userKey == user)
  }

  @Test func `a body cut short anywhere is no JSON`() {
    let body = Array("{\"x\":[1,{}],\"context\":{\"targetingKey\":\"u\",\"a\":{\"b\":[true,1.5,null]}}}".utf8)
    for count in 1..<body.count {
      #expect(desk.evaluate(nil, String(decoding: body[..<count], as: UTF8.self)).code == "PARSE_ERROR")
    }
  }

  @Test func `a context written in another way has the same digest, another one has not`() {
    var random = Random(seed: 41)
    var digests: [UInt64: String] = [:]
    for _ in 0..<2000 {
      let members = ["a", "b", "targetingKey"].map { ($0, Value.random(&random)) }
      // The targeting key must be a string, so it stands one level below here.
      let context = Value.object([("in", .object(members))])
      let first = context.text(&random)
      #expect(desk.evaluate(nil, "{\"context\":\(first)}").code == nil)
      let digest = desk.digest
      for _ in 0..<4 {
        let other = context.text(&random)
        #expect(desk.evaluate(nil, "{ \"context\" : \(other) }").code == nil)
        #expect(desk.digest == digest, "\(first) \(other)")
      }
      digests[digest] = first
    }
    #expect(digests.count > 1500)
  }

  @Test(arguments: [
    ("{\"a\":1}", "{\"a\":2}"), ("{\"a\":1}", "{\"b\":1}"), ("{\"a\":1}", "{\"a\":\"1\"}"),
    ("{\"a\":[]}", "{\"a\":{}}"),
    ("{\"a\":null}", "{}"), ("{\"a\":true}", "{\"a\":false}"), ("{\"a\":[1,2]}", "{\"a\":[2,1]}"),
    ("{\"a\":[[1],2]}", "{\"a\":[1,[2]]}"), ("{\"a\":1,\"b\":2}", "{\"a\":2,\"b\":1}"),
    ("{\"a\":{\"b\":1},\"c\":2}", "{\"a\":{\"b\":1,\"c\":2}}"), ("{\"a\":\"\"}", "{\"a\":null}"),
    ("{\"a\":false}", "{\"a\":null}"), ("{\"a\":0}", "{\"a\":false}"), ("{\"a\":[null]}", "{\"a\":[]}"),
  ])
  func `what differs has another digest`(_ left: String, _ right: String) {
    #expect(desk.evaluate(nil, "{\"context\":\(left)}").code == nil)
    let digest = desk.digest
    #expect(desk.evaluate(nil, "{\"context\":\(right)}").code == nil)
    #expect(desk.digest != digest)
  }
}
