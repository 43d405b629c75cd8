import TestSupport
import Bytes
import Decisions
import JSON
import Testing

/// The user's bucket for every salt of the tables.
private func buckets(_ user: [UInt8], _ compiled: Compiled) -> [Int] {
  let count = compiled.tables.salts.count
  let room = count + SaltGroup.laneCount
  let memory = Memory(byteCount: room * 4)
  return withExtendedLifetime(memory) {
    let cells = Cells<UInt32>(memory.region, count: room)
    user.withBytes { Bucketing.fill(cells, compiled.tables, userKey: $0) }
    return (0..<count).map { Int(cells[$0]) }
  }
}

private func compiled(_ build: (inout TableBuilder) -> Void) -> Compiled {
  var builder = TableBuilder()
  build(&builder)
  return Compiled(tables: builder.finish())
}

struct BucketingTests {
  @Test func `the golden vectors of murmur3`() throws {
    let lines = Vectors.elements("bucketing.jsonl")
    #expect(lines.count == 19)
    for line in lines {
      let salt = try #require(line["salt"]?.string)
      let user = try #require(line["user_key"]?.string)
      let tables = compiled { _ = $0.internSalt(salt) }
      #expect(buckets(user, tables) == [line["bucket"]?.integer])
      #expect(Int(naiveMurmur3(user + Array(":".utf8) + salt)) == line["murmur3_x86_32"]?.integer)
    }
  }

  @Test func `the golden vectors of SHA-256`() throws {
    let lines = Vectors.elements("bucketing-sha256.jsonl")
    #expect(lines.count == 10)
    for line in lines {
      let salt = try #require(line["salt"]?.string)
      let user = try #require(line["subject_id"]?.string)
      let experiment = try #require(line["experiment_id"]?.string)
      let tables = compiled { _ = $0.addSHA256Salt(salt, experiment: experiment) }
      #expect(buckets(user, tables) == [line["bucket"]?.integer])
    }
  }

  /// The salt's blocks are mixed ahead of time for each of the four ways a key can leave them aligned; every
  /// pair of lengths 0...40 goes through every one of them, and through salts that end inside a first block.
  @Test func `a premixed salt gives the bucket of key, colon and salt hashed in one go`() {
    var random = Random(seed: 1)
    func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) } }
    // Of some lengths one, of others more than fit side by side; in the order that they are hashed in.
    let salts =
      [[]] + (1...40).flatMap { count in (0..<(count < 4 ? 1 : 1 + count % 11)).map { _ in bytes(count) } }
    let tables = compiled { builder in for salt in salts { _ = builder.internSalt(salt) } }
    for count in 0...40 {
      for _ in 0..<4 {
        let user = bytes(count)
        let found = buckets(user, tables)
        for (index, salt) in salts.enumerated() {
          let text = user + [UInt8(ascii: ":")] + salt
          #expect(found[index] == Int(text.withBytes { Murmur3.hash($0) } % 10_000), "\(count), \(index)")
          #expect(found[index] == Int(naiveMurmur3(text) % 10_000), "\(count), \(index)")
        }
      }
    }
  }

  /// A salt hashed by SHA-256 belongs to its experiment, so two of one text must not become one.
  @Test func `both algorithms share one table of salts`() {
    let tables = compiled { builder in
      _ = builder.internSalt(Array("s".utf8))
      _ = builder.addSHA256Salt(Array("s".utf8), experiment: Array("x".utf8))
      _ = builder.addSHA256Salt(Array("s".utf8), experiment: Array("y".utf8))
      _ = builder.internSalt(Array("s".utf8))
      _ = builder.internSalt(Array("t".utf8))
    }
    #expect(
      buckets(Array("user".utf8), tables) == [
        // Those of murmur3 come first, so that they lie side by side.
        naiveBucket("user", "s"), naiveBucket("user", "t"), naiveSHA256Bucket("user:x:s"),
        naiveSHA256Bucket("user:y:s"),
      ])
  }

  @Test func `users spread evenly over the buckets`() {
    let tables = compiled { _ = $0.internSalt(Array("spread".utf8)) }
    var counts = [Int](repeating: 0, count: 10)
    for user in 0..<10_000 { counts[buckets(Array("user-\(user)".utf8), tables)[0] / 1000] += 1 }
    // 1000 are expected in each tenth; five standard deviations of a fair draw are 150.
    for count in counts { #expect(abs(count - 1000) < 150) }
  }
}
