// A service manager as a process sees it: a Unix socket for datagrams about its state, and sockets to start with.

import Glibc
import Kernel

package final class ServiceManagerPeer {
  package let path: String
  private let descriptor: Descriptor
  private var messages: [String] = []

  package init(in folder: Folder) throws {
    path = folder.path("notify.sock")
    descriptor = Descriptor(
      Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0))
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { target in
      for (offset, byte) in path.utf8.enumerated() { unsafe target[offset] = byte }
    }
    let number = descriptor.number
    guard unsafe Plug.with(address, { unsafe bind(number, $0, $1) }) == 0 else { throw SystemFailure("bind") }
  }

  /// What it has heard so far.
  package func heard() -> [String] {
    while Plug.wait(descriptor.number, POLLIN, within: 0) != 0 {
      var bytes = [UInt8](repeating: 0, count: 4096)
      let count = unsafe recv(descriptor.number, &bytes, bytes.count, Int32(MSG_DONTWAIT))
      guard count > 0 else { break }
      messages.append(String(decoding: bytes.prefix(count), as: UTF8.self))
    }
    return messages
  }

  /// What starts a process with `sockets`, as the manager does: from descriptor 3 on, with variables that say so.
  package static func passing(_ sockets: [Int32]) -> [String] {
    for socket in sockets { _ = fcntl(socket, F_SETFD, 0) }
    let moves = sockets.enumerated().map { "\($0.offset + 3)<&\($0.element)" }.joined(separator: " ")
    // Low numbers are free only once the sockets have high ones.
    return [
      "/bin/bash", "-c",
      "export LISTEN_PID=$$ LISTEN_FDS=\(sockets.count); exec \"$0\" \"$@\" \(moves)",
    ]
  }
}
