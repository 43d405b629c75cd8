import Bytes
import Dialects
import Exposures
import JSON
import Testing
import Trust

struct DecisionIDsTests {
  private let document = """
    {"version":7,"environment":"prod","flags":[{"key":"f","type":"boolean","default":false}],"experiments":[
    {"id":"x","key":"k","salt":"s","flagKey":"f","variants":[{"id":"v","key":"vk","value":true}],
    "allocations":[{"variantId":"v","rangeStart":0,"rangeEnd":9999}]}]}
    """

  @Test func `an id says what was decided and is good for the subject alone`() throws {
    let desk = try Desk(document)
    let decision = try #require(
      desk.post("{\"subjectId\":\"u\"}").json()["decisions"]?.elements.first { _ in true })
    let id = try #require(decision["decisionId"]?.text)
    let parts = try #require(Array(id.utf8).withBytes { DecisionToken.parse($0) })
    #expect(parts.token.environment == "prod" && parts.token.version == 7)
    #expect(parts.token.experiment == "x" && parts.token.variant == "v")
    #expect(parts.token.decidedAt == 1_800_000_000_000)
    func isGood(_ subject: String) -> Bool {
      parts.signed.withBytes { signed in
        parts.tag.withBytes { tag in
          Array(subject.utf8).withBytes { Desk.tokenKey.accepts(tag, of: signed, $0) }
        }
      }
    }
    #expect(isGood("u"))
    #expect(!isGood("v"))
  }

  @Test func `no two ids of a millisecond are the same`() throws {
    let desk = try Desk(document)
    let ids = try (0..<100).map { _ in
      try #require(
        desk.post("{\"subjectId\":\"u\"}").json()["decisions"]?.elements.first { _ in true }?["decisionId"]?
          .text)
    }
    #expect(Set(ids).count == 100)
  }

  @Test func `the longest names that a snapshot may have fit an id`() throws {
    let name = String(repeating: "x", count: 512)
    let desk = try Desk(
      document.replacing("\"id\":\"x\"", with: "\"id\":\"\(name)\"")
        .replacing("\"v\"", with: "\"\(name)\""))
    let decision = try #require(
      desk.post("{\"subjectId\":\"u\"}").json()["decisions"]?.elements.first { _ in true })
    let id = try #require(decision["decisionId"]?.text)
    #expect(Array(id.utf8).withBytes { DecisionToken.parse($0) }?.token.variant == name)
  }
}
