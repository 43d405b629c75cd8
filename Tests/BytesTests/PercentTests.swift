import Bytes
import TestSupport
import Testing

struct PercentTests {
  private func decode(_ text: String, plusIsSpace: Bool = false) -> [UInt8]? {
    GuardedBytes(text.utf8).withBytes { text in
      var isValid = false
      // Nothing decodes to more bytes than it is written in.
      let bytes = [UInt8](capacity: text.count) {
        isValid = Percent.decode(text, plusIsSpace: plusIsSpace, into: &$0)
      }
      return isValid ? bytes : nil
    }
  }

  @Test func `every byte decodes from its escape in either case`() {
    for byte in UInt8.min...UInt8.max {
      let digits = (byte < 16 ? "0" : "") + String(byte, radix: 16)
      #expect(decode("%" + digits) == [byte])
      #expect(decode("a%" + digits.uppercased() + "z") == [0x61, byte, 0x7A])
    }
  }

  @Test func `every byte but the percent sign means itself in a path`() {
    for byte in UInt8.min...UInt8.max where byte != UInt8(ascii: "%") && byte < 0x80 {
      #expect(decode(String(Unicode.Scalar(byte))) == [byte])
    }
  }

  @Test func `a plus is a blank in a query and a plus in a path`() {
    #expect(decode("a+b%2B", plusIsSpace: true) == Array("a b+".utf8))
    #expect(decode("a+b%2B", plusIsSpace: false) == Array("a+b+".utf8))
  }

  @Test func `whatever is escaped, a text decodes as byte by byte`() {
    var random = Random(seed: 41)
    for _ in 0..<2_000 {
      let bytes = random.bytes(Int.random(in: 0...40, using: &random), of: 0x20...0x7E)
      var text = ""
      for byte in bytes {
        if byte == UInt8(ascii: " "), Bool.random(using: &random) {
          text += "+"
        } else if "%+ ".utf8.contains(byte) || Int.random(in: 0..<4, using: &random) == 0 {
          text += "%" + String(0x100 + Int(byte), radix: 16).dropFirst()
        } else {
          text += String(Unicode.Scalar(byte))
        }
      }
      #expect(decode(text, plusIsSpace: true) == bytes, "\(text)")
    }
  }

  @Test func `an escape is decoded once`() {
    #expect(decode("%2541") == Array("%41".utf8))
  }

  @Test(arguments: ["%", "a%", "%4", "a%4", "%zz", "%4g", "%g4", "%%41", "% 41", "%+1", "%-1"])
  func `half an escape is refused, and nothing appended`(_ text: String) {
    #expect(decode(text) == nil)
    let bytes = [UInt8](capacity: 16) { output in
      Array(("ok" + text).utf8).withBytes { _ = Percent.decode($0, plusIsSpace: true, into: &output) }
    }
    #expect(bytes == [])
  }

  @Test func `a text that may not fit overflows`() {
    GuardedBytes([0, 0, 0]).withRegion { region in
      var output = Output(region)
      #expect(decodes("abc", into: &output) && !output.isOverflowing)
      output.rewind(to: 0)
      #expect(decodes("abcd", into: &output) && output.isOverflowing && output.count == 0)
    }
  }

  private func decodes(_ text: StaticString, into output: inout Output) -> Bool {
    Percent.decode(text.bytes, plusIsSpace: false, into: &output)
  }
}
