// A file descriptor that is closed when its owner goes.

import Glibc

package struct Descriptor: ~Copyable, Sendable {
  package let number: Int32

  package init(_ number: Int32) {
    self.number = number
  }

  deinit {
    close(number)
  }

  /// Gives up ownership.
  package consuming func release() -> Int32 {
    let number = number
    discard self
    return number
  }
}
