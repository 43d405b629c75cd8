import Dialects
import JSON
import TestSupport
import Testing

struct EvaluationPathTests {
  private let desk: Desk

  init() throws {
    var random = Random(seed: 3)
    desk = try Desk(Sample.document(experiments: Sample.experiments(&random)))
  }

  @Test(arguments: [
    "a%", "a%2", "a%zz", "%ff", "%C3", ".", "..", "a/../b", "a/.", "./a", "%2e", "%2E%2e", "a/%2e%2E/b",
    "a%2f..",
    "../", "/..",
  ])
  func `what is no key is refused`(_ path: String) {
    #expect(desk.evaluate(path, "{}").code == "PARSE_ERROR")
  }

  @Test(arguments: ["none", "...", "a..b", "..a", "a/b", "/", "", "%2F", "a+b", "%41", ".a", "a."])
  func `what is a key is looked up`(_ path: String) {
    #expect(desk.evaluate(path, "{}").text == "none")
  }

  @Test func `a plus is a plus and an escape is what it stands for`() throws {
    let flags = ["a+b", "a b", "a/b", "é", "100%"]
    let found = try Desk(Sample.document(flags: flags, experiments: []))
    for (path, key) in zip(["a+b", "a%20b", "a%2Fb", "%C3%A9", "100%25"], flags) {
      #expect(try found.evaluate(path, "{}").json()["key"]?.text == key)
    }
    #expect(try found.evaluate("a/b", "{}").json()["key"]?.text == "a/b")
  }
}
