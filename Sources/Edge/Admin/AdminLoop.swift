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
  private let life: Life
  private let metrics: MetricsPage

  init(
    _ listener: Int32, limits: Limits, words: WorkerWords, on driver: consuming Driver, life: Life,
    metrics: MetricsPage
  ) throws(SystemFailure) {
    var limits = limits
    limits.connections = 256
    let memory = try Memory(byteCount: Workspace.byteCount)
    let server = try Server(limits, on: driver, listeners: [listener])
    self.server = server
    workspace = Workspace(memory.leak())
    self.words = words
    self.life = life
    self.metrics = metrics
  }

  /// What it asks of its driver.
  static var driverSettings: DriverSettings {
    DriverSettings(submissions: 256, completions: 1024, buffers: 32)
  }

  /// Answers until the process is gone, since its end is to be seen here; but if a successor shows what it is like,
  /// until the last connection is.
  mutating func run() {
    while !server.isDrained {
      if life.isHandedOver { server.drain(listenersLiveOn: true) }
      server.wait()
      let catalog = words.beginTurn()
      while server.next() {
        var exchange = server.exchange
        answer(&exchange, catalog)
        server.exchange = exchange
        server.finish()
      }
      server.flush()
      words.endTurn()
    }
  }

  private mutating func answer(_ exchange: inout Exchange, _ catalog: Catalog) {
    let path = String(exchange.path)
    switch path {
    case "/health", "/ready", "/metrics", "/snapshot":
      if allow(&exchange, "Allow: GET, HEAD, OPTIONS\r\n") { show(path, &exchange, catalog) }
    case "/explain":
      if allow(&exchange, post: true, "Allow: GET, HEAD, POST, OPTIONS\r\n") { explain(&exchange, catalog) }
    case "" where exchange.request.method == .options:
      options(&exchange, "Allow: GET, HEAD, POST, OPTIONS\r\n")
    default:
      let fault = ClientFault(
        "NOT_FOUND", "There are /health, /ready, /metrics, /snapshot and /explain.", status: .notFound)
      refuse(&exchange, fault)
    }
  }

  private func show(_ path: String, _ exchange: inout Exchange, _ catalog: Catalog) {
    switch path {
    case "/health": write(&exchange, .ok, Array("{\"status\":\"ok\"}".utf8))
    case "/ready":
      let (isReady, body) = Readiness.describe(catalog, isEnding: life.isEnding)
      write(&exchange, isReady ? .ok : .unavailable, body)
    case "/metrics": write(&exchange, .ok, metrics.render(catalog), type: .metrics)
    default: write(&exchange, .ok, Readiness.snapshots(catalog))
    }
  }

  /// GET /explain takes what GET /decide takes, POST /explain what ``ExplainBody`` says.
  private mutating func explain(_ exchange: inout Exchange, _ catalog: Catalog) {
    if exchange.request.method == .post {
      switch ExplainBody.read(exchange.bytes.slice(exchange.request.body), &workspace) {
      case .fault(let fault): refuse(&exchange, fault)
      case .question(let question, let selection): explain(question, selection, &exchange, catalog)
      }
    } else {
      switch DecideQuery.read(exchange.bytes, exchange.request.query, &workspace) {
      case .fault(let fault): refuse(&exchange, fault)
      case .question(let question): explain(question, nil, &exchange, catalog)
      }
    }
  }

  private mutating func explain(
    _ question: Question, _ selection: [[UInt8]]?, _ exchange: inout Exchange, _ catalog: Catalog
  ) {
    guard let entry = catalog.entry(question.environment), let tables = Tables(entry.tables) else {
      let fault = ClientFault(
        "NO_SNAPSHOT", "No snapshot is loaded for this environment: check its name.", status: .unavailable)
      return refuse(&exchange, fault)
    }
    if let fault = question.decide(tables, &workspace) { return refuse(&exchange, fault) }
    let explanation = Explanation(question, tables, Self.provenance(entry), selection: selection)
    switch explanation.answer(&workspace) {
    case .answer(let text): write(&exchange, .ok, text)
    case .fault(let fault): refuse(&exchange, fault)
    }
  }

  /// What /snapshot says of the snapshot that decided.
  private static func provenance(_ entry: CatalogEntry) -> Explanation.Provenance {
    // The edition wrote the description itself.
    let known = try! Document([UInt8](entry.description)).root
    return Explanation.Provenance(
      sha256: known["sha256"]!.text!, signers: known["signedBy"]!.elements.compactMap(\.text))
  }

  // MARK: - Short answers

  /// Whether the method is the route's; otherwise it was answered.
  private func allow(_ exchange: inout Exchange, post: Bool = false, _ fields: StaticString) -> Bool {
    switch exchange.request.method {
    case .get, .head: return true
    case .post where post: return true
    case .options: options(&exchange, fields)
    default:
      refuse(&exchange, .methodNotAllowed, fields: fields)
    }
    return false
  }

  private func options(_ exchange: inout Exchange, _ fields: StaticString) {
    ResponseHead.write(
      .noContent, for: exchange.request, date: exchange.date, fields: fields.bytes, into: &exchange.output)
  }

  private func refuse(_ exchange: inout Exchange, _ fault: ClientFault, fields: StaticString = "") {
    write(
      &exchange, fault.status, [UInt8](capacity: 4096) { fault.write(to: &$0) }, fields: fields)
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
