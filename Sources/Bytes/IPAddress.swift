// An IP address as a number of 128 bits, and its text (RFC 4291 section 2.2). IPv4 is the mapped form of IPv6, so one
// client is one number whichever socket it came by. Text that could be read in two ways is none: `010.0.0.1`, `10.1`.

package struct IPAddress: BitwiseCopyable, Equatable, Sendable {
  /// The upper and the lower half, the first byte highest.
  package var high: UInt64
  package var low: UInt64

  @_noAllocation @_noLocks
  package init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  @_noAllocation @_noLocks
  package init(v4: UInt32) {
    self.init(high: 0, low: 0xFFFF_0000_0000 | UInt64(v4))
  }

  /// `::`, which no peer has.
  package static var unspecified: IPAddress { @_noAllocation @_noLocks get { IPAddress(high: 0, low: 0) } }

  package var isV4: Bool { @_noAllocation @_noLocks get { high == 0 && low >> 32 == 0xFFFF } }

  package var isLoopback: Bool {
    @_noAllocation @_noLocks get { isV4 ? low & 0xFF00_0000 == 0x7F00_0000 : high == 0 && low == 1 }
  }

  /// The address that `text` is, without brackets, port or zone; nil if it is none.
  @_noAllocation @_noLocks
  package static func parse(_ text: ByteView) -> IPAddress? {
    if text.firstOffset(of: UInt8(ascii: ":")) != nil { return parseV6(text) }
    guard let v4 = parseV4(text) else { return nil }
    return IPAddress(v4: v4)
  }

  private static func parseV4(_ text: ByteView) -> UInt32? {
    var value: UInt32 = 0
    var start = 0
    for part in 0..<4 {
      let end = part < 3 ? text.firstOffset(of: UInt8(ascii: "."), from: start) : text.count
      guard let end, end > start, end - start <= 3 else { return nil }
      let digits = text.slice(start..<end)
      // A leading zero is octal to some.
      guard let number = Decimal.parse(digits, maximum: 255), digits.count == 1 || digits[0] != 0x30 else {
        return nil
      }
      value = value << 8 | UInt32(number)
      start = end + 1
    }
    return value
  }

  private static func parseV6(_ text: ByteView) -> IPAddress? {
    var groups: [8 of UInt16] = .init(repeating: 0)
    var count = 0
    /// How many groups stand before "::".
    var gap = -1
    var offset = 0
    if text.starts(with: ("::" as StaticString).bytes) {
      gap = 0
      offset = 2
    }
    while offset < text.count {
      let end = text.firstOffset(of: UInt8(ascii: ":"), from: offset) ?? text.count
      let part = text.slice(offset..<end)
      if end == text.count, part.firstOffset(of: UInt8(ascii: ".")) != nil {
        guard count <= 6, let v4 = parseV4(part) else { return nil }
        groups[count] = UInt16(v4 >> 16)
        groups[count + 1] = UInt16(v4 & 0xFFFF)
        count += 2
        break
      }
      guard count < 8, let group = parseGroup(part) else { return nil }
      groups[count] = group
      count += 1
      guard end < text.count else { break }
      offset = end + 1
      // A single colon at the end is none.
      guard offset < text.count else { return nil }
      if text[offset] == UInt8(ascii: ":") {
        guard gap < 0 else { return nil }
        gap = count
        offset += 1
      }
    }
    guard gap < 0 ? count == 8 : count < 8 else { return nil }
    var address = unspecified
    for place in 0..<8 {
      let isBeforeGap = gap < 0 || place < gap
      let index = isBeforeGap ? place : place - (8 - count)
      let group = isBeforeGap || index >= gap ? groups[index] : 0
      address.high = address.high << 16 | address.low >> 48
      address.low = address.low << 16 | UInt64(group)
    }
    return address
  }

  /// One to four hexadecimal digits.
  private static func parseGroup(_ text: ByteView) -> UInt16? {
    guard !text.isEmpty, text.count <= 4 else { return nil }
    var value: UInt16 = 0
    for offset in 0..<text.count {
      guard let digit = Hex.value(text[offset]) else { return nil }
      value = value << 4 | UInt16(digit)
    }
    return value
  }
}
