import Bytes
import Glibc
import TestSupport
import Testing

struct IPAddressTests {
  private func parse(_ text: String) -> IPAddress? {
    GuardedBytes(text.utf8).withBytes { IPAddress.parse($0) }
  }

  /// What the C library makes of the text.
  private func oracle(_ text: String) -> IPAddress? {
    var bytes = [UInt8](repeating: 0, count: 16)
    if text.contains(":") {
      guard unsafe inet_pton(AF_INET6, text, &bytes) == 1 else { return nil }
      return bytes.withBytes { IPAddress(high: $0.word(at: 0).byteSwapped, low: $0.word(at: 8).byteSwapped) }
    }
    guard unsafe inet_pton(AF_INET, text, &bytes) == 1 else { return nil }
    return bytes.withBytes { IPAddress(v4: $0.word32(at: 0).byteSwapped) }
  }

  static let good = [
    "0.0.0.0", "127.0.0.1", "255.255.255.255", "10.20.30.40", "::", "::1", "1::", "fe80::1:2", "2001:db8::",
    "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "ABCD:ef01::", "::ffff:10.0.0.1", "1::2.3.4.5",
    "1:2:3:4:5:6:7.8.9.10", "0000:0001::0",
  ]
  static let bad = [
    "", ".", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", " 1.2.3.4", "1..2.3", "1.2.3.",
    "0x1.2.3.4", "1.2.3.-4", ":", ":::", "1:", ":1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3",
    "12345::",
    "g::", "::1%lo", "[::1]", "1.2.3.4:80", "::1.2.3", "1:2:3:4:5:6:7:1.2.3.4", "1:2:3:4:5:6:7:8::",
    "::1.2.3.4:5",
    "1:2:3:4::5:6:7:8", "1.2.3.4::",
  ]

  @Test(arguments: good + bad)
  func `text is read as the C library reads it`(text: String) {
    #expect(parse(text) == oracle(text))
    #expect((parse(text) != nil) == Self.good.contains(text))
  }

  @Test func `mutations of good text too`() {
    var random = Random(seed: 31)
    let letters = Array("0123456789abcdefF:::...%[ ]x".utf8)
    for _ in 0..<100_000 {
      var text = Array(Self.good[random.below(Self.good.count)].utf8)
      for _ in 0..<(1 + random.below(3)) {
        let place = random.below(text.count + 1)
        switch random.below(3) {
        case 0: text.insert(letters[random.below(letters.count)], at: place)
        case 1 where place < text.count: text.remove(at: place)
        case 2 where place < text.count: text[place] = letters[random.below(letters.count)]
        default: break
        }
      }
      let string = String(decoding: text, as: UTF8.self)
      #expect(parse(string) == oracle(string), "\(string)")
    }
  }

  @Test(arguments: [
    ("127.0.0.1", true), ("127.255.0.9", true), ("::1", true), ("::ffff:127.0.0.1", true), ("0.0.0.0", false),
    ("::", false), ("128.0.0.1", false), ("::2", false), ("10.0.0.1", false), ("fe80::1", false),
  ])
  func `loopback is what only this machine reaches`(text: String, isLoopback: Bool) {
    #expect(parse(text)?.isLoopback == isLoopback)
  }

  @Test func `an IPv4 address is its mapped form`() {
    #expect(parse("10.0.0.1") == parse("::ffff:10.0.0.1"))
    #expect(parse("10.0.0.1")?.isV4 == true)
    #expect(parse("::10.0.0.1")?.isV4 == false)
  }
}
