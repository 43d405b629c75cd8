import Bytes
import Decisions
import Testing

private func compare(_ left: String, _ right: String) -> Int? {
  Array(left.utf8).withBytes { left in
    Array(right.utf8).withBytes { right -> Int? in
      guard let left = SemanticVersion(left), let right = SemanticVersion(right) else { return nil }
      return left.compare(with: right).signum()
    }
  }
}

struct SemanticVersionTests {
  /// Section 11 of semver.org, with rows for numbers that no Int holds.
  private static let ascending = [
    "0.0.0", "0.0.9", "0.0.10", "0.9.0", "1.0.0-0", "1.0.0-1", "1.0.0-10", "1.0.0-10.0", "1.0.0--",
    "1.0.0-1a",
    "1.0.0-A", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1", "1.0.0", "1.0.1", "2.0.0", "2.1.0", "2.1.1", "9.0.0", "10.0.0",
    "18446744073709551615.0.0", "18446744073709551616.0.0", "99999999999999999999999999.0.0",
  ]

  @Test func `versions precede each other as semver.org orders them`() {
    for (left, one) in Self.ascending.enumerated() {
      for (right, other) in Self.ascending.enumerated() {
        #expect(compare(one, other) == (left - right).signum(), "\(one) and \(other)")
      }
    }
  }

  @Test(arguments: [
    ("1.0.0+a", "1.0.0"), ("1.0.0+a", "1.0.0+b.c"), ("1.0.0-rc.1+001", "1.0.0-rc.1+exp.sha.5114f85"),
    ("1.0.0+a-b", "1.0.0"), ("1.0.0+-", "1.0.0+---"),
  ])
  func `build metadata does not count`(_ left: String, _ right: String) {
    #expect(compare(left, right) == 0)
  }

  @Test(arguments: [
    "", "1", "1.2", "1.2.", "1.2.3.", "1.2.3.4", "v1.2.3", "V1.2.3", " 1.2.3", "1.2.3 ", "1..3", ".1.2.3",
    "a.b.c",
    "01.2.3", "1.02.3", "1.2.03", "00.0.0", "-1.2.3", "+1.2.3", "1.2.-3", "1.2.3-", "1.2.3-+b", "1.2.3+",
    "1.2.3-a.",
    "1.2.3-.a", "1.2.3-a..b", "1.2.3-01", "1.2.3-a.00", "1.2.3-a_b", "1.2.3-é", "1.2.3+a..b", "1.2.3+a+b",
    "1.2.3+a_b",
    "1.2.3+.", "1,2,3", "1.2.3\n", "１.2.3", "1.2.x", "1.2.*", "latest",
  ])
  func `what is no version is none`(_ text: String) {
    #expect(compare(text, "1.0.0") == nil)
  }

  @Test(arguments: ["1.0.0-0a", "1.0.0-00a", "1.0.0--01", "1.0.0+01", "1.0.0-a.b-c.0", "1.0.0-0+0"])
  func `a leading zero is refused in numbers alone`(_ text: String) {
    #expect(compare(text, text) == 0)
  }
}
