import Access
import Bytes
import TestSupport
import Testing

struct ForwardedForTests {
  /// The value, and the client as the proxies 10.0.0.0/8 and fd00::/8 tell it; nil where it is not believed.
  static let rows: [(String, String?)] = [
    ("1.2.3.4", "1.2.3.4"), ("9.9.9.9, 1.2.3.4", "1.2.3.4"), ("1.2.3.4, 10.0.0.1", "1.2.3.4"),
    ("1.2.3.4,10.0.0.1,10.2.3.4", "1.2.3.4"), ("  1.2.3.4 ,\t10.0.0.1 ", "1.2.3.4"),
    ("10.0.0.7, 10.0.0.1", "10.0.0.7"), ("10.0.0.7", "10.0.0.7"), ("2001:db8::1, fd00::2", "2001:db8::1"),
    ("::ffff:1.2.3.4", "1.2.3.4"), ("nonsense, 1.2.3.4", "1.2.3.4"),
    ("nonsense, 1.2.3.4, 10.0.0.1", "1.2.3.4"),
    ("1.2.3.4:5678", "1.2.3.4"), ("[2001:db8::1]:443, 10.0.0.1", "2001:db8::1"),
    ("[2001:db8::1]", "2001:db8::1"),
    ("nonsense", nil), ("1.2.3.4, nonsense", nil), ("1.2.3.4, nonsense, 10.0.0.1", nil), ("1.2.3.4,", nil),
    (",1.2.3.4", "1.2.3.4"), (",10.0.0.1", nil), (",", nil), ("unknown, 10.0.0.1", nil), ("1.2.3.4:x", nil),
    ("1.2.3.4:", nil), ("[2001:db8::1", nil), ("[2001:db8::1]x", nil), ("[]", nil), ("1.2.3.4:65536", nil),
    ("_hidden", nil), ("1.2.3.4;5.6.7.8", nil),
  ]

  @Test(arguments: rows)
  func `the last address that is no trusted proxy's is the client's`(value: String, expected: String?) throws
  {
    let entries = ["10.0.0.0/8", "fd00::/8"]
    let proxies = try Tables(AddressList.byteCount(entries)) { AddressList(entries, &$0) }.value
    let found = GuardedBytes(value.utf8).withBytes { ForwardedFor.client($0, proxies) }
    #expect(found == expected.flatMap { text in Array(text.utf8).withBytes { IPAddress.parse($0) } })
  }

  @Test func `what a client puts in front changes nothing`() throws {
    let entries = ["10.0.0.0/8"]
    let proxies = try Tables(AddressList.byteCount(entries)) { AddressList(entries, &$0) }.value
    var random = Random(seed: 8)
    let expected = IPAddress(v4: 0x0102_0304)
    for _ in 0..<5000 {
      let forged = (0..<random.below(40)).map { _ in UInt8(0x20 + random.below(95)) }
      let value = forged + Array(",1.2.3.4, 10.0.0.1".utf8)
      #expect(GuardedBytes(value).withBytes { ForwardedFor.client($0, proxies) } == expected)
    }
  }
}
