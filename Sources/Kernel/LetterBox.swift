// A connection between two processes of one user over which letters go, single bytes, and descriptors beside them.
// Both ends are asked who they are, and no call waits longer than it was told to.

internal import CLiburing
import Glibc

package final class LetterBox: Sendable {
  private let socket: Descriptor
  package let descriptor: Int32

  package struct Letter: Sendable {
    package let byte: UInt8
    /// A descriptor that now belongs to this process; -1 for none.
    package let descriptor: Int32
  }

  /// The connection that waits at a listener.
  package convenience init(acceptingFrom listener: Int32, milliseconds: Int) throws(SystemFailure) {
    try self.init(
      Descriptor(accept4(listener, nil, nil, Int32(SOCK_CLOEXEC.rawValue))), "accept", milliseconds)
  }

  /// Connects to whoever listens at `path`; nil if nobody does.
  package static func connect(to path: String, milliseconds: Int) throws(SystemFailure) -> LetterBox? {
    let address = try Address(of: .unix(path: path))
    let socket = try Socket.stream(to: address)
    let number = socket.number
    guard unsafe Socket.withPointer(to: address, { unsafe Glibc.connect(number, $0, address.length) }) == 0
    else {
      if errno == ENOENT || errno == ECONNREFUSED { return nil }
      throw SystemFailure("connect to \(path)")
    }
    return try LetterBox(socket, "connect to \(path)", milliseconds)
  }

  private init(
    _ socket: consuming Descriptor, _ call: String, _ milliseconds: Int
  ) throws(SystemFailure) {
    let number = socket.number
    guard number >= 0 else { throw SystemFailure(call) }
    var time = timeval(tv_sec: milliseconds / 1000, tv_usec: milliseconds % 1000 * 1000)
    let length = socklen_t(MemoryLayout<timeval>.size)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      guard unsafe setsockopt(number, SOL_SOCKET, option, &time, length) == 0 else {
        throw SystemFailure("setsockopt SO_RCVTIMEO")
      }
    }
    descriptor = number
    self.socket = socket
  }

  /// The process at the other end if it is of the same user; nil for a stranger.
  package var peer: Int32? {
    var peer = turnout_peer()
    var length = socklen_t(MemoryLayout<turnout_peer>.size)
    guard unsafe getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0, peer.user == geteuid()
    else { return nil }
    return peer.process
  }

  /// Whether the letter left in time.
  package func send(_ byte: UInt8, descriptor other: Int32 = -1) -> Bool {
    turnout_send_letter(descriptor, CChar(bitPattern: byte), other) == 1
  }

  /// The next letter; nil at the end, or when none came in time.
  package func receive() -> Letter? {
    var byte: CChar = 0
    var other: Int32 = -1
    guard unsafe turnout_receive_letter(descriptor, &byte, &other) == 1 else { return nil }
    return Letter(byte: UInt8(bitPattern: byte), descriptor: other)
  }
}
