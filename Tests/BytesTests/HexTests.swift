import Bytes
import Testing

struct HexTests {
  @Test func `every byte reads back from its two digits`() {
    for byte in UInt8.min...UInt8.max {
      var digits: [UInt8] = []
      [byte].withBytes { Hex.encode($0, into: &digits) }
      #expect(String(decoding: digits, as: UTF8.self) == (byte < 16 ? "0" : "") + String(byte, radix: 16))
      #expect(Hex.value(digits[0]) == byte >> 4)
      #expect(Hex.value(digits[1]) == byte & 0xF)
    }
  }

  @Test func `only digits and the first six letters have a value`() {
    for byte in UInt8.min...UInt8.max {
      let character = Character(Unicode.Scalar(byte))
      let expected = character.isASCII ? character.hexDigitValue : nil
      #expect(Hex.value(byte).map(Int.init) == expected)
    }
  }
}
