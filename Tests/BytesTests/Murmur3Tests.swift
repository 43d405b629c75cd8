import Bytes
import JSON
import TestSupport
import Testing

struct Murmur3Tests {
  @Test func `the shared vectors hold, whole and from a prefix`() throws {
    let lines = Vectors.lines("bucketing.jsonl")
    #expect(lines.count == 19)
    for line in lines {
      let row = try Document(line).root
      let user = try #require(row["user_key"]?.string)
      let salt = try #require(row["salt"]?.string)
      let hash = Array(user + ":".utf8 + salt).withBytes { Murmur3.hash($0) }
      #expect(Int(hash) == row["murmur3_x86_32"]?.integer)
      #expect(Int(hash % 10_000) == row["bucket"]?.integer)
      #expect(hashInParts(user, ":".utf8 + salt) == hash)
    }
  }

  // Hashes that implementations elsewhere publish: no block, a tail of 3, of 1 and of 3 bytes.
  @Test(
    arguments: [
      ("", 0), ("abc", 0xb3dd_93fa), ("Hello, world!", 0xc036_3e43),
      ("The quick brown fox jumps over the lazy dog", 0x2e4f_f723),
    ] as [(String, UInt32)])
  func `well known hashes hold`(_ text: String, _ expected: UInt32) {
    #expect(GuardedBytes(text.utf8).withBytes { Murmur3.hash($0) } == expected)
  }

  @Test func `wherever the prefix ends, the hash is the same`() {
    var random = Random(seed: 1)
    for count in 0..<40 {
      let bytes = random.bytes(count, of: 0...255)
      let whole = GuardedBytes(bytes).withBytes { Murmur3.hash($0) }
      for cut in 0...count {
        #expect(hashInParts(bytes[..<cut], bytes[cut...]) == whole)
        let prefix = GuardedBytes(bytes[..<cut]).withBytes { Murmur3.Prefix($0) }
        #expect(GuardedBytes(bytes[cut...]).withBytes { prefix.hash(followedBy: $0) } == whole)
      }
    }
  }

  @Test func `eight lanes say what one says, each for itself`() {
    var random = Random(seed: 2)
    for _ in 0..<200 {
      let words = (0..<3).map { _ in (0..<8).map { _ in UInt32.random(in: .min ... .max, using: &random) } }
      let count = Int.random(in: 0...300, using: &random)
      let lanes = words.map { Murmur3.Lanes($0) }
      let mixed = Murmur3.mix(lanes[0])
      let rounded = Murmur3.round(lanes[1], lanes[0])
      let finished = Murmur3.finish(lanes[2], byteCount: count)
      for lane in 0..<8 {
        #expect(mixed[lane] == Murmur3.mix(words[0][lane]))
        #expect(rounded[lane] == Murmur3.round(words[1][lane], words[0][lane]))
        #expect(finished[lane] == Murmur3.finish(words[2][lane], byteCount: count))
      }
    }
  }

  @Test func `eight lanes have the remainders that one has`() {
    var random = Random(seed: 3)
    var hashes: [UInt32] = [0, 1, 9_999, 10_000, 10_001, .max, .max - 1, .max - 7_295, 1 << 31, 429_490_000]
    for _ in 0..<8_000 { hashes.append(.random(in: .min ... .max, using: &random)) }
    for start in stride(from: 0, to: hashes.count - 7, by: 5) {
      let eight = hashes[start..<start + 8]
      let remainders = Murmur3.remainderBy10000(Murmur3.Lanes(eight))
      #expect((0..<8).map { remainders[$0] } == eight.map { $0 % 10_000 })
    }
  }

  private func hashInParts(_ prefix: some Collection<UInt8>, _ rest: some Sequence<UInt8>) -> UInt32 {
    var hash = GuardedBytes(prefix).withBytes { Murmur3.Prefix($0) }
    for byte in rest { hash.append(byte) }
    let state = hash.pendingCount > 0 ? hash.state ^ Murmur3.mix(hash.pending) : hash.state
    return Murmur3.finish(state, byteCount: hash.byteCount)
  }
}
