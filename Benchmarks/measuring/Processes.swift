// A program that is measured: pinned to a processor, its output in a file, its use of the machine read from the
// kernel, ended with its owner.

package import Glibc
package import Kernel

package final class ChildProcess {
  package let pid: pid_t
  private let name: String
  /// Where its output goes.
  private let log: String
  private var status: Int32?

  /// Starts `words`, the first of which names a program by its path or as the shell would find it.
  package init(_ words: [String], processor: Int? = nil, log: String = "/dev/null") throws(SystemFailure) {
    name = words[0]
    self.log = log
    pid = try Self.start(
      processor.map { ["taskset", "-c", String($0)] + words } ?? words, log)
  }

  deinit { end() }

  private static func start(_ words: [String], _ log: String) throws(SystemFailure) -> pid_t {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    unsafe posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o644)
    unsafe posix_spawn_file_actions_adddup2(&actions, 1, 2)
    // Whoever starts this process may have blocked the signal that is to end the other one.
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    unsafe sigemptyset(&none)
    unsafe posix_spawnattr_setsigmask(&attributes, &none)
    unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var arguments = unsafe words.map { unsafe strdup($0) } + [nil]
    defer { for index in unsafe arguments.indices { unsafe free(arguments[index]) } }
    var pid = pid_t()
    let code = unsafe posix_spawnp(&pid, words[0], &actions, &attributes, &arguments, environ)
    guard code == 0 else { throw SystemFailure("start \(words[0])", code: code) }
    return pid
  }

  /// The path of a program as the shell would find it; nil if it is not installed.
  package static func find(_ name: String) -> String? {
    let folders = (Process.variables["PATH"] ?? "").split(separator: ":").map(String.init)
    return (folders + ["/usr/sbin", "/sbin"]).map { "\($0)/\(name)" }.first { unsafe access($0, X_OK) == 0 }
  }

  /// The path of a program of this project, which stands where the running one does.
  package static func beside(_ name: String) throws -> String {
    let path = File.directory(of: CommandLine.arguments[0]) + "/" + name
    guard File.exists(path) else { throw BrokenProgram(name, "it is not built: \(path)") }
    return path
  }

  /// Runs a program to its end; what it wrote is in the failure if it did not succeed.
  package static func run(_ words: [String], log: String) throws {
    let child = try ChildProcess(words, log: log)
    while child.isRunning { Process.pause(microseconds: 1000) }
    guard child.status == 0 else { throw BrokenProgram(child.name, child.output) }
  }

  package var isRunning: Bool {
    if status != nil { return false }
    var status: Int32 = 0
    guard unsafe waitpid(pid, &status, WNOHANG) == pid else { return true }
    self.status = status
    return false
  }

  /// What it wrote, or the end of it.
  package var output: String {
    String(decoding: ((try? File.read(log, limit: 1 << 20)) ?? []).suffix(2000), as: UTF8.self)
  }

  /// Returns when `isReady` says so; fails if the program ends, or after five seconds.
  package func wait(until isReady: () -> Bool) throws {
    let deadline = Clock.monotonic() + 5_000_000_000
    while !isReady() {
      guard isRunning, Clock.monotonic() < deadline else { throw BrokenProgram(name, output) }
      Process.pause(microseconds: 2000)
    }
  }

  /// Asks it to end, and kills it if it is still there after a second.
  package func end() {
    kill(pid, SIGTERM)
    let deadline = Clock.monotonic() + 1_000_000_000
    while isRunning {
      if Clock.monotonic() > deadline { kill(pid, SIGKILL) }
      Process.pause(microseconds: 1000)
    }
  }

  /// The first port of 127.0.0.1 from `first` on that nobody has now. Below 32,768 no connection takes it meanwhile.
  package static func freePort(from first: UInt16) throws(SystemFailure) -> UInt16 {
    for port in first..<32_768 {
      let socket = Descriptor(socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
      address.sin_port = port.bigEndian
      let code = unsafe withUnsafePointer(to: &address) {
        unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          unsafe bind(socket.number, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
      if code == 0 { return port }
    }
    throw SystemFailure("find a free port", code: EADDRINUSE)
  }

  /// What all threads of a process used since it was started.
  package static func processorTime(of pid: pid_t) -> ProcessorTime {
    var clock = clockid_t()
    var time = timespec()
    guard unsafe clock_getcpuclockid(pid, &clock) == 0, unsafe clock_gettime(clock, &time) == 0
    else { return ProcessorTime() }
    let total = Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    // User and system time are the fields 14 and 15; the second one, a name, may hold blanks.
    let fields = text("/proc/\(pid)/stat").split(separator: ")").last?.split(separator: " ") ?? []
    guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else {
      return ProcessorTime()
    }
    let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
    return ProcessorTime(
      total: total, user: user / ticks, system: system / ticks, waiting: waitingTime(of: pid))
  }

  /// The second number of a thread's schedstat, in nanoseconds.
  private static func waitingTime(of pid: pid_t) -> Double {
    let threads = (try? File.names(in: "/proc/\(pid)/task")) ?? []
    return threads.reduce(0) { sum, thread in
      let fields = text("/proc/\(pid)/task/\(thread)/schedstat").split(separator: " ")
      return sum + (fields.count > 1 ? Double(fields[1]) ?? 0 : 0) / 1e9
    }
  }

  /// Seconds that its thread with this name ran, and that it was ready to run and something else ran.
  package func time(ofThread name: String) -> (running: Double, waiting: Double) {
    for thread in (try? File.names(in: "/proc/\(pid)/task")) ?? []
    where Self.text("/proc/\(pid)/task/\(thread)/comm") == name + "\n" {
      let fields = Self.text("/proc/\(pid)/task/\(thread)/schedstat").split(separator: " ")
      guard fields.count > 1, let running = Double(fields[0]), let waiting = Double(fields[1]) else { break }
      return (running / 1e9, waiting / 1e9)
    }
    return (0, 0)
  }

  /// Bytes of memory that it has now, those that it shares with others too; 0 if it is gone.
  package var residentBytes: Int {
    let pages = Self.text("/proc/\(pid)/statm").split(separator: " ").dropFirst().first.flatMap { Int($0) }
    return (pages ?? 0) * Int(getpagesize())
  }

  private static func text(_ path: String) -> String {
    String(decoding: (try? File.readVirtual(path)) ?? [], as: UTF8.self)
  }
}

/// Seconds of processor time. The scheduler knows the total to the nanosecond, but which part of it was user's and
/// which the system's only by samples of the clock's tick, so these two carry its steps of some milliseconds.
package struct ProcessorTime: Sendable {
  package var total = 0.0
  package var user = 0.0
  package var system = 0.0
  /// Seconds that its threads were ready to run and something else ran.
  package var waiting = 0.0

  /// What was used between the two.
  package static func - (later: ProcessorTime, earlier: ProcessorTime) -> ProcessorTime {
    ProcessorTime(
      total: later.total - earlier.total, user: later.user - earlier.user,
      system: later.system - earlier.system, waiting: later.waiting - earlier.waiting)
  }
}

/// A program under measurement that failed, with what it wrote last.
package struct BrokenProgram: Error, CustomStringConvertible {
  package let description: String

  package init(_ name: String, _ output: String) {
    description = "\(name) failed" + (output.isEmpty ? "" : ":\n\(output)")
  }
}
