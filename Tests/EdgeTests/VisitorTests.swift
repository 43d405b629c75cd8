// Visitors whom a cookie names, and users who keep their variants when allocations change: the real program.

import Bytes
import JSON
import Kernel
import ProgramSupport
import Snapshots
import Testing

private let keyText = String(repeating: "2e", count: 32) + "\n"

extension Site {
  /// Publishes a version in which experiment e1 gives everyone one variant; `change` rewrites the document.
  fileprivate func publish(_ version: Int, everyone variant: String, _ change: (String) -> String = { $0 })
    throws
  {
    let text = """
      {"version":\(version),"environment":"prod",
      "flags":[{"key":"banner","type":"string","default":"none"}],
      "experiments":[{"id":"e1","key":"color","salt":"s1","flagKey":"banner",
      "variants":[{"id":"v1","key":"control","value":"blue"},{"id":"v2","key":"treatment","value":"green"}],
      "allocations":[{"variantId":"\(variant)","rangeStart":0,"rangeEnd":9999}]}]}
      """
    let document = Array(change(text).utf8)
    self[Layout.snapshot("prod", version)] = document
    self[Layout.manifest("prod")] = try sign(manifest("prod", version, document))
  }
}

/// An edge whose only experiment gives everyone "control", and what its upstream publishes next.
private struct Shop {
  let site: Site
  let edge: EdgeProcess
  let client: RawClient

  init(_ members: String) throws {
    site = try Site()
    try site.publish(1, everyone: "v1")
    let upstream = try ScriptedUpstream(site)
    let folder = try Folder()
    try folder.write("visitors.key", keyText)
    var settings = EdgeSettings(upstream, site)
    settings.members = ["\"visitors\": {\(members)}"]
    edge = try EdgeProcess(settings, folder: folder)
    edge.owned = [upstream]
    client = try edge.client()
  }

  func publish(_ version: Int, everyone variant: String, _ change: (String) -> String = { $0 }) throws {
    try site.publish(version, everyone: variant, change)
    try edge.wait(forVersion: version)
  }

  func get(_ target: String, _ fields: [String] = [], method: String = "GET") throws -> Answer {
    try client.ask("\(method) \(target) HTTP/1.1\r\nHost: edge\r\n\(fields.map { $0 + "\r\n" }.joined())\r\n")
  }

  func post(_ body: String, _ fields: [String] = [], to target: String = "/api/v1/decide") throws -> Answer {
    try client.ask(
      "POST \(target) HTTP/1.1\r\nHost: edge\r\nContent-Length: \(body.utf8.count)\r\n"
        + "\(fields.map { $0 + "\r\n" }.joined())\r\n\(body)")
  }

  func visitors(_ outcome: String) throws -> Int {
    try edge.metric("turnout_visitors_total{outcome=\"\(outcome)\"}")
  }

  func stickies(_ name: String) throws -> Int { try edge.metric("turnout_stickies_\(name)") }
}

extension Answer {
  /// The cookies that it sets, by name: the value and what follows it.
  fileprivate var cookies: [String: (value: String, attributes: String)] {
    var cookies: [String: (String, String)] = [:]
    for field in fields where field.name == "Set-Cookie" {
      let parts = field.value.split(separator: ";", maxSplits: 1)
      let pair = parts[0].split(separator: "=", maxSplits: 1)
      cookies[String(pair[0])] = (String(pair[1]), String(parts[1]))
    }
    return cookies
  }

  /// The variants of an answer of GET /decide, by experiment.
  fileprivate func variant() throws -> String? {
    try json()["assignments"]?.elements.first { _ in true }?["variant_id"]?.text
  }
}

private let attributes = " Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax"

@Suite struct VisitorTests {
  // MARK: - The cookie

  @Test func `who names no user is known by the cookie that the first answer set`() throws {
    let shop = try Shop("\"cookie\": true")
    let first = try shop.get("/decide")
    #expect(first.status == 200)
    let cookie = try #require(first.cookies["turnout_uid"])
    #expect(cookie.value.count == 32 && cookie.value.allSatisfy { "0123456789abcdef".contains($0) })
    #expect(cookie.attributes == attributes)
    #expect(first["Cache-Control"] == "no-store")
    #expect(try first.json()["user_key"]?.text == cookie.value)

    let field =
      "Cookie: theme=dark; turnout_uid=\(cookie.value); turnout_uid=\(String(repeating: "0", count: 32))"
    let second = try shop.get("/decide?env=prod", [field])
    #expect(try second.json()["user_key"]?.text == cookie.value)
    #expect(second.cookies.isEmpty)
    #expect(second["Cache-Control"] == "no-store")
    let flags = try shop.post("{}", [field])
    #expect(flags.status == 200 && flags.cookies.isEmpty)

    let posted = try shop.post("{\"flagKeys\":[\"banner\"]}")
    #expect(posted.status == 200 && posted.cookies["turnout_uid"]?.attributes == attributes)
    #expect(try shop.visitors("new") == 2)
    #expect(try shop.visitors("known") == 2)
    #expect(try shop.visitors("malformed") == 0)
  }

  @Test func `no two visitors get one key`() throws {
    let shop = try Shop("\"cookie\": true")
    let keys = try (0..<500).map { _ in try #require(try shop.get("/decide").cookies["turnout_uid"]).value }
    #expect(Set(keys).count == keys.count)
    // Each digit has each value somewhere: no part of a key is a count or a constant.
    for place in 0..<32 { #expect(Set(keys.map { Array($0)[place] }).count == 16) }
  }

  @Test(arguments: [
    "", "0123456789abcdef0123456789abcde", "0123456789abcdef0123456789abcdef0",
    "0123456789ABCDEF0123456789ABCDEF",
    "\"123456789abcdef0123456789abcdef\"", "0123456789abcdef0123456789abcdeg", "user-1",
  ])
  func `a cookie that is no key is replaced`(_ value: String) throws {
    let shop = try Shop("\"cookie\": true")
    let answer = try shop.get("/decide", ["Cookie: turnout_uid=\(value)"])
    let cookie = try #require(answer.cookies["turnout_uid"])
    #expect(cookie.value != value)
    #expect(try answer.json()["user_key"]?.text == cookie.value)
    #expect(try shop.visitors("malformed") == 1)
    #expect(try shop.visitors("new") == 0)
  }

  @Test func `who names a user is that user, and gets no cookie`() throws {
    let shop = try Shop("\"cookie\": true")
    let key = String(repeating: "a", count: 32)
    for answer in [
      try shop.get("/decide?user_key=u"), try shop.get("/decide?user_key=u", ["Cookie: turnout_uid=\(key)"]),
    ] {
      #expect(try answer.json()["user_key"]?.text == "u")
      #expect(answer.cookies.isEmpty && answer["Cache-Control"] == nil)
    }
    #expect(try shop.post("{\"subjectId\":\"u\"}").cookies.isEmpty)
    // Naming nobody is not leaving the name out.
    #expect(try shop.get("/decide?user_key=").errorCode == "MISSING_USER_KEY")
    #expect(try shop.get("/decide?user_key").errorCode == "MISSING_USER_KEY")
    #expect(try shop.post("{\"subjectId\":\"\"}").errorCode == "INVALID_SUBJECT")
    #expect(try shop.post("{\"subjectId\":null}").errorCode == "INVALID_SUBJECT")
    for outcome in ["known", "new", "malformed"] { #expect(try shop.visitors(outcome) == 0) }
  }

  @Test func `HEAD has the head of GET, and a refusal sets no cookie`() throws {
    let shop = try Shop("\"cookie\": true, \"domain\": \"example.com\"")
    let head = try shop.get("/decide", method: "HEAD")
    #expect(
      head.cookies["turnout_uid"]?.attributes
        == " Path=/; Max-Age=31536000; Domain=example.com; HttpOnly; SameSite=Lax")
    for target in ["/decide?context=1", "/decide?env=unknown", "/nothing", "/health", "/decide?track=x"] {
      let answer = try shop.get(target)
      #expect(answer.cookies.isEmpty && answer["Cache-Control"] == nil, "\(target)")
    }
    #expect(try shop.visitors("new") == 1)
  }

  @Test func `without the setting a user is needed, whatever cookies there are`() throws {
    let shop = try Shop("\"domain\": \"example.com\"")
    let field = "Cookie: turnout_uid=\(String(repeating: "a", count: 32)); turnout_sticky=x"
    #expect(try shop.get("/decide", [field]).errorCode == "MISSING_USER_KEY")
    #expect(try shop.post("{}", [field]).errorCode == "MISSING_SUBJECT")
    let answer = try shop.get("/decide?user_key=u", [field, "X-Turnout-Sticky: x"])
    #expect(answer.cookies.isEmpty && answer["X-Turnout-Sticky"] == nil)
    #expect(try shop.stickies("refused_total{reason=\"malformed\"}") == 0)
  }

  // MARK: - Stickies

  @Test func `a user keeps the variant when allocations change, with a sticky and not without`() throws {
    let shop = try Shop("\"sticky\": \"cookie\", \"keyFile\": \"visitors.key\"")
    let first = try shop.get("/decide?user_key=u")
    #expect(try first.variant() == "v1")
    let token = try #require(first.cookies["turnout_sticky"])
    #expect(token.attributes == attributes)
    #expect(first["Cache-Control"] == "no-store")
    let field = ["Cookie: a=b; turnout_sticky=\(token.value)"]

    try shop.publish(2, everyone: "v2")
    let kept = try shop.get("/decide?user_key=u", field)
    #expect(try kept.variant() == "v1")
    #expect(kept.cookies.isEmpty && kept["Cache-Control"] == nil)
    #expect(try shop.post(#"{"subjectId":"u"}"#, field).text.contains(#""value":"blue""#))
    #expect(try shop.get("/decide?user_key=u").variant() == "v2")
    #expect(try shop.post(#"{"subjectId":"u"}"#).text.contains(#""value":"green""#))
    // Another user's is of no use.
    let other = try shop.get("/decide?user_key=other", field)
    #expect(try other.variant() == "v2")
    #expect(other.cookies["turnout_sticky"] != nil)

    // Nobody has the experiment any more, but for who has it.
    try shop.publish(3, everyone: "nobody")
    #expect(try shop.get("/decide?user_key=u", field).variant() == "v1")
    #expect(try shop.get("/decide?user_key=u").variant() == nil)
  }

  @Test func `a paused experiment keeps its users until it runs again`() throws {
    let shop = try Shop("\"sticky\": \"cookie\", \"keyFile\": \"visitors.key\"")
    let token = try #require(try shop.get("/decide?user_key=u").cookies["turnout_sticky"]).value
    let field = ["Cookie: turnout_sticky=\(token)"]
    try shop.publish(2, everyone: "v2") { $0.replacing("\"salt\"", with: "\"status\":\"PAUSED\",\"salt\"") }
    let paused = try shop.get("/decide?user_key=u", field)
    #expect(try paused.variant() == nil)
    #expect(paused.cookies.isEmpty)
    // One who comes for the first time has nothing to take away.
    #expect(try shop.get("/decide?user_key=new").cookies.isEmpty)
    try shop.publish(3, everyone: "v2")
    #expect(try shop.get("/decide?user_key=u", field).variant() == "v1")
    #expect(try shop.get("/decide?user_key=new").variant() == "v2")
  }

  @Test func `a user whose variant is gone is assigned anew, and keeps that`() throws {
    let shop = try Shop("\"sticky\": \"cookie\", \"keyFile\": \"visitors.key\"")
    let token = try #require(try shop.get("/decide?user_key=u").cookies["turnout_sticky"]).value
    try shop.publish(2, everyone: "v2") { text in
      text.replacing(#"{"id":"v1","key":"control","value":"blue"},"#, with: "")
    }
    let moved = try shop.get("/decide?user_key=u", ["Cookie: turnout_sticky=\(token)"])
    #expect(try moved.variant() == "v2")
    let renewed = try #require(moved.cookies["turnout_sticky"]).value
    #expect(renewed != token)
    try shop.publish(3, everyone: "v1")
    #expect(try shop.get("/decide?user_key=u", ["Cookie: turnout_sticky=\(renewed)"]).variant() == "v2")
    #expect(try shop.get("/decide?user_key=u").variant() == "v1")

    // The experiment is gone: what is left is a token that says nothing.
    try shop.publish(4, everyone: "v1") { $0.replacing("\"id\":\"e1\"", with: "\"id\":\"e2\"") }
    let empty = try shop.get("/decide?user_key=u", ["Cookie: turnout_sticky=\(renewed)"])
    #expect(try empty.variant() == "v1")
    #expect(empty.cookies["turnout_sticky"] != nil)
  }

  @Test func `callers without cookies carry the token in a header`() throws {
    let shop = try Shop("\"sticky\": \"header\", \"keyFile\": \"visitors.key\"")
    let first = try shop.post(#"{"subjectId":"u"}"#)
    let token = try #require(first["X-Turnout-Sticky"])
    #expect(first.cookies.isEmpty)
    #expect(first["Cache-Control"] == "no-store")
    try shop.publish(2, everyone: "v2")
    let kept = try shop.post(#"{"subjectId":"u"}"#, ["x-turnout-sticky: \(token)"])
    #expect(kept.text.contains(#""value":"blue""#))
    #expect(kept["X-Turnout-Sticky"] == nil)
    #expect(try shop.get("/decide?user_key=u", ["X-Turnout-Sticky: \(token)"]).variant() == "v1")
    // The setting says where it stands; elsewhere it is not looked for.
    #expect(try shop.get("/decide?user_key=u", ["Cookie: turnout_sticky=\(token)"]).variant() == "v2")
  }

  @Test func `the evaluation protocol keeps variants too, and its ETag knows the token`() throws {
    let shop = try Shop("\"sticky\": \"header\", \"keyFile\": \"visitors.key\"")
    let all = "/ofrep/v1/evaluate/flags"
    let user = #"{"context":{"targetingKey":"u"}}"#
    let token = try #require(try shop.post(user, to: "\(all)/banner")["X-Turnout-Sticky"])
    #expect(try shop.post(user, to: all)["X-Turnout-Sticky"] == token)
    let field = "X-Turnout-Sticky: \(token)"
    try shop.publish(2, everyone: "v2")

    let kept = try shop.post(user, [field], to: "\(all)/banner").json()
    #expect(kept["value"]?.text == "blue" && kept["reason"]?.text == "SPLIT")
    let moved = try shop.post(user, to: "\(all)/banner").json()
    #expect(moved["value"]?.text == "green" && moved["reason"]?.text == "STATIC")

    let answer = try shop.post(user, [field], to: all)
    #expect(answer.text.contains(#""value":"blue""#) && answer["X-Turnout-Sticky"] == nil)
    let condition = "If-None-Match: \(try #require(answer["ETag"]))"
    #expect(try shop.post(user, [field, condition], to: all).status == 304)
    let without = try shop.post(user, [condition], to: all)
    #expect(without.status == 200 && without.text.contains(#""value":"green""#))

    // Nobody in particular brings nothing along and takes nothing away.
    for fields in [[], [field]] {
      let nobody = try shop.post("{}", fields, to: "\(all)/banner")
      #expect(try nobody.json()["value"]?.text == "green" && nobody["X-Turnout-Sticky"] == nil)
    }
    // Nor does a batch, also right after a request that did.
    _ = try shop.post(user, [field], to: all)
    let batch = try shop.post(#"{"subjects":[{"subjectId":"u"}]}"#, [field], to: "/api/v1/decide/batch")
    #expect(batch.text.contains(#""value":"green""#) && batch["X-Turnout-Sticky"] == nil)
    #expect(try shop.stickies("refused_total{reason=\"tampered\"}") == 0)
  }

  @Test func `tokens are counted by what became of them, and the next answer replaces a wrong one`() throws {
    let shop = try Shop("\"sticky\": \"cookie\", \"keyFile\": \"visitors.key\"")
    func ask(_ user: String, _ token: String) throws -> Answer {
      try shop.get("/decide?user_key=\(user)", ["Cookie: turnout_sticky=\(token)"])
    }
    let token = try #require(try shop.get("/decide?user_key=u").cookies["turnout_sticky"]).value
    _ = try ask("u", token)
    _ = try ask("u", token)
    #expect(try ask("other", token).cookies["turnout_sticky"] != nil)
    let flipped = String(token.dropLast()) + (token.last == "A" ? "B" : "A")
    #expect(try ask("u", flipped).cookies["turnout_sticky"]?.value == token)
    for malformed in ["x", "\"\(token)\"", String(token.dropLast()), String(repeating: "A", count: 8000)] {
      #expect(try ask("u", malformed).cookies["turnout_sticky"]?.value == token)
    }
    _ = try ask("u", "")
    #expect(try shop.stickies("read_total") == 2)
    #expect(try shop.stickies("refused_total{reason=\"tampered\"}") == 2)
    #expect(try shop.stickies("refused_total{reason=\"malformed\"}") == 4)
    #expect(try shop.stickies("written_total") == 8)
  }

  @Test func `a visitor's cookie and stickies are set side by side, and hold across edges with one key`()
    throws
  {
    let members = "\"cookie\": true, \"sticky\": \"cookie\", \"keyFile\": \"visitors.key\""
    let shop = try Shop(members)
    let first = try shop.get("/decide")
    #expect(first.fields.count { $0.name == "Cache-Control" } == 1)
    let pairs = first.cookies.map { "\($0)=\($1.value)" }
    #expect(pairs.count == 2)
    let elsewhere = try Shop(members)
    try elsewhere.publish(2, everyone: "v2")
    let second = try elsewhere.get("/decide", ["Cookie: \(pairs.joined(separator: "; "))"])
    #expect(try second.variant() == "v1")
    #expect(second.cookies.isEmpty)
  }
}
