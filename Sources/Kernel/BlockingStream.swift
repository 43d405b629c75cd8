// A stream that waits: for a tool that asks one question and has nothing else to do.

import Glibc

package struct BlockingStream: ~Copyable {
  private let socket: Descriptor

  /// Connects to `endpoint`; this and every later step fails after `timeout` seconds.
  package init(to endpoint: Endpoint, timeout: Int) throws(SystemFailure) {
    let address = try Address(of: endpoint)
    let socket = try Socket.stream(to: address)
    var limit = timeval(tv_sec: timeout, tv_usec: 0)
    for option in [SO_SNDTIMEO, SO_RCVTIMEO] {
      unsafe setsockopt(socket.number, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
    }
    let number = socket.number
    while unsafe Socket.withPointer(to: address, { unsafe connect(number, $0, address.length) }) != 0 {
      guard errno == EINTR else { throw Self.failure("connect to \(endpoint)") }
    }
    self.socket = socket
  }

  package borrowing func send(_ bytes: [UInt8]) throws(SystemFailure) {
    var count = 0
    while count < bytes.count {
      let taken = unsafe bytes.withUnsafeBytes {
        unsafe Glibc.send(
          socket.number, $0.baseAddress! + count, $0.count - count, Int32(truncatingIfNeeded: MSG_NOSIGNAL))
      }
      if taken < 0, errno == EINTR { continue }
      guard taken > 0 else { throw Self.failure("send") }
      count += taken
    }
  }

  /// What has come; empty once nothing more will.
  package borrowing func receive() throws(SystemFailure) -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = unsafe recv(socket.number, &buffer, buffer.count, 0)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw Self.failure("receive") }
      return Array(buffer.prefix(count))
    }
  }

  /// A step that took too long fails with EAGAIN or EINPROGRESS, which says nothing to whoever reads it.
  private static func failure(_ call: String) -> SystemFailure {
    SystemFailure(call, code: errno == EAGAIN || errno == EINPROGRESS ? ETIMEDOUT : errno)
  }
}
