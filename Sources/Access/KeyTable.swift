// The keys that are known, by their SHA-256: open addressing, at most half full. The keys themselves are nowhere.

package import Bytes

package struct KeyTable: Sendable {
  /// Keys of one table.
  package static var keyMax: Int { 1024 }

  /// A key as the configuration has it.
  package struct Key: Sendable {
    /// Of 32 bytes.
    package var digest: [UInt8]
    /// Names; empty for every environment.
    package var environments: [String]
    /// A bit for each route.
    package var routes: UInt64

    package init(digest: [UInt8], environments: [String] = [], routes: UInt64 = .max) {
      self.digest = digest
      self.environments = environments
      self.routes = routes
    }
  }

  /// A key that was found.
  package struct Match {
    /// Its place among the keys, from 0.
    package let index: Int
    package let grant: Grant
  }

  private struct Row: BitwiseCopyable {
    var digest: [4 of UInt64]
    var grant: Grant
    /// Its place among the keys, plus one; 0 for an empty row.
    var number: UInt32
  }

  private let rows: Cells<Row>

  package static func byteCount(_ keys: [Key]) -> Int {
    rowCount(keys.count) * MemoryLayout<Row>.stride
      + keys.reduce(64) { $0 + Grant.encode($1.environments).count + 64 }
  }

  /// The digests of `keys` differ.
  package init(_ keys: [Key], _ carver: inout Carver) {
    precondition(keys.count <= Self.keyMax)
    rows = carver.cells(Self.rowCount(keys.count))
    for (index, key) in keys.enumerated() {
      let encoded = Grant.encode(key.environments)
      let names = carver.region(encoded.count)
      encoded.withBytes { names.copy($0, to: 0) }
      let digest = key.digest.withBytes { digest in [4 of UInt64] { digest.word(at: $0 * 8) } }
      var place = firstPlace(digest)
      while rows[place].number > 0 { place = (place + 1) % rows.count }
      rows[place] = Row(
        digest: digest, grant: Grant(routes: key.routes, names: names.bytes), number: UInt32(index + 1))
    }
  }

  /// A power of two.
  private static func rowCount(_ keyCount: Int) -> Int {
    var count = 4
    while count < 2 * keyCount { count *= 2 }
    return count
  }

  private func firstPlace(_ digest: [4 of UInt64]) -> Int {
    Int(truncatingIfNeeded: digest[0] & UInt64(rows.count - 1))
  }

  /// The key with this digest, its first byte lowest in the first word. Which byte of a digest differs does not show
  /// in the time; it is the digest of what the client sent, so even that would tell nothing of a key.
  @_noAllocation @_noLocks
  package func find(_ digest: [4 of UInt64]) -> Match? {
    var place = firstPlace(digest)
    while rows[place].number > 0 {
      let row = rows[place]
      var difference: UInt64 = 0
      for index in 0..<4 { difference |= row.digest[index] ^ digest[index] }
      if difference == 0 { return Match(index: Int(row.number) - 1, grant: row.grant) }
      place = (place + 1) % rows.count
    }
    return nil
  }
}
