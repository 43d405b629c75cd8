import Bytes
import JSON
import TestSupport
import Testing

/// The one string that `text` is, quotes included.
private func quoted(_ text: ByteView) throws -> QuotedText {
  var reader = Reader()
  guard case .string(let quoted) = reader.next(text), reader.next(text) == .end else {
    throw Fault(.unexpectedByte, at: 0)
  }
  return quoted
}

/// What the string `text`, quotes included, means.
private func decode(_ text: some Collection<UInt8>) throws -> [UInt8] {
  try GuardedBytes(text).withBytes { text in
    let quoted = try quoted(text)
    // No room beyond the text itself: what a string means is never longer.
    return [UInt8](capacity: Int(quoted.range.count)) { quoted.decode(text, into: &$0) }
  }
}

struct TextDecodingTests {
  @Test(arguments: [
    ("", ""), ("plain", "plain"), ("\\\"\\\\\\/", "\"\\/"), ("\\b\\f\\n\\r\\t", "\u{8}\u{C}\n\r\t"),
    ("a\\nb\\nc", "a\nb\nc"), ("\\u0041\\u00e9\\u20AC", "A\u{E9}\u{20AC}"), ("\\u0000", "\u{0}"),
    ("\\uFFFF", "\u{FFFF}"),
    ("\\ud83d\\ude80", "\u{1F680}"), ("\\uD800\\uDC00\\uDBFF\\uDFFF", "\u{10000}\u{10FFFF}"),
    ("\\\\u0041", "\\u0041"),
    ("\u{E9}\\u00e9\u{1F680}", "\u{E9}\u{E9}\u{1F680}"),
  ])
  func `an escape means its character`(_ text: String, _ expected: String) throws {
    #expect(try String(decoding: decode("\"\(text)\"".utf8), as: UTF8.self) == expected)
  }

  // As TextEncoder and Buffer.from have it: one U+FFFD for each half that stands alone.
  @Test(arguments: [
    ("\\ud800", "\u{FFFD}"), ("\\udc00", "\u{FFFD}"), ("\\udbff", "\u{FFFD}"), ("\\udfff", "\u{FFFD}"),
    ("a\\ud800b", "a\u{FFFD}b"), ("\\ud800\\ud800", "\u{FFFD}\u{FFFD}"),
    ("\\ude80\\ud83d", "\u{FFFD}\u{FFFD}"),
    ("\\ud800\\ud83d\\ude80", "\u{FFFD}\u{1F680}"), ("\\ud83d\\ude80\\ude80", "\u{1F680}\u{FFFD}"),
    ("\\ud800\\n", "\u{FFFD}\n"), ("\\ud83d\\u0041", "\u{FFFD}A"), ("\\ud83d\\\\ude80", "\u{FFFD}\\ude80"),
    ("\\ud83dude80", "\u{FFFD}ude80"), ("\\ud7ff\\ue000", "\u{D7FF}\u{E000}"),
  ])
  func `half of a surrogate pair alone means U+FFFD`(_ text: String, _ expected: String) throws {
    #expect(try String(decoding: decode("\"\(text)\"".utf8), as: UTF8.self) == expected)
  }

  @Test func `every escaped code point decodes to its UTF-8`() throws {
    for value in Array(stride(from: 0 as UInt32, through: 0x10FFFF, by: 83)) + [
      0x7F, 0x80, 0x7FF, 0x800, 0x10FFFF,
    ] {
      guard let scalar = Unicode.Scalar(value) else { continue }
      let units = Character(scalar).utf16.map {
        "\\u" + String(String(0x10000 + Int($0), radix: 16).dropFirst())
      }
      #expect(try decode("\"\(units.joined())\"".utf8) == Array(String(scalar).utf8))
    }
  }

  @Test func `a decoding goes on behind what stands in the output`() throws {
    let text = ("\"\\u0041\"" as StaticString).bytes
    let quoted = try quoted(text)
    let result = [UInt8](capacity: 8) { output in
      output.append("x")
      quoted.decode(text, into: &output)
      quoted.decode(text, into: &output)
    }
    #expect(result == Array("xAA".utf8))
  }
}

struct TextComparisonTests {
  @Test(arguments: [
    ("userKey", true), ("\\u0075serKey", true), ("user\\u004bey", true), ("userkey", false),
    ("userKe", false),
    ("userKey\\u0000", false), ("userKey ", false), ("", false), ("\\\\userKey", false),
  ])
  func `a name is what it means, not how it is spelled`(_ text: String, _ expected: Bool) throws {
    try GuardedBytes("\"\(text)\"".utf8).withBytes { text in
      let quoted = try quoted(text)
      GuardedBytes([UInt8](repeating: 0, count: 64)).withRegion { region in
        #expect(quoted.equals(text, "userKey", scratch: Output(region)) == expected)
        #expect(quoted.equals(text, "userKey", scratch: Output(region, count: 40)) == expected)
      }
    }
  }

  @Test(arguments: 0...12)
  func `a scratch that is too small makes no two strings equal`(_ capacity: Int) throws {
    let text = ("\"user\\u004beyOfAnother\"" as StaticString).bytes
    let quoted = try quoted(text)
    GuardedBytes([UInt8](repeating: 0, count: capacity)).withRegion { region in
      for prefix: StaticString in ["", "user", "userK", "userKeyOfAnothe"] {
        #expect(!quoted.equals(text, prefix, scratch: Output(region)))
      }
    }
  }
}

struct TextQuotingTests {
  @Test func `whatever is quoted decodes to itself`() throws {
    var random = Random(seed: 1)
    for _ in 0..<500 {
      let scalars = (0..<Int.random(in: 0...20, using: &random)).map { _ in
        Unicode.Scalar(
          UInt32.random(in: 0...0x10FFFF, using: &random) >> UInt32.random(in: 0...16, using: &random))
          ?? "\u{FFFD}"
      }
      let bytes = scalars.flatMap { Array(String($0).utf8) }
      var text: [UInt8] = []
      GuardedBytes(bytes).withBytes { text.append(jsonString: $0) }
      #expect(try decode(text) == bytes)
      #expect(text.allSatisfy { $0 >= 0x20 })
    }
  }

  @Test func `each control character has the shortest escape that it can have`() {
    var text: [UInt8] = []
    Array(0...0x23).withBytes { text.append(jsonString: $0) }
    #expect(
      String(decoding: text, as: UTF8.self)
        == ##""\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r\u000e\u000f"##
        + ##"\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001a\u001b\u001c\u001d\u001e\u001f"##
        + ##" !\"#""##)
  }

  @Test func `a string that does not fit overflows`() {
    for capacity in 0..<8 {
      GuardedBytes([UInt8](repeating: 0, count: capacity)).withRegion { region in
        var output = Output(region)
        output.append(jsonString: ("a\nbcd" as StaticString).bytes)
        #expect(output.isOverflowing)
      }
    }
    let text = [UInt8](capacity: 8) { $0.append(jsonString: ("a\nbcd" as StaticString).bytes) }
    #expect(text == Array("\"a\\nbcd\"".utf8))
  }
}
