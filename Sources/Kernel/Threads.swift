// Threads with a name, pinned to a processor or made to give way if asked; they live as long as the process.

internal import CLiburing
import Glibc

package enum Threads {
  private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// Starts a thread. `name` shows in tools, its first 15 bytes. One that gives way leaves a processor that it shares
  /// to the others as soon as they want it, but for a quarter of its time.
  package static func start(
    _ name: String, processor: Int? = nil, givesWay: Bool = false, _ run: @escaping @Sendable () -> Void
  ) throws(SystemFailure) {
    let body = Body {
      unsafe turnout_name_thread(String(name.prefix(15)))
      if let processor { pin(to: processor) }
      // Of the calling thread alone, on Linux.
      if givesWay { setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, lowPriority) }
      run()
    }
    var thread = pthread_t()
    let code = unsafe pthread_create(
      &thread, nil,
      { argument in
        unsafe Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().run()
        return nil
      }, Unmanaged.passRetained(body).toOpaque())
    guard code == 0 else { throw SystemFailure("pthread_create", code: code) }
    pthread_detach(thread)
  }

  /// On the scale of nice: a weight of 335 beside the usual 1024.
  private static var lowPriority: Int32 { 5 }

  /// Processors this process may run on.
  package static var processors: [Int] {
    var set = cpu_set_t()
    guard unsafe sched_getaffinity(0, UInt(MemoryLayout<cpu_set_t>.size), &set) == 0 else { return [0] }
    return unsafe withUnsafeBytes(of: &set) { bytes in
      (0..<bytes.count * 8).filter { unsafe bytes[$0 / 8] >> UInt8($0 % 8) & 1 == 1 }
    }
  }

  private static func pin(to processor: Int) {
    var set = cpu_set_t()
    unsafe withUnsafeMutableBytes(of: &set) { unsafe $0[processor / 8] |= 1 << UInt8(processor % 8) }
    // A container may forbid it; the thread then runs where the kernel puts it.
    _ = unsafe sched_setaffinity(0, UInt(MemoryLayout<cpu_set_t>.size), &set)
  }
}
