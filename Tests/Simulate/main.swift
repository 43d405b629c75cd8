// Runs the whole edge and the receiver of the collector in a simulated world, once for each seed. A seed that fails fails
// again: `simulate --seed N` tells what happened in it.

import Arguments
import Bytes
import Glibc
import Kernel
import Measuring
import Operations
import Simulation

// Sets and dictionaries then have the same order in every process, and a seed does the same each time.
if unsafe getenv("SWIFT_DETERMINISTIC_HASHING") == nil {
  unsafe setenv("SWIFT_DETERMINISTIC_HASHING", "1", 1)
  var words = unsafe CommandLine.arguments.map { unsafe strdup($0) } + [nil]
  unsafe execv("/proc/self/exe", &words)
}

let program = Program(
  "simulate", "runs the edge and the collector in a world that follows from a seed", version: Version.text,
  commands: [
    Command(
      "", "",
      options: [
        Option("seeds", "N", "how many runs (1000)"),
        Option("from", "N", "the first seed (1)"),
        Option("seed", "N", "one run, told step by step"),
        Option("jobs", "N", "processes at a time (as many as processors)"),
        Option(
          "batch", nil, "run the seeds in this process, and name each: what the others are started with"),
      ])
  ], notes: "")

program.main { invocation in
  let from = UInt64(try invocation.number("from", 0...1e15, 1))
  let count = UInt64(try invocation.number("seeds", 1...1e9, 1000))
  if invocation["seed"] != nil {
    let seed = UInt64(try invocation.number("seed", 0...1e15, 1))
    if let failure = try Runs().run(seed, teller: Batch.say) { throw FailedRuns("seed \(seed): \(failure)") }
    print("seed \(seed) holds")
  } else if invocation.has("batch") {
    try Batch.run(from..<(from + count))
  } else {
    let jobs = try invocation.number("jobs", 1...256, Threads.processors.count)
    try Batch.runAll(from..<(from + count), jobs: jobs)
  }
}
