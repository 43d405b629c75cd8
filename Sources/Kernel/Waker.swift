// Wakes a thread that waits for completions, from any other thread.

internal import CLiburing
import Glibc

package struct Waker: Sendable {
  let descriptor: Int32

  /// A waker that lives as long as the process.
  package init() throws(SystemFailure) {
    descriptor = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
    guard descriptor >= 0 else { throw SystemFailure("eventfd") }
  }

  /// Makes the waiting thread's next wait return at once. Cheap, but a system call.
  package func wake() {
    var one: UInt64 = 1
    _ = unsafe write(descriptor, &one, 8)
  }

  /// Returns when somebody wakes, or after the time; for a thread that has no ring.
  package func wait(milliseconds: Int32) {
    var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    if unsafe poll(&request, 1, milliseconds) > 0 { drain() }
  }

  /// Takes note of whoever woke; whether somebody did.
  @discardableResult
  package func drain() -> Bool {
    var count: UInt64 = 0
    return unsafe read(descriptor, &count, 8) == 8
  }
}
