// Signals as something to wait for: blocked in every thread, taken by the one that made this value.

internal import CLiburing
import Glibc

package struct Signals: ~Copyable {
  private var set = sigset_t()

  /// Blocks SIGTERM and SIGINT in the calling thread and every thread it starts, and ignores SIGPIPE.
  package init() {
    unsafe sigemptyset(&set)
    unsafe sigaddset(&set, SIGTERM)
    unsafe sigaddset(&set, SIGINT)
    unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    signal(SIGPIPE, SIG_IGN)
  }

  /// Returns when the process is asked to end; a second request then ends it at once.
  package borrowing func waitForEnd() {
    var received: Int32 = 0
    var set = set
    while unsafe sigwait(&set, &received) != 0 {}
    signal(SIGTERM, SIG_DFL)
    signal(SIGINT, SIG_DFL)
    unsafe pthread_sigmask(SIG_UNBLOCK, &set, nil)
  }
}
