// Who is at the other end of a connection. The kernel is asked when somebody wants to know, once per connection.

package import Bytes
import Kernel

package enum Peer: BitwiseCopyable, Sendable {
  /// On this machine, over a Unix socket.
  case local
  case address(IPAddress)

  /// What is known of a connection's peer; nil until somebody asked.
  struct Row: BitwiseCopyable {
    var socket: Int32
    var peer: Peer?
  }

  init(of socket: Int32) {
    guard let address = Address(peerOf: socket) else {
      // Gone already: nobody is trusted for it, and nobody reads the answer.
      self = .address(.unspecified)
      return
    }
    guard let ip = address.ip else {
      self = .local
      return
    }
    self = .address(ip)
  }
}
