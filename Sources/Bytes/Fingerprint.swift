// A 64-bit fingerprint of bytes, for sampling and for "seen before": fast, well mixed, the same everywhere, and
// no secret. Who must not be fooled by a client uses a keyed digest instead.

package enum Fingerprint {
  /// Of `bytes`: each word of eight bytes, the first byte lowest, is mixed into the state; then the 0...7 bytes
  /// that are left, as one big-endian number; then the number of bytes. The state begins as `seed`: who does not
  /// know it cannot choose bytes whose fingerprints meet.
  @_noAllocation @_noLocks
  package static func of(_ bytes: ByteView, seed: UInt64 = 0) -> UInt64 {
    var state = seed
    var offset = 0
    while offset + 8 <= bytes.count {
      state = mix(state ^ bytes.word(at: offset))
      offset += 8
    }
    var rest: UInt64 = 0
    while offset < bytes.count {
      rest = rest << 8 | UInt64(bytes[offset])
      offset += 1
    }
    state = mix(state ^ rest)
    return mix(state ^ UInt64(bytes.count))
  }

  /// The finalizer of SplitMix64 (Steele, Lea, Flood 2014), preceded by its increment so that 0 does not stay 0.
  @inline(always) @_noAllocation @_noLocks
  package static func mix(_ value: UInt64) -> UInt64 {
    var mixed = value &+ 0x9e37_79b9_7f4a_7c15
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }
}
