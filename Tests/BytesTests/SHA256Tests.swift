import Bytes
import JSON
import TestSupport
import Testing

struct SHA256Tests {
  private func first64(_ bytes: some Collection<UInt8>) -> UInt64 {
    var digest = SHA256()
    GuardedBytes(bytes).withBytes { digest.append($0) }
    return digest.finishFirst64()
  }

  @Test func `the shared vectors hold`() throws {
    let lines = Vectors.lines("bucketing-sha256.jsonl")
    #expect(lines.count == 10)
    for line in lines {
      let row = try Document(line).root
      let parts = try ["subject_id", "experiment_id", "salt"].map { (name: StaticString) in
        try #require(row[name]?.string)
      }
      let digest = first64(Array(parts.joined(separator: ":".utf8)))
      #expect(
        row["sha256_first8_hex"]?.text == [UInt8](capacity: 16) { $0.append(hex: digest, digits: 16) }.text)
      #expect(row["bucket"]?.integer == Int(digest % 10_000))
    }
  }

  // FIPS 180-4's examples, and the counts around the padding's edges: 55 bytes are the last that fit one
  // block, 56 need a second, 64 fill one.
  @Test(
    arguments: [
      ("", 0xe3b0_c442_98fc_1c14),
      ("abc", 0xba78_16bf_8f01_cfea),
      ("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 0x248d_6a61_d206_38b8),
      (String(repeating: "a", count: 55), 0x9f4390f8d30c2dd9),
      (String(repeating: "a", count: 56), 0xb35439a4ac6f0948),
      (String(repeating: "a", count: 63), 0x7d3e74a05d7db15b),
      (String(repeating: "a", count: 64), 0xffe054fe7ae0cb6d),
      (String(repeating: "a", count: 119), 0x31eba51c313a5c08),
      (String(repeating: "a", count: 120), 0x2f3d335432c70b58),
    ] as [(String, UInt64)])
  func `known digests hold`(_ text: String, _ expected: UInt64) {
    #expect(first64(text.utf8) == expected)
  }

  @Test func `bytes and views may be appended in any pieces`() {
    let text = Array("The quick brown fox jumps over the lazy dog. ".utf8) + [UInt8](repeating: 7, count: 90)
    let whole = first64(text)
    for cut in text.indices {
      var digest = SHA256()
      text[..<cut].forEach { digest.append($0) }
      Array(text[cut...]).withBytes { digest.append($0) }
      #expect(digest.finishFirst64() == whole)
    }
  }
}

extension [UInt8] {
  fileprivate var text: String { String(decoding: self, as: UTF8.self) }
}
