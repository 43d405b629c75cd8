// Processor time of the calling thread: what the machine does meanwhile costs it caches, but no time.

import Glibc

package enum ThreadClock {
  /// Nanoseconds so far.
  package static func nanoseconds() -> Double {
    var time = timespec()
    unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
  }
}
