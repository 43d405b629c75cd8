import TestSupport
import Bytes
import Decisions
import Dialects
import JSON
import Testing

struct DecideQueryTests {
  private let desk: Desk

  init() throws {
    var random = Random(seed: 1)
    desk = try Desk(Sample.document(experiments: Sample.experiments(&random)))
  }

  @Test(arguments: [
    ("", "MISSING_USER_KEY"), ("user_key", "MISSING_USER_KEY"), ("user_key=", "MISSING_USER_KEY"),
    ("USER_KEY=a", "MISSING_USER_KEY"), ("env=prod", "MISSING_USER_KEY"), ("context={}", "MISSING_USER_KEY"),
    ("user%5Fkey=a", "MISSING_USER_KEY"), ("&&&", "MISSING_USER_KEY"), ("=a", "MISSING_USER_KEY"),
    ("user_key=a&user_key=b", "MALFORMED_QUERY"), ("user_key=a&user_key", "MALFORMED_QUERY"),
    ("user_key=a&env=p&env=p", "MALFORMED_QUERY"), ("context={}&user_key=a&context={}", "MALFORMED_QUERY"),
    ("user_key=%", "MALFORMED_QUERY"), ("user_key=%4", "MALFORMED_QUERY"),
    ("user_key=%zz", "MALFORMED_QUERY"),
    ("user_key=a%ff", "MALFORMED_QUERY"), ("user_key=%c3", "MALFORMED_QUERY"),
    ("user_key=%ed%a0%80", "MALFORMED_QUERY"), ("user_key=a&env=%ff", "MALFORMED_QUERY"),
    ("user_key=a&context=%ff", "MALFORMED_QUERY"),
    ("user_key=a&context=1", "INVALID_CONTEXT"), ("user_key=a&context=[]", "INVALID_CONTEXT"),
    ("user_key=a&context=null", "INVALID_CONTEXT"), ("user_key=a&context=%7B", "INVALID_CONTEXT"),
    ("user_key=a&context={}x", "INVALID_CONTEXT"), ("user_key=a&context={'a':1}", "INVALID_CONTEXT"),
    ("user_key=a&context=+", "INVALID_CONTEXT"),
  ])
  func `bad input has a code and a sentence`(_ query: String, _ code: String) throws {
    let reply = desk.get(query)
    #expect(reply.code == code)
    let json = try reply.json()
    #expect(json["errorCode"]?.text == code)
    #expect((json["error"]?.text ?? "").count > 20)
  }

  @Test(arguments: [
    ("user_key=a", "a"), ("user_key=a%20b+c", "a b c"), ("user_key=%41%2B%26%3d", "A+&="),
    ("user_key=a=b", "a=b"),
    ("&&user_key=a&&", "a"), ("x=%zz&user_key=a&x=%zz", "a"), ("env=prod&user_key=%c3%a9&context=", "é"),
    ("user_key=%00", "\0"), ("user_key=%F0%9F%91%A9", "👩"), ("user_key=\"\\", "\"\\"),
  ])
  func `a user key is decoded and answered as it was meant`(_ query: String, _ user: String) throws {
    let json = try desk.get(query).json()
    #expect(json["user_key"]?.text == user)
    #expect(json["environment"]?.text == "prod")
    #expect(json["config_version"]?.integer == 7)
    #expect(json["assignments"]?.kind == .array)
  }

  @Test(
    arguments: [
      ("", nil), ("env=prod", nil), ("USER_KEY=a", nil), ("user_key=", "MISSING_USER_KEY"),
      ("user_key", "MISSING_USER_KEY"), ("track=x", "INVALID_TRACK"), ("env=%zz", "MALFORMED_QUERY"),
    ] as [(String, String?)])
  func `where visitors are known a user may be left out, but not empty`(_ query: String, _ code: String?) {
    #expect(desk.get(query, needsUser: false).code == code)
    #expect(desk.userKey == "")
    _ = desk.get("user_key=a", needsUser: false)
    #expect(desk.userKey == "a")
  }

  @Test func `without env the environment is left open`() {
    _ = desk.get("user_key=a")
    #expect(desk.environment == "")
    _ = desk.get("user_key=a&env=stag%69ng")
    #expect(desk.environment == "staging")
  }

  @Test func `any bytes are a question or a fault`() throws {
    var random = Random(seed: 2)
    let pieces = [
      "user_key=", "env=", "context=", "&", "=", "%", "%7B", "%22", "+", "{\"a\":", "}", "\"US\"", "1", "a",
      "%e2",
      "%82%ac",
    ].map { Array($0.utf8) }
    var answers = 0
    for _ in 0..<4000 {
      var query: [UInt8] = random.oneIn(4) ? [] : Array("user_key=u\(random.below(9))&context=".utf8)
      for _ in 0..<random.below(8) {
        query += random.oneIn(8) ? [UInt8(random.below(256))] : random.pick(pieces)
      }
      let reply = desk.get(query)
      if reply.code == nil { answers += 1 }
      #expect(throws: Never.self, "\(query)") { try reply.json() }
    }
    #expect(answers > 200)
  }
}
