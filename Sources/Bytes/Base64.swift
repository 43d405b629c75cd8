// RFC 4648 base64: the standard alphabet when writing, the standard or the URL-safe one when reading.

package enum Base64 {
  /// Appends the padded standard encoding of `bytes`.
  package static func encode<Sink: ByteSink & ~Copyable>(_ bytes: ByteView, into sink: inout Sink) {
    let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    var offset = 0
    while offset < bytes.count {
      let available = min(3, bytes.count - offset)
      var group: UInt32 = 0
      for index in 0..<available { group |= UInt32(bytes[offset + index]) << UInt32(16 - 8 * index) }
      for index in 0..<4 {
        let sextet = Int(group >> UInt32(18 - 6 * index)) & 63
        sink.append(index <= available ? alphabet.bytes[sextet] : UInt8(ascii: "="))
      }
      offset += 3
    }
  }

  /// Appends the URL-safe encoding of `bytes`, without padding.
  @_noAllocation @_noLocks
  package static func encodeURL(_ bytes: ByteView, into output: inout Output) {
    let alphabet = ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" as StaticString).bytes
    let count = (bytes.count * 4 + 2) / 3
    guard let room = output.room(count) else { return }
    var place = 0
    var offset = 0
    while offset < bytes.count {
      var group = UInt32(bytes[offset]) << 16
      if offset + 1 < bytes.count { group |= UInt32(bytes[offset + 1]) << 8 }
      if offset + 2 < bytes.count { group |= UInt32(bytes[offset + 2]) }
      var shift: UInt32 = 18
      for _ in 0..<min(4, count - place) {
        room.store(alphabet[Int(group >> shift) & 63], at: place)
        place += 1
        shift &-= 6
      }
      offset += 3
    }
    output.advance(by: count)
  }

  /// Appends what `text` encodes and returns true, or returns false if it is not base64. Padding may be
  /// left out; bits behind the last whole byte must be zero, so that every value has one spelling.
  package static func decode<Sink: ByteSink & ~Copyable>(_ text: ByteView, into sink: inout Sink) -> Bool {
    var end = text.count
    if end > 0, end % 4 == 0 {
      var padding = 0
      while padding < 2, end > 0, text[end - 1] == UInt8(ascii: "=") {
        end -= 1
        padding += 1
      }
    }
    guard end % 4 != 1 else { return false }
    var group: UInt32 = 0
    var bits: UInt32 = 0
    for offset in 0..<end {
      guard let sextet = value(text[offset]) else { return false }
      group = group << 6 | UInt32(sextet)
      bits += 6
      if bits >= 8 {
        bits -= 8
        sink.append(UInt8(truncatingIfNeeded: group >> bits))
      }
    }
    return group & ((1 << bits) - 1) == 0
  }

  /// Like ``decode(_:into:)``, for those who must not allocate.
  @_noAllocation @_noLocks
  package static func decodeURL(_ text: ByteView, into output: inout Output) -> Bool {
    decode(text, into: &output)
  }

  private static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case 0x41...0x5A: digit - 0x41
    case 0x61...0x7A: digit - 0x61 + 26
    case 0x30...0x39: digit - 0x30 + 52
    case UInt8(ascii: "+"), UInt8(ascii: "-"): 62
    case UInt8(ascii: "/"), UInt8(ascii: "_"): 63
    default: nil
    }
  }
}
