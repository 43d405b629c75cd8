// All rounds of all servers and cases, and what they come to.

import Bytes
import Glibc
import Kernel
import LoadGenerator
import Measuring

struct Series {
  private let servers: [Server]
  private let fixture: Fixture
  private var measurements: [Case: [Server: [Measurement]]] = [:]
  private let answering: Int
  private let asking: Int

  init(_ servers: [Server]) throws {
    self.servers = servers
    answering = Threads.processors.first ?? 0
    asking = Threads.processors.last ?? 0
    fixture = try Fixture(for: servers, processor: answering)
  }

  // MARK: - Measuring

  mutating func measure(rounds: Int, seconds: Double) throws {
    for round in 1...rounds {
      for server in servers where server.program != nil {
        Progress.show("round \(round) of \(rounds): \(server.rawValue)")
        try measure(server, seconds)
      }
    }
    Progress.clear()
  }

  private mutating func measure(_ server: Server, _ seconds: Double) throws {
    var running: (server: RunningServer, isFor: Case)?
    for scenario in Case.all where scenario.suits(server) {
      // Only the responder must be started anew for another question or transport.
      let isOther = running.map {
        $0.isFor.question != scenario.question || $0.isFor.transport != scenario.transport
      }
      if isOther ?? true, server == .responder || running == nil {
        running?.server.process.end()
        running = (
          try fixture.start(server, scenario.question, scenario.transport, processor: answering), scenario
        )
      }
      let measurement = try Measurement(
        of: running!.server, scenario, fixture.requests[scenario.question]!, seconds: seconds,
        processor: asking)
      measurements[scenario, default: [:]][server, default: []].append(measurement)
    }
  }

  // MARK: - What it comes to

  private func runs(_ scenario: Case, _ server: Server, _ figure: (Measurement) -> Double?) -> Runs? {
    let values = (measurements[scenario]?[server] ?? []).compactMap(figure)
    return values.isEmpty ? nil : Runs(values)
  }

  var table: Table {
    var table = Table(
      """
      each server on processor \(answering), asked by one generator on processor \(asking); medians of the rounds,
      +- is the whole range of the rounds in percent; the time of an answer at half of the server's own answers/s;
      decide: GET /decide, one experiment; evaluate-350, decide-350: all of 350 flags by OFREP, by POST /api/v1/decide
      """,
      columns: [
        Table.Column("question", "", .left), Table.Column("over", "", .left), Table.Column("connections"),
        Table.Column("pipeline"), Table.Column("server", "", .left), Table.Column("answers", "1/s"),
        Table.Column("+-", "%"), Table.Column("CPU", "us/answer", decimals: 2),
        Table.Column("+-", "%"), Table.Column("user", "us", decimals: 2),
        Table.Column("system", "us", decimals: 2), Table.Column("busy", "%"),
        Table.Column("p50", "us"), Table.Column("p99", "us"), Table.Column("p99.9", "us"),
        Table.Column("RSS", "MiB", decimals: 1), Table.Column("answer", "bytes"), Table.Column("errors"),
      ])
    for scenario in Case.all {
      for server in servers where scenario.suits(server) { table.append(row(scenario, server)) }
    }
    return table
  }

  private func row(_ scenario: Case, _ server: Server) -> [Table.Value] {
    var row: [Table.Value] = [
      .text(scenario.question.rawValue), .text(scenario.transport.rawValue), .number(scenario.connections),
      .number(scenario.pipeline), .text(server.rawValue),
    ]
    guard let rate = runs(scenario, server, { $0.rate }), let cost = runs(scenario, server, { $0.cost })
    else {
      return row + ["not installed"] + Array(repeating: .missing, count: 12)
    }
    func median(_ figure: (Measurement) -> Double?) -> Table.Value {
      .number(runs(scenario, server, figure)?.median)
    }
    let userCost = cost.median * userShare(scenario, server)
    row += [
      .number(rate.median), .number(rate.spread), .number(cost.median), .number(cost.spread),
      .number(userCost), .number(cost.median - userCost), median { $0.busy },
    ]
    for percent in [50, 99, 99.9] {
      row.append(median { $0.latency.map { Double($0.percentile(percent)) / 1000 } })
    }
    return row + [
      median { Double($0.residentBytes) / 1_048_576 }, median { Double($0.answerBytes) },
      .number(measurements[scenario]![server]!.reduce(0) { $0 + $1.errors }),
    ]
  }

  /// The part of the processor time that was spent in user space. The clock ticks too seldom for one run to tell, so it
  /// is that of all.
  private func userShare(_ scenario: Case, _ server: Server) -> Double {
    let runs = measurements[scenario]?[server] ?? []
    let user = runs.reduce(0) { $0 + $1.used.user }
    return user / max(user + runs.reduce(0) { $0 + $1.used.system }, 1e-9)
  }

  /// What makes the figures doubtful; nil if nothing was seen.
  var doubt: String? {
    let waiting = measurements.values.flatMap(\.values).flatMap { $0 }.map(\.waiting)
    guard !waiting.isEmpty, Runs(waiting).median > Self.waitingMax else { return nil }
    return
      "The servers waited for their processor \(Int(Runs(waiting).median)) % of the time, because something "
      + "else ran on it: measure again when the machine is quiet.\n"
  }

  /// Percent.
  private static var waitingMax: Double { 2 }

  /// The project's goals, each a ratio within a round or a figure of the edge.
  var goals: Table {
    var goals = Goals()
    func thousands(_ scenario: Case) -> Runs? { runs(scenario, .edge) { $0.rate / 1000 } }
    goals.add(
      "CPU per answer, edge / bare responder, TCP, 64 connections", atMost: 1.06, ratio(to: .responder))
    goals.add(
      "CPU per answer, edge / nginx's fixed answer, TCP, 64 connections", atMost: 0.92, ratio(to: .nginx))
    goals.add(
      "thousand decisions/s over a Unix socket, 16 under way", atLeast: 380,
      thousands(Case(transport: .unix, pipeline: 16)))
    goals.add(
      "thousand decisions/s over a Unix socket, 1 under way", atLeast: 380, thousands(Case(transport: .unix)))
    goals.add("thousand answers/s of 350 flags by OFREP", atLeast: 34, thousands(Case(question: .evaluate)))
    goals.add(
      "thousand answers/s of 350 flags by POST /api/v1/decide", atLeast: 34,
      thousands(Case(question: .decideAll)))
    return goals.table
  }

  /// What an answer of the edge costs in what one of another server costs, round by round.
  private func ratio(to other: Server) -> Runs? {
    let edge = measurements[Case()]?[.edge] ?? []
    let others = measurements[Case()]?[other] ?? []
    let ratios = zip(edge, others).map { $0.cost / $1.cost }
    return ratios.isEmpty ? nil : Runs(ratios)
  }
}
