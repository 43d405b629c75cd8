// The cases, in turn within each round, and what they come to.

import Kernel
import LoadGenerator
import Measuring
import Publication

struct Case: Hashable {
  var experiments: Int
  var placement: Placement
  /// Swaps a second that are asked for.
  var swaps: Int
}

struct Measurement {
  /// Requests a second, half of what the edge can do.
  var rate: Double
  var latency: Histogram
  var errors: Int
  /// Swaps a second that happened.
  var seen: Double
  /// Milliseconds of processor time of the edge's thread "sync" for each swap, beyond what it takes to look whether there
  /// is one; nil if there was none.
  var cost: Double?
  var busy: Double
  var workerWaiting: Double
  /// Microseconds, rounded up to a power of two.
  var longestTurn: Double?
  var residentBytes: Int

  var tail: Double { Double(latency.percentile(99.9)) / 1000 }
}

struct Series {
  private let sizes: [Int]
  private let swaps: [Int]
  private let seconds: Double
  private var measurements: [Case: [Measurement]] = [:]
  private var starts: [Int: Runs] = [:]
  private let answering = Threads.processors.first ?? 0
  private let asking = Threads.processors.last ?? 0

  init(sizes: [Int], swaps: [Int], seconds: Double) {
    self.sizes = sizes
    self.swaps = swaps
    self.seconds = seconds
  }

  // MARK: - Measuring

  private var warmUp: Double { seconds / 5 }

  private func times(_ swaps: Int) -> Int { Int((Double(swaps) * (warmUp + seconds)).rounded(.up)) }

  mutating func measure(rounds: Int, starts: Int) throws {
    let requests = try Requests(target: "/decide?user_key={user}")
    for size in sizes {
      Progress.show("\(size) experiments: signing")
      let upstream = try Upstream(
        experiments: size, versions: 1 + swaps.reduce(0) { $0 + times($1) })
      for round in 1...rounds {
        for placement in Placement.allCases {
          Progress.show("\(size) experiments: round \(round) of \(rounds), \(placement) pinned")
          try measure(size, upstream, placement, requests)
        }
      }
      Progress.show("\(size) experiments: starts")
      self.starts[size] = Runs(try (0..<starts).map { _ in try start(upstream) })
    }
    Progress.clear()
  }

  private mutating func measure(
    _ size: Int, _ upstream: Upstream, _ placement: Placement, _ requests: Requests
  ) throws {
    try? ChildProcess.run(["rm", "-rf", upstream.folder + "/state"], log: "/dev/null")
    try upstream.rewind()
    let edge = try RunningEdge(
      in: upstream.folder, following: "site", placement, processor: answering)
    var load = Load(edge.endpoint)
    load.warmUp = warmUp
    load.length = seconds / 3
    let most = try Generator.run(load, requests, processor: asking).rate
    load.length = seconds
    load.pace = .rate(most / 2)
    var idle = 0.0
    for swaps in swaps {
      let before = try edge.observe()
      let left =
        swaps > 0
        ? try upstream.swap(
          times: times(swaps), every: 1_000_000_000 / UInt64(swaps), processor: asking) : nil
      let figures = try Generator.run(load, requests, processor: asking)
      let after = try edge.observe()
      let seen = after.swaps(since: before)
      let syncTime = after.sync(since: before)
      if swaps == 0 { idle = syncTime / after.seconds(since: before) }
      let cost = (syncTime - idle * after.seconds(since: before)) * 1000
      measurements[
        Case(experiments: size, placement: placement, swaps: swaps), default: []
      ].append(
        Measurement(
          rate: most / 2, latency: figures.latency, errors: figures.errors,
          seen: seen / after.seconds(since: before),
          cost: seen > 0 ? cost / seen : nil,
          busy: after.busy(since: before), workerWaiting: after.workerWaiting(since: before),
          longestTurn: after.longestTurn(since: before).map { $0 * 1e6 },
          residentBytes: edge.process.residentBytes))
      while let left, left.value > 0 { Process.pause(microseconds: 1000) }
      try edge.wait(for: upstream.version)
    }
  }

  /// Milliseconds from the start of an edge to its first decision, by what it kept: its upstream is gone.
  private func start(_ upstream: Upstream) throws -> Double {
    let start = Clock.monotonic()
    let edge = try RunningEdge(
      in: upstream.folder, following: "gone", .edge, processor: answering)
    defer { edge.process.end() }
    return Double(Clock.monotonic() - start) / 1e6
  }

  // MARK: - What it comes to

  private func runs(_ scenario: Case, _ figure: (Measurement) -> Double?) -> Runs? {
    let values = (measurements[scenario] ?? []).compactMap(figure)
    return values.isEmpty ? nil : Runs(values)
  }

  var table: Table {
    var table = Table(
      """
      GET /decide of a snapshot that is swapped for another, asked by 64 connections at half of the most it can do;
      one of its experiments is for the user; pinned to processor \(answering): the worker alone or the whole edge, the
      generator to \(asking); a turn answers what came since the one before; medians of the rounds
      """,
      columns: [
        Table.Column("experiments"), Table.Column("pinned", "", .left), Table.Column("asked", "swaps/s"),
        Table.Column("seen", "swaps/s", decimals: 1), Table.Column("requests", "1/s"),
        Table.Column("p50", "us"), Table.Column("p99", "us"), Table.Column("p99.9", "us"),
        Table.Column("max", "us"), Table.Column("p99.9", "x none", decimals: 2), Table.Column("+-", "%"),
        Table.Column("longest turn", "us <="), Table.Column("CPU", "%"),
        Table.Column("worker waits", "%", decimals: 1), Table.Column("sync CPU", "ms/swap", decimals: 2),
        Table.Column("RSS", "MiB", decimals: 1), Table.Column("errors"),
      ])
    for size in sizes {
      for placement in Placement.allCases {
        for swaps in swaps { table.append(row(Case(experiments: size, placement: placement, swaps: swaps))) }
      }
    }
    return table
  }

  private func row(_ scenario: Case) -> [Table.Value] {
    func median(_ figure: (Measurement) -> Double?) -> Table.Value {
      .number(runs(scenario, figure)?.median)
    }
    let ratio = scenario.swaps > 0 ? ratio(scenario) : nil
    return [
      .number(scenario.experiments), .text(scenario.placement.rawValue), .number(scenario.swaps),
      median(\.seen), median(\.rate),
    ]
      + [50, 99, 99.9, 100].map { percent in
        median { Double($0.latency.percentile(percent)) / 1000 }
      } + [
        .number(ratio?.median), .number(ratio?.spread), median(\.longestTurn), median(\.busy),
        median(\.workerWaiting), median(\.cost), median { Double($0.residentBytes) / 1_048_576 },
        .number(measurements[scenario]?.reduce(0) { $0 + $1.errors } ?? 0),
      ]
  }

  /// The 99.9th percentile in that without swaps, round by round.
  private func ratio(_ scenario: Case) -> Runs? {
    var without = scenario
    without.swaps = 0
    let pairs = zip(measurements[scenario] ?? [], measurements[without] ?? [])
    let ratios = pairs.map { $0.tail / $1.tail }
    return ratios.isEmpty ? nil : Runs(ratios)
  }

  /// What makes the figures doubtful; nil if nothing was seen.
  var doubt: String? {
    let waiting = measurements.filter { $0.key.swaps == 0 }.values.flatMap { $0 }.map(\.workerWaiting)
    guard !waiting.isEmpty, Runs(waiting).median > Self.waitingMax else { return nil }
    return """
      The worker waited for its processor \(Int(Runs(waiting).median)) % of the time although nothing was swapped, because
      something else ran on it: tails and longest turns are the machine's. Measure again when it is quiet.

      """
  }

  /// Percent.
  private static var waitingMax: Double { 1 }

  /// The project's goals.
  var goals: Table {
    var goals = Goals()
    func swapped(_ experiments: Int, _ placement: Placement = .worker) -> Case {
      Case(experiments: experiments, placement: placement, swaps: 10)
    }
    for size in sizes {
      for placement in Placement.allCases {
        goals.add(
          "p99.9 with 10 swaps/s / without, \(size) experiments, \(placement) pinned", atMost: 1.2,
          ratio(swapped(size, placement)))
      }
    }
    goals.add(
      "ms to verify, compile, keep and publish 10,000 experiments", atMost: 150,
      runs(swapped(10_000), \.cost))
    goals.add(
      "us of the worker's longest turn, 10 swaps/s, 10 experiments", atMost: 50,
      runs(swapped(10), \.longestTurn))
    goals.add(
      "MiB of RSS with 1,000 experiments, 10 swaps/s", atMost: 64,
      runs(swapped(1000)) { Double($0.residentBytes) / 1_048_576 })
    for size in sizes {
      goals.add("ms from start to first answer, last good of \(size) experiments", atMost: 50, starts[size])
    }
    return goals.table
  }
}
