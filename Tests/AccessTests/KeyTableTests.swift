import Access
import Bytes
import TestSupport
import Testing

struct KeyTableTests {
  private func table(_ keys: [KeyTable.Key]) throws -> KeyTable {
    try Tables(KeyTable.byteCount(keys)) { KeyTable(keys, &$0) }.value
  }

  private func words(_ digest: [UInt8]) -> [4 of UInt64] {
    digest.withBytes { digest in [4 of UInt64] { digest.word(at: 8 * $0) } }
  }

  @Test(arguments: [1, 2, 3, 7, 100, KeyTable.keyMax])
  func `every key is found and nothing else`(count: Int) throws {
    var random = Random(seed: UInt64(count))
    // Half of them want the same place.
    let digests = (0..<count).map { index in
      (0..<32).map { byte in byte < 8 && index % 2 == 0 ? 7 : UInt8(random.below(256)) }
    }
    let table = try table(digests.map { KeyTable.Key(digest: $0) })
    for (index, digest) in digests.enumerated() {
      #expect(table.find(words(digest))?.index == index)
      for byte in 0..<32 {
        var other = digest
        other[byte] ^= 1 << UInt8(random.below(8))
        #expect(table.find(words(other)) == nil)
      }
    }
    #expect(table.find(words([UInt8](repeating: 0, count: 32))) == nil)
  }

  @Test func `a digest of zeros is a digest`() throws {
    let zeros = [UInt8](repeating: 0, count: 32)
    #expect(try table([KeyTable.Key(digest: zeros)]).find(words(zeros)) != nil)
  }

  @Test func `a key comes with what it may ask for`() throws {
    let keys = (0..<3).map { index in
      KeyTable.Key(
        digest: [UInt8](repeating: UInt8(index), count: 32),
        environments: index == 0 ? [] : ["a", "b\(index)"],
        routes: index == 2 ? 0b101 : .max)
    }
    let table = try table(keys)
    let grants = try keys.map { try #require(table.find(words($0.digest))).grant }
    #expect(grants.map(\.allowsEveryEnvironment) == [true, false, false])
    for (name, expected) in [
      ("a", [true, true]), ("b1", [true, false]), ("b2", [false, true]), ("b", [false, false]),
      ("", [false, false]), ("ab1", [false, false]),
    ] {
      let found = Array(name.utf8).withBytes { name in
        grants.dropFirst().map { $0.name(where: { $0.equals(name) }).map { String($0) } }
      }
      #expect(found == expected.map { $0 ? name : nil }, "\(name)")
    }
    #expect((0..<4).map { grants[2].allowsRoute($0) } == [true, false, true, false])
    #expect((0..<64).allSatisfy { grants[0].allowsRoute($0) })
  }
}
