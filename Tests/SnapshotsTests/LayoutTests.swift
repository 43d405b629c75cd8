import Snapshots
import Testing

struct LayoutTests {
  @Test func `the files of an environment`() {
    #expect(Layout.manifest("prod") == "configs/prod/manifest.json")
    #expect(Layout.snapshot("prod", 42) == "configs/prod/snapshots/42.json")
    #expect(Layout.latest("prod") == "configs/prod/snapshots/latest.json")
    #expect(Layout.version("prod") == "configs/prod/version.json")
    #expect(Layout.trust(3) == "configs/trust/3.json")
    for path in [
      Layout.manifest("a.b"), Layout.trust(1), Layout.snapshot("a", 1), Layout.latest("a"),
      Layout.version("a"),
    ] {
      #expect(Layout.isContained(path))
    }
  }

  @Test(arguments: ["prod", "a", "0", "Trust", "trust1", "PROD-2_x.y", String(repeating: "a", count: 64)])
  func `a plain name is an environment's`(_ name: String) {
    #expect(Layout.isEnvironment(name))
  }

  @Test(arguments: [
    "", ".", "..", "trust", ".a", "-a", "_a", "a/b", "a b", "a\\b", "a%2e", "é", "a\u{0}", "../a", "a\n",
    String(repeating: "a", count: 65),
  ])
  func `what could leave the layout is no environment`(_ name: String) {
    #expect(!Layout.isEnvironment(name))
  }

  @Test(arguments: [
    "a", "a/b", "configs/prod/snapshots/7.json", "a-b_c.~/...", String(repeating: "a", count: 1024),
  ])
  func `plain names joined by single slashes stay inside`(_ path: String) {
    #expect(Layout.isContained(path))
  }

  @Test(arguments: [
    "", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a/..", "../a", "./a", "a/./b", "a\\..\\b",
    "a/%2e%2e/b",
    "http://host/a", "a?b", "a#b", "a b", "a\u{0}b", "é", "a\r\nb", String(repeating: "a", count: 1025),
  ])
  func `what leads out of the layout is not contained`(_ path: String) {
    #expect(!Layout.isContained(path))
  }
}
