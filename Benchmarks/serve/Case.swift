// One line of the table: how the servers are asked.

import Kernel
import LoadGenerator
import Measuring

struct Case: Hashable {
  var question = Question.decide
  var transport = Transport.tcp
  var connections = 64
  var pipeline = 1

  static let all = [
    Case(connections: 1), Case(), Case(connections: 1024), Case(pipeline: 16),
    Case(transport: .unix), Case(transport: .unix, pipeline: 16),
    Case(question: .evaluate), Case(question: .decideAll),
  ]

  /// nginx and haproxy have no place for a fixed answer of tens of kilobytes, and nobody decides 350 flags in Lua.
  func suits(_ server: Server) -> Bool { question == .decide || server == .edge || server == .responder }

  /// Where answers come in heaps, the time of one says little.
  var hasLatency: Bool { pipeline == 1 }
}

/// What one run of a case found.
struct Measurement {
  var rate = 0.0
  /// Microseconds of the server's processor time per answer.
  var cost = 0.0
  /// What the server used meanwhile.
  let used: ProcessorTime
  /// How much of its processor that is, in percent.
  var busy = 0.0
  /// How long it was ready to run and something else ran, in percent of the time.
  var waiting = 0.0
  var errors = 0
  var answerBytes = 0
  /// At half of ``rate``.
  var latency: Histogram?
  var residentBytes = 0

  /// Asks as fast as the answers come, and then, to see how long they take, at half of that rate.
  init(
    of server: RunningServer, _ scenario: Case, _ requests: Requests, seconds: Double, processor: Int
  ) throws {
    let endpoint = server.endpoint(scenario.transport)
    answerBytes = try Answer(of: endpoint, to: requests.request(0)).bytes.count
    var load = Load(endpoint)
    load.connections = scenario.connections
    load.pipeline = scenario.pipeline
    load.warmUp = seconds / 5
    load.length = seconds
    let pid = server.process.pid
    let run = try Generator.run(load, requests, processor: processor) { ChildProcess.processorTime(of: pid) }
    used = run.after - run.before
    rate = run.figures.rate
    cost = used.total * 1e6 / Double(max(1, run.figures.answers))
    busy = used.total / run.figures.seconds * 100
    waiting = used.waiting / run.figures.seconds * 100
    errors = run.figures.errors
    residentBytes = server.process.residentBytes
    guard scenario.hasLatency, rate > 0 else { return }
    load.pace = .rate(rate / 2)
    let paced = try Generator.run(load, requests, processor: processor)
    latency = paced.latency
    errors += paced.errors
  }
}
