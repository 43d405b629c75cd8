// The admin port: readiness, metrics, the loaded snapshots and "why". Its own thread and server; plain code
// that may allocate, since nobody's request waits for it.

import Bytes
import Decisions
import Dialects
import HTTP
import JSON
import Kernel
import Publication
import Server

struct AdminLoop: ~Copyable {
  private var server: Server
  private var workspace: Workspace
  private let words: WorkerWords
  private let isEnding: SharedWord
  private let metrics: MetricsPage

  init(
    _ listener: Int32, limits: Limits, words: WorkerWords, waker: Waker, isEnding: SharedWord,
    metrics: MetricsPage
  ) throws(SystemFailure) {
    var limits = limits
    limits.connections = 256
    var ring = RingSettings()
    ring.submissions = 256
    ring.completions = 1024
    ring.buffers = 32
    let memory = try Memory(byteCount: Workspace.byteCount)
    let server = try Server(limits, ring: ring, listeners: [listener], waker: waker)
    self.server = server
    workspace = Workspace(memory.leak())
    self.words = words
    self.isEnding = isEnding
    self.metrics = metrics
  }

  /// Answers until the process is gone: its end is to be seen here.
  mutating func run() {
    while true {
      server.wait()
      let catalog = words.beginTurn()
      while var exchange = server.next() {
        answer(&exchange, catalog)
        server.finish(exchange)
      }
      server.flush()
      words.endTurn()
    }
  }

  private mutating func answer(_ exchange: inout Exchange, _ catalog: Catalog) {
    let path = String(exchange.path)
    guard exchange.request.method == .get || exchange.request.method == .head else {
      return write(
        &exchange, .methodNotAllowed, Self.fault("METHOD_NOT_ALLOWED", "Use GET."),
        fields: "Allow: GET, HEAD\r\n")
    }
    switch path {
    case "/health": write(&exchange, .ok, Array("{\"status\":\"ok\"}".utf8))
    case "/ready":
      let (isReady, body) = Readiness.describe(catalog, isEnding: isEnding.value != 0)
      write(&exchange, isReady ? .ok : .unavailable, body)
    case "/metrics": write(&exchange, .ok, metrics.render(catalog), type: .metrics)
    case "/snapshot": write(&exchange, .ok, Readiness.snapshots(catalog))
    case "/explain": explain(&exchange, catalog)
    default:
      write(
        &exchange, .notFound,
        Self.fault("NOT_FOUND", "There are /health, /ready, /metrics, /snapshot and /explain."))
    }
  }

  /// GET /explain takes what GET /decide takes.
  private mutating func explain(_ exchange: inout Exchange, _ catalog: Catalog) {
    let fault: ClientFault
    switch DecideQuery.read(exchange.bytes, exchange.request.query, &workspace) {
    case .fault(let found): fault = found
    case .question(let question):
      if let entry = catalog.entry(question.environment), let tables = Tables(entry.tables) {
        guard let found = question.decide(tables, &workspace) else {
          return write(&exchange, .ok, Explanation(question, tables).json(&workspace))
        }
        fault = found
      } else {
        fault = ClientFault(
          "NO_SNAPSHOT", "No snapshot is loaded for this environment: check its name.", status: .unavailable)
      }
    }
    write(&exchange, fault.status, [UInt8](capacity: 4096) { fault.write(to: &$0) })
  }

  private static func fault(_ code: StaticString, _ message: StaticString) -> [UInt8] {
    [UInt8](capacity: 4096) { ClientFault(code, message).write(to: &$0) }
  }

  private func write(
    _ exchange: inout Exchange, _ status: Status, _ body: [UInt8], type: ContentType = .json,
    fields: StaticString = ""
  ) {
    let head = ResponseHead(
      status, type, for: exchange.request, date: exchange.date, fields: fields.bytes, into: &exchange.output)
    body.withBytes { exchange.output.append($0) }
    head.finish(&exchange.output)
  }
}
