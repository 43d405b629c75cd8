// A socket that connections are accepted from, opened by this process or by another one that handed it over. It is
// known by the address that it is bound to.

internal import CLiburing
import Glibc

package struct Listener: Sendable {
  package let socket: Int32
  package let address: Address
  /// Whether somebody else looks after it, the file of a Unix socket included.
  package let isLent: Bool

  /// Opens one; with `isShared` several may listen on the same TCP endpoint.
  package init(_ endpoint: Endpoint, isShared: Bool) throws(SystemFailure) {
    address = try Address(of: endpoint)
    socket = try Socket.listen(endpoint, isShared: isShared).release()
    isLent = false
  }

  /// Takes over a descriptor of another process; one that is no listening stream socket is refused.
  package init(adopting descriptor: Int32, isLent: Bool) throws(SystemFailure) {
    socket = descriptor
    self.isLent = isLent
    guard Socket.option(SO_ACCEPTCONN, of: descriptor) == 1,
      Socket.isStream(descriptor),
      let address = Address(of: descriptor)
    else {
      throw SystemFailure(
        "take over descriptor \(descriptor)", code: EINVAL, remedy: "Hand over stream sockets that listen.")
    }
    self.address = address
    // What an exec keeps, nobody owns.
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    if address.family != AF_UNIX { Socket.sendAtOnce(descriptor) }
  }
}
