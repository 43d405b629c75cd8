// What does one GET /decide cost inside the process, and how does it grow with experiments?
// Measured, on one thread that keeps to one processor, without a socket: each stage, in nanoseconds of processor time
// and in instructions and allocations by callgrind (`StageTimes.swift`, `Instructions.swift`); a new snapshot
// (`CompileTimes.swift`); the same rules in other engines (`PeerTimes.swift`). Not measured: the kernel, which costs
// more than all of it, and what a worker does around the stages (connections, counters, exposures).

import Arguments
import Kernel
import Measuring
import Operations

let program = Program(
  "bench-engine", "what one GET /decide costs inside the process", version: Version.text,
  commands: [
    Command(
      "", "", operands: "[stages] [compile] [peers]",
      options: [
        Option(
          "instructions", nil, "only count instructions, with 1, 100 and 1,000 experiments; takes seconds"),
        Option("smoke", nil, "measure each case a moment only: to see that it works"),
      ])
  ],
  notes: """
    Measures all three, in two minutes, unless some are named. Each table is also written to run/bench of the folder
    that it is started in, and what callgrind saw to run/bench/callgrind: callgrind_annotate --inclusive=yes shows
    it by function. Instructions need valgrind, and peers their libraries in .build/python-bench: .ci/setup bench
    installs both. Figures with a wide spread are of a machine that did other things; the counts are not.
    """)

func run(_ invocation: Invocation) throws {
  if invocation.has("instructions") {
    return try Instructions.table().report(as: "engine-instructions")
  }
  let isSmoke = invocation.has("smoke")
  let tables = [
    ("stages", "engine", StageTimes.table), ("compile", "engine-compile", CompileTimes.table),
    ("peers", "engine-peers", PeerTimes.table),
  ]
  for operand in invocation.operands where !tables.contains(where: { $0.0 == operand }) {
    throw UsageFault("\"\(operand)\" is none of stages, compile and peers")
  }
  for (part, name, table) in tables {
    guard invocation.operands.isEmpty || invocation.operands.contains(part) else { continue }
    try table(isSmoke).report(as: isSmoke ? "smoke/" + name : name)
  }
}

func runCounted(_ part: String, _ first: String, _ second: String) throws {
  if part == "stages" {
    try Instructions.runCounted(tables: first, keys: Scenario.Keys(rawValue: second)!)
  } else {
    try PeerTimes.runCounted(Scenario(experiments: Int(first)!, isTargeted: second == "true"))
  }
}

try Threads.start("bench", processor: Threads.processors.last) {
  // What this program asks of itself, to be watched.
  if CommandLine.arguments.count == 5, CommandLine.arguments[1] == "--count" {
    try! runCounted(CommandLine.arguments[2], CommandLine.arguments[3], CommandLine.arguments[4])
    Process.end(0)
  }
  program.main { try run($0) }
}
while true { Process.pause(microseconds: 1_000_000) }
