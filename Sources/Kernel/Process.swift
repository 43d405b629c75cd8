// The process itself: its standard output and error, its end, its environment and what it uses.

package import Bytes
internal import CLiburing
import Glibc

package enum Process {
  /// Writes to standard error at once, so that the lines of several threads do not mix. What cannot be
  /// written is lost: a log is no reason to stop.
  package static func writeError(_ bytes: ByteView) {
    _ = unsafe write(2, bytes.start, bytes.count)
  }

  /// Writes to standard output at once, all of it; what cannot be written is lost.
  package static func writeOutput(_ bytes: ByteView) {
    var rest = bytes
    while !rest.isEmpty {
      let count = unsafe write(1, rest.start, rest.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      rest = rest.dropping(count)
    }
  }

  /// Whether a person watches standard output.
  package static var hasTerminal: Bool { isatty(1) == 1 }

  package static func end(_ code: Int32) -> Never { exit(code) }

  /// Whether the processor has the instructions that the programs were compiled for
  /// (docs/decisions/0038-instruction-set.md).
  package static var hasInstructions: Bool { turnout_processor_suffices() != 0 }

  /// The environment variables.
  package static var variables: [String: String] {
    var result: [String: String] = [:]
    var entry = unsafe environ
    while let text = unsafe entry.pointee {
      let parts = unsafe String(cString: text).split(
        separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2 { result[String(parts[0])] = String(parts[1]) }
      unsafe entry += 1
    }
    return result
  }

  /// The machine's name; "localhost" if it has none.
  package static var hostName: String {
    var name = [CChar](repeating: 0, count: 256)
    guard unsafe gethostname(&name, name.count - 1) == 0, name[0] != 0 else { return "localhost" }
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Processor time so far, user and system together; seconds.
  package static var processorTime: Double {
    var usage = rusage()
    unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
    return seconds(usage.ru_utime) + seconds(usage.ru_stime)
  }

  /// Resident memory in bytes; nil where /proc does not say.
  package static var residentBytes: Int? {
    guard let text = try? File.readVirtual("/proc/self/statm") else { return nil }
    let pages = String(decoding: text, as: UTF8.self).split(separator: " ").dropFirst().first.flatMap {
      Int($0)
    }
    return pages.map { $0 * Int(getpagesize()) }
  }

  /// Has the process open as many descriptors as it may ever have; how many that are.
  package static func raiseDescriptorLimit() -> Int {
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    var limit = rlimit()
    guard unsafe getrlimit(resource, &limit) == 0 else { return 1024 }
    let former = limit.rlim_cur
    limit.rlim_cur = limit.rlim_max
    if unsafe setrlimit(resource, &limit) != 0 { limit.rlim_cur = former }
    return Int(clamping: limit.rlim_cur)
  }

  /// Lets the calling thread rest.
  package static func pause(microseconds: UInt32) { usleep(microseconds) }
}
