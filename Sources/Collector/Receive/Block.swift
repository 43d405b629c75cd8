// What the receiver hands to the sinks: accepted datagrams back to back, in memory that is made at the start and
// goes round. A block belongs to the receiver until it is handed over, and to nobody until every sink is done.

package import Bytes
package import Exposures
package import Kernel

package final class Block: @unchecked Sendable {
  /// Bytes of datagrams in one block.
  static let byteMax = 1 << 20

  private let memory: Memory
  /// Bytes in use: of each datagram two bytes of length, then the datagram.
  package private(set) var byteCount = 0
  package private(set) var recordCount = 0
  /// How far each stream is that has datagrams in this block, once they are stored.
  package var marks: [StreamMark] = []
  /// Milliseconds since 1970, when the block was handed over.
  package var arrivedAt: UInt64 = 0

  package init() throws(SystemFailure) {
    memory = try Memory(byteCount: Self.byteMax)
  }

  package var isEmpty: Bool { byteCount == 0 }

  /// Whether another datagram fits.
  package var hasRoom: Bool { byteCount + 2 + DatagramFormat.byteMax <= Self.byteMax }

  /// Appends a datagram of records, whose bytes were checked; there must be room.
  package func append(_ bytes: ByteView, records: Int) {
    precondition(hasRoom)
    memory.region.store(littleEndian: UInt16(bytes.count), at: byteCount)
    memory.region.copy(bytes, to: byteCount + 2)
    byteCount += 2 + bytes.count
    recordCount += records
  }

  package func clear() {
    byteCount = 0
    recordCount = 0
    marks = []
  }

  /// Calls `body` with every datagram, in the order of their arrival.
  package func forEach<Failure: Error>(_ body: (Datagram) throws(Failure) -> Void) throws(Failure) {
    var offset = 0
    while offset < byteCount {
      let count = Int(memory.region.bytes.word16(at: offset))
      let bytes = memory.region.bytes.slice((offset + 2)..<(offset + 2 + count))
      guard case .datagram(let datagram) = Datagram.read(bytes) else {
        preconditionFailure("a block holds only datagrams that were read before")
      }
      try body(datagram)
      offset += 2 + count
    }
  }
}
