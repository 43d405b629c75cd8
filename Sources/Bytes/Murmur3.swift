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
        offset &+= 4
      }
      pendingCount = bytes.count &- whole
      byteCount = bytes.count
      if whole > 0 {
        // The last four bytes without those that were hashed.
        let last = UInt64(bytes.word32(at: bytes.count &- 4))
        pending = UInt32(truncatingIfNeeded: last &>> UInt64(32 &- 8 &* pendingCount))
      } else {
        while offset < bytes.count {
          pending |= UInt32(bytes[offset]) &<< UInt32(8 &* offset)
          offset &+= 1
        }
      }
    }

    /// The hash of the beginning and `rest` behind it.
    @_noAllocation @_noLocks
    package func hash(followedBy rest: ByteView) -> UInt32 {
      var state = state
      var pending = UInt64(pending)
      var pendingBits = UInt64(8 &* pendingCount)
      var offset = 0
      while offset <= rest.count &- 4 {
        let word = UInt64(rest.word32(at: offset)) &<< pendingBits | pending
        state = round(state, mix(UInt32(truncatingIfNeeded: word)))
        pending = word &>> 32
        offset &+= 4
      }
      while offset < rest.count {
        pending |= UInt64(rest[offset]) &<< pendingBits
        pendingBits &+= 8
        offset &+= 1
      }
      if pendingBits >= 32 {
        state = round(state, mix(UInt32(truncatingIfNeeded: pending)))
        pending &>>= 32
      }
      return finish(state ^ mix(UInt32(truncatingIfNeeded: pending)), byteCount: byteCount &+ rest.count)
    }

    @_noAllocation @_noLocks
    package mutating func append(_ byte: UInt8) {
      pending |= UInt32(byte) &<< UInt32(8 &* pendingCount)
      pendingCount &+= 1
      byteCount &+= 1
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

  /// Of each lane the remainder of its division by 10,000: the upper bits of its product with 2^45 / 10,000, rounded up,
  /// are the quotient of every 32-bit number (Granlund and Montgomery, "Division by Invariant Integers", 1994).
  @inlinable @inline(always)
  package static func remainderBy10000(_ hashes: Lanes) -> Lanes {
    let pairs = unsafe unsafeBitCast(hashes, to: SIMD4<UInt64>.self)
    let low = remainderBy10000(pairs & 0xFFFF_FFFF)
    let high = remainderBy10000(pairs &>> 32)
    return unsafe unsafeBitCast(low | high &<< 32, to: Lanes.self)
  }

  @inlinable @inline(always)
  static func remainderBy10000(_ numbers: SIMD4<UInt64>) -> SIMD4<UInt64> {
    numbers &- ((numbers &* 3_518_437_209) &>> 45) &* 10_000
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
