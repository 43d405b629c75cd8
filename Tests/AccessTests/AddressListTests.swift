import Access
import Bytes
import TestSupport
import Testing

struct AddressListTests {
  private func contains(_ entries: [String], _ address: String) throws -> Bool {
    let address = try #require(Array(address.utf8).withBytes { IPAddress.parse($0) })
    return try Tables(AddressList.byteCount(entries)) { AddressList(entries, &$0) }.value.contains(address)
  }

  @Test(arguments: [
    (["10.0.0.0/8"], "10.255.1.2", true), (["10.0.0.0/8"], "11.0.0.0", false),
    (["10.1.2.3/8"], "10.9.9.9", true), (["0.0.0.0/0"], "1.2.3.4", true), (["0.0.0.0/0"], "::1", false),
    (["::/0"], "1.2.3.4", true), (["::1"], "::1", true), (["::1"], "::2", false),
    (["fd00::/8"], "fdff::1", true), (["fd00::/8"], "fe00::1", false),
    (["2001:db8::/64"], "2001:db8::9", true),
    (["2001:db8::/64"], "2001:db8:0:1::9", false), (["2001:db8::/65"], "2001:db8::8000:0:0:0", false),
    (["10.0.0.1"], "::ffff:10.0.0.1", true), (["::ffff:10.0.0.0/104"], "10.7.7.7", true),
    (["1.1.1.1", "2.2.2.2"], "2.2.2.2", true), ([], "2.2.2.2", false), (["unix"], "127.0.0.1", false),
    (["10.0.0.4/31"], "10.0.0.5", true), (["10.0.0.4/31"], "10.0.0.6", false),
    (["10.0.0.4/32"], "10.0.0.5", false),
  ])
  func `a list has its addresses and blocks`(entries: [String], address: String, expected: Bool) throws {
    #expect(try contains(entries, address) == expected)
  }

  @Test func `a block has exactly the addresses that begin like it`() throws {
    var random = Random(seed: 5)
    for _ in 0..<2000 {
      let bitCount = random.below(33)
      let base = UInt32(truncatingIfNeeded: random.next())
      // Near the base, so that both answers come up.
      let other = base ^ (random.below(4) == 0 ? 0 : 1 << UInt32(random.below(32)))
      let expected = bitCount == 0 || base >> UInt32(32 - bitCount) == other >> UInt32(32 - bitCount)
      #expect(try contains(["\(text(base))/\(bitCount)"], text(other)) == expected)
    }
  }

  private func text(_ address: UInt32) -> String {
    (0..<4).map { String(address >> UInt32(24 - 8 * $0) & 0xFF) }.joined(separator: ".")
  }

  @Test(arguments: [
    ("unix", true), ("1.2.3.4", true), ("::/0", true), ("10.0.0.0/33", false), ("::/129", false),
    ("10.0.0.0/", false),
    ("10.0.0.0/-1", false), ("/8", false), ("example.com", false), ("", false), ("Unix", false),
    ("1.2.3.4/8/8", false),
  ])
  func `an entry is an address, a block or the word for Unix sockets`(text: String, isEntry: Bool) {
    #expect(AddressList.isEntry(text) == isEntry)
  }

  @Test func `who comes over a Unix socket is on the list if it says so`() throws {
    for (entries, isLocal, isEmpty) in [(["unix"], true, false), (["::1"], false, false), ([], false, true)] {
      let list = try Tables(AddressList.byteCount(entries)) { AddressList(entries, &$0) }.value
      #expect(list.includesLocal == isLocal)
      #expect(list.isEmpty == isEmpty)
    }
  }
}
