// murmur3_x86_32 with seed 0 (Austin Appleby's MurmurHash3), in two halves: the prefix, hashed once per
// request and shared by every experiment, and a salt whose blocks were mixed when the tables were built.

@usableFromInline package enum Murmur3 {
  /// The hash of `bytes`, in one go.
  @_noAllocation @_noLocks
  package static func hash(_ bytes: ByteView) -> UInt32 {
    let prefix = Prefix(bytes)
    var state = prefix.state
    if prefix.pendingCount > 0 { state ^= mix(prefix.pending) }
    return finish(state, byteCount: bytes.count)
  }

  /// What is left of a hash after the whole blocks of its beginning.
  package struct Prefix {
    /// The state after every whole 4-byte block.
    package var state: UInt32 = 0
    /// The 0...3 bytes behind the last whole block, first one lowest.
    package var pending: UInt32 = 0
    package var pendingCount = 0
    package var byteCount = 0

    @_noAllocation @_noLocks
    package init(_ bytes: ByteView) {
      let whole = bytes.count & ~3
      var offset = 0
      while offset < whole {
        state = round(state, mix(bytes.word32(at: offset)))
        offset += 4
      }
      while offset < bytes.count {
        append(bytes[offset])
        offset += 1
      }
      byteCount = bytes.count
    }

    @_noAllocation @_noLocks
    package mutating func append(_ byte: UInt8) {
      pending |= UInt32(byte) << UInt32(8 * pendingCount)
      pendingCount += 1
      byteCount += 1
      if pendingCount == 4 {
        state = round(state, mix(pending))
        pending = 0
        pendingCount = 0
      }
    }
  }

  /// Salts that are hashed side by side.
  @usableFromInline package typealias Lanes = SIMD8<UInt32>

  @inlinable @inline(always)
  package static func mix(_ block: Lanes) -> Lanes {
    let product = block &* 0xcc9e_2d51
    return (product &<< 15 | product &>> 17) &* 0x1b87_3593
  }

  @inlinable @inline(always)
  package static func round(_ state: Lanes, _ mixed: Lanes) -> Lanes {
    let merged = state ^ mixed
    let rotated = merged &<< 13 | merged &>> 19
    // Times five, without a multiplication.
    return (rotated &<< 2) &+ rotated &+ 0xe654_6b64
  }

  @inlinable @inline(always)
  package static func finish(_ state: Lanes, byteCount: Int) -> Lanes {
    var hash = state ^ Lanes(repeating: UInt32(truncatingIfNeeded: byteCount))
    hash ^= hash &>> 16
    hash = hash &* 0x85eb_ca6b
    hash ^= hash &>> 13
    hash = hash &* 0xc2b2_ae35
    return hash ^ hash &>> 16
  }

  /// One block before it meets the state: independent of the state, so it can be done ahead of time.
  @inlinable @inline(always)
  package static func mix(_ block: UInt32) -> UInt32 {
    let product = block &* 0xcc9e_2d51
    return (product << 15 | product >> 17) &* 0x1b87_3593
  }

  @inlinable @inline(always)
  package static func round(_ state: UInt32, _ mixed: UInt32) -> UInt32 {
    let merged = state ^ mixed
    return (merged << 13 | merged >> 19) &* 5 &+ 0xe654_6b64
  }

  @inlinable @inline(always)
  package static func finish(_ state: UInt32, byteCount: Int) -> UInt32 {
    var hash = state ^ UInt32(truncatingIfNeeded: byteCount)
    hash ^= hash >> 16
    hash = hash &* 0x85eb_ca6b
    hash ^= hash >> 13
    hash = hash &* 0xc2b2_ae35
    return hash ^ hash >> 16
  }
}
