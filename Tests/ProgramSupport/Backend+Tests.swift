// The driver that this run of the tests is about: `TURNOUT_TEST_DRIVER=epoll` has programs and servers use epoll, and
// without it they choose for themselves.

import Glibc
package import Kernel

extension Backend {
  static let wanted = unsafe getenv("TURNOUT_TEST_DRIVER").flatMap {
    unsafe Backend(rawValue: String(cString: $0))
  }

  /// For servers within the tests' own process.
  package static let underTest = try! choose(wanted).backend
}
