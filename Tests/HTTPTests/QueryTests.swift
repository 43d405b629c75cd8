import Bytes
import HTTP
import TestSupport
import Testing

struct QueryTests {
  /// The fields of `query`, which stands between `before` and `after`, as "name=value".
  private func fields(_ query: String, before: String = "", after: String = "") -> [[String]] {
    GuardedBytes((before + query + after).utf8).withBytes { bytes in
      var fields = Query(ByteRange(start: before.utf8.count, count: query.utf8.count))
      var result: [[String]] = []
      while let field = fields.next(bytes) {
        result.append([String(bytes.slice(field.name)), String(bytes.slice(field.value))])
      }
      #expect(fields.next(bytes) == nil)
      return result
    }
  }

  @Test(
    arguments: [
      ("", []), ("a", [["a", ""]]), ("a=", [["a", ""]]), ("=b", [["", "b"]]), ("=", [["", ""]]),
      ("a=b", [["a", "b"]]),
      ("a=b&c=d", [["a", "b"], ["c", "d"]]), ("a&b=c", [["a", ""], ["b", "c"]]),
      ("a=b=c&d", [["a", "b=c"], ["d", ""]]),
      ("&&a=b&&&c&", [["a", "b"], ["c", ""]]), ("&", []), ("a=1&a=2", [["a", "1"], ["a", "2"]]),
      ("a%3Db=c%26d", [["a%3Db", "c%26d"]]), ("a;b=c", [["a;b", "c"]]),
    ] as [(String, [[String]])])
  func `a query is its fields, not decoded`(_ query: String, _ expected: [[String]]) {
    #expect(fields(query) == expected)
  }

  @Test(arguments: ["", "a", "a&b", "a=b&c", "&"])
  func `what stands around a query is not part of it`(_ query: String) {
    #expect(fields(query, before: "x=y&z?", after: "&p=q") == fields(query))
    #expect(fields(query, before: "x", after: " HTTP/1.1\r\nX: p=q&r") == fields(query))
    #expect(fields(query, before: "=", after: "=x") == fields(query))
  }

  @Test func `any fields come back as they were joined`() {
    var random = Random(seed: 1)
    for _ in 0..<500 {
      let pairs = (0..<Int.random(in: 1...6, using: &random)).map { _ in
        [
          random.bytes(Int.random(in: 0...12, using: &random), of: "ab%+".utf8),
          random.bytes(9, of: "ab=".utf8),
        ]
        .map { String(decoding: $0, as: UTF8.self) }
      }
      #expect(fields(pairs.map { $0.joined(separator: "=") }.joined(separator: "&")) == pairs)
    }
  }
}
