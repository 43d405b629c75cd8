// Edge, network and collector together, as real programs: what the tests of the whole start.

import Bytes
import Glibc
import JSON
import Kernel
import ProgramSupport
import Snapshots
import Testing

/// An edge with ten experiments that everybody is in, so that each decision leaves ten exposures.
func reportingEdge(
  to port: UInt16, _ members: [String] = [], named name: String = "edge-1", workers: Int = 1,
  folder: Folder? = nil
) throws -> EdgeProcess {
  let folder = try folder ?? Folder()
  let site = try Site()
  let experiments = (0..<10).map { index in
    """
    {"id":"7b1f3c52-1111-4aaa-9bbb-00000000000\(index)","key":"k\(index)","salt":"s\(index)","variants":[
    {"id":"v\(index)-a","key":"a"},{"id":"v\(index)-b","key":"b"}],"allocations":[
    {"variantId":"v\(index)-a","rangeStart":0,"rangeEnd":4999},
    {"variantId":"v\(index)-b","rangeStart":5000,"rangeEnd":9999}]}
    """
  }
  let document = Array(
    "{\"version\":1,\"environment\":\"prod\",\"experiments\":[\(experiments.joined(separator: ","))]}".utf8)
  site["configs/prod/snapshots/1.json"] = document
  site["configs/prod/manifest.json"] = try site.sign(site.manifest("prod", 1, document))
  try site.write(to: folder, under: "site")
  var settings = EdgeSettings("file:site", site)
  settings.workers = workers
  let own = ["\"collector\": \"127.0.0.1:\(port)\"", "\"edge\": \"\(name)\"", "\"flushInterval\": \"10ms\""]
  settings.members = ["\"exposures\": {\((own + members).joined(separator: ", "))}"]
  return try EdgeProcess(settings, folder: folder)
}

/// Has the edge decide for `users`, many at a time.
func decide(_ edge: EdgeProcess, _ users: Range<Int>) throws {
  let client = try edge.client()
  var first = users.lowerBound
  while first < users.upperBound {
    let end = min(first + 32, users.upperBound)
    try client.send(
      (first..<end).map { "GET /decide?user_key=user-\($0) HTTP/1.1\r\nHost: e\r\n\r\n" }.joined())
    for _ in first..<end { #expect(try client.read().status == 200) }
    first = end
  }
}

/// What an edge and its collector say of the same exposures once nothing is on the way any more.
struct Account {
  var sent = 0
  var received = 0
  var lost = 0
  var unknown = 0
  var stored = 0
  var recovered = 0
  var lostDatagrams = 0
  var duplicates = 0

  /// Waits until every exposure that was recorded has an end.
  init(_ edge: EdgeProcess, _ collector: CollectorProcess) throws {
    var account = Account()
    do {
      try eventually("every exposure has an end", within: 20) {
        account = try Account(now: edge, collector)
        return try account.sent == edge.metric("turnout_exposures_recorded_total")
          && account.sent == account.received + account.lost + account.unknown
          && account.stored == account.received && collector.sum("pending") == 0
      }
    } catch {
      throw Failure(
        "\(error): \(account), \(String(decoding: try collector.get("/stats").body, as: UTF8.self))")
    }
    self = account
  }

  private init() {}

  private init(now edge: EdgeProcess, _ collector: CollectorProcess) throws {
    sent = try edge.metric("turnout_exposures_sent_total")
    let streams = try collector.stats()["streams"]
    func sum(_ name: StaticString) -> Int {
      streams?.elements.reduce(0) { $0 + ($1[name]?.integer ?? 0) } ?? 0
    }
    received = sum("records")
    lost = sum("recordsLost")
    unknown = sum("recordsUnknown")
    recovered = sum("recovered")
    lostDatagrams = sum("lost")
    duplicates = sum("duplicates")
    stored = try storedLines(collector).count
  }
}

/// Every stored line, of open and closed segments.
func storedLines(_ collector: CollectorProcess) throws -> [Element] {
  try segments(collector).flatMap { text in
    try text.split(separator: 0x0A).map { try Document(Array($0)).root }
  }
}

/// The lines of every segment, those of compressed ones read by the zstd program.
func segments(_ collector: CollectorProcess) throws -> [[UInt8]] {
  let root = collector.folder.path("data/exposures")
  var texts: [[UInt8]] = []
  for date in try File.names(in: root) where date.hasPrefix("2") {
    for hour in try File.names(in: "\(root)/\(date)") where hour.utf8.count == 2 {
      for name in try File.names(in: "\(root)/\(date)/\(hour)") {
        let path = "\(root)/\(date)/\(hour)/\(name)"
        if name.hasSuffix(".ndjson") {
          // What stands behind the last end of a line is being written.
          let text = try File.read(path, limit: 1 << 30)
          texts.append(Array(text.prefix((text.lastIndex(of: 0x0A) ?? -1) + 1)))
        } else if name.hasSuffix(".zst") {
          texts.append(Array(try Program.run("/usr/bin/zstd", ["-dcq", path]).output.utf8))
        }
      }
    }
  }
  return texts
}

/// Fails if a stored exposure stands there twice.
func expectNoDuplicates(_ collector: CollectorProcess) throws {
  var seen: Set<String> = []
  for line in try storedLines(collector) {
    let key = "\(line["userKey"]?.text ?? "") \(line["experimentId"]?.text ?? "")"
    #expect(seen.insert(key).inserted, "\(key) is stored twice")
  }
}
