// Instructions and allocations per request, counted exactly: this program runs itself under valgrind's callgrind,
// which writes down every call with the instructions it took. Nothing of it depends on what else the machine does.

import Bytes
import Glibc
import Kernel
import Measuring
import Snapshots

struct Instructions {
  /// Instructions per request, those of all that a stage calls among them.
  var parse = 0.0
  var decide = 0.0
  var serialize = 0.0
  /// Calls of the C library's allocator, per request.
  var allocations = 0.0
  var total: Double { parse + decide + serialize }

  /// Where callgrind is; nil if it is not installed.
  private static let valgrind = (Process.variables["PATH"] ?? "").split(separator: ":").map {
    "\($0)/valgrind"
  }
  .first { File.exists($0) }

  /// Counts what the scenario's requests take of `tables`. Leaves callgrind's file in run/bench/callgrind, for
  /// callgrind_annotate.
  private static func count(_ scenario: Scenario, _ tables: [UInt8], _ valgrind: String) throws
    -> Instructions
  {
    let path = "run/bench/callgrind/\(scenario.name)"
    try File.makeDirectory(File.directory(of: path))
    try File.replace(path + ".tables", with: tables)
    try run([
      // Without it the first call of each function would look for it.
      "/usr/bin/env", "LD_BIND_NOW=1", valgrind, "-q", "--tool=callgrind", "--callgrind-out-file=\(path).out",
      // What was before the round goes into a file of its own.
      "--dump-before=*countedRound*", CommandLine.arguments[0], "--count", path + ".tables",
      scenario.keys.rawValue,
    ])
    let requestCount = Double(scenario.requests.count)
    let calls = try Calls(file: path + ".out")
    for rest in [".out.1", ".tables"] { try File.remove(path + rest) }
    return Instructions(
      parse: calls.instructions(of: "Stages", "parse") / requestCount,
      decide: calls.instructions(of: "Stages", "decide") / requestCount,
      serialize: calls.instructions(of: "Stages", "serialize") / requestCount,
      allocations: calls.allocations / requestCount)
  }

  /// What callgrind watches: each request once, after each was answered before.
  static func runCounted(tables path: String, keys: Scenario.Keys) throws {
    var stages = try Stages(File.read(path, limit: 1 << 30))
    let requests = try Inputs(Scenario(experiments: 1, isTargeted: true, keys: keys).requests)
    for view in requests.views {
      let (request, question) = stages.parse(view)
      stages.decide(question)
      _ = stages.serialize(request, question)
    }
    countedRound(&stages, requests.views)
  }

  @inline(never)
  private static func countedRound(_ stages: inout Stages, _ views: [ByteView]) {
    for view in views {
      let (request, question) = stages.parse(view)
      stages.decide(question)
      _ = stages.serialize(request, question)
    }
  }

  static let columns =
    ["parse", "decide", "serialize", "total"].map { Table.Column($0, "instr.") }
    + [Table.Column("allocations", decimals: 2)]

  /// What is counted of the scenario, in these columns.
  static func cells(_ scenario: Scenario, _ tables: [UInt8]) throws -> [Table.Value] {
    guard let valgrind else { return ["no valgrind", .missing, .missing, .missing, .missing] }
    let counted = try count(scenario, tables, valgrind)
    return [counted.parse, counted.decide, counted.serialize, counted.total, counted.allocations].map {
      .number($0)
    }
  }

  /// The little that says at once what a change of the code did.
  static func table() throws -> Table {
    var table = Table(
      "GET /decide: what a request costs in each stage, counted", columns: Scenario.columns + columns)
    for experiments in [1, 100, 1000] {
      let scenario = Scenario(experiments: experiments, isTargeted: true)
      table.append(try scenario.cells + cells(scenario, scenario.tables()))
    }
    return table
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
private struct Calls {
  private var calls: [(caller: String, callee: String, count: Double, instructions: Double)] = []

  init(file: String) throws {
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

  /// Of the calls that the counted round makes itself of a type's method.
  func instructions(of type: String, _ method: String) -> Double {
    // A mangled name has the length before each part.
    let words = [type, method].map { "\($0.utf8.count)\($0)" }.joined(separator: "V")
    return calls.filter { $0.caller.contains("countedRound") && $0.callee.contains(words) }
      .reduce(0) { $0 + $1.instructions }
  }

  var allocations: Double {
    let allocators = ["malloc", "calloc", "realloc", "memalign", "aligned_alloc", "posix_memalign"]
    return calls.filter { allocators.contains($0.callee) }.reduce(0) { $0 + $1.count }
  }
}
