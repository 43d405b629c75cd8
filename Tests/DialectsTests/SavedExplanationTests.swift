import Dialects
import Testing

struct SavedExplanationTests {
  private static let members = [
    #""user_key":"u""#, #""environment":"prod""#, #""config_version":7"#, #""snapshot":"0a""#,
    #""signed_by":["a","b"]"#, #""context":{"a":1,"a":[true]}"#, #""selected":["k"]"#,
  ]

  private func read(_ members: [String]) -> SavedExplanation? {
    SavedExplanation(Array("{\(members.joined(separator: ","))}".utf8))
  }

  @Test func `what an answer follows from is read, its context as it stands`() throws {
    let saved = try #require(read(Self.members + [#""experiments":[{"steps":[]}]"#]))
    #expect(saved.userKey == Array("u".utf8))
    #expect(saved.environment == "prod")
    #expect(saved.version == 7)
    #expect(saved.provenance == Explanation.Provenance(sha256: "0a", signers: ["a", "b"]))
    #expect(saved.context == Array(#"{"a":1,"a":[true]}"#.utf8))
    #expect(saved.selection == [Array("k".utf8)])
    #expect(try #require(read(Self.members.dropLast())).selection == nil)
  }

  @Test func `an answer that lacks an input is none`() {
    for index in 0..<(Self.members.count - 1) {
      var members = Self.members
      members.remove(at: index)
      #expect(read(members) == nil, "without \(Self.members[index])")
    }
  }

  @Test(arguments: [
    #""user_key":1"#, #""environment":null"#, #""config_version":1.5"#, #""snapshot":[]"#,
    #""signed_by":"a""#,
    #""signed_by":["a",1]"#, #""selected":null"#, #""selected":[{}]"#,
  ])
  func `an input of another type makes it none`(member: String) {
    #expect(read(Self.members + [member]) == nil)
  }

  @Test(arguments: ["", "[]", "{", "{}", "null", "{\"user_key\":\"u\"} x"])
  func `what is no object is none`(text: String) {
    #expect(SavedExplanation(Array(text.utf8)) == nil)
  }
}
