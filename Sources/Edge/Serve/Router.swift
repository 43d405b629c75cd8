// From a request to its answer: which dialect reads it, which tables decide, which writer answers. Joins
// nouns and holds no algorithm of its own.

import Bytes
import Decisions
import Dialects
import HTTP
import Publication
import Server

struct Router: ~Copyable {
  private let words: WorkerWords
  private var workspace: Workspace
  private var ids: DecisionIDs
  private var reporter: Reporter
  private var wall: UInt64 = 0
  private var now: UInt64 = 0
  /// Set when an environment was asked for that nobody follows yet.
  private(set) var hasWants = false
  /// The turn's last request for an unknown environment; one a turn is enough to ask.
  private var wantedInTurn = false

  init(words: WorkerWords, workspace: ByteRegion, ids: DecisionIDs, reporter: consuming Reporter) {
    self.words = words
    self.workspace = Workspace(workspace)
    self.ids = ids
    self.reporter = reporter
  }

  /// `wall` is in nanoseconds since 1970, `now` is monotonic.
  mutating func beginTurn(wall: UInt64, now: UInt64) {
    hasWants = false
    wantedInTurn = false
    self.wall = wall
    self.now = now
    ids.now = wall / 1_000_000
  }

  /// Answers one request.
  mutating func answer(_ exchange: inout Exchange, _ catalog: Catalog) {
    let path = exchange.path
    let route: Route
    let status: Status
    if path.equals("/decide") {
      route = .decide
      status = decide(&exchange, catalog)
    } else if path.equals("/api/v1/decide") {
      route = .decideFlags
      status = decideFlags(&exchange, catalog)
    } else if path.equals("/health") {
      route = .health
      status = health(&exchange)
    } else if path.starts(with: ("/configs/" as StaticString).bytes) {
      route = .configs
      status = configs(&exchange, path.dropping(9), catalog)
    } else if path.isEmpty, exchange.request.method == .options {
      route = .none
      status = options(&exchange, "Allow: GET, HEAD, POST, OPTIONS\r\n")
    } else {
      route = .none
      status = refuse(
        &exchange,
        ClientFault("NOT_FOUND", "There is no such route: see /decide and /api/v1/decide.", status: .notFound)
      )
    }
    if !exchange.output.isOverflowing { words.count(ServeCounters.request(route, status)) }
  }

  // MARK: - Reporting

  /// Monotonic nanoseconds; when ``sendReports(_:)`` has to be called again at the latest.
  var reportDeadline: UInt64 { reporter.deadline }

  mutating func sendReports(_ server: inout Server) { reporter.turn(&server) }
  mutating func endReporting(_ server: inout Server) { reporter.end(&server) }
  func countReports() { reporter.count(words) }

  // MARK: - Decisions

  private mutating func decide(_ exchange: inout Exchange, _ catalog: Catalog) -> Status {
    guard let status = allow(&exchange, .get, "Allow: GET, HEAD, OPTIONS\r\n") else {
      switch DecideQuery.read(exchange.bytes, exchange.request.query, &workspace) {
      case .fault(let fault): return refuse(&exchange, fault)
      case .question(let question):
        return evaluate(question, &exchange, catalog) { tables, workspace, _, output in
          DecideAnswer.writeAssignments(question, tables, &workspace, to: &output)
          return DecideAnswer.FlagCounts()
        }
      }
    }
    return status
  }

  private mutating func decideFlags(_ exchange: inout Exchange, _ catalog: Catalog) -> Status {
    guard let status = allow(&exchange, .post, "Allow: POST, OPTIONS\r\n") else {
      switch DecideBody.read(exchange.bytes.slice(exchange.request.body), &workspace) {
      case .fault(let fault): return refuse(&exchange, fault)
      case .question(var question):
        guard let tracks = DecideQuery.readTrack(exchange.bytes, exchange.request.query) else {
          return refuse(&exchange, DecideQuery.invalidTrack)
        }
        question.tracks = question.tracks && tracks
        return evaluate(question, &exchange, catalog) { tables, workspace, ids, output in
          DecideAnswer.writeDecisions(question, tables, &workspace, &ids, to: &output)
        }
      }
    }
    return status
  }

  @inline(__always)
  private mutating func evaluate(
    _ question: Question, _ exchange: inout Exchange, _ catalog: Catalog,
    _ write: (Tables, inout Workspace, inout DecisionIDs, inout Output) -> DecideAnswer.FlagCounts
  ) -> Status {
    guard let entry = catalog.entry(question.environment), let tables = Tables(entry.tables) else {
      return unavailable(question.environment, &exchange, catalog)
    }
    if let fault = question.decide(tables, &workspace) { return refuse(&exchange, fault) }
    let head = ResponseHead(.ok, .json, for: exchange.request, date: exchange.date, into: &exchange.output)
    let flags = write(tables, &workspace, &ids, &exchange.output)
    head.finish(&exchange.output)
    if !exchange.output.isOverflowing {
      count(flags)
      // An answer to HEAD shows nothing.
      if exchange.request.method != .head { report(question, tables) }
    }
    return .ok
  }

  private mutating func report(_ question: Question, _ tables: Tables) {
    if question.tracks {
      reporter.record(question, tables, workspace, wall: wall, now: now)
    } else {
      reporter.skip()
    }
  }

  private func count(_ flags: DecideAnswer.FlagCounts) {
    for reason in 0..<8 where workspace.reasonCounts[reason] > 0 {
      words.count(ServeCounters.reasons + reason, UInt64(workspace.reasonCounts[reason]))
    }
    if flags.defaults > 0 { words.count(ServeCounters.flagDefaults, UInt64(flags.defaults)) }
    if flags.notFound > 0 { words.count(ServeCounters.flagsNotFound, UInt64(flags.notFound)) }
  }

  /// No snapshot: asks for the environment if nobody follows it, and says to try again.
  private mutating func unavailable(
    _ environment: ByteView, _ exchange: inout Exchange, _ catalog: Catalog
  ) -> Status {
    guard Self.isName(environment) else {
      return refuse(
        &exchange,
        ClientFault(
          "INVALID_ENVIRONMENT",
          "The environment's name is malformed: send 1 to 64 letters, digits, -, _ and ., the first a letter or digit."
        ))
    }
    if catalog.entry(environment) == nil, !wantedInTurn {
      wantedInTurn = true
      if words.want(environment) { hasWants = true } else { words.count(ServeCounters.wantsDropped) }
    }
    let fault = ClientFault(
      "NO_SNAPSHOT", "No snapshot is loaded for this environment: check its name, or try again shortly.",
      status: .unavailable)
    return refuse(&exchange, fault, fields: "Retry-After: 1\r\n")
  }

  private static func isName(_ name: ByteView) -> Bool {
    guard !name.isEmpty else { return true }
    guard name.count <= CatalogEntry.nameMax else { return false }
    for offset in 0..<name.count {
      switch name[offset] {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: continue
      case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."): if offset == 0 { return false }
      default: return false
      }
    }
    return true
  }

  // MARK: - Documents

  /// The static layout, as it was verified: `{environment}/manifest.json` and what it speaks of.
  private mutating func configs(_ exchange: inout Exchange, _ path: ByteView, _ catalog: Catalog) -> Status {
    if let status = allow(&exchange, .get, "Allow: GET, HEAD, OPTIONS\r\n") { return status }
    guard let slash = path.firstOffset(of: UInt8(ascii: "/")), slash > 0,
      let entry = catalog.entry(path.slice(0..<slash)), !entry.snapshot.isEmpty
    else { return notFound(&exchange) }
    let name = path.dropping(slash + 1)
    if name.equals("manifest.json") {
      return send(entry.manifest, tag: entry.manifestTag, entry, &exchange)
    } else if name.equals("snapshots/latest.json") || Self.isSnapshot(name, of: entry) {
      return send(entry.snapshot, tag: entry.snapshotTag, entry, &exchange)
    } else if name.equals("version.json") {
      return send(entry.versionDocument, tag: entry.snapshotTag, entry, &exchange)
    }
    return notFound(&exchange)
  }

  private static func isSnapshot(_ name: ByteView, of entry: CatalogEntry) -> Bool {
    let prefix = ("snapshots/" as StaticString).bytes
    let suffix = (".json" as StaticString).bytes
    guard name.starts(with: prefix), name.ends(with: suffix), name.count > prefix.count + suffix.count else {
      return false
    }
    let digits = name.slice(prefix.count..<(name.count - suffix.count))
    return Decimal.parse(digits).map { Int64($0) == entry.version } ?? false
  }

  private func send(
    _ document: ByteView, tag: ByteView, _ entry: CatalogEntry, _ exchange: inout Exchange
  ) -> Status {
    guard !document.isEmpty else { return notFound(&exchange) }
    let request = exchange.request
    if ETag.matches(exchange.bytes.slice(request.ifNoneMatch), tag) {
      ResponseHead.write(.notModified, for: request, date: exchange.date, etag: tag, into: &exchange.output)
      return .notModified
    }
    ResponseHead.write(
      .ok, for: request, date: exchange.date, length: document.count, type: .json, etag: tag,
      into: &exchange.output)
    if !exchange.output.isOverflowing, request.method != .head {
      words.pin(Int(entry.edition))
      exchange.attach(document, pin: Int(entry.edition))
    }
    return .ok
  }

  private func notFound(_ exchange: inout Exchange) -> Status {
    refuse(&exchange, ClientFault("NOT_FOUND", "There is no such document here.", status: .notFound))
  }

  // MARK: - Short answers

  private func health(_ exchange: inout Exchange) -> Status {
    if let status = allow(&exchange, .get, "Allow: GET, HEAD, OPTIONS\r\n") { return status }
    let head = ResponseHead(.ok, .json, for: exchange.request, date: exchange.date, into: &exchange.output)
    exchange.output.append("{\"status\":\"ok\"}")
    head.finish(&exchange.output)
    return .ok
  }

  /// nil if the method is the route's; otherwise what was answered instead.
  private func allow(_ exchange: inout Exchange, _ method: HTTP.Method, _ fields: StaticString) -> Status? {
    let actual = exchange.request.method
    if actual == method || (method == .get && actual == .head) { return nil }
    if actual == .options { return options(&exchange, fields) }
    let fault = ClientFault(
      "METHOD_NOT_ALLOWED", "The route has other methods: see the Allow header.", status: .methodNotAllowed)
    return refuse(&exchange, fault, fields: fields)
  }

  private func options(_ exchange: inout Exchange, _ fields: StaticString) -> Status {
    ResponseHead.write(
      .noContent, for: exchange.request, date: exchange.date, fields: fields, into: &exchange.output)
    return .noContent
  }

  private func refuse(_ exchange: inout Exchange, _ fault: ClientFault, fields: StaticString = "") -> Status {
    let head = ResponseHead(
      fault.status, .json, for: exchange.request, date: exchange.date, fields: fields, into: &exchange.output)
    fault.write(to: &exchange.output)
    head.finish(&exchange.output)
    return fault.status
  }
}
