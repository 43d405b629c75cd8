// What the process and its service manager tell each other, in systemd's way: sockets that it was started with, and
// datagrams about its state. Without a manager nothing happens.

internal import CLiburing
import Glibc

package struct ServiceManager: Sendable {
  /// Where the manager is told; -1 without one.
  private let socket: Int32
  /// Nanoseconds within which it wants to hear that the process is alive; nil if it does not.
  package let watchdogTime: UInt64?
  private let listenerCount: Int

  /// Those that the variables of the process speak of.
  package init(_ variables: [String: String]) {
    func number(_ name: String) -> Int? { variables[name].flatMap { Int($0) } }
    let process = Int(getpid())
    listenerCount = number("LISTEN_PID") == process ? max(0, number("LISTEN_FDS") ?? 0) : 0
    let isWatched = number("WATCHDOG_PID") ?? process == process
    watchdogTime = isWatched ? number("WATCHDOG_USEC").flatMap { $0 > 0 ? UInt64($0) * 1000 : nil } : nil
    socket = variables["NOTIFY_SOCKET"].flatMap { Self.connect($0) } ?? -1
  }

  /// The sockets that the process was started with; to be asked for once.
  package func listeners() throws(SystemFailure) -> [Listener] {
    var listeners: [Listener] = []
    for index in 0..<listenerCount {
      listeners.append(try Listener(adopting: Self.firstDescriptor + Int32(index), isLent: true))
    }
    return listeners
  }

  private static var firstDescriptor: Int32 { 3 }

  /// Whether anybody listens.
  package var isThere: Bool { socket >= 0 }

  /// Says something, such as `READY=1`; lost if nobody reads it.
  package func notify(_ state: String) {
    guard isThere else { return }
    let text = Array(state.utf8)
    _ = unsafe send(socket, text, text.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
  }

  /// The path of a socket, or with `@` a name that no file has.
  private static func connect(_ name: String) -> Int32? {
    let path = Array(name.utf8)
    guard path.count < 108, path.first == UInt8(ascii: "/") || path.first == UInt8(ascii: "@") else {
      return nil
    }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { target in
      for (offset, byte) in path.enumerated() {
        unsafe target[offset] = offset == 0 && byte == 0x40 ? 0 : byte
      }
    }
    let number = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard number >= 0 else { return nil }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + path.count)
    let code = unsafe withUnsafePointer(to: address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe Glibc.connect(number, $0, length) }
    }
    guard code == 0 else {
      close(number)
      return nil
    }
    return number
  }
}
