// Hexadecimal digits, both ways.

package enum Hex {
  /// The lower-case digit of `value`, 0...15.
  @_noAllocation @_noLocks
  package static func digit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
  }

  /// The value 0...15 of a digit in either case, or nil.
  @_noAllocation @_noLocks
  package static func value(_ digit: UInt8) -> UInt8? {
    let decimal = digit &- UInt8(ascii: "0")
    if decimal < 10 { return decimal }
    let letter = (digit | 0x20) &- UInt8(ascii: "a")
    return letter < 6 ? letter &+ 10 : nil
  }

  /// Appends two lower-case digits per byte.
  package static func encode<Sink: ByteSink & ~Copyable>(_ bytes: ByteView, into sink: inout Sink) {
    for offset in 0..<bytes.count {
      sink.append(digit(bytes[offset] >> 4))
      sink.append(digit(bytes[offset] & 0xF))
    }
  }
}
