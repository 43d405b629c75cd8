// One reading of a collector's /stats, and how it is shown: a row for each worker of an edge, whichever of its
// starts the counts are of.

import Bytes
import JSON
import Kernel

struct StatsReading {
  private struct Row {
    var edge: String
    var worker: Int
    var received = 0
    var recovered = 0
    var lost = 0
    var duplicates = 0
    var pending = 0
    var records = 0
    var recordsLost = 0
    /// Records the edge itself had no room for.
    var dropped = 0
    /// Of the start that was heard of last.
    var lag = 0.0
    var lastSeen = Double.infinity

    var loss: Double {
      recordsLost == 0 ? 0 : 100 * Double(recordsLost) / (Double(records) + Double(recordsLost))
    }
  }

  private var rows: [Row] = []
  private let summary: String
  private let recent: [String]
  /// Milliseconds since 1970, and monotonic nanoseconds.
  private let wall = Double(Clock.wall() / 1_000_000)
  private let moment = Clock.monotonic()

  init(_ page: CollectorPage) throws {
    let root: Element
    do {
      root = try Document(page.get("/stats")).root
    } catch let fault as Fault {
      throw Refused("/stats is no JSON: \(fault)")
    }
    guard let streams = root["streams"], let collector = root["collector"] else {
      throw Refused("/stats is not a collector's")
    }
    summary = Self.summary(collector)
    recent = root["recent"].map { $0.elements.compactMap(\.text) } ?? []
    for stream in streams.elements { add(stream) }
    rows.sort { ($0.edge, $0.worker) < ($1.edge, $1.worker) }
  }

  private mutating func add(_ stream: Element) {
    func count(_ name: StaticString) -> Int { stream[name]?.integer ?? 0 }
    let edge = stream["edge"]?.text ?? ""
    let worker = count("worker")
    let index = rows.firstIndex { $0.edge == edge && $0.worker == worker } ?? rows.count
    if index == rows.count { rows.append(Row(edge: edge, worker: worker)) }
    rows[index].received &+= count("received")
    rows[index].recovered &+= count("recovered")
    rows[index].lost &+= count("lost")
    rows[index].duplicates &+= count("duplicates")
    rows[index].pending &+= count("pending")
    rows[index].records &+= count("records")
    rows[index].recordsLost &+= count("recordsLost")
    rows[index].dropped &+= stream["edgeDropped"]?["full"]?.integer ?? 0
    rows[index].dropped &+= stream["edgeDropped"]?["oversized"]?.integer ?? 0
    let lastSeen = stream["lastSeenSeconds"]?.number ?? 0
    if lastSeen < rows[index].lastSeen {
      rows[index].lastSeen = lastSeen
      rows[index].lag = stream["lagMilliseconds"]?.number ?? 0
    }
  }

  private static func summary(_ collector: Element) -> String {
    func count(_ element: Element?, _ name: StaticString) -> Int { element?[name]?.integer ?? 0 }
    let datagrams = collector["datagrams"]
    let malformed = datagrams?["malformed"]?.members.reduce(0) { $0 &+ ($1.value.integer ?? 0) } ?? 0
    return """
      collector \(collector["version"]?.text ?? "?"), up \(collector["uptimeSeconds"]?.number.flatMap { Int(exactly: $0.rounded()) } ?? 0) s: \
      \(count(datagrams, "received")) datagrams, \(count(datagrams, "duplicates")) duplicates, \
      \(count(datagrams, "forged")) forged, \(malformed) malformed, \(count(datagrams, "stale")) stale, \
      \(count(collector, "socketDrops")) dropped by the socket; \(count(collector, "storedRecords")) records stored
      """
  }

  /// Records per second since an earlier reading; 0 of a worker that was not there.
  private func rate(_ row: Row, since earlier: StatsReading) -> Double {
    guard let before = earlier.rows.first(where: { $0.edge == row.edge && $0.worker == row.worker }) else {
      return 0
    }
    return Double(max(0, row.records &- before.records)) * 1e9 / Double(max(1, moment - earlier.moment))
  }

  // MARK: - Text

  private static let columns = [
    "EDGE", "WORKER", "RECEIVED", "RECOVERED", "LOST", "DUPLICATES", "PENDING", "RECORDS", "RATE/S", "LAG MS",
    "LOSS %", "DROPPED",
  ]

  private func cells(_ row: Row, since earlier: StatsReading) -> [String] {
    [
      row.edge, String(row.worker), String(row.received), String(row.recovered), String(row.lost),
      String(row.duplicates), String(row.pending), String(row.records),
      Self.decimal(rate(row, since: earlier), places: 1), Self.decimal(row.lag, places: 1),
      Self.decimal(row.loss, places: 4), String(row.dropped),
    ]
  }

  /// The summary, and the rows below the names of their columns.
  func table(since earlier: StatsReading) -> String {
    let lines = [Self.columns] + rows.map { cells($0, since: earlier) }
    let widths = Self.columns.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
    let text = lines.map { line in
      line.enumerated().map { column, cell in
        let blanks = String(repeating: " ", count: widths[column] - cell.count)
        return column == 0 ? cell + blanks : blanks + cell
      }.joined(separator: "  ") + "\n"
    }
    return summary + "\n\n" + text.joined()
  }

  /// The same for programs: a line for each row, each value behind its name.
  func lines(since earlier: StatsReading) -> String {
    let names = [
      "edge", "worker", "received", "recovered", "lost", "duplicates", "pending", "records", "rate", "lag_ms",
      "loss_percent", "dropped",
    ]
    return rows.map { row in
      let cells = zip(names, cells(row, since: earlier)).map { "\($0)=\($1)" }
      return Timestamp.text(milliseconds: wall) + " " + cells.joined(separator: " ") + "\n"
    }.joined()
  }

  /// The newest records.
  var recentText: String { recent.isEmpty ? "" : "\n" + recent.suffix(10).map { $0 + "\n" }.joined() }

  private static func decimal(_ value: Double, places: Int) -> String {
    let scale = (0..<places).reduce(1) { scale, _ in scale * 10 }
    let scaled = Int(exactly: (value * Double(scale)).rounded()) ?? .max
    let fraction = String(scaled.magnitude % UInt(scale))
    let zeros = String(repeating: "0", count: places - fraction.count)
    return (scaled < 0 ? "-" : "") + "\(scaled.magnitude / UInt(scale)).\(zeros)\(fraction)"
  }
}
