// From a request to its answer: which dialect reads it, which tables decide, which writer answers. Joins
// nouns and holds no algorithm of its own. Its methods are mutating even where they change nothing: for a call that
// only borrows, the compiler would copy the kilobytes of the whole value.

import Access
import Bytes
import Decisions
import Dialects
import HTTP
import Publication
import Server

struct Router: ~Copyable {
  let words: WorkerWords
  var workspace: Workspace
  var ids: DecisionIDs
  private var reporter: Reporter
  var streams: EventStreams
  var visitors: Visitors
  var stickies: Stickies
  /// Lines of the answer's head beyond those that every answer has.
  var lines: Output
  /// Who passes; its tables stand in `gateMemory`.
  var gate: Gate
  private var gateMemory: GateMemory
  private let newGates: Mailbox<GateMemory>
  private let newKeys: Mailbox<MessageKeys>
  /// What the request's key may see.
  var grant = Grant.everything
  /// What the gate has to count of the request, a bit for each event, and whether it took a token for it.
  private var gateEvents: UInt64 = 0
  var tookToken = false
  private var wall: UInt64 = 0
  private(set) var now: UInt64 = 0
  /// Set when an environment was asked for that nobody follows yet.
  private(set) var hasWants = false
  /// The turn's last request for an unknown environment; one a turn is enough to ask.
  private var wantedInTurn = false

  /// Bytes of memory that a router needs beyond its parts'.
  static func byteCount(streamMax: Int) -> Int {
    lineBytesMax + EventStreams.byteCount(capacity: streamMax) + SetCookie.domainMax + Visitors.byteCount
      + Stickies.byteCount + 5 * 64
  }
  /// Bytes of further lines in one answer's head.
  private static var lineBytesMax: Int { 8192 }

  init(
    words: WorkerWords, workspace: ByteRegion, memory: ByteRegion, streamMax: Int, ids: DecisionIDs,
    gate: GateMemory, newGates: Mailbox<GateMemory>, reporter: consuming Reporter, visitors: VisitorParts,
    keys: MessageKeys, newKeys: Mailbox<MessageKeys>
  ) {
    self.words = words
    self.gate = gate.gate
    gateMemory = gate
    self.newGates = newGates
    self.newKeys = newKeys
    self.workspace = Workspace(workspace)
    self.ids = ids
    self.reporter = reporter
    var carver = Carver(memory)
    lines = Output(carver.region(Self.lineBytesMax))
    streams = EventStreams(
      carver.region(EventStreams.byteCount(capacity: streamMax)), capacity: streamMax)
    let domain = carver.region(visitors.domain.count)
    visitors.domain.withBytes { domain.copy($0, to: 0) }
    let cookie = SetCookie(domain: domain.bytes)
    self.visitors = Visitors(
      isOn: visitors.cookie, cookie: cookie, memory: carver.region(Visitors.byteCount))
    stickies = Stickies(
      visitors.sticky, key: keys.stickies, cookie: cookie, memory: carver.region(Stickies.byteCount))
  }

  /// `wall` is in nanoseconds since 1970, `now` is monotonic.
  mutating func beginTurn(wall: UInt64, now: UInt64) {
    hasWants = false
    wantedInTurn = false
    self.wall = wall
    self.now = now
    ids.now = wall / 1_000_000
    if let new = newGates.take() { change(to: new) }
    if let new = newKeys.take() { change(to: new) }
  }

  private mutating func change(to keys: MessageKeys) {
    ids.key = keys.tokens
    stickies.key = keys.stickies
    reporter.key = keys.datagrams
  }

  /// Answers one request.
  mutating func answer(_ exchange: inout Exchange, _ catalog: Catalog) {
    lines.rewind(to: 0)
    visitors.forget()
    stickies.forget(&workspace)
    let (route, rest) = Route.of(exchange.bytes.slice(exchange.request.path))
    let status =
      (gate.hasOrigins ? meetOrigin(route, &exchange) : nil) ?? allow(route, &exchange)
      ?? (gate.isGuarded ? admit(route, &exchange) : nil) ?? respond(route, rest, &exchange, catalog)
    let isAnswered = !exchange.output.isOverflowing
    if isAnswered { words.count(ServeCounters.request(route, status)) }
    if tookToken || gateEvents != 0 { leaveGate(isAnswered: isAnswered) }
  }

  // MARK: - The gate

  /// The gate has something to count once the request is answered.
  mutating func note(_ event: GateEvent) { gateEvents |= 1 << UInt64(event.index) }

  /// A request whose answer did not fit comes again: it was not counted, and pays then.
  @inline(never)
  private mutating func leaveGate(isAnswered: Bool) {
    if isAnswered {
      while gateEvents != 0 {
        words.count(ServeCounters.gate + gateEvents.trailingZeroBitCount)
        gateEvents &= gateEvents &- 1
      }
    } else if tookToken {
      gate.buckets?.giveBack()
    }
    gateEvents = 0
    tookToken = false
  }

  @inline(never)
  private mutating func change(to new: GateMemory) {
    evictionsBefore += gate.buckets?.evictions ?? 0
    gate = new.gate
    grant = .everything
    // Nothing looks into the former memory any more.
    gateMemory = new
  }

  /// Buckets that made room in gates before this one.
  private var evictionsBefore: UInt64 = 0

  private mutating func respond(
    _ route: Route, _ rest: ByteView, _ exchange: inout Exchange, _ catalog: Catalog
  ) -> Status {
    switch route {
    case .decide: decide(&exchange, catalog)
    case .decideFlags: decideFlags(&exchange, catalog)
    case .decideBatch: decideBatch(&exchange, catalog)
    case .evaluateOne: evaluateOne(rest, &exchange, catalog)
    case .evaluateAll: evaluateAll(&exchange, catalog)
    case .events: events(&exchange, catalog)
    case .clientSnapshot: clientSnapshot(&exchange, catalog)
    case .health: health(&exchange)
    case .configs: configs(&exchange, rest, catalog)
    case .none:
      refuse(
        &exchange,
        ClientFault(
          "NOT_FOUND", "There is no such route: see /decide, /api/v1/decide and /ofrep/v1/evaluate/flags.",
          status: .notFound)
      )
    }
  }

  // MARK: - Reporting

  /// Monotonic nanoseconds; when ``sendReports(_:)`` has to be called again at the latest.
  var reportDeadline: UInt64 { reporter.deadline }

  mutating func sendReports(_ server: inout Server) { reporter.turn(&server) }
  mutating func endReporting(_ server: inout Server) -> Bool { reporter.end(&server) }

  /// Stores what is counted elsewhere among the worker's words. Mutating, so that the router is not copied for it.
  mutating func storeCounts() {
    reporter.count(words)
    words.set(ServeCounters.gateEvictions, evictionsBefore + (gate.buckets?.evictions ?? 0))
  }

  /// Tells the streams of events what is new.
  mutating func sendEvents(_ server: inout Server, _ catalog: Catalog) {
    let count = streams.turn(&server, catalog)
    if count > 0 { words.count(ServeCounters.eventsSent, UInt64(count)) }
    words.set(ServeCounters.streams, UInt64(streams.count))
  }

  // MARK: - Decisions

  // A route is a call of its own: inlined into the turn, all of them together make the compiler copy more.
  @inline(never)
  private mutating func decide(_ exchange: inout Exchange, _ catalog: Catalog) -> Status {
    switch DecideQuery.read(
      exchange.bytes, exchange.request.query, &workspace, needsUser: !visitors.isOn)
    {
    case .fault(let fault): return refuse(&exchange, fault)
    case .question(var question):
      identify(&question, &exchange)
      return evaluate(question, &exchange, catalog) { tables, workspace, _, output in
        DecideAnswer.writeAssignments(question, tables, &workspace, to: &output)
        return DecideAnswer.FlagCounts()
      }
    }
  }

  @inline(never)
  private mutating func decideFlags(_ exchange: inout Exchange, _ catalog: Catalog) -> Status {
    switch DecideBody.read(
      exchange.bytes.slice(exchange.request.body), &workspace, needsUser: !visitors.isOn)
    {
    case .fault(let fault): return refuse(&exchange, fault)
    case .question(var question):
      identify(&question, &exchange)
      guard let tracks = DecideQuery.readTrack(exchange.bytes, exchange.request.query) else {
        return refuse(&exchange, DecideQuery.invalidTrack)
      }
      question.tracks = question.tracks && tracks
      return evaluate(question, &exchange, catalog) { tables, workspace, ids, output in
        DecideAnswer.writeDecisions(question, tables, &workspace, &ids, to: &output)
      }
    }
  }

  @inline(__always)
  private mutating func evaluate(
    _ question: Question, _ exchange: inout Exchange, _ catalog: Catalog,
    _ write: (Tables, inout Workspace, inout DecisionIDs, inout Output) -> DecideAnswer.FlagCounts
  ) -> Status {
    guard let entry = find(question.environment, catalog), let tables = Tables(entry.tables) else {
      return refuse(&exchange, unavailable(question.environment, catalog))
    }
    stickies.read(&exchange, question, tables, &workspace)
    if let fault = question.decide(tables, &workspace) { return refuse(&exchange, fault) }
    greet(question, tables, &exchange)
    let head = beginAnswer(&exchange)
    let flags = write(tables, &workspace, &ids, &exchange.output)
    head.finish(&exchange.output)
    if !exchange.output.isOverflowing { noteAnswer(&exchange, question, tables, flags) }
    return .ok
  }

  /// The head of a 200 with a JSON body that follows.
  mutating func beginAnswer(_ exchange: inout Exchange) -> ResponseHead {
    ResponseHead(
      .ok, .json, for: exchange.request, date: exchange.date, fields: lines.written, into: &exchange.output)
  }

  /// Counts what an answer said and reports what it showed.
  mutating func noteAnswer(
    _ exchange: inout Exchange, _ question: Question, _ tables: Tables, _ flags: DecideAnswer.FlagCounts
  ) {
    for reason in 0..<Reason.count where workspace.reasonCounts[reason] > 0 {
      words.count(ServeCounters.reasons + reason, UInt64(workspace.reasonCounts[reason]))
    }
    if flags.defaults > 0 { words.count(ServeCounters.flagDefaults, UInt64(flags.defaults)) }
    if flags.notFound > 0 { words.count(ServeCounters.flagsNotFound, UInt64(flags.notFound)) }
    countVisitor()
    // An answer to HEAD shows nothing.
    if case .head = exchange.request.method { return }
    if question.tracks {
      reporter.record(question, tables, &workspace, wall: wall, now: now)
    } else {
      reporter.skip()
    }
  }

  // MARK: - Environments

  /// The environment that a request names, or the first one that its key may see; nil if nobody follows it, or the
  /// key may not see it.
  mutating func find(_ environment: ByteView, _ catalog: Catalog) -> CatalogEntry? {
    var name = environment
    if !grant.allowsEveryEnvironment {
      guard let picked = grant.pick(environment, catalog) else { return nil }
      name = picked
    }
    return catalog.entry(name)
  }

  /// Why ``find(_:_:)`` found nothing that decides. If nobody follows the environment it is asked for; one that the
  /// key may not see is not, so that its answer does not depend on whether it exists.
  mutating func unavailable(_ environment: ByteView, _ catalog: Catalog) -> ClientFault {
    if grant.forbids(environment, catalog) { return forbidden() }
    guard Self.isName(environment) else {
      return ClientFault(
        "INVALID_ENVIRONMENT",
        "The environment's name is malformed: send 1 to 64 letters, digits, -, _ and ., the first a letter or digit."
      )
    }
    if catalog.entry(environment) == nil, !wantedInTurn {
      wantedInTurn = true
      if words.want(environment) { hasWants = true } else { words.count(ServeCounters.wantsDropped) }
    }
    lines.append("Retry-After: 1\r\n")
    return ClientFault(
      "NO_SNAPSHOT", "No snapshot is loaded for this environment: check its name, or try again shortly.",
      status: .unavailable)
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

  // MARK: - Short answers

  private mutating func health(_ exchange: inout Exchange) -> Status {
    let head = beginAnswer(&exchange)
    exchange.output.append("{\"status\":\"ok\"}")
    head.finish(&exchange.output)
    return .ok
  }

  /// nil if the method is one of the route's; otherwise what was answered instead.
  private mutating func allow(_ route: Route, _ exchange: inout Exchange) -> Status? {
    let actual = exchange.request.method
    switch (actual, route.isPost) {
    case (.get, false), (.head, false), (.post, true): return nil
    case (.options, _) where route != .none || exchange.path.isEmpty:
      appendAllow(route)
      ResponseHead.write(
        .noContent, for: exchange.request, date: exchange.date, fields: lines.written, into: &exchange.output)
      return .noContent
    case _ where route == .none: return nil
    default:
      appendAllow(route)
      return refuse(&exchange, .methodNotAllowed)
    }
  }

  private mutating func appendAllow(_ route: Route) {
    lines.append("Allow: ")
    lines.append(route.methods)
    lines.append("\r\n")
  }

  mutating func refuse(_ exchange: inout Exchange, _ fault: ClientFault) -> Status {
    let head = ResponseHead(
      fault.status, .json, for: exchange.request, date: exchange.date, fields: lines.written,
      into: &exchange.output)
    fault.write(to: &exchange.output)
    head.finish(&exchange.output)
    return fault.status
  }
}
