import Access
import Bytes
import TestSupport
import Testing

struct CredentialTests {
  private func read(_ authorization: String, _ apiKey: String) -> String {
    GuardedBytes(authorization.utf8).withBytes { authorization in
      GuardedBytes(apiKey.utf8).withBytes { apiKey in
        switch Credential.read(authorization: authorization, apiKey: apiKey) {
        case .missing: "missing"
        case .contradicting: "contradicting"
        case .tooLong: "too long"
        case .key(let key): "key " + String(key)
        }
      }
    }
  }

  @Test(arguments: [
    ("", "", "missing"), ("Bearer abc", "", "key abc"), ("bearer abc", "", "key abc"),
    ("BEARER   abc", "", "key abc"),
    ("", "abc", "key abc"), ("Bearer abc", "abc", "key abc"), ("Bearer abc", "abd", "contradicting"),
    ("Bearer abc", "ab", "contradicting"), ("Basic abc", "", "missing"), ("Basic abc", "xyz", "key xyz"),
    ("Bearer", "", "missing"), ("Bearer ", "", "missing"), ("Bearerabc", "", "missing"),
    ("Bearer\tabc", "", "missing"),
    ("abc", "", "missing"), ("Bearer a b", "", "key a b"), ("", "Bearer abc", "key Bearer abc"),
  ])
  func `a key is read from either header`(authorization: String, apiKey: String, expected: String) {
    #expect(read(authorization, apiKey) == expected)
  }

  @Test func `a key has at most 512 bytes`() {
    let longest = String(repeating: "k", count: Credential.keyMax)
    #expect(read("Bearer " + longest, "") == "key " + longest)
    #expect(read("", longest) == "key " + longest)
    #expect(read("Bearer " + longest + "k", "") == "too long")
    #expect(read("", longest + "k") == "too long")
  }
}
