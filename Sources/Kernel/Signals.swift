// Signals as something to wait for: blocked in every thread, taken by the one that made this value.

internal import CLiburing
import Glibc

package struct Signals: ~Copyable {
  private let descriptor: Descriptor

  /// Blocks SIGTERM, SIGINT and SIGHUP in the calling thread and every thread it starts, ignores SIGPIPE, and lets a
  /// crash end the process at once: the Swift runtime would start a program that looks into it, which takes seconds
  /// that nobody is served in, and forever where no program may be started.
  package init() throws(SystemFailure) {
    var set = Self.set
    unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    signal(SIGPIPE, SIG_IGN)
    for number in [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV] { signal(number, SIG_DFL) }
    descriptor = Descriptor(unsafe signalfd(-1, &set, Int32(SFD_CLOEXEC) | Int32(SFD_NONBLOCK)))
    guard descriptor.number >= 0 else { throw SystemFailure("signalfd") }
  }

  private static var set: sigset_t {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    for number in [SIGTERM, SIGINT, SIGHUP] { unsafe sigaddset(&set, number) }
    return set
  }

  /// Why a wait is over.
  package enum Event: Sendable {
    /// The process is asked to end.
    case end
    /// It is asked to read its files anew.
    case reload
    /// There is something to read or to accept, or the other side is gone.
    case input
    case timeout
  }

  /// Waits for a signal, for input of one descriptor or of none (-1), or for the time to be over; a negative time never
  /// is. After the first signal to end, a second one ends the process at once.
  package borrowing func wait(orInputOf input: Int32 = -1, milliseconds: Int32 = -1) -> Event {
    var requests = [
      pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0),
      pollfd(fd: input, events: Int16(POLLIN), revents: 0),
    ]
    let count = unsafe poll(&requests, 2, milliseconds)
    guard count > 0 else { return .timeout }
    var signal = signalfd_siginfo()
    let size = MemoryLayout<signalfd_siginfo>.size
    guard unsafe read(descriptor.number, &signal, size) == size else {
      return requests[1].revents != 0 ? .input : .timeout
    }
    if signal.ssi_signo == UInt32(SIGHUP) { return .reload }
    letEnd()
    return .end
  }

  private borrowing func letEnd() {
    signal(SIGTERM, SIG_DFL)
    signal(SIGINT, SIG_DFL)
    var set = Self.set
    unsafe sigdelset(&set, SIGHUP)
    unsafe pthread_sigmask(SIG_UNBLOCK, &set, nil)
  }
}
