// The character classes of RFC 9110 section 5.6.2 and RFC 3986, as bit maps: one shift per byte.

enum Characters {
  /// A byte of a token: ALPHA, DIGIT and !#$%&'*+-.^_`|~
  @inline(always)
  static func isToken(_ byte: UInt8) -> Bool {
    isMember(byte, low: 0x03FF_6CFA_0000_0000, high: 0x57FF_FFFF_C7FF_FFFE)
  }

  /// A byte that a request target may hold: visible ASCII but the "#" of a fragment.
  @inline(always)
  static func isTarget(_ byte: UInt8) -> Bool {
    byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: "#")
  }

  /// A byte of a host with port: unreserved, sub-delims, percent, brackets and colon.
  @inline(always)
  static func isHost(_ byte: UInt8) -> Bool {
    isMember(byte, low: 0x2FFF_7FF2_0000_0000, high: 0x47FF_FFFE_AFFF_FFFE)
  }

  @inline(always)
  private static func isMember(_ byte: UInt8, low: UInt64, high: UInt64) -> Bool {
    byte < 64 ? low >> UInt64(byte) & 1 == 1 : byte < 128 && high >> UInt64(byte - 64) & 1 == 1
  }
}
