// The character classes of RFC 9110 section 5.6.2 and RFC 3986, as bit maps: one shift per byte. And what most of
// them are made of, for eight bytes at once.

import Bytes

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

  /// A byte of a host's name that stands for itself: unreserved and sub-delims.
  @inline(always)
  static func isName(_ byte: UInt8) -> Bool {
    isMember(byte, low: 0x2BFF_7FD2_0000_0000, high: 0x47FF_FFFE_87FF_FFFE)
  }

  /// A byte that the authority of a target may hold: those of names, percent, brackets and colon.
  @inline(always)
  static func isAuthority(_ byte: UInt8) -> Bool {
    isMember(byte, low: 0x2FFF_7FF2_0000_0000, high: 0x47FF_FFFE_AFFF_FFFE)
  }

  @inline(always)
  private static func isMember(_ byte: UInt8, low: UInt64, high: UInt64) -> Bool {
    byte < 64 ? low >> UInt64(byte) & 1 == 1 : byte < 128 && high >> UInt64(byte - 64) & 1 == 1
  }

  /// How many of the eight bytes, from the first one on, are letters, digits or hyphens: what most tokens are made of.
  @inline(always)
  static func ordinaryOfToken(_ word: UInt64) -> Int {
    let isHyphen = isZero(word ^ (ones &* 0x2D))
    return first(isLetter(word) | isIn(word, 0x30, 0x39) | isHyphen, word)
  }

  /// How many of the eight bytes, from the first one on, are letters, digits, hyphens or dots: what most hosts are made
  /// of.
  @inline(always)
  static func ordinaryOfName(_ word: UInt64) -> Int {
    let isSlash = isZero(word ^ (ones &* 0x2F))
    return first(isLetter(word) | isIn(word, 0x2D, 0x39) & ~isSlash, word)
  }

  // Each answers in the highest bit of a byte. With that bit set beforehand a byte lends nothing to its neighbours, so
  // the comparisons are exact.

  private static var ones: UInt64 { 0x0101_0101_0101_0101 }
  private static var high: UInt64 { 0x8080_8080_8080_8080 }

  @inline(always)
  private static func isIn(_ word: UInt64, _ low: UInt64, _ top: UInt64) -> UInt64 {
    ((word | high) &- ones &* low) & ~((word | high) &- ones &* (top + 1))
  }

  @inline(always)
  private static func isLetter(_ word: UInt64) -> UInt64 { isIn(word | ones &* 0x20, 0x61, 0x7A) }

  @inline(always)
  private static func isZero(_ word: UInt64) -> UInt64 { ~((word | high) &- ones) }

  /// The number of bytes before the first one that is not `good`, as none above ASCII is.
  @inline(always)
  private static func first(_ good: UInt64, _ word: UInt64) -> Int {
    ((~good | word) & high).trailingZeroBitCount / 8
  }
}
