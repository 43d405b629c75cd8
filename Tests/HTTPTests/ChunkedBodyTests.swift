import Bytes
import HTTP
import TestSupport
import Testing

private struct Result: Equatable {
  var outcome: ChunkedBody.Outcome
  var body: String
  /// Bytes of the input that were read.
  var consumed: Int
}

/// Reads `text` from a buffer where a head stands before it, arriving in parts that end at `cuts`.
private func read(
  _ text: some Collection<UInt8>, cuts: some Sequence<Int> = [], bodyMax: Int = 65_536,
  overheadMax: Int = 65_536, trailersMax: Int = 8192
) -> Result {
  let head = Array("head".utf8)
  let input = head + Array(text)
  return GuardedBytes([UInt8](repeating: 0xEE, count: input.count)).withRegion { region in
    var chunks = ChunkedBody(start: head.count)
    var filled = 0
    var outcome = ChunkedBody.Outcome.incomplete
    for end in Array(cuts.map { $0 + head.count }) + [input.count] {
      // What has not come yet is not there to be read.
      Array(input[filled..<end]).withBytes { region.copy($0, to: filled) }
      filled = end
      outcome = chunks.advance(
        region, filled: filled, bodyMax: bodyMax, overheadMax: overheadMax, trailersMax: trailersMax)
      guard outcome == .incomplete else { break }
    }
    #expect(String(region.bytes.slice(0..<head.count)) == "head")
    let body = String(region.bytes.slice(chunks.start..<(chunks.start + chunks.count)))
    return Result(outcome: outcome, body: body, consumed: chunks.offset - head.count)
  }
}

struct ChunkedBodyTests {
  static let valid: [(text: String, body: String)] = [
    ("0\r\n\r\n", ""),
    ("5\r\nhello\r\n0\r\n\r\n", "hello"),
    ("5\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\n\r\n", "hello world"),
    ("a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n", "01234567890123456789a"),
    ("005\r\nhello\r\n000\r\n\r\n", "hello"),
    ("0000000000000005\r\nhello\r\n0000000000000000\r\n\r\n", "hello"),
    // Data may look like framing.
    ("7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n", "\r\n0\r\n\r\n"),
    ("5;a\r\nhello\r\n0;b=c\r\n\r\n", "hello"),
    ("5;a=b;c;d=\"e\"\r\nhello\r\n0\r\n\r\n", "hello"),
    ("5;a=\"; \\\" \\\\ \t\u{E9}\"\r\nhello\r\n0\r\n\r\n", "hello"),
    ("5 ; a\t=\tb\r\nhello\r\n0\r\n\r\n", "hello"),
    ("5\r\nhello\r\n0\r\nX: 1\r\nY:\r\n\r\n", "hello"),
  ]

  @Test(arguments: valid)
  func `chunks are put together, wherever the input is cut`(_ text: String, _ body: String) {
    let count = text.utf8.count
    let expected = Result(outcome: .complete, body: body, consumed: count)
    #expect(read(text.utf8) == expected)
    #expect(read(text.utf8, cuts: 0..<count) == expected)
    for cut in 0...count { #expect(read(text.utf8, cuts: [cut]) == expected, "cut at \(cut)") }
  }

  @Test(arguments: valid)
  func `every proper prefix of a body is incomplete`(_ text: String, _ body: String) {
    for count in 0..<text.utf8.count {
      #expect(read(text.utf8.prefix(count)).outcome == .incomplete, "the first \(count) bytes")
    }
  }

  @Test(arguments: valid)
  func `what follows a body is left for the next request`(_ text: String, _ body: String) {
    let next = "GET / HTTP/1.1\r\n"
    #expect(read((text + next).utf8) == Result(outcome: .complete, body: body, consumed: text.utf8.count))
  }

  @Test func `whatever was cut into chunks is put together again`() {
    var random = Random(seed: 1)
    for _ in 0..<300 {
      let body = random.bytes(Int.random(in: 0...200, using: &random), of: "\r\n0123456789abcdef;".utf8)
      var text: [UInt8] = []
      var rest = body[...]
      while !rest.isEmpty {
        let chunk = rest.prefix(Int.random(in: 1...20, using: &random))
        rest = rest.dropFirst(chunk.count)
        text += Array((String(chunk.count, radix: 16) + "\r\n").utf8) + chunk + Array("\r\n".utf8)
      }
      text += Array("0\r\n\r\n".utf8)
      let cuts = text.indices.filter { _ in Int.random(in: 0..<5, using: &random) == 0 }
      let expected = Result(
        outcome: .complete, body: String(decoding: body, as: UTF8.self), consumed: text.count)
      #expect(read(text, cuts: cuts) == expected)
    }
  }

  // RFC 9112 section 7.1, and 2.2 for line ends.
  @Test(
    arguments: [
      ("no size", "\r\nhello\r\n", .malformedChunk),
      ("no size before an extension", ";a\r\nhello\r\n", .malformedChunk),
      ("a letter that is no digit", "g\r\nhello\r\n", .malformedChunk),
      ("a sign", "+5\r\nhello\r\n", .malformedChunk),
      ("a minus", "-5\r\nhello\r\n", .malformedChunk),
      ("a prefix", "0x5\r\nhello\r\n", .malformedChunk),
      ("a blank before the size", " 5\r\nhello\r\n", .malformedChunk),
      ("a blank behind the size", "5 \r\nhello\r\n", .malformedChunk),
      ("an underscore", "0_5\r\nhello\r\n", .malformedChunk),
      ("a point", "5.0\r\nhello\r\n", .malformedChunk),
      ("an LF alone behind the size", "5\nhello\r\n", .malformedChunk),
      ("a CR alone behind the size", "5\rhello\r\n", .malformedChunk),
      ("a CR before the extension", "5\r;a\r\nhello\r\n", .malformedChunk),
      ("more digits than any size has", "00000000000000005\r\nhello\r\n", .malformedChunk),
      ("a size of 64 bits and more", "10000000000000005\r\nhello\r\n", .malformedChunk),
      ("the largest size of 32 bits", "ffffffff\r\nhello\r\n", .bodyTooLarge),
      ("the largest size of 64 bits", "ffffffffffffffff\r\nhello\r\n", .bodyTooLarge),
      ("the sign bit of 64 bits", "8000000000000005\r\nhello\r\n", .bodyTooLarge),
      ("no CRLF behind the data", "5\r\nhello0\r\n\r\n", .malformedChunk),
      ("an LF alone behind the data", "5\r\nhello\n0\r\n\r\n", .malformedChunk),
      ("a CR alone behind the data", "5\r\nhello\r0\r\n\r\n", .malformedChunk),
      ("more data than the size says", "4\r\nhello\r\n0\r\n\r\n", .malformedChunk),
      ("less data than the size says", "6\r\nhello\r\n0\r\n\r\n", .malformedChunk),
      ("an extension without a name", "5;\r\nhello\r\n", .malformedChunk),
      ("an extension without a name, with a value", "5;=b\r\nhello\r\n", .malformedChunk),
      ("an extension without its value", "5;a=\r\nhello\r\n", .malformedChunk),
      ("a second extension without a name", "5;a;\r\nhello\r\n", .malformedChunk),
      ("two values", "5;a=b c\r\nhello\r\n", .malformedChunk),
      ("a quotation that does not end", "5;a=\"b\r\nhello\r\n", .malformedChunk),
      ("a quotation that ends in a backslash", "5;a=\"b\\\r\nhello\r\n", .malformedChunk),
      ("something behind a quotation", "5;a=\"b\"c\r\nhello\r\n", .malformedChunk),
      ("a control character in a quotation", "5;a=\"\u{1}\"\r\nhello\r\n", .malformedChunk),
      ("a control character behind a backslash", "5;a=\"\\\u{1}\"\r\nhello\r\n", .malformedChunk),
      ("a CR behind a backslash", "5;a=\"\\\r\"\r\nhello\r\n", .malformedChunk),
      ("a DEL in a quotation", "5;a=\"\u{7F}\"\r\nhello\r\n", .malformedChunk),
      ("a NUL in an extension", "5;a\u{0}\r\nhello\r\n", .malformedChunk),
      ("an LF alone behind the last size", "0\n\r\n", .malformedChunk),
      ("an LF alone at the end", "0\r\n\n", .malformedField),
      ("a CR alone at the end", "0\r\n\rX\n", .malformedField),
      ("an LF alone behind a trailer", "0\r\nX: 1\n\r\n", .malformedField),
      ("a trailer without a colon", "0\r\nX\r\n\r\n", .malformedField),
      ("a trailer without a name", "0\r\n: 1\r\n\r\n", .malformedField),
      ("a blank before a trailer's colon", "0\r\nX : 1\r\n\r\n", .malformedField),
      ("a folded trailer", "0\r\nX: 1\r\n 2\r\n\r\n", .malformedField),
      ("a NUL in a trailer", "0\r\nX: \u{0}\r\n\r\n", .malformedField),
      ("a CR in a trailer", "0\r\nX: \rY\r\n\r\n", .malformedField),
      ("the next request for a trailer", "0\r\nGET / HTTP/1.1\r\n\r\n", .malformedField),
    ] as [(String, String, Rejection)])
  func `faulty framing is refused, wherever the input is cut`(
    _ why: String, _ text: String, _ rejection: Rejection
  ) {
    #expect(read(text.utf8).outcome == .invalid(rejection))
    #expect(read(text.utf8, cuts: 0..<text.utf8.count).outcome == .invalid(rejection))
  }

  @Test func `however a body was changed, cutting it makes no difference`() {
    var random = Random(seed: 2)
    let bytes = Array("\r\n0159afgX;=\"\\ :\t\u{0}".utf8)
    for _ in 0..<2_000 {
      var text = Array(Self.valid.randomElement(using: &random)!.text.utf8)
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        text[Int.random(in: 0..<text.count, using: &random)] = bytes.randomElement(using: &random)!
      }
      let whole = read(text)
      let dripped = read(text, cuts: 0..<text.count)
      #expect(whole.outcome == dripped.outcome, "\(String(decoding: text, as: UTF8.self))")
      if whole.outcome == .complete { #expect(whole == dripped) }
    }
  }
}

struct ChunkedBodyLimitTests {
  // RELIABILITY H3.
  @Test func `a body may be as large as the limit, and is refused when the sum passes it`() {
    let text = "8\r\n01234567\r\n8\r\n89abcdef\r\n"
    #expect(read((text + "0\r\n\r\n").utf8, bodyMax: 16).outcome == .complete)
    #expect(read((text + "1\r\n").utf8, bodyMax: 16).outcome == .invalid(.bodyTooLarge))
    // At once: not a byte of the data has to come.
    #expect(read("11\r\n".utf8, bodyMax: 16).outcome == .invalid(.bodyTooLarge))
    #expect(read("10\r\n".utf8, bodyMax: 16).outcome == .incomplete)
  }

  @Test func `64 KiB are served in one chunk`() {
    let data = String(repeating: "x", count: 65_536)
    #expect(read("10000\r\n\(data)\r\n0\r\n\r\n".utf8).body.utf8.count == 65_536)
    #expect(read("10001\r\n".utf8).outcome == .invalid(.bodyTooLarge))
  }

  // RELIABILITY H4.
  @Test func `an extension may have 1 KiB`() {
    func text(_ count: Int) -> String { "0;" + String(repeating: "a", count: count - 1) + "\r\n\r\n" }
    #expect(read(text(1024).utf8).outcome == .complete)
    #expect(read(text(1025).utf8).outcome == .invalid(.malformedChunk))
    let longest = "0000000000000000;" + String(repeating: "a", count: 1023) + "\r\n\r\n"
    #expect(read(longest.utf8, cuts: 0..<longest.utf8.count).outcome == .complete)
  }

  @Test func `a size line that does not end is refused`() {
    #expect(read(("1;" + String(repeating: "a", count: 1100)).utf8).outcome == .invalid(.malformedChunk))
    #expect(read(String(repeating: "0", count: 1100).utf8).outcome == .invalid(.malformedChunk))
  }

  // What is wrong already is not waited out: the rest of its line may never come.
  @Test(arguments: ["g", "-", "5x", "5;a\u{0}", "5\rx", "5\r\r", String(repeating: "0", count: 17)])
  func `a size line is refused as soon as it is wrong`(_ text: String) {
    #expect(read(text.utf8).outcome == .invalid(.malformedChunk))
  }

  @Test(arguments: ["X: \u{0}", "X: a\rb", "\rX"])
  func `a trailer is refused as soon as it is wrong`(_ text: String) {
    #expect(read(("0\r\n" + text).utf8).outcome == .invalid(.malformedField))
  }

  @Test func `size lines together may be as long as their limit`() {
    let chunk = "1\r\nx\r\n"
    #expect(
      read((String(repeating: chunk, count: 3) + "0\r\n\r\n").utf8, overheadMax: 12).outcome == .complete)
    #expect(
      read((String(repeating: chunk, count: 4) + "0\r\n\r\n").utf8, overheadMax: 12).outcome
        == .invalid(.malformedChunk))
  }

  @Test func `trailers may have 8 KiB with the line that ends them`() {
    func text(_ count: Int) -> String { "0\r\nX: " + String(repeating: "a", count: count - 7) + "\r\n\r\n" }
    #expect(text(8192).utf8.count == 8192 + 3)
    #expect(read(text(8192).utf8).outcome == .complete)
    #expect(read(text(8193).utf8).outcome == .invalid(.headTooLarge))
    let many = String(repeating: "X: a\r\n", count: 8190 / 6) + "\r\n"
    #expect(many.utf8.count == 8192)
    #expect(read(("0\r\n" + many).utf8).outcome == .complete)
    #expect(read(("0\r\nY:\r\n" + many).utf8).outcome == .invalid(.headTooLarge))
  }

  @Test func `the limit of trailers is the reader's own`() {
    #expect(read("0\r\nX: a\r\n\r\n".utf8, trailersMax: 8).outcome == .complete)
    #expect(read("0\r\nX: a\r\n\r\n".utf8, trailersMax: 7).outcome == .invalid(.headTooLarge))
  }

  @Test func `a trailer that does not end is refused`() {
    let text = "0\r\nX: " + String(repeating: "a", count: 9000)
    #expect(read(text.utf8.prefix(3 + 8192)).outcome == .incomplete)
    #expect(read(text.utf8.prefix(3 + 8193)).outcome == .invalid(.headTooLarge))
  }
}
