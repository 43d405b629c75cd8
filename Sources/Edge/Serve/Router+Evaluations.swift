// The evaluation protocol (OFREP 0.3.0; docs/ofrep.md): one key, all keys, and the streams that say when to ask
// again.

import Access
import Bytes
import Decisions
import Dialects
import HTTP
import Publication
import Server

extension Router {
  // MARK: - One key

  mutating func evaluateOne(_ path: ByteView, _ exchange: inout Exchange, _ catalog: Catalog) -> Status {
    let outcome = EvaluationBody.read(exchange.bytes.slice(exchange.request.body), &workspace)
    let key: ByteView
    switch EvaluationPath.read(path, into: &workspace.text) {
    case .fault(let fault): return refuse(&exchange, fault, key: path)
    case .key(let found): key = found
    }
    switch outcome {
    case .fault(let fault): return refuse(&exchange, fault, key: key)
    case .question(var question, _):
      if case .fault(let fault) = complete(&question, &exchange) { return refuse(&exchange, fault, key: key) }
      guard let entry = find(question.environment, catalog), let tables = Tables(entry.tables) else {
        return refuse(&exchange, unavailable(question.environment, catalog), key: key)
      }
      guard let index = tables.evaluation(key) else {
        words.count(ServeCounters.flagsNotFound)
        return refuse(&exchange, Self.flagNotFound, key: key)
      }
      stickies.read(&exchange, question, tables, &workspace)
      // What users keep from now on may be of any experiment.
      let drivers = stickies.isOn ? nil : tables.evaluations[index].drivers
      if let fault = question.decide(tables, &workspace, about: drivers) {
        return refuse(&exchange, fault, key: key)
      }
      greet(question, tables, &exchange)
      let start = exchange.output.count
      let head = beginAnswer(&exchange)
      var counts = DecideAnswer.FlagCounts()
      if case .needsUser = EvaluationAnswer.write(
        index, question, tables, &workspace, &counts, to: &exchange.output)
      {
        exchange.output.rewind(to: start)
        return refuse(&exchange, EvaluationAnswer.userMissing, key: key)
      }
      head.finish(&exchange.output)
      if !exchange.output.isOverflowing { noteAnswer(&exchange, question, tables, counts) }
      return .ok
    }
  }

  private static var flagNotFound: ClientFault {
    ClientFault(
      "FLAG_NOT_FOUND", "The snapshot has no flag or experiment of this key: check its name.",
      status: .notFound)
  }

  // MARK: - All keys

  mutating func evaluateAll(_ exchange: inout Exchange, _ catalog: Catalog) -> Status {
    switch EvaluationBody.read(exchange.bytes.slice(exchange.request.body), &workspace) {
    case .fault(let fault): return refuse(&exchange, fault, key: nil)
    case .question(var question, let digest):
      let announced: ByteView?
      switch complete(&question, &exchange) {
      case .fault(let fault): return refuse(&exchange, fault, key: nil)
      case .query(let query): announced = query.announced
      }
      guard let entry = find(question.environment, catalog), let tables = Tables(entry.tables) else {
        return refuse(&exchange, unavailable(question.environment, catalog), key: nil)
      }
      stickies.read(&exchange, question, tables, &workspace)
      let tag = writeTag(entry, digest ^ stickies.mark ^ grant.fingerprint)
      if isCurrent(announced, entry), ETag.matches(exchange.bytes.slice(exchange.request.ifNoneMatch), tag) {
        ResponseHead.write(
          .notModified, for: exchange.request, date: exchange.date, fields: lines.written,
          into: &exchange.output)
        return .notModified
      }
      if let fault = question.decide(tables, &workspace) { return refuse(&exchange, fault, key: nil) }
      greet(question, tables, &exchange)
      let head = beginAnswer(&exchange)
      let counts = EvaluationAnswer.writeAll(question, tables, &workspace, to: &exchange.output)
      head.finish(&exchange.output)
      if !exchange.output.isOverflowing { noteAnswer(&exchange, question, tables, counts) }
      return .ok
    }
  }

  /// Appends the ETag line of an answer about all keys: what it depends on, known before anything is evaluated.
  private mutating func writeTag(_ entry: CatalogEntry, _ digest: UInt64) -> ByteView {
    lines.append("ETag: ")
    let start = lines.count
    lines.append("\"")
    lines.append(entry.configurationTag)
    lines.append("-")
    lines.append(hex: digest, digits: 16)
    lines.append("\"")
    let tag = lines.written.dropping(start)
    lines.append("\r\n")
    return tag
  }

  /// Whether the configuration that an event announced, if any, is the one that is served. Whoever heard of
  /// another one is not told that nothing changed.
  private mutating func isCurrent(_ announced: ByteView?, _ entry: CatalogEntry) -> Bool {
    guard var announced else { return true }
    let quote = UInt8(ascii: "\"")
    if announced.count >= 2, announced[0] == quote, announced[announced.count - 1] == quote {
      announced = announced.slice(1..<(announced.count - 1))
    }
    return announced.equals(entry.configurationTag)
  }

  // MARK: - What all share

  /// Adds what the request says outside its body: the environment, and whether it is tracked.
  private mutating func complete(_ question: inout Question, _ exchange: inout Exchange)
    -> EvaluationQuery.Outcome
  {
    let outcome = EvaluationQuery.read(exchange.bytes, exchange.request.query, into: &workspace.text)
    guard case .query(let query) = outcome else { return outcome }
    question.environment =
      query.environment.isEmpty ? exchange.bytes.slice(exchange.request.environment) : query.environment
    // What is shown to nobody in particular is no exposure.
    question.tracks = query.tracks && !question.userKey.isEmpty
    return outcome
  }

  /// Refuses in the protocol's form; `key` is nil for a request about all keys.
  private mutating func refuse(_ exchange: inout Exchange, _ fault: ClientFault, key: ByteView?) -> Status {
    let head = ResponseHead(
      fault.status, .json, for: exchange.request, date: exchange.date, fields: lines.written,
      into: &exchange.output)
    fault.writeEvaluation(key: key, to: &exchange.output)
    head.finish(&exchange.output)
    return fault.status
  }

  // MARK: - Events

  /// Begins a stream of events: head and nothing else, then whatever the turns push.
  mutating func events(_ exchange: inout Exchange, _ catalog: Catalog) -> Status {
    workspace.text.rewind(to: 0)
    let environment: ByteView
    switch EvaluationQuery.read(exchange.bytes, exchange.request.query, into: &workspace.text) {
    case .fault(let fault): return refuse(&exchange, fault)
    case .query(let query): environment = query.environment
    }
    guard let entry = find(environment, catalog), !entry.tables.isEmpty else {
      return refuse(&exchange, unavailable(environment, catalog))
    }
    guard streams.hasRoom else {
      words.count(ServeCounters.streamsRefused)
      lines.append("Retry-After: 10\r\n")
      return refuse(
        &exchange,
        ClientFault(
          "TOO_MANY_STREAMS",
          "As many streams of events are open as this edge holds: poll with If-None-Match.",
          status: .unavailable))
    }
    ResponseHead.writeStream(
      .events, for: exchange.request, date: exchange.date, fields: lines.written, into: &exchange.output)
    guard exchange.request.method != .head else { return .ok }
    let heard = exchange.bytes.slice(exchange.request.lastEventID)
    EventStreams.begin(entry, heard: heard, to: &exchange.output)
    if !exchange.output.isOverflowing { streams.add(exchange.holdOpen(), entry) }
    return .ok
  }
}
