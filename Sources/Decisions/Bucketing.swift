// bucket = hash(user key, salt) mod 10000, for every salt of a snapshot at once. The user key's part of
// murmur3 is hashed once; a salt's blocks were mixed when the tables were built (PremixedSalt).

package import Bytes

/// The words of one salt, for each number of bytes (0...3) that the user key leaves pending before it:
/// what completes the pending block (unmixed), the whole blocks (mixed), and the tail (mixed).
package enum PremixedSalt {
  /// Words per alignment.
  package static func stride(saltCount: Int) -> Int { saltCount / 4 + 2 }

  /// Four alignments of ``stride(saltCount:)`` words each.
  package static func words(_ salt: ByteView) -> [UInt32] {
    (0..<4).flatMap { pending in
      var words: [UInt32] = []
      var offset = pending == 0 ? 0 : min(4 - pending, salt.count)
      words.append(block(salt, 0..<offset) << UInt32(8 * pending % 32))
      while offset + 4 <= salt.count {
        words.append(Murmur3.mix(salt.word32(at: offset)))
        offset += 4
      }
      words.append(Murmur3.mix(block(salt, offset..<salt.count)))
      return words + Array(repeating: 0, count: stride(saltCount: salt.count) - words.count)
    }
  }

  private static func block(_ bytes: ByteView, _ range: Range<Int>) -> UInt32 {
    range.reduce(0) { $0 | UInt32(bytes[$1]) << UInt32(8 * ($1 - range.lowerBound)) }
  }
}

package enum Bucketing {
  /// Writes the bucket of the user for every salt of `tables`, indexed as they are. There must be room for
  /// ``SaltGroup/laneCount`` buckets more than there are salts.
  @_noAllocation @_noLocks
  package static func fill(_ buckets: Cells<UInt32>, _ tables: Tables, userKey: ByteView) {
    let prefix = prefix(userKey)
    let groups = tables.saltGroups
    let words = tables.saltWords
    var hashed = 0
    for index in 0..<groups.count {
      let group = groups[index]
      // Lanes without a salt are written over by those that follow, or stand behind the last one.
      buckets.store(Murmur3.remainderBy10000(murmur3(prefix, group, words)), at: hashed)
      hashed &+= Int(group.saltCount)
    }
    let salts = tables.salts
    while hashed < salts.count {
      let hash = sha256(tables, salts[hashed], userKey)
      buckets[hashed] = UInt32(truncatingIfNeeded: hash % UInt64(BucketTable.bucketCount))
      hashed += 1
    }
  }

  /// What all salts' murmur3 hashes begin with.
  static func prefix(_ userKey: ByteView) -> Murmur3.Prefix {
    var prefix = Murmur3.Prefix(userKey)
    prefix.append(UInt8(ascii: ":"))
    return prefix
  }

  /// The bucket for one salt, where few are asked for.
  static func bucket(
    _ tables: Tables, salt index: Int, _ prefix: Murmur3.Prefix, userKey: ByteView
  ) -> UInt32 {
    let salt = tables.salts[index]
    if salt.isSHA256 {
      return UInt32(truncatingIfNeeded: sha256(tables, salt, userKey) % UInt64(BucketTable.bucketCount))
    }
    return prefix.hash(followedBy: tables.text(salt.text)) % UInt32(BucketTable.bucketCount)
  }

  @inline(always)
  private static func murmur3(
    _ prefix: Murmur3.Prefix, _ group: SaltGroup, _ words: Rows<Murmur3.Lanes>
  ) -> Murmur3.Lanes {
    let saltCount = Int(group.byteCount)
    let byteCount = prefix.byteCount + saltCount
    var word = Int(group.firstWord) + prefix.pendingCount * Int(group.stride)
    var state = Murmur3.Lanes(repeating: prefix.state)
    var left = saltCount
    if prefix.pendingCount > 0 {
      let completed = Murmur3.mix(Murmur3.Lanes(repeating: prefix.pending) | words[word])
      guard prefix.pendingCount + saltCount >= 4 else {
        return Murmur3.finish(state ^ completed, byteCount: byteCount)
      }
      state = Murmur3.round(state, completed)
      left -= 4 - prefix.pendingCount
    }
    word += 1
    while left >= 4 {
      state = Murmur3.round(state, words[word])
      word += 1
      left -= 4
    }
    return Murmur3.finish(state ^ words[word], byteCount: byteCount)
  }

  /// The first eight bytes of SHA-256 of `userKey:experimentId:salt`, big-endian.
  private static func sha256(_ tables: Tables, _ salt: SaltRow, _ userKey: ByteView) -> UInt64 {
    var digest = SHA256()
    digest.append(userKey)
    digest.append(UInt8(ascii: ":"))
    digest.append(tables.text(salt.experiment))
    digest.append(UInt8(ascii: ":"))
    digest.append(tables.text(salt.text))
    return digest.finishFirst64()
  }
}
