import Bytes
import HTTP
import TestSupport
import Testing

struct ETagTests {
  private func matches(_ field: String, _ tag: String) -> Bool {
    GuardedBytes(field.utf8).withBytes { field in
      GuardedBytes(tag.utf8).withBytes { ETag.matches(field, $0) }
    }
  }

  @Test(arguments: [
    "\"v1\"", "W/\"v1\"", "*", "\"v0\", \"v1\"", "\"v0\",W/\"v1\" ,\"v2\"", " \"v1\"\t", ",,\"v1\"",
  ])
  func `a field that names the tag matches, weakly or not`(_ field: String) {
    #expect(matches(field, "\"v1\""))
  }

  @Test(arguments: [
    "", "\"v2\"", "v1", "\"v1", "\"v1\"x", "\"V1\"", "\"v10\"", "w/\"v1\"", "W/", "\"v0\", \"v2\"", ",", "**",
  ])
  func `a field that does not name the tag does not match`(_ field: String) {
    #expect(!matches(field, "\"v1\""))
  }

  @Test func `where there is no tag nothing matches`() {
    #expect(!matches("*", "") && !matches("", "") && !matches(",", ""))
  }
}
