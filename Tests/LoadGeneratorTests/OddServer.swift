// A server that does with each connection what a test says, and then closes it.

import Glibc
import Kernel
import ProgramSupport

final class OddServer {
  /// One end of a connection, with calls that wait.
  struct Stream {
    fileprivate let socket: Int32

    /// What came; empty once nothing more will.
    func receive() throws -> [UInt8] {
      var buffer = [UInt8](repeating: 0, count: 65_536)
      let count = unsafe recv(socket, &buffer, buffer.count, 0)
      guard count >= 0 else { throw SystemFailure("receive") }
      return Array(buffer.prefix(count))
    }

    func send(_ bytes: [UInt8]) throws {
      guard unsafe Glibc.send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
        throw SystemFailure("send")
      }
    }
  }

  let endpoint: Endpoint
  private let listener: Int32

  init(_ serve: @escaping @Sendable (Stream) throws -> Void) throws {
    let (listener, port) = try Plug.listen()
    self.listener = listener
    endpoint = .tcp(host: "127.0.0.1", port: port)
    try Threads.start("odd server") {
      while true {
        let socket = accept(listener, nil, nil)
        guard socket >= 0 else {
          close(listener)
          return
        }
        try? Threads.start("odd stream") {
          try? serve(Stream(socket: socket))
          close(socket)
        }
      }
    }
  }

  deinit { shutdown(listener, Int32(SHUT_RDWR)) }
}
