// A socket for datagrams on the loopback interface: the collector as an edge sees it, or an edge as a collector does.

import Bytes
import Glibc
import Kernel

package final class DatagramPeer: Sendable {
  package let port: UInt16
  private let descriptor: Descriptor

  package init() throws {
    let descriptor = Descriptor(
      Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0))
    guard descriptor.number >= 0 else { throw SystemFailure("socket") }
    var size: Int32 = 8 << 20
    unsafe setsockopt(descriptor.number, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
    let bound = unsafe Plug.with(Plug.loopback(0)) { unsafe bind(descriptor.number, $0, $1) }
    guard bound == 0 else { throw SystemFailure("bind") }
    var address = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    _ = unsafe withUnsafeMutablePointer(to: &address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe getsockname(descriptor.number, $0, &length)
      }
    }
    port = UInt16(bigEndian: address.sin_port)
    self.descriptor = descriptor
  }

  /// The next datagram and the port it came from, or nil after the time.
  package func receive(within limit: Double) -> (bytes: [UInt8], port: UInt16)? {
    guard Plug.wait(descriptor.number, POLLIN, within: limit) != 0 else { return nil }
    var bytes = [UInt8](repeating: 0, count: 65_536)
    var address = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let count = unsafe withUnsafeMutablePointer(to: &address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe recvfrom(descriptor.number, &bytes, bytes.count, 0, $0, &length)
      }
    }
    guard count >= 0 else { return nil }
    return (Array(bytes.prefix(count)), UInt16(bigEndian: address.sin_port))
  }

  package func send(_ bytes: [UInt8], to port: UInt16) {
    _ = unsafe Plug.with(Plug.loopback(port)) { address, length in
      unsafe sendto(descriptor.number, bytes, bytes.count, Int32(MSG_NOSIGNAL), address, length)
    }
  }
}
