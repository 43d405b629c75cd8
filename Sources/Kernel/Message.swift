// Datagrams with their origin, as recvmsg of either driver leaves them in a receive buffer.

package import Bytes
internal import CLiburing
import Glibc

/// Datagrams of one origin as they were received.
package struct Message {
  package var origin: Address
  /// One datagram, or several of `segment` bytes one after the other, the last one shorter.
  package var payload: ByteView
  /// Bytes of each of several; 0 for one.
  package var segment: Int
  /// How many datagrams the socket had no room for so far; 0 before the first one.
  package var drops: UInt32
  /// Whether the buffer was too small for it.
  package var isCut: Bool

  package init(origin: Address, payload: ByteView, segment: Int, drops: UInt32, isCut: Bool) {
    self.origin = origin
    self.payload = payload
    self.segment = segment
    self.drops = drops
    self.isCut = isCut
  }

  /// The message in the first `count` bytes of a buffer, whose memory it points into; nil if it is no whole one.
  init?(in region: ByteRegion, count: Int) {
    var form = unsafe msghdr()
    unsafe turnout_prepare_message_form(&form)
    var parts = unsafe turnout_message()
    guard unsafe turnout_read_message(region.start, Int32(count), &form, &parts) != 0 else { return nil }
    unsafe origin = Address(parts.origin, count: Int(parts.origin_length))
    unsafe payload = ByteView(start: parts.payload, count: Int(parts.payload_length))
    unsafe segment = Int(parts.segment)
    unsafe drops = parts.drops
    unsafe isCut = parts.is_cut != 0
  }

  /// Receives without waiting into `region`, which then holds a message of as many bytes; -1 with errno if it failed.
  static func receive(_ socket: Int32, into region: ByteRegion) -> Int {
    var form = unsafe msghdr()
    unsafe turnout_prepare_message_form(&form)
    return unsafe Int(turnout_receive_message(socket, region.start, UInt32(region.count), &form))
  }
}
