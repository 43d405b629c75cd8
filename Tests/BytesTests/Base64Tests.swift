import Bytes
import TestSupport
import Testing

struct Base64Tests {
  private func encode(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    GuardedBytes(bytes).withBytes { Base64.encode($0, into: &text) }
    return String(decoding: text, as: UTF8.self)
  }

  private func decode(_ text: String) -> [UInt8]? {
    var bytes: [UInt8] = []
    return GuardedBytes(text.utf8).withBytes { Base64.decode($0, into: &bytes) } ? bytes : nil
  }

  // RFC 4648 section 10.
  @Test(arguments: [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
    ("foobar", "Zm9vYmFy"),
  ])
  func `the vectors of RFC 4648 hold both ways`(_ plain: String, _ text: String) {
    #expect(encode(Array(plain.utf8)) == text)
    #expect(decode(text) == Array(plain.utf8))
  }

  @Test func `whatever was encoded decodes, with padding or without`() {
    var random = Random(seed: 1)
    for count in 0..<200 {
      let bytes = random.bytes(count, of: 0...255)
      let text = encode(bytes)
      #expect(text.utf8.count == (count + 2) / 3 * 4)
      #expect(decode(text) == bytes)
      #expect(decode(text.filter { $0 != "=" }) == bytes)
    }
  }

  @Test func `the URL alphabet means the same`() {
    #expect(encode([0xFB, 0xFF, 0xBF]) == "+/+/")
    #expect(decode("+/+/") == [0xFB, 0xFF, 0xBF])
    #expect(decode("-_-_") == [0xFB, 0xFF, 0xBF])
  }

  @Test func `an output takes what fits it`() {
    let text = Array("-_-_Zg".utf8)
    let bytes = [UInt8](capacity: 4) { output in
      #expect(text.withBytes { Base64.decodeURL($0, into: &output) })
    }
    #expect(bytes == [0xFB, 0xFF, 0xBF, UInt8(ascii: "f")])
    _ = [UInt8](capacity: 3) { output in
      _ = text.withBytes { Base64.decodeURL($0, into: &output) }
      #expect(output.isOverflowing)
      output.rewind(to: 0)
      #expect(!Array("Z".utf8).withBytes { Base64.decodeURL($0, into: &output) })
    }
  }

  // Two texts of one value would be two names of one signature.
  @Test(arguments: ["Zh==", "Zm9=", "Zh", "Zm9", "Zg==Zg=="])
  func `bits behind the last byte must be zero`(_ text: String) {
    #expect(decode(text) == nil)
  }

  @Test(arguments: [
    "Z", "Zm9vY", "=", "==", "===", "====", "Z===", "Zg=", "Zg===", "Zm8==", "Zm9v=", "Zm9v====", "Z=g=",
    "Zg=a",
    " Zg==", "Zg==\n", "Zm 9v", "Zm9\u{0}", "Zm9\u{E9}", "Zm9.", "Zm9,", "Zm9:", "Zm9@", "Zm9[", "Zm9`",
    "Zm9{",
  ])
  func `what is not base64 is refused`(_ text: String) {
    #expect(decode(text) == nil)
  }
}
