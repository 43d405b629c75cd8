// Whether bytes are well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, at most U+10FFFF).

package enum UTF8Check {
  @_noAllocation @_noLocks
  package static func isValid(_ bytes: ByteView) -> Bool {
    var offset = 0
    while offset < bytes.count {
      while offset <= bytes.count &- 8, bytes.word(at: offset) & 0x8080_8080_8080_8080 == 0 {
        offset &+= 8
      }
      while offset < bytes.count, bytes[offset] < 0x80 { offset &+= 1 }
      guard offset < bytes.count else { return true }
      let count = sequenceLength(bytes, at: offset)
      guard count > 0 else { return false }
      offset += count
    }
    return true
  }

  /// The length, 1...4, of the well-formed sequence at `offset`; 0 if there is none.
  @_noAllocation @_noLocks
  package static func sequenceLength(_ bytes: ByteView, at offset: Int) -> Int {
    let first = bytes[offset]
    switch first {
    case 0...0x7F: return 1
    case 0xC2...0xDF: return hasTail(bytes, at: offset, count: 2) ? 2 : 0
    case 0xE0...0xEF:
      guard hasTail(bytes, at: offset, count: 3) else { return 0 }
      let second = bytes[offset + 1]
      if first == 0xE0, second < 0xA0 { return 0 }
      if first == 0xED, second > 0x9F { return 0 }
      return 3
    case 0xF0...0xF4:
      guard hasTail(bytes, at: offset, count: 4) else { return 0 }
      let second = bytes[offset + 1]
      if first == 0xF0, second < 0x90 { return 0 }
      if first == 0xF4, second > 0x8F { return 0 }
      return 4
    default: return 0
    }
  }

  private static func hasTail(_ bytes: ByteView, at offset: Int, count: Int) -> Bool {
    guard offset + count <= bytes.count else { return false }
    for index in 1..<count where bytes[offset + index] & 0xC0 != 0x80 { return false }
    return true
  }

  /// Appends the UTF-8 of a scalar value, which must not be a surrogate.
  @_noAllocation @_noLocks
  package static func append(scalar: UInt32, to output: inout Output) {
    switch scalar {
    case 0...0x7F: output.append(UInt8(scalar))
    case 0x80...0x7FF:
      output.append(UInt8(0xC0 | scalar >> 6))
      output.append(UInt8(0x80 | scalar & 0x3F))
    case 0x800...0xFFFF:
      output.append(UInt8(0xE0 | scalar >> 12))
      output.append(UInt8(0x80 | scalar >> 6 & 0x3F))
      output.append(UInt8(0x80 | scalar & 0x3F))
    default:
      output.append(UInt8(0xF0 | scalar >> 18))
      output.append(UInt8(0x80 | scalar >> 12 & 0x3F))
      output.append(UInt8(0x80 | scalar >> 6 & 0x3F))
      output.append(UInt8(0x80 | scalar & 0x3F))
    }
  }
}
