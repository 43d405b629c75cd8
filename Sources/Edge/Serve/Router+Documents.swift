// Documents of an edition: the static layout as this edge verified it, so that another edge may follow it, and
// what browsers may have.

import Bytes
import Dialects
import HTTP
import Publication
import Server

extension Router {
  /// `path` is `{environment}/manifest.json` and what it speaks of.
  mutating func configs(_ exchange: inout Exchange, _ path: ByteView, _ catalog: Catalog) -> Status {
    guard let slash = path.firstOffset(of: UInt8(ascii: "/")), slash > 0 else { return notFound(&exchange) }
    let environment = path.slice(0..<slash)
    if grant.forbids(environment, catalog) { return refuse(&exchange, forbidden()) }
    guard let entry = find(environment, catalog), !entry.snapshot.isEmpty else { return notFound(&exchange) }
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

  /// What browsers may have of the snapshot that decides.
  mutating func clientSnapshot(_ exchange: inout Exchange, _ catalog: Catalog) -> Status {
    switch DecideQuery.readEnvironment(exchange.bytes, exchange.request.query, &workspace) {
    case .fault(let fault): return refuse(&exchange, fault)
    case .question(let question):
      guard let entry = find(question.environment, catalog), !entry.tables.isEmpty else {
        return refuse(&exchange, unavailable(question.environment, catalog))
      }
      return send(entry.publicSnapshot, tag: entry.publicTag, entry, &exchange)
    }
  }

  /// Sends a document of an edition without a copy.
  mutating func send(
    _ document: ByteView, tag: ByteView, _ entry: CatalogEntry, _ exchange: inout Exchange
  ) -> Status {
    guard !document.isEmpty else { return notFound(&exchange) }
    let request = exchange.request
    if ETag.matches(exchange.bytes.slice(request.ifNoneMatch), tag) {
      ResponseHead.write(
        .notModified, for: request, date: exchange.date, etag: tag, fields: lines.written,
        into: &exchange.output)
      return .notModified
    }
    ResponseHead.write(
      .ok, for: request, date: exchange.date, length: document.count, type: .json, etag: tag,
      fields: lines.written, into: &exchange.output)
    if !exchange.output.isOverflowing, request.method != .head {
      words.pin(Int(entry.edition))
      exchange.attach(document, pin: Int(entry.edition))
    }
    return .ok
  }

  private mutating func notFound(_ exchange: inout Exchange) -> Status {
    refuse(&exchange, ClientFault("NOT_FOUND", "There is no such document here.", status: .notFound))
  }
}
