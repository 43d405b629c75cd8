// Addresses that are told apart from all others, such as those of trusted proxies: single ones and blocks (RFC 4632),
// and whoever comes over a Unix socket, which has no address.

package import Bytes

/// The addresses that begin with the same bits.
package struct AddressBlock: BitwiseCopyable, Sendable {
  private let base: IPAddress
  private let mask: IPAddress

  /// `10.0.0.0/8`, `fd00::/8`, or one address; nil if `text` is neither.
  package init?(_ text: ByteView) {
    let slash = text.firstOffset(of: UInt8(ascii: "/")) ?? text.count
    let digits = text.slice(0..<slash)
    guard let address = IPAddress.parse(digits) else { return nil }
    let width = digits.firstOffset(of: UInt8(ascii: ":")) == nil ? 32 : 128
    var bitCount = width
    if slash < text.count {
      guard let given = Decimal.parse(text.dropping(slash + 1), maximum: width) else { return nil }
      bitCount = given
    }
    // The 96 bits that every IPv4 address begins with belong to the block too.
    bitCount += 128 - width
    mask = IPAddress(high: Self.ones(bitCount), low: Self.ones(bitCount - 64))
    base = IPAddress(high: address.high & mask.high, low: address.low & mask.low)
  }

  /// A word that begins with so many ones.
  private static func ones(_ count: Int) -> UInt64 {
    count <= 0 ? 0 : ~UInt64(0) << UInt64(max(0, 64 - count))
  }

  @_noAllocation @_noLocks
  package func contains(_ address: IPAddress) -> Bool {
    address.high & mask.high == base.high && address.low & mask.low == base.low
  }
}

package struct AddressList: Sendable {
  /// The word for whoever comes over a Unix socket.
  package static var localName: String { "unix" }
  /// Entries of one list.
  package static var entryMax: Int { 256 }

  private let blocks: Cells<AddressBlock>
  package let includesLocal: Bool

  /// Whether nobody is on it.
  package var isEmpty: Bool { @_noAllocation @_noLocks get { blocks.count == 0 && !includesLocal } }

  /// Whether an entry of such a list may read so.
  package static func isEntry(_ text: String) -> Bool {
    text == localName || Array(text.utf8).withBytes { AddressBlock($0) } != nil
  }

  package static func byteCount(_ entries: [String]) -> Int {
    entries.count * MemoryLayout<AddressBlock>.stride + 64
  }

  package init(_ entries: [String], _ carver: inout Carver) {
    let found = entries.compactMap { text in Array(text.utf8).withBytes { AddressBlock($0) } }
    blocks = carver.cells(found.count)
    for (index, block) in found.enumerated() { blocks[index] = block }
    includesLocal = entries.contains(Self.localName)
  }

  @_noAllocation @_noLocks
  package func contains(_ address: IPAddress) -> Bool {
    for index in 0..<blocks.count where blocks[index].contains(address) { return true }
    return false
  }
}
