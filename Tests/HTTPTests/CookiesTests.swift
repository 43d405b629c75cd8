import Bytes
import HTTP
import TestSupport
import Testing

struct CookiesTests {
  /// The pairs of `field`, which stands between `before` and `after`, as "name=value".
  private func pairs(_ field: String, before: String = "", after: String = "") -> [[String]] {
    GuardedBytes((before + field + after).utf8).withBytes { bytes in
      var cookies = Cookies(ByteRange(start: before.utf8.count, count: field.utf8.count))
      var result: [[String]] = []
      while let cookie = cookies.next(bytes) {
        result.append([String(bytes.slice(cookie.name)), String(bytes.slice(cookie.value))])
      }
      #expect(cookies.next(bytes) == nil)
      return result
    }
  }

  private func first(_ name: StaticString, _ field: String) -> String? {
    GuardedBytes(field.utf8).withBytes { bytes in
      Cookies.first(name, in: ByteRange(start: 0, count: bytes.count), of: bytes).map { String($0) }
    }
  }

  @Test(
    arguments: [
      ("", []), (" ", []), (";", []), (" ; ;\t;", []), ("a=b", [["a", "b"]]), ("a=", [["a", ""]]),
      ("=b", [["", "b"]]), ("=", [["", ""]]), ("a", [["", "a"]]), ("a b", [["", "a b"]]),
      ("a=b; c=d", [["a", "b"], ["c", "d"]]), ("a=b;c=d", [["a", "b"], ["c", "d"]]),
      (" a = b \t;\tc  =d", [["a", "b"], ["c", "d"]]), (";;a=b;;", [["a", "b"]]),
      ("a=b=c; d==", [["a", "b=c"], ["d", "="]]),
      ("a=\"b\"; c=\"d;e\"", [["a", "\"b\""], ["c", "\"d"], ["", "e\""]]),
      ("a=1; a=2; A=3", [["a", "1"], ["a", "2"], ["A", "3"]]), ("a=b,c=d", [["a", "b,c=d"]]),
      ("é=\u{1}é", [["é", "\u{1}é"]]),
    ] as [(String, [[String]])])
  func `a field is its pairs, as they stand there`(_ field: String, _ expected: [[String]]) {
    #expect(pairs(field) == expected)
  }

  @Test(arguments: ["", "a", "a=b", "a=b; c", ";", "a=;"])
  func `what stands around a field is not part of it`(_ field: String) {
    #expect(pairs(field, before: "x=y; z=", after: "; p=q") == pairs(field))
    #expect(pairs(field, before: "x", after: "=x\r\nX: p=q") == pairs(field))
  }

  @Test func `the first of equal names counts, and a name is the whole name in its case`() {
    #expect(first("uid", "a=1; uid=2; uid=3") == "2")
    #expect(first("uid", "xuid=1; uidx=2; UID=3; uid") == nil)
    #expect(first("uid", "uid=; uid=3") == "")
    #expect(first("uid", " uid = 4 ") == "4")
    #expect(first("", "a=1; b") == "b")
  }

  @Test func `any pairs come back as they were joined`() {
    var random = Random(seed: 2)
    for _ in 0..<500 {
      let original = (0..<(1 + random.below(6))).map { _ in
        [
          random.bytes(1 + random.below(12), of: "ab_%\"".utf8),
          random.bytes(random.below(12), of: "ab=\",".utf8),
        ]
        .map { String(decoding: $0, as: UTF8.self) }
      }
      let joined = original.map { $0.joined(separator: "=") }.joined(
        separator: random.pick(["; ", ";", " ;\t"]))
      #expect(pairs(joined) == original)
    }
  }

  /// A browser that was cut short, or a forger: nothing outside is read, and what came whole before is there.
  @Test func `a field cut anywhere keeps the pairs before the cut`() {
    let field = "a=1; turnout_uid=0123; b=\"x\" ;c=é; d"
    let whole = pairs(field)
    for count in 0...field.utf8.count {
      let cut = String(decoding: Array(field.utf8.prefix(count)), as: UTF8.self)
      let separators = field.utf8.prefix(count).count { $0 == UInt8(ascii: ";") }
      #expect(Array(pairs(cut).prefix(separators)) == Array(whole.prefix(separators)))
    }
  }

  @Test func `any bytes are pairs, none longer than what came`() {
    var random = Random(seed: 3)
    for _ in 0..<2000 {
      let bytes = random.bytes(random.below(40), of: Array("a=; \t\"".utf8) + [0, 255])
      GuardedBytes(bytes).withBytes { view in
        var cookies = Cookies(ByteRange(start: 0, count: view.count))
        var sum = 0
        while let cookie = cookies.next(view) { sum += Int(cookie.name.count + cookie.value.count) }
        #expect(sum <= view.count)
      }
    }
  }
}
