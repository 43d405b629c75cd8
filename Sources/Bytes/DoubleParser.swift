// The IEEE double nearest to a JSON number (RFC 8259 section 6), round half to even, without allocating.
// Short numbers take one exact multiplication; the rest go through a decimal that is shifted by powers of
// two until its mantissa stands before the point (Nigel Tao, "ParseNumberF64 by Simple Decimal Conversion").

package enum DoubleParser {
  /// The value of `text`, which must already be a valid JSON number; infinity where it is too large.
  @_noAllocation @_noLocks
  package static func parse(_ text: ByteView) -> Double {
    if let integer = shortInteger(text) { return integer }
    var decimal = ScannedNumber(text)
    let magnitude = decimal.exactValue ?? decimal.shiftedValue()
    return decimal.isNegative ? -magnitude : magnitude
  }

  /// What nearly every number is: up to 15 digits and nothing else, which a double holds exactly.
  private static func shortInteger(_ text: ByteView) -> Double? {
    guard text.count <= 15 else { return nil }
    var value: Int64 = 0
    for offset in 0..<text.count {
      let digit = text[offset] &- UInt8(ascii: "0")
      guard digit < 10 else { return nil }
      value = value &* 10 &+ Int64(digit)
    }
    return Double(value)
  }
}

/// A number's digits, as 0.d1d2d3... x 10^point, with what lies beyond the capacity noted as "more".
private struct ScannedNumber {
  /// Digits beyond 768 can only decide a tie, which `hasMore` does.
  static var capacity: Int { 800 }

  // A left shift writes up to 19 digits before it moves them into place.
  private var digits: [840 of UInt8] = .init(repeating: 0)
  private var count = 0
  private var point = 0
  private var hasMore = false
  private(set) var isNegative = false

  init(_ text: ByteView) {
    var offset = 0
    if text[0] == UInt8(ascii: "-") {
      isNegative = true
      offset = 1
    }
    var sawPoint = false
    while offset < text.count {
      let byte = text[offset]
      if byte == UInt8(ascii: ".") {
        sawPoint = true
      } else if byte | 0x20 == UInt8(ascii: "e") {
        point += Self.exponent(text, from: offset + 1)
        break
      } else {
        append(byte - UInt8(ascii: "0"), isFraction: sawPoint)
      }
      offset += 1
    }
    trim()
  }

  private mutating func append(_ digit: UInt8, isFraction: Bool) {
    if count == 0, digit == 0 {
      if isFraction { point -= 1 }
      return
    }
    if !isFraction { point += 1 }
    if count < Self.capacity {
      digits[count] = digit
      count += 1
    } else if digit != 0 {
      hasMore = true
    }
  }

  private static func exponent(_ text: ByteView, from start: Int) -> Int {
    var offset = start
    let sign = text[offset]
    if sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { offset += 1 }
    var value = 0
    while offset < text.count {
      // Beyond this every number is zero or infinite, whatever its digits: a text holds < 2^32 of them.
      if value < 1 << 40 { value = value * 10 + Int(text[offset] - UInt8(ascii: "0")) }
      offset += 1
    }
    return sign == UInt8(ascii: "-") ? -value : value
  }

  private mutating func trim() {
    while count > 0, digits[count - 1] == 0 { count -= 1 }
    if count == 0 { point = 0 }
  }

  /// The value where mantissa and power of ten are both exact doubles, so that one operation rounds once.
  var exactValue: Double? {
    guard count > 0 else { return 0 }
    guard count <= 15, !hasMore else { return nil }
    var mantissa: UInt64 = 0
    for index in 0..<count { mantissa = mantissa * 10 + UInt64(digits[index]) }
    let exponent = point - count
    guard exponent >= -22, exponent <= 22 else { return nil }
    var power = 1.0
    for _ in 0..<exponent.magnitude { power *= 10 }
    return exponent < 0 ? Double(mantissa) / power : Double(mantissa) * power
  }

  mutating func shiftedValue() -> Double {
    if point > 310 { return .infinity }
    if point < -330 { return 0 }
    var exponent = 0
    while point > 0 {
      let bits = point >= 18 ? 60 : 1 + (point - 1) * 3
      shiftRight(bits)
      exponent += bits
    }
    while point < 0 || (point == 0 && digits[0] < 5) {
      // 2^60 is more than 10^18, so it may be used only where the value stays below one.
      let bits = point < -18 ? 60 : max(1, -point * 3)
      shiftLeft(bits)
      exponent -= bits
    }
    exponent -= 1  // from 0.5..<1 to 1..<2
    if exponent < -1022 {
      shiftRightFar(-1022 - exponent)
      exponent = -1022
    }
    if exponent > 1023 { return .infinity }
    shiftLeft(53)
    var mantissa = roundedInteger()
    if mantissa == 1 << 53 {
      mantissa >>= 1
      exponent += 1
      if exponent > 1023 { return .infinity }
    }
    let biased = mantissa & 1 << 52 == 0 ? 0 : UInt64(exponent + 1023)
    return Double(bitPattern: biased << 52 | mantissa & (1 << 52 - 1))
  }

  private mutating func shiftRightFar(_ bits: Int) {
    var rest = bits
    while rest > 0 {
      shiftRight(min(rest, 60))
      rest -= 60
    }
  }

  /// Divides by 2^bits, bits in 1...60.
  private mutating func shiftRight(_ bits: Int) {
    var read = 0
    var rest: UInt64 = 0
    while rest >> UInt64(bits) == 0 {
      if read < count {
        rest = rest * 10 + UInt64(digits[read])
      } else if rest == 0 {
        count = 0
        point = 0
        return
      } else {
        rest *= 10
      }
      read += 1
    }
    point -= read - 1
    let mask = (1 as UInt64) << UInt64(bits) - 1
    var write = 0
    while read < count || rest > 0 {
      let digit = UInt8(rest >> UInt64(bits))
      rest = (rest & mask) * 10
      if read < count {
        rest += UInt64(digits[read])
        read += 1
      }
      if write < Self.capacity {
        digits[write] = digit
        write += 1
      } else if digit > 0 {
        hasMore = true
      }
    }
    count = write
    trim()
  }

  /// Multiplies by 2^bits, bits in 1...60.
  private mutating func shiftLeft(_ bits: Int) {
    guard count > 0 else { return }
    let room = 19  // 2^60 has 19 digits
    var carry: UInt64 = 0
    var index = count - 1
    while index >= 0 {
      carry += UInt64(digits[index]) << UInt64(bits)
      digits[index + room] = UInt8(carry % 10)
      carry /= 10
      index -= 1
    }
    var start = room
    while carry > 0 {
      start -= 1
      digits[start] = UInt8(carry % 10)
      carry /= 10
    }
    let added = room - start
    let total = count + added
    count = min(total, Self.capacity)
    for offset in 0..<count { digits[offset] = digits[start + offset] }
    for offset in count..<max(count, total) where digits[start + offset] != 0 { hasMore = true }
    point += added
    trim()
  }

  /// The digits before the point, rounded half to even; at most 2^53.
  private func roundedInteger() -> UInt64 {
    guard point >= 0 else { return 0 }
    var value: UInt64 = 0
    for index in 0..<point { value = value * 10 + UInt64(index < count ? digits[index] : 0) }
    guard point < count else { return value }
    let next = digits[point]
    if next == 5, point + 1 == count, !hasMore { return value + value % 2 }
    return next >= 5 ? value + 1 : value
  }
}
