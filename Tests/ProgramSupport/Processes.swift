// Programs started by tests: with their output in files, waited for with a deadline, never left behind.

package import Glibc
import Kernel

/// Why a test could not go on.
package struct Failure: Error, CustomStringConvertible {
  package let description: String

  package init(_ description: String) { self.description = description }
}

/// Seconds on the monotonic clock.
package func seconds() -> Double { Double(Clock.monotonic()) / 1e9 }

/// Asks again and again until `body` has a value; fails after `limit` seconds.
@discardableResult
package func eventually<Value>(
  _ what: String, within limit: Double = 15, _ body: () throws -> Value?
) throws -> Value {
  let deadline = seconds() + limit
  while true {
    if let value = try body() { return value }
    guard seconds() < deadline else { throw Failure("waited \(limit) s in vain until \(what)") }
    usleep(2_000)
  }
}

/// Like ``eventually(_:within:_:)``, for a condition.
package func eventually(_ what: String, within limit: Double = 15, _ body: () throws -> Bool) throws {
  try eventually(what, within: limit) { try body() ? true : nil }
}

/// A folder of the test's own, gone when the test is over.
package final class Folder: Sendable {
  package let path: String

  package init() throws {
    var template = Array("/tmp/turnout-test.XXXXXX".utf8CString)
    guard unsafe mkdtemp(&template) != nil else { throw SystemFailure("mkdtemp") }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit {
    _ = try? Program.run("/bin/rm", ["-rf", path])
  }

  package func path(_ name: String) -> String { path + "/" + name }

  /// Writes a file, with the folders above it.
  @discardableResult
  package func write(_ name: String, _ content: [UInt8]) throws -> String {
    try File.makeDirectory(File.directory(of: path(name)))
    try File.replace(path(name), with: content)
    return path(name)
  }

  @discardableResult
  package func write(_ name: String, _ content: String) throws -> String {
    try write(name, Array(content.utf8))
  }

  package func read(_ name: String) throws -> [UInt8] { try File.read(path(name), limit: 1 << 28) }

  package func text(_ name: String) throws -> String { String(decoding: try read(name), as: UTF8.self) }
}

/// A process that was started; killed when the value goes.
package final class Program {
  package let pid: pid_t
  /// The exit status as waitpid gives it, once it is known.
  private var status: Int32?

  /// Where the programs under test were built: beside this test bundle.
  package static let built: String = {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = unsafe buffer.withUnsafeMutableBytes {
      unsafe readlink("/proc/self/exe", $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
    }
    let executable = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    let beside = File.directory(of: executable)
    if File.exists(beside + "/turnout-edge") { return beside }
    for argument in CommandLine.arguments where argument.contains(".xctest") {
      let folder = File.directory(of: argument)
      if File.exists(folder + "/turnout-edge") { return folder }
    }
    return beside
  }()

  package init(
    _ executable: String, _ arguments: [String], variables: [String: String] = [:],
    output: String = "/dev/null",
    errors: String = "/dev/null"
  ) throws {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    let flags = O_WRONLY | O_CREAT | O_APPEND
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    unsafe posix_spawn_file_actions_addopen(&actions, 1, output, flags, 0o644)
    unsafe posix_spawn_file_actions_addopen(&actions, 2, errors, flags, 0o644)

    var environment = ["PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME=/tmp"]
    for program in ["EDGE", "COLLECTOR"] {
      if let driver = Backend.wanted { environment.append("TURNOUT_\(program)_DRIVER=\(driver.rawValue)") }
    }
    // What a program was built with that tests were, it is told as they are.
    for name in ["ASAN_OPTIONS", "TSAN_OPTIONS"] {
      if let value = unsafe getenv(name) { environment.append("\(name)=\(unsafe String(cString: value))") }
    }
    for (name, value) in variables { environment.append("\(name)=\(value)") }
    var argv = unsafe ([executable] + arguments).map { unsafe strdup($0) } + [nil]
    var envp = unsafe environment.map { unsafe strdup($0) } + [nil]
    defer {
      for index in unsafe argv.indices { unsafe free(argv[index]) }
      for index in unsafe envp.indices { unsafe free(envp[index]) }
    }
    var pid = pid_t()
    let code = unsafe posix_spawn(&pid, executable, &actions, nil, &argv, &envp)
    guard code == 0 else { throw SystemFailure("posix_spawn \(executable)", code: code) }
    self.pid = pid
  }

  deinit { kill() }

  /// Ends it now.
  package func kill() {
    guard poll() == nil else { return }
    Glibc.kill(pid, SIGKILL)
    var status: Int32 = 0
    while unsafe waitpid(pid, &status, 0) < 0, errno == EINTR {}
    self.status = status
  }

  package func signal(_ number: Int32) { Glibc.kill(pid, number) }

  /// The status, or nil while it runs.
  private func poll() -> Int32? {
    if let status { return status }
    var status: Int32 = 0
    if unsafe waitpid(pid, &status, WNOHANG) == pid { self.status = status }
    return self.status
  }

  package var isRunning: Bool { poll() == nil }

  /// The exit code, waited for; above 128 the signal that ended it.
  package func exitCode(within limit: Double = 15) throws -> Int32 {
    let status = try eventually("process \(pid) ends", within: limit) { poll() }
    return status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
  }

  /// Descriptors that the process has open.
  package var descriptorCount: Int {
    guard let folder = unsafe opendir("/proc/\(pid)/fd") else { return -1 }
    defer { unsafe closedir(folder) }
    var count = 0
    while unsafe readdir(folder) != nil { count += 1 }
    return count
  }

  package struct Result {
    package let code: Int32
    package let output: String
    package let errors: String
  }

  /// Runs a program to its end.
  package static func run(
    _ executable: String, _ arguments: [String], variables: [String: String] = [:], within limit: Double = 30
  ) throws -> Result {
    guard executable != "/bin/rm" else {
      return Result(
        code: try Program(executable, arguments).exitCode(within: limit), output: "", errors: "")
    }
    let folder = try Folder()
    let process = try Program(
      executable, arguments, variables: variables, output: folder.path("out"), errors: folder.path("err"))
    let code = try process.exitCode(within: limit)
    return Result(code: code, output: try folder.text("out"), errors: try folder.text("err"))
  }

  /// Runs a program that must succeed.
  package static func check(_ executable: String, _ arguments: [String]) throws {
    let result = try run(executable, arguments)
    guard result.code == 0 else {
      throw Failure(
        "\(executable) \(arguments.joined(separator: " ")) ended with \(result.code): \(result.errors)")
    }
  }

  /// Runs `turnout`.
  package static func turnout(_ arguments: String...) throws -> Result {
    try run(built + "/turnout", arguments)
  }
}
