import Bytes
import JSON
import TestSupport
import Testing

/// The tokens of `text` up to its end or its fault.
private func read(_ text: some Collection<UInt8>) -> (tokens: [Token], fault: Fault?) {
  GuardedBytes(text).withBytes { bytes in
    var reader = Reader()
    var tokens: [Token] = []
    while true {
      let token = reader.next(bytes)
      // Both are for ever, so that a caller who asks once more is not told something else.
      switch token {
      case .end:
        #expect(reader.next(bytes) == .end)
        #expect(reader.offset == bytes.count)
        return (tokens, nil)
      case .invalid(let fault):
        #expect(reader.next(bytes) == token)
        #expect(fault.offset <= bytes.count)
        return (tokens, fault)
      default:
        tokens.append(token)
        // Each token takes at least a byte: a reader that stands still would never end.
        guard tokens.count <= bytes.count else { fatalError("more tokens than bytes") }
      }
    }
  }
}

struct ReaderGrammarTests {
  @Test(arguments: [
    "null", "true", "false", " \t\r\n null \t\r\n ", "\"\"", "[]", "{}", "[ ]", "{ }", "[[]]", "[{}]",
    "{\"\":{}}",
    "0", "-0", "7", "10", "-10", "0.0", "0.10", "1e0", "1E0", "1e+00", "1e-00", "0e1", "1.5e300", "-1.5E-300",
    "1e99999",
    "123456789012345678901234567890", "[1,2 , 3]", "[null,\ntrue]", "[[[[]]],[[]]]",
    "{\"a\":1,\"b\":[{\"c\":2}]}",
    // A reader of events does not know that a member comes twice; Document does.
    "{\"a\":1,\"a\":2}", "{\"a\" : 1}", "{\"a\":null,\"\\u0061\":null}",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\u0000\"", "\"\\uD834\\uDd1e\"", "\"\\uD800\"",
    "\"\\uDC00\\uD800\"",
    "\"\u{7F}\"", "\"\u{80}\u{7FF}\u{800}\u{FFFF}\u{10000}\u{10FFFF}\"", "\"\u{2028}\u{FEFF}\"", "\"'/*//\"",
    "\"1234567\"", "\"12345678\"", "\"1234567\\n\"", "\"12345678\\n9\"", "\"aaaaaaa\u{E9}aaaaaaaa\"",
  ])
  func `a text of the grammar is accepted`(_ text: String) {
    #expect(read(text.utf8).fault == nil)
  }

  @Test(
    arguments: [
      ("", .unexpectedEnd, 0), (" \n", .unexpectedEnd, 2), ("[", .unexpectedEnd, 1),
      ("[1", .unexpectedEnd, 2),
      ("[1,", .unexpectedEnd, 3), ("{", .unexpectedEnd, 1), ("{\"a\"", .unexpectedEnd, 4),
      ("{\"a\":", .unexpectedEnd, 5),
      ("{\"a\":1", .unexpectedEnd, 6), ("{\"a\":1,", .unexpectedEnd, 7), ("\"", .unexpectedEnd, 1),
      ("\"a", .unexpectedEnd, 2),
      ("\"\\", .unexpectedEnd, 2), ("nul", .unexpectedEnd, 3), ("-", .unexpectedEnd, 1),
      ("1.", .unexpectedEnd, 2),
      ("1e", .unexpectedEnd, 2), ("1e+", .unexpectedEnd, 3),

      ("[,1]", .unexpectedByte, 1), ("[1,]", .unexpectedByte, 3), ("[1,,2]", .unexpectedByte, 3),
      ("[1 2]", .unexpectedByte, 3),
      ("[1}", .unexpectedByte, 2), ("]", .unexpectedByte, 0), ("}", .unexpectedByte, 0),
      (",", .unexpectedByte, 0),
      ("{]", .unexpectedByte, 1), ("{,}", .unexpectedByte, 1), ("{\"a\":1,}", .unexpectedByte, 7),
      ("{\"a\"}", .unexpectedByte, 4),
      ("{\"a\":}", .unexpectedByte, 5), ("{\"a\" 1}", .unexpectedByte, 5), ("{\"a\"::1}", .unexpectedByte, 5),
      ("{\"a\",1}", .unexpectedByte, 4), ("{\"a\":1 \"b\":2}", .unexpectedByte, 7),
      ("{\"a\":1]", .unexpectedByte, 6),
      ("{a:1}", .unexpectedByte, 1), ("{1:1}", .unexpectedByte, 1), ("{'a':1}", .unexpectedByte, 1),
      ("{null:1}", .unexpectedByte, 1),
      ("'a'", .unexpectedByte, 0), ("a", .unexpectedByte, 0), ("NaN", .unexpectedByte, 0),
      ("Infinity", .unexpectedByte, 0),
      ("True", .unexpectedByte, 0), ("nulL", .unexpectedByte, 3), ("[nul]", .unexpectedByte, 4),
      ("+1", .unexpectedByte, 0),
      (".5", .unexpectedByte, 0), ("/**/1", .unexpectedByte, 0), ("#1", .unexpectedByte, 0),
      ("\u{FEFF}1", .unexpectedByte, 0),
      ("\u{A0}1", .unexpectedByte, 0), ("\u{C}1", .unexpectedByte, 0), ("\u{0}", .unexpectedByte, 0),
      ("\\u0031", .unexpectedByte, 0),

      ("01", .invalidNumber, 2), ("-01", .invalidNumber, 3), ("00", .invalidNumber, 2),
      ("[01]", .invalidNumber, 3),
      ("[-]", .invalidNumber, 2), ("-a", .invalidNumber, 1), ("--1", .invalidNumber, 1),
      ("[1.]", .invalidNumber, 3),
      ("1.e1", .invalidNumber, 2), ("-.5", .invalidNumber, 1), ("[1e]", .invalidNumber, 3),
      ("[1e+]", .invalidNumber, 4),
      ("1e+-1", .invalidNumber, 3), ("1ee1", .invalidNumber, 2), ("-Infinity", .invalidNumber, 1),

      ("1 2", .trailingBytes, 2), ("{}{}", .trailingBytes, 2), ("[]]", .trailingBytes, 2),
      ("0x1", .trailingBytes, 1),
      ("1.5.2", .trailingBytes, 3), ("1_000", .trailingBytes, 1), ("1,", .trailingBytes, 1),
      ("nullx", .trailingBytes, 4),
      ("\"a\"\"b\"", .trailingBytes, 3), ("1//", .trailingBytes, 1), ("1\u{0}", .trailingBytes, 1),

      ("\"\n\"", .controlCharacter, 1), ("\"\t\"", .controlCharacter, 1), ("\"\u{0}\"", .controlCharacter, 1),
      ("\"1234567\u{1F}\"", .controlCharacter, 8), ("{\"a\u{1}\":1}", .controlCharacter, 3),

      ("\"\\x41\"", .invalidEscape, 1), ("\"\\'\"", .invalidEscape, 1), ("\"\\0\"", .invalidEscape, 1),
      ("\"\\ \"", .invalidEscape, 1),
      ("\"\\U0041\"", .invalidEscape, 1), ("\"\\u004g\"", .invalidEscape, 1),
      ("\"\\u 041\"", .invalidEscape, 1),
      ("\"\\u+041\"", .invalidEscape, 1), ("\"\\u41\"", .invalidEscape, 1), ("\"\\\n\"", .invalidEscape, 1),
      ("\"\\u{41}\"", .invalidEscape, 1),
    ] as [(String, Fault.Kind, Int)])
  func `what is outside the grammar is refused at its place`(
    _ text: String, _ kind: Fault.Kind, _ offset: Int
  ) {
    #expect(read(text.utf8).fault == Fault(kind, at: offset))
  }

  // Bytes that no String can hold.
  @Test(
    arguments: [
      [0x80], [0xFF], [0xC3], [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80],
      [0xE2, 0x82],
      [0xF0, 0x80, 0x80, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF0, 0x9F, 0x9A], [0xF8, 0x88, 0x80, 0x80, 0x80],
    ] as [[UInt8]])
  func `what is not UTF-8 is refused in a string, in a name and outside`(_ bytes: [UInt8]) {
    #expect(read([0x22] + bytes + [0x22]).fault == Fault(.invalidUTF8, at: 1))
    #expect(read("{\"abcdefgh".utf8 + bytes + "\":1}".utf8).fault == Fault(.invalidUTF8, at: 10))
    #expect(read("[".utf8 + bytes + "]".utf8).fault == Fault(.unexpectedByte, at: 1))
  }

  @Test func `tokens come with their places`() {
    let result = read(" {\"a\\n\": [1.5e3, \"x\", true, false, null], \"b\":{}} ".utf8)
    #expect(result.fault == nil)
    #expect(
      result.tokens == [
        .beginObject, .key(QuotedText(range: ByteRange(from: 3, to: 6), hasEscapes: true)), .beginArray,
        .number(ByteRange(from: 10, to: 15)),
        .string(QuotedText(range: ByteRange(from: 18, to: 19), hasEscapes: false)),
        .bool(true), .bool(false), .null, .endArray,
        .key(QuotedText(range: ByteRange(from: 43, to: 44), hasEscapes: false)), .beginObject, .endObject,
        .endObject,
      ])
  }
}

struct ReaderTests {
  // RELIABILITY H6: a bit per level, and no more levels than bits.
  @Test(arguments: ["[", "{\"a\":"])
  func `64 levels are accepted, the 65th is refused`(_ open: String) {
    func nested(_ depth: Int) -> String {
      let close = open == "[" ? "]" : "}"
      return String(repeating: open, count: depth) + "0" + String(repeating: close, count: depth)
    }
    #expect(read(nested(64).utf8).fault == nil)
    #expect(read(nested(65).utf8).fault == Fault(.tooDeep, at: 64 * open.utf8.count))
    #expect(read(String(repeating: open, count: 100_000).utf8).fault?.kind == .tooDeep)
  }

  @Test func `every level closes as it was opened, whatever the mixture`() {
    var random = Random(seed: 1)
    for _ in 0..<50 {
      let levels = (0..<64).map { _ in Bool.random(using: &random) }
      let opening = levels.map { $0 ? "{\"\":" : "[" }.joined()
      let closing = levels.reversed().map { $0 ? "}" : "]" }
      #expect(read((opening + "0" + closing.joined()).utf8).fault == nil)
      var wrong = closing
      let level = Int.random(in: 0..<64, using: &random)
      wrong[level] = wrong[level] == "]" ? "}" : "]"
      #expect(read((opening + "0" + wrong.joined()).utf8).fault?.kind == .unexpectedByte)
    }
  }

  @Test func `no proper prefix of a container, string or word is accepted`() {
    var random = Random(seed: 2)
    for _ in 0..<40 {
      let text = Array("[\(random.json())]".utf8)
      #expect(read(text).fault == nil)
      for count in 0..<text.count {
        let fault = read(text[..<count]).fault
        // Cut inside a scalar, the rest of its bytes is missing; anywhere else the rest of the text is.
        #expect(fault?.kind == .unexpectedEnd || fault?.kind == .invalidUTF8, "\(text[..<count])")
      }
    }
    for text in ["\"a\\u00e9\\n\"", "true", "false", "null"] {
      for count in 0..<text.utf8.count {
        #expect(read(text.utf8.prefix(count)).fault?.kind == .unexpectedEnd)
      }
    }
  }

  @Test func `mutated texts are judged as a naive parser judges them`() {
    var random = Random(seed: 3)
    var accepted = 0
    for _ in 0..<6_000 {
      var text = Array(random.json().utf8)
      for _ in 0..<Int.random(in: 1...2, using: &random) { random.mutate(&text) }
      let isValid = NaiveJSON.accepts(text)
      accepted += isValid ? 1 : 0
      #expect((read(text).fault == nil) == isValid, "\(String(decoding: text, as: UTF8.self)) \(text)")
    }
    // Were all of them refused, or none, the comparison would say little.
    #expect((600...5_400).contains(accepted))
  }

  @Test func `random bytes are judged as a naive parser judges them`() {
    var random = Random(seed: 4)
    for _ in 0..<6_000 {
      let text = random.bytes(Int.random(in: 0...12, using: &random), of: "[]{}:,\"\\u01-.e 9dtn\u{E9}".utf8)
      #expect((read(text).fault == nil) == NaiveJSON.accepts(text), "\(text)")
    }
    for _ in 0..<2_000 {
      let text = random.bytes(Int.random(in: 0...24, using: &random), of: 0...255)
      #expect((read(text).fault == nil) == NaiveJSON.accepts(text), "\(text)")
    }
  }

  @Test func `skipping a value leads to where reading it leads`() {
    var random = Random(seed: 5)
    for _ in 0..<200 {
      let value = random.json()
      GuardedBytes("[\(value),7]".utf8).withBytes { text in
        var reader = Reader()
        #expect(reader.next(text) == .beginArray)
        let first = reader.next(text)
        let isJSON = reader.skip(text, after: first)
        #expect(isJSON && reader.depth == 1 && reader.offset == value.utf8.count + 1, "\(value)")
        let next = text.count - 2
        #expect(reader.next(text) == .number(ByteRange(start: next, count: 1)))
        #expect(reader.next(text) == .endArray)
        #expect(reader.next(text) == .end)
      }
    }
  }

  @Test(arguments: ["[1,[2,{\"a\":]}]", "[[[", "[{\"a\"}]"])
  func `skipping a broken value says so`(_ text: String) {
    GuardedBytes(text.utf8).withBytes { text in
      var reader = Reader()
      let first = reader.next(text)
      let isJSON = reader.skip(text, after: first)
      let next = reader.next(text)
      #expect(!isJSON)
      if case .invalid = next {} else { Issue.record("it went on with \(next)") }
    }
  }

  @Test func `the reader knows what it is in`() {
    let text: StaticString = "{\"a\":[{}]}"
    var reader = Reader()
    var seen: [Bool] = []
    while reader.next(text.bytes) != .end { seen.append(reader.isInObject) }
    #expect(seen == [true, true, false, true, false, true, false])
  }
}

extension Random {
  /// A valid text with all that the grammar has, blanks included.
  mutating func json(depth: Int = 0) -> String {
    func blank(_ random: inout Random) -> String {
      ["", "", " ", "\n\t", "\r"].randomElement(using: &random)!
    }
    switch Int.random(in: depth < 4 ? 0..<8 : 2..<8, using: &self) {
    case 0:
      let items = (0..<Int.random(in: 0...3, using: &self)).map { _ in
        blank(&self) + json(depth: depth + 1) + blank(&self)
      }
      return "[" + (items.isEmpty ? blank(&self) : items.joined(separator: ",")) + "]"
    case 1:
      let items = (0..<Int.random(in: 0...3, using: &self)).map { index in
        blank(&self) + "\"\(index)" + jsonString().dropFirst() + blank(&self) + ":" + blank(&self)
          + json(depth: depth + 1) + blank(&self)
      }
      return "{" + (items.isEmpty ? blank(&self) : items.joined(separator: ",")) + "}"
    case 2: return ["true", "false", "null"].randomElement(using: &self)!
    case 3, 4:
      return ["0", "-0", "12", "-3.25", "1e5", "2E-3", "6.02e+23", "1234567890"].randomElement(using: &self)!
    default: return jsonString()
    }
  }

  private mutating func jsonString() -> String {
    let pieces = [
      "a", "plain text", "\u{E9}", "\u{20AC}", "\u{1F680}", "\\n", "\\\"", "\\\\", "\\/", "\\u00e9",
      "\\uD83D\\uDE80", "\\ud800",
      "{", "]", ",", ":", " ",
    ]
    return "\""
      + (0..<Int.random(in: 0...5, using: &self)).map { _ in pieces.randomElement(using: &self)! }.joined()
      + "\""
  }

  /// Changes, drops, doubles or inserts a byte.
  mutating func mutate(_ text: inout [UInt8]) {
    guard let position = text.indices.randomElement(using: &self) else { return }
    let bytes = Array("{}[]:,\"\\ue0159-+. \n\u{0}\u{1F}tfna/".utf8) + [0x80, 0xC3, 0xED, 0xFF]
    switch Int.random(in: 0..<4, using: &self) {
    case 0: text[position] = bytes.randomElement(using: &self)!
    case 1: text.remove(at: position)
    case 2: text.insert(text[position], at: position)
    default: text.insert(bytes.randomElement(using: &self)!, at: position)
    }
  }
}

/// RFC 8259 by recursive descent over an array, each rule as the document prints it: slow, and hard to get
/// wrong in the way the reader could be.
private struct NaiveJSON {
  private var rest: ArraySlice<UInt8>

  static func accepts(_ text: [UInt8]) -> Bool {
    guard String(validating: text, as: UTF8.self) != nil else { return false }
    var parser = NaiveJSON(rest: text[...])
    return parser.value(depth: 0) && parser.rest.isEmpty
  }

  private mutating func take(_ string: String) -> Bool {
    guard rest.starts(with: string.utf8) else { return false }
    rest.removeFirst(string.utf8.count)
    return true
  }

  private mutating func take(where isMember: (UInt8) -> Bool) -> Bool {
    guard let first = rest.first, isMember(first) else { return false }
    rest.removeFirst()
    return true
  }

  private mutating func blanks() {
    while take(where: { [0x20, 0x09, 0x0A, 0x0D].contains($0) }) {}
  }

  private mutating func value(depth: Int) -> Bool {
    blanks()
    defer { blanks() }
    if take("[") { return list(depth: depth, until: "]") { $0.value(depth: $1) } }
    if take("{") { return list(depth: depth, until: "}") { $0.member(depth: $1) } }
    if rest.first == UInt8(ascii: "\"") { return string() }
    return take("true") || take("false") || take("null") || number()
  }

  private mutating func list(depth: Int, until end: String, _ item: (inout Self, Int) -> Bool) -> Bool {
    guard depth < 64 else { return false }
    blanks()
    if take(end) { return true }
    while item(&self, depth + 1) {
      if take(end) { return true }
      guard take(",") else { return false }
    }
    return false
  }

  private mutating func member(depth: Int) -> Bool {
    blanks()
    guard string() else { return false }
    blanks()
    return take(":") && value(depth: depth)
  }

  private mutating func string() -> Bool {
    guard take("\"") else { return false }
    while !take("\"") {
      if take("\\u") {
        for _ in 0..<4 where !take(where: { Character(Unicode.Scalar($0)).isHexDigit && $0 < 0x80 }) {
          return false
        }
      } else if take("\\") {
        guard take(where: { "\"\\/bfnrt".utf8.contains($0) }) else { return false }
      } else {
        guard take(where: { $0 >= 0x20 }) else { return false }
      }
    }
    return true
  }

  private mutating func digits() -> Bool {
    let before = rest.count
    while take(where: { (0x30...0x39).contains($0) }) {}
    return rest.count < before
  }

  private mutating func number() -> Bool {
    _ = take("-")
    guard take("0") || digits() else { return false }
    if take("."), !digits() { return false }
    if take("e") || take("E") {
      _ = take("+") || take("-")
      return digits()
    }
    return true
  }
}
