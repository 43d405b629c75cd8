import Access
import Bytes
import TestSupport
import Testing

struct GrantTests {
  private func fingerprint(_ environments: [String], _ routes: UInt64 = .max) throws -> UInt64 {
    let keys = [
      KeyTable.Key(digest: [UInt8](repeating: 1, count: 32), environments: environments, routes: routes)
    ]
    let table = try Tables(KeyTable.byteCount(keys)) { KeyTable(keys, &$0) }.value
    let word: UInt64 = 0x0101_0101_0101_0101
    return try #require(table.find([word, word, word, word])).grant.fingerprint
  }

  @Test func `grants of the same have one fingerprint, others have others`() throws {
    #expect(try fingerprint([]) == 0)
    #expect(Grant.everything.fingerprint == 0)
    #expect(try fingerprint(["a", "b"]) == fingerprint(["b", "a", "a"]))
    let different = try [
      fingerprint([]), fingerprint(["a"]), fingerprint(["b"]), fingerprint(["a", "b"]), fingerprint(["ab"]),
      fingerprint([], 1), fingerprint([], 2), fingerprint(["a"], 1), fingerprint(["a"], 2),
    ]
    #expect(Set(different).count == different.count)
  }
}
