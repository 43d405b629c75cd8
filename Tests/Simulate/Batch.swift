// Many runs: in batches, each in a process of its own, since what an edge allocates lives as long as its process, and since
// a run that traps takes its process with it.

import Bytes
import Glibc
import Kernel
import Measuring
import Simulation

struct FailedRuns: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

enum Batch {
  /// Runs of one process.
  private static let size: UInt64 = 250
  /// Nanoseconds from one word of progress to the next.
  private static let showTime: UInt64 = 5_000_000_000
  /// Failures after which it is enough.
  private static let failureMax = 5

  private static let seedWord = "seed "
  private static let failureWord = "failed "

  /// Runs the seeds here. Each is named before it begins, so that whoever started this knows which one trapped.
  static func run(_ seeds: Range<UInt64>) throws {
    // What the edge logs is of no use to anybody.
    let nowhere = unsafe open("/dev/null", O_WRONLY)
    dup2(nowhere, 2)
    let runs = try Runs()
    for seed in seeds {
      say(seedWord + String(seed))
      if let failure = try runs.run(seed) { say(failureWord + "\(seed): \(failure)") }
    }
    say("done")
  }

  static func say(_ line: String) { Array((line + "\n").utf8).withBytes { Process.writeOutput($0) } }

  /// Runs the seeds in processes, `jobs` at a time.
  static func runAll(_ seeds: Range<UInt64>, jobs: Int) throws {
    let folder = "/tmp/turnout-simulate.\(getpid())"
    try File.makeDirectory(folder)
    defer { unsafe rmdir(folder) }
    let start = Clock.monotonic()
    var shownAt = start
    var next = seeds.lowerBound
    var running: [(child: ChildProcess, log: String)] = []
    var doneCount: UInt64 = 0
    var failures: [String] = []
    while next < seeds.upperBound || !running.isEmpty {
      while next < seeds.upperBound, running.count < jobs {
        let count = min(size, seeds.upperBound - next)
        let log = "\(folder)/\(next)"
        let words = [CommandLine.arguments[0], "--batch", "--from", String(next), "--seeds", String(count)]
        running.append((try ChildProcess(words, log: log), log))
        next += count
      }
      running.removeAll { child, log in
        guard !child.isRunning else { return false }
        let lines = String(decoding: (try? File.read(log, limit: 1 << 24)) ?? [], as: UTF8.self).split(
          separator: "\n")
        failures += lines.filter { $0.hasPrefix(failureWord) }.map { String($0.dropFirst(failureWord.count)) }
        let named = lines.filter { $0.hasPrefix(seedWord) }
        if lines.last != "done" {
          failures.append("\(named.last?.dropFirst(seedWord.count) ?? "?"): the process ended within the run")
        }
        doneCount += UInt64(named.count)
        try? File.remove(log)
        return true
      }
      if Clock.monotonic() - shownAt > showTime {
        shownAt = Clock.monotonic()
        Progress.show("\(doneCount) of \(seeds.count) runs, \(failures.count) failed")
      }
      if failures.count >= failureMax { break }
      Process.pause(microseconds: 50_000)
    }
    Progress.clear()
    let seconds = Double(Clock.monotonic() - start) / 1e9
    for failure in failures { print("seed \(failure)") }
    guard failures.isEmpty else {
      throw FailedRuns(
        "\(failures.count) runs failed; simulate --seed N runs one again and tells what happens")
    }
    print("\(doneCount) runs hold, in \(Int(seconds)) s")
  }
}
