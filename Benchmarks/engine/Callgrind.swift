// This program, run by itself under valgrind's callgrind, which writes down every call with the instructions it took:
// exactly, whatever else the machine does. What is counted stands in a function named `countedRound`.

import Glibc
import Kernel

enum Callgrind {
  /// Whether it is installed.
  static var isInstalled: Bool { valgrind != nil }

  private static let valgrind = (Process.variables["PATH"] ?? "").split(separator: ":")
    .map { "\($0)/valgrind" }.first { File.exists($0) }

  /// Runs `bench-engine --count ARGUMENTS` and returns what was called since `countedRound` began. What callgrind saw
  /// is left in run/bench/callgrind/NAME.out.
  static func count(_ arguments: [String], as name: String) throws -> Calls {
    let path = "run/bench/callgrind/\(name).out"
    try File.makeDirectory(File.directory(of: path))
    try run(
      [
        // Without it the first call of each function would look for it.
        "/usr/bin/env", "LD_BIND_NOW=1", valgrind!, "-q", "--tool=callgrind",
        "--callgrind-out-file=\(path)",
        // What was before goes into a file of its own.
        "--dump-before=*countedRound*", CommandLine.arguments[0], "--count",
      ] + arguments)
    try File.remove(path + ".1")
    return try Calls(file: path)
  }

  private static func run(_ words: [String]) throws {
    var arguments = unsafe words.map { unsafe strdup($0) } + [nil]
    defer { for index in unsafe arguments.indices { unsafe free(arguments[index]) } }
    var pid = pid_t()
    let code = unsafe posix_spawn(&pid, words[0], nil, nil, &arguments, environ)
    guard code == 0 else { throw SystemFailure("start \(words[0])", code: code) }
    var status: Int32 = 0
    guard unsafe waitpid(pid, &status, 0) == pid, status == 0 else {
      throw SystemFailure(words.joined(separator: " "), code: ECHILD, remedy: "Run it by hand.")
    }
  }
}

/// The calls of a callgrind file (its format: "Callgrind Format Specification" of valgrind's manual).
struct Calls {
  private var calls: [(caller: String, callee: String, count: Double, instructions: Double)] = []

  fileprivate init(file: String) throws {
    let text = String(decoding: try File.read(file, limit: 1 << 28), as: UTF8.self)
    // A name is written once, and then only its number.
    var names: [Substring: String] = [:]
    func name(_ value: Substring) -> String {
      let parts = value.split(separator: " ", maxSplits: 1)
      if parts.count == 2 { names[parts[0]] = String(parts[1]) }
      return names[parts[0]] ?? ""
    }
    var caller = ""
    var callee = ""
    var count: Double?
    for line in text.split(separator: "\n") {
      if let calls = count {
        // The line behind calls= has a position and the instructions of all these calls.
        let instructions = line.split(separator: " ").last.flatMap { Double($0) } ?? 0
        self.calls.append((caller, callee, calls, instructions))
        count = nil
      } else if line.hasPrefix("fn=") {
        caller = name(line.dropFirst(3))
      } else if line.hasPrefix("cfn=") {
        callee = name(line.dropFirst(4))
      } else if line.hasPrefix("calls=") {
        count = Double(line.dropFirst(6).prefix { $0 != " " }) ?? 0
      }
    }
  }

  /// Of the calls that `countedRound` makes itself of a type's method; nil if there are none.
  func instructions(of type: String, _ method: String) -> Double? {
    // A mangled name has the length before each part.
    let words = [type, method].map { "\($0.utf8.count)\($0)" }
    let found = calls.filter { call in
      call.caller.contains("countedRound") && words.allSatisfy { call.callee.contains($0) }
    }
    return found.isEmpty ? nil : found.reduce(0) { $0 + $1.instructions }
  }

  /// Calls of the C library's allocator.
  var allocations: Double {
    let allocators = ["malloc", "calloc", "realloc", "memalign", "aligned_alloc", "posix_memalign"]
    return calls.filter { allocators.contains($0.callee) }.reduce(0) { $0 + $1.count }
  }
}
