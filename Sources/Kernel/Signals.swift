// Signals as something to wait for: blocked in every thread, taken by the one that made this value.

internal import CLiburing
import Glibc

package struct Signals: ~Copyable {
  private var set = sigset_t()

  /// Blocks SIGTERM, SIGINT and SIGHUP in the calling thread and every thread it starts, and ignores SIGPIPE.
  package init() {
    unsafe sigemptyset(&set)
    unsafe sigaddset(&set, SIGTERM)
    unsafe sigaddset(&set, SIGINT)
    unsafe sigaddset(&set, SIGHUP)
    unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    signal(SIGPIPE, SIG_IGN)
  }

  /// What the process is asked for.
  package enum Request: Sendable { case end, reload }

  /// Returns when the process is asked to end or to read its files anew. After the first request to end, a
  /// second one ends it at once.
  package borrowing func wait() -> Request {
    var received: Int32 = 0
    var set = set
    while unsafe sigwait(&set, &received) != 0 {}
    if received == SIGHUP { return .reload }
    signal(SIGTERM, SIG_DFL)
    signal(SIGINT, SIG_DFL)
    unsafe sigdelset(&set, SIGHUP)
    unsafe pthread_sigmask(SIG_UNBLOCK, &set, nil)
    return .end
  }
}
