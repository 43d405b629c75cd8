import Bytes
import TestSupport
import Testing

struct DecimalTests {
  private func parse(_ text: String, maximum: Int = .max) -> Int? {
    GuardedBytes(text.utf8).withBytes { Decimal.parse($0, maximum: maximum) }
  }

  @Test(arguments: [("0", 0), ("7", 7), ("10", 10), ("007", 7), ("9223372036854775807", Int.max)])
  func `digits are a number`(_ text: String, _ expected: Int) {
    #expect(parse(text) == expected)
  }

  @Test func `leading zeros do not overflow`() {
    #expect(parse(String(repeating: "0", count: 40) + "1") == 1)
  }

  @Test(arguments: [
    "9223372036854775808", "9223372036854775810", "18446744073709551616", "99999999999999999999",
  ])
  func `a number above the largest is refused, not wrapped`(_ text: String) {
    #expect(parse(text) == nil)
  }

  @Test func `the maximum itself is accepted`() {
    #expect(parse("300", maximum: 300) == 300)
    #expect(parse("301", maximum: 300) == nil)
    #expect(parse("3000", maximum: 300) == nil)
  }

  @Test(arguments: ["", "+1", "-1", " 1", "1 ", "1.0", "1e3", "0x1", "1_000", "/", ":", "\u{0}", "\u{661}"])
  func `anything but digits is refused`(_ text: String) {
    #expect(parse(text) == nil)
  }
}
