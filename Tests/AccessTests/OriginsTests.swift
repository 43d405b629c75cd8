import Access
import Bytes
import TestSupport
import Testing

struct OriginsTests {
  private func lines(_ origins: [String], _ origin: String, credentials: Bool = false) throws -> String? {
    var settings = Origins.Settings()
    settings.origins = origins
    settings.credentials = credentials
    let table = try Tables(Origins.byteCount(settings)) { Origins(settings, &$0) }.value
    return GuardedBytes(origin.utf8).withBytes { table.lines(for: $0) }.map { String($0) }
  }

  @Test func `an origin is allowed as it stands on the list and not otherwise`() throws {
    let list = ["https://a.example", "http://localhost:3000"]
    for origin in list {
      #expect(try lines(list, origin) == "Access-Control-Allow-Origin: \(origin)\r\n")
    }
    for origin in [
      "https://b.example", "http://a.example", "https://a.example:443", "https://a.example/",
      "https://A.example",
      "https://a.exampl", "https://a.example.org", "null", "", "*", "http://localhost",
    ] { #expect(try lines(list, origin) == nil, "\(origin)") }
    #expect(
      try lines(list, list[0], credentials: true)
        == "Access-Control-Allow-Origin: https://a.example\r\nAccess-Control-Allow-Credentials: true\r\n")
  }

  @Test func `a star allows every origin and repeats none`() throws {
    for origin in ["https://a.example", "null", "x"] {
      #expect(try lines(["*"], origin) == "Access-Control-Allow-Origin: *\r\n")
    }
  }

  @Test func `the longest lists fit their memory`() throws {
    let list = (0..<Origins.originMax).map { "https://\(String(repeating: "a", count: 280)).\($0)" }
    #expect(try lines(list, list[63])?.contains(list[63]) == true)
  }

  @Test(arguments: [
    ("https://a.example", true), ("http://localhost:3000", true), ("http://[::1]:80", true),
    ("app+x://host", true),
    ("https://a.example/", false), ("https://a.example/x", false), ("https://A.example", false), ("*", false),
    ("null", false), ("", false), ("https://", false), ("://a", false), ("https://a b", false),
    ("https:/a", false),
    ("https://a\r\nX: y", false), ("https://é", false),
  ])
  func `an origin is a scheme, a host and perhaps a port`(text: String, isOrigin: Bool) {
    #expect(Origins.isOrigin(text) == isOrigin)
  }
}
