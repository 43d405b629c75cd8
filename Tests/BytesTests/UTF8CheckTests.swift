import Bytes
import TestSupport
import Testing

struct UTF8CheckTests {
  private func expectSameAsSwift(_ bytes: [UInt8]) {
    let expected = String(validating: bytes, as: UTF8.self) != nil
    GuardedBytes(bytes).withBytes { #expect(UTF8Check.isValid($0) == expected, "\(bytes)") }
  }

  @Test func `every sequence of up to two bytes is judged as Swift judges it`() {
    expectSameAsSwift([])
    for first in UInt8.min...UInt8.max {
      expectSameAsSwift([first])
      for second in stride(from: 0, through: 0xFF, by: 5) { expectSameAsSwift([first, UInt8(second)]) }
    }
  }

  // The second byte is where overlong forms, surrogates and what is above U+10FFFF differ from the rest.
  @Test(arguments: 0xE0...0xFF as ClosedRange<UInt8>)
  func `every lead byte of three and more is judged as Swift judges it`(_ first: UInt8) {
    for second in UInt8.min...UInt8.max {
      expectSameAsSwift([first, second])
      for third: UInt8 in [0x7F, 0x80, 0xBF, 0xC0] {
        expectSameAsSwift([first, second, third])
        expectSameAsSwift([first, second, third, 0x80])
      }
    }
  }

  @Test func `random bytes and mutated text are judged as Swift judges them`() {
    var random = Random(seed: 1)
    let alphabet: [UInt8] = [0x00, 0x41, 0x7F, 0x80, 0xBF, 0xC2, 0xE0, 0xED, 0xF0, 0xF4, 0xFF]
    for _ in 0..<2_000 {
      expectSameAsSwift(random.bytes(Int.random(in: 0...24, using: &random), of: alphabet))
      var text = Array("plain ASCII text, \u{E9}, \u{20AC}, \u{1F680} and on".utf8)
      text[Int.random(in: 0..<text.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      expectSameAsSwift(text)
    }
  }

  @Test func `an appended scalar is what Swift encodes`() {
    for scalar
      in ([0, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFD, 0xFFFF, 0x10000, 0x10FFFF] as [UInt32])
    {
      let bytes = [UInt8](capacity: 4) { UTF8Check.append(scalar: scalar, to: &$0) }
      #expect(bytes == Array(String(Unicode.Scalar(scalar)!).utf8))
      bytes.withBytes { #expect(UTF8Check.sequenceLength($0, at: 0) == bytes.count) }
    }
  }
}
