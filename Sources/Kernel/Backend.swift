// Which of the system's drivers a process uses.

import Glibc

package enum Backend: String, Sendable, CaseIterable {
  case uring = "io_uring"
  case epoll

  /// The driver to be used, and why it is not io_uring if nobody asked for another: `wanted`, or io_uring if this system
  /// allows it, or else epoll. A limit that is too low is no reason to serve more slowly in silence: it is thrown.
  package static func choose(
    _ wanted: Backend? = nil
  ) throws(SystemFailure) -> (backend: Backend, refusal: SystemFailure?) {
    guard wanted != .epoll else { return (.epoll, nil) }
    do throws(SystemFailure) {
      try UringDriver.probe()
      return (.uring, nil)
    } catch {
      // Seccomp profiles say EPERM or ENOSYS, and kernels before 6.1 EINVAL.
      guard wanted == nil, [EPERM, ENOSYS, EINVAL].contains(error.code) else { throw error }
      return (.epoll, error)
    }
  }
}
