import Bytes
import TestSupport
import Testing

struct DoubleParserTests {
  private func parse(_ text: String) -> Double {
    GuardedBytes(text.utf8).withBytes { DoubleParser.parse($0) }
  }

  @Test(arguments: [
    "0", "-0", "0.0", "0e9999999999", "1", "-1", "9007199254740993", "1e22", "1e23", "123456789012345e22",
    "1234567890123456", "0.1", "0.30000000000000004", "1E5", "1e+5", "1.5E-5", "0.1e-0", "0.000001",
    "100000000000000000000000000000000000000000000000",
    "3.14159265358979323846264338327950288419716939937510",
    // Shifting by 2^60 at a point of -18 would step over 1.
    "8.6736173798840355e-19", "9.1234e-19", "9.9999999999999999e-19",
  ])
  func `a number reads as Swift itself reads it`(_ text: String) throws {
    let expected = try #require(Double(text))
    #expect(parse(text).bitPattern == expected.bitPattern)
  }

  @Test(arguments: [
    ("1.7976931348623157e308", Double.greatestFiniteMagnitude),
    ("1.7976931348623158e308", Double.greatestFiniteMagnitude),
    ("1.7976931348623159e308", Double.infinity),
    ("1e309", Double.infinity),
    ("-1e309", -Double.infinity),
    ("1e99999999999999999999", Double.infinity),
    ("2.2250738585072014e-308", Double.leastNormalMagnitude),
    ("2.2250738585072012e-308", Double.leastNormalMagnitude),
    ("2.2250738585072011e-308", Double.leastNormalMagnitude.nextDown),
    ("4.9406564584124654e-324", Double.leastNonzeroMagnitude),
    ("2.4703282292062328e-324", Double.leastNonzeroMagnitude),
    ("2.4703282292062327e-324", 0.0),
    ("1e-400", 0.0),
    ("1e-99999999999999999999", 0.0),
  ])
  func `the ends of the range are where IEEE 754 has them`(_ text: String, _ expected: Double) {
    #expect(parse(text) == expected)
  }

  @Test func `the sign of zero is kept`() {
    #expect(parse("-0").sign == .minus)
    #expect(parse("-1e-400").sign == .minus)
    #expect(parse("0").sign == .plus)
  }

  @Test func `every finite double reads back from its shortest text`() {
    var random = Random(seed: 1)
    for _ in 0..<10_000 {
      let value = Double(bitPattern: random.next())
      guard value.isFinite else { continue }
      #expect(parse("\(value)") == value, "\(value)")
    }
  }

  @Test func `every subnormal double reads back from its shortest text`() {
    var random = Random(seed: 2)
    for _ in 0..<500 {
      // Fewer significant bits towards the least of them all.
      let value = Double(bitPattern: (random.next() >> 12) >> UInt64.random(in: 0..<52, using: &random))
      #expect(parse("\(value)") == value, "\(value)")
    }
  }

  @Test func `random digits read as Swift itself reads them`() throws {
    var random = Random(seed: 3)
    for _ in 0..<10_000 {
      let text = Self.text(&random)
      let expected = try #require(Double(text))
      #expect(parse(text).bitPattern == expected.bitPattern, "\(text)")
    }
  }

  private static func text(_ random: inout Random) -> String {
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    var text = Bool.random(using: &random) ? "-" : ""
    let whole = random.bytes(Int.random(in: 0...20, using: &random), of: digits)
    text +=
      whole.isEmpty
      ? "0" : "\(Int.random(in: 1...9, using: &random))" + String(decoding: whole, as: UTF8.self)
    if Bool.random(using: &random) {
      let fraction = random.bytes(Int.random(in: 1...30, using: &random), of: digits)
      text += "." + String(decoding: fraction, as: UTF8.self)
    }
    // Mostly near the powers that are exact, now and then as far as the range goes.
    switch Int.random(in: 0..<8, using: &random) {
    case 0...4: text += "e\(Int.random(in: -45...30, using: &random))"
    case 5: text += "e\(Int.random(in: -340...320, using: &random))"
    default: break
    }
    return text
  }
}

// Half-way cases need no second parser to know the answer: the exact decimal of a tie is written out, and
// the rule (to even, and away from it with anything more or less) says what must come of it.
struct DoubleParserTieTests {
  /// A double and the digits d and power p so that the middle to its successor is exactly d x 10^p.
  private struct Tie {
    var lower: Double
    var digits: String
    /// The whole number before `digits`.
    var digitsBelow: String
    var power: Int

    init(above lower: Double) {
      self.lower = lower
      let isNormal = lower.exponentBitPattern > 0
      let significand = lower.significandBitPattern | (isNormal ? 1 << 52 : 0)
      // 2m + 1 halves of a unit in the last place.
      let exponent = Int(max(1, lower.exponentBitPattern)) - 1076
      var number = Digits(significand * 2 + 1)
      for _ in 0..<exponent.magnitude { number.multiply(by: exponent < 0 ? 5 : 2) }
      digits = number.text
      number.decrement()
      digitsBelow = number.text
      power = min(exponent, 0)
    }

    var even: Double { lower.significandBitPattern % 2 == 0 ? lower : lower.nextUp }
  }

  /// A whole number, nine decimal digits to a limb.
  private struct Digits {
    private var limbs: [UInt64]

    init(_ value: UInt64) {
      limbs = [
        value % 1_000_000_000, value / 1_000_000_000 % 1_000_000_000, value / 1_000_000_000_000_000_000,
      ]
    }

    mutating func multiply(by factor: UInt64) {
      var carry: UInt64 = 0
      for index in limbs.indices {
        let product = limbs[index] * factor + carry
        limbs[index] = product % 1_000_000_000
        carry = product / 1_000_000_000
      }
      if carry > 0 { limbs.append(carry) }
    }

    mutating func decrement() {
      var index = 0
      while limbs[index] == 0 {
        limbs[index] = 999_999_999
        index += 1
      }
      limbs[index] -= 1
    }

    var text: String {
      let padded = limbs.reversed().map { String(String(1_000_000_000 + $0).dropFirst()) }.joined()
      return String(padded.drop { $0 == "0" })
    }
  }

  private static var ties: [Tie] {
    var random = Random(seed: 4)
    let edges = [
      0, Double.leastNonzeroMagnitude, .leastNormalMagnitude, .leastNormalMagnitude.nextDown, 1, 1.nextDown,
      .greatestFiniteMagnitude.nextDown, 0x1p53, 0x1p-60,
    ]
    return (edges + (0..<40).map { _ in Double(bitPattern: random.next() & 0x7FEF_FFFF_FFFF_FFFF) })
      .map(Tie.init(above:))
  }

  private func parse(_ text: String) -> Double {
    Array(text.utf8).withBytes { DoubleParser.parse($0) }
  }

  @Test func `a number between two doubles takes the even one`() {
    for tie in Self.ties {
      #expect(parse(tie.digits + "e\(tie.power)") == tie.even, "above \(tie.lower)")
    }
  }

  @Test func `a number a little above the middle takes the upper one`() {
    for tie in Self.ties {
      #expect(parse(tie.digits + "01e\(tie.power - 2)") == tie.lower.nextUp, "above \(tie.lower)")
    }
  }

  @Test func `a number a little below the middle takes the lower one`() {
    for tie in Self.ties {
      #expect(parse(tie.digitsBelow + "9e\(tie.power - 1)") == tie.lower, "above \(tie.lower)")
    }
  }

  @Test func `a digit behind the 800th still breaks a tie`() {
    let zeros = String(repeating: "0", count: 900)
    for tie in Self.ties {
      #expect(parse(tie.digits + zeros + "e\(tie.power - 900)") == tie.even, "above \(tie.lower)")
      #expect(parse(tie.digits + zeros + "1e\(tie.power - 901)") == tie.lower.nextUp, "above \(tie.lower)")
    }
  }

  @Test func `a digit behind the 800th breaks a tie of one digit, too`() {
    // 5e22 is 5^23 x 2^22 and 5^23 has 54 bits: both factors are exact doubles, and their product is a tie.
    #expect(parse("5e22").significandBitPattern % 2 == 0)
    let zeros = String(repeating: "0", count: 900)
    #expect(parse("5" + zeros + "e-878") == parse("5e22"))
    #expect(parse("5" + zeros + "1e-879") == parse("5e22").nextUp)
  }
}
