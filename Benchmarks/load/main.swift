// How much can a server do, and how long does who asks it wait? Sends requests at a constant rate, each one's time
// taken from the moment at which it was due, or as fast as the answers come. Not measured: what opening a connection
// costs; what the server spends (bench-serve does). load-check.sh holds its figures to other clients' and to arithmetic.

import Arguments
import Kernel
import LoadGenerator
import Measuring
import Operations

let program = Program(
  "bench-load", "asks a server over HTTP/1.1 and says how long it took", version: Version.text,
  commands: [
    Command(
      "", "", operands: "ENDPOINT",
      options: [
        Option(
          "target", "PATH",
          "what is asked for; {user} is another key in each request (/decide?user_key={user})"),
        Option("body", "TEXT", "POST this; {user} is replaced here too"),
        Option("rate", "N", "requests a second; without it, as many as the answers allow"),
        Option("connections", "N", "1...\(Load.connectionMax) (64)"),
        Option("pipeline", "N", "requests under way on each connection, 1...\(Load.pipelineMax) (1)"),
        Option("warm-up", "S", "seconds that do not count (0.5)"),
        Option("seconds", "S", "seconds that count (5)"),
        Option("processor", "N", "where the generator runs; the last one it may run on"),
        Option("rest", nil, "rest while there is nothing to do, where the generator shares its processor"),
        Option("smoke", nil, "a moment only"),
      ])
  ],
  notes: "ENDPOINT is HOST:PORT or unix:PATH.")

program.main { invocation in
  guard invocation.operands.count == 1, let endpoint = Endpoint(invocation.operands[0]) else {
    throw UsageFault("name one endpoint, HOST:PORT or unix:PATH")
  }
  var load = Load(endpoint)
  if invocation["rate"] != nil { load.pace = .rate(try invocation.number("rate", 1...10_000_000, 1)) }
  load.connections = try invocation.number("connections", 1...Load.connectionMax, 64)
  load.pipeline = try invocation.number("pipeline", 1...Load.pipelineMax, 1)
  load.warmUp = try invocation.number("warm-up", 0...3600, invocation.has("smoke") ? 0.01 : 0.5)
  load.length = try invocation.number("seconds", 0.001...86_400, invocation.has("smoke") ? 0.05 : 5)
  if invocation.has("rest") { load.rests = true }
  load.showsProgress = load.length >= 3
  let requests = try Requests(
    target: invocation["target"] ?? "/decide?user_key={user}", body: invocation["body"])
  let processor = try invocation.number("processor", 0...1023, Threads.processors.last ?? 0)
  let figures = try Generator.run(load, requests, processor: processor)

  func microseconds(_ percent: Double) -> Table.Value {
    .number(Double(figures.latency.percentile(percent)) / 1000)
  }
  var table = Table(
    "\(load.connections) connections to \(endpoint), \(load.pipeline) under way on each at most; time of an answer"
      + (load.pace == .closed ? "" : " from the moment its request was due"),
    columns: [
      Table.Column("answers", "1/s"), Table.Column("received", "MB/s", decimals: 1),
      Table.Column("p50", "us", decimals: 1), Table.Column("p90", "us", decimals: 1),
      Table.Column("p99", "us", decimals: 1), Table.Column("p99.9", "us", decimals: 1),
      Table.Column("p99.99", "us", decimals: 1), Table.Column("max", "us", decimals: 1),
      Table.Column("answers"), Table.Column("bytes"), Table.Column("not 2xx"), Table.Column("broken"),
      Table.Column("unanswered"), Table.Column("reconnects"),
    ])
  table.append(
    [.number(figures.rate), .number(Double(figures.bytes) / figures.seconds / 1e6)]
      + [50, 90, 99, 99.9, 99.99, 100].map(microseconds)
      + [
        figures.answers, figures.bytes, figures.refused, figures.broken, figures.unanswered,
        figures.reconnects,
      ].map { .number($0) })
  try table.report(as: "load")
}
