// What does one GET /decide cost inside the process, stage by stage, and how does it grow with experiments?
// Measured: parse, decide and serialize (`Stages.swift`) on one thread that keeps to one processor, without a socket:
// nanoseconds by the clock, instructions and allocations by callgrind. Not measured: the kernel, which costs more than
// all of it, and what a worker does around the stages (connections, counters, exposures).

import Arguments
import Kernel
import Measuring
import Operations
import Snapshots

let program = Program(
  "bench-engine", "what one GET /decide costs inside the process, stage by stage", version: Version.text,
  commands: [
    Command(
      "", "",
      options: [
        Option(
          "instructions", nil, "only count instructions, with 1, 100 and 1,000 experiments; takes seconds"),
        Option("smoke", nil, "measure each case a moment only: to see that it works"),
      ])
  ],
  notes: """
    Each table is also written to run/bench, and what callgrind saw to run/bench/callgrind: callgrind_annotate
    --inclusive=yes shows it by function.
    """)

let scenarioColumns = [
  Table.Column("experiments"), Table.Column("targeted", "", .left), Table.Column("keys", "", .left),
]

func cells(_ scenario: Scenario) -> [Table.Value] {
  [.number(scenario.experiments), scenario.isTargeted ? "yes" : "no", .text(scenario.keys.rawValue)]
}

let instructionColumns =
  ["parse", "decide", "serialize", "total"].map { Table.Column($0, "instr.") }
  + [Table.Column("allocations", decimals: 2)]

func cells(_ counts: Instructions?) -> [Table.Value] {
  [counts?.parse, counts?.decide, counts?.serialize, counts?.total, counts?.allocations].map { .number($0) }
}

func countInstructions() throws {
  var table = Table(
    "GET /decide: what a request costs in each stage, counted", columns: scenarioColumns + instructionColumns)
  for experiments in [1, 100, 1000] {
    let scenario = Scenario(experiments: experiments, isTargeted: true)
    let tables = try VerifiedSnapshot(unsigned: scenario.document, environment: nil).tables
    table.append(try cells(scenario) + cells(Instructions.count(scenario, tables)))
  }
  try table.report(as: "engine-instructions")
}

func measureStages(isSmoke: Bool) throws {
  var table = Table(
    "GET /decide on one thread: what a request costs in each stage",
    columns: scenarioColumns + ["parse", "decide", "serialize", "total"].map { Table.Column($0, "ns") }
      + [Table.Column("spread", "%")] + instructionColumns + [Table.Column("answer", "bytes")])
  for experiments in isSmoke ? [1, 100] : [1, 5, 100, 350, 1000, 10_000] {
    for isTargeted in [false, true] {
      for keys in [Scenario.Keys.short, .long] {
        let scenario = Scenario(experiments: experiments, isTargeted: isTargeted, keys: keys)
        let tables = try VerifiedSnapshot(unsigned: scenario.document, environment: nil).tables
        let times = try StageTimes(scenario, tables, runs: isSmoke ? 1 : 9, length: isSmoke ? 0 : 20_000_000)
        let counts = try isSmoke ? nil : Instructions.count(scenario, tables)
        table.append(
          cells(scenario)
            + [times.parse, times.decide, times.serialize, times.total].map { .number($0.median) }
            + [.number(times.total.spread)] + cells(counts) + [.number(times.answerBytes)])
      }
    }
  }
  try table.report(as: isSmoke ? "smoke/engine" : "engine")
}

try Threads.start("bench", processor: Threads.processors.last) {
  if CommandLine.arguments.count == 4, CommandLine.arguments[1] == "--count" {
    try! Instructions.runCounted(
      tables: CommandLine.arguments[2], keys: Scenario.Keys(rawValue: CommandLine.arguments[3])!)
    Process.end(0)
  }
  program.main { invocation in
    if invocation.has("instructions") { return try countInstructions() }
    try measureStages(isSmoke: invocation.has("smoke"))
  }
}
while true { Process.pause(microseconds: 1_000_000) }
