// Sent is received and lost, exactly: real edges, a network that loses, doubles and reorders, a real collector.

import Bytes
import Exposures
import Glibc
import JSON
import Kernel
import ProgramSupport
import Testing
import Trust

struct AccountingTests {
  @Test(arguments: [0, 0.01, 0.1, 0.5])
  func `sent is received and lost, whatever the network does`(drop: Double) throws {
    let collector = try CollectorProcess()
    let relay = try LossyRelay(
      to: collector.port, .init(drop: drop, duplicate: 0.02, reorder: 0.02, seed: UInt64(drop * 1000) + 7))
    let edge = try reportingEdge(to: relay.port)
    try decide(edge, 0..<3000)
    let account = try Account(edge, collector)
    #expect(account.sent == 30_000)
    #expect(account.unknown == 0)
    #expect(account.stored == account.received)
    try expectNoDuplicates(collector)
    if drop == 0 { #expect(account.lost == 0) }
    if drop == 0.01 {
      #expect(relay.dropped > 0 && account.recovered > 0)
      // 99.99 %.
      #expect(account.lost * 10_000 <= account.sent)
    }
    if drop >= 0.1 { #expect(account.recovered > 0) }
    #expect(account.duplicates > 0)
  }

  @Test func `what an edge no longer keeps is stated as lost, to the record`() throws {
    let collector = try CollectorProcess()
    // Nothing comes back through this relay's ear: half is lost, and asking again finds few that are kept.
    let relay = try LossyRelay(to: collector.port, .init(drop: 0.5, seed: 3))
    let edge = try reportingEdge(to: relay.port, ["\"retain\": 65536"])
    try decide(edge, 0..<3000)
    let account = try Account(edge, collector)
    #expect(account.sent == 30_000 && account.lost > 0)
    try expectNoDuplicates(collector)
  }

  @Test func `workers and edges are told apart`() throws {
    let collector = try CollectorProcess()
    let first = try reportingEdge(to: collector.port, workers: 2)
    let second = try reportingEdge(to: collector.port, named: "edge-2")
    for start in stride(from: 0, to: 400, by: 20) { try decide(first, start..<start + 20) }
    try decide(second, 1000..<1200)
    try eventually("all is received") { try collector.sum("records") == 6000 }
    let streams = try #require(try collector.stats()["streams"])
    func records(_ edge: String) -> [Int] {
      streams.elements.filter { $0["edge"]?.text == edge }.map { $0["records"]?.integer ?? 0 }
    }
    #expect(records("edge-1").reduce(0, +) == 4000 && records("edge-1").count == 2)
    #expect(records("edge-2") == [2000])
  }

  @Test func `a collector that is killed under load has what was flushed, and asks for the rest`() throws {
    let collector = try CollectorProcess(["\"files\": {\"syncInterval\": \"20ms\"}"])
    let edge = try reportingEdge(to: collector.port)
    for round in 0..<3 {
      try decide(edge, round * 1000..<round * 1000 + 700)
      let flushed = try collector.metric("turnout_records_stored_total")
      let before = try storedLines(collector).count
      collector.kill()
      // Sent to nobody.
      try decide(edge, round * 1000 + 700..<round * 1000 + 1000)
      try collector.start()
      let after = try storedLines(collector).count
      #expect(after >= min(flushed, before))
    }
    let account = try Account(edge, collector)
    #expect(account.sent == 30_000 && account.stored == account.received)
    #expect(account.lost == 0 && account.unknown == 0, "the edge kept all of it")
    try expectNoDuplicates(collector)
  }

  @Test func `what nobody kept while the collector was away is counted as lost`() throws {
    let collector = try CollectorProcess(["\"files\": {\"syncInterval\": \"20ms\"}"])
    let edge = try reportingEdge(to: collector.port, ["\"retain\": 65536"])
    try decide(edge, 0..<200)
    try eventually("all of it is flushed") { try collector.metric("turnout_records_stored_total") == 2000 }
    collector.kill()
    try decide(edge, 200..<3000)
    try collector.start()
    let account = try Account(edge, collector)
    #expect(account.sent == 30_000 && account.lost > 0 && account.unknown == 0)
    #expect(account.received >= 2000)
    try expectNoDuplicates(collector)
  }

  @Test func `an edge that starts again is another stream, and nothing of it counts as lost`() throws {
    let collector = try CollectorProcess()
    let edge = try reportingEdge(to: collector.port, ["\"dedupeWindow\": \"0s\""])
    try decide(edge, 0..<100)
    try eventually("all is received") { try collector.sum("records") == 1000 }
    try edge.restart()
    try decide(edge, 100..<200)
    try eventually("all is received again") { try collector.sum("records") == 2000 }
    #expect(try collector.stats()["streams"]?.elements.reduce(0) { count, _ in count + 1 } == 2)
    #expect(try collector.sum("recordsLost") == 0)
  }

  @Test func `a collector that comes late asks for what is still kept`() throws {
    let collector = try CollectorProcess()
    let folder = try Folder()
    let port = collector.port
    collector.mayEnd = true
    collector.kill()
    let edge = try reportingEdge(to: port, folder: folder)
    try decide(edge, 0..<500)
    try eventually("all was sent") { try edge.metric("turnout_exposures_sent_total") == 5000 }
    try collector.start()
    let account = try Account(edge, collector)
    #expect(account.received == 5000)
  }

  @Test func `what the collector has no time to read is counted at its socket and asked for again`() throws {
    let collector = try CollectorProcess(["\"receiveBuffer\": 65536"])
    let edge = try reportingEdge(to: collector.port)
    try decide(edge, 0..<10)
    collector.process.signal(SIGSTOP)
    try decide(edge, 10..<3000)
    try eventually("all was sent") { try edge.metric("turnout_exposures_sent_total") == 30_000 }
    collector.process.signal(SIGCONT)
    let account = try Account(edge, collector)
    #expect(account.sent == 30_000)
    #expect(try collector.metric("turnout_socket_drops_total") > 0)
    try expectNoDuplicates(collector)
  }

  @Test func `exposures are in the database once each, and in closed segments with a manifest at the end`()
    throws
  {
    let collector = try CollectorProcess()
    let edge = try reportingEdge(to: collector.port)
    try decide(edge, 0..<500)
    _ = try Account(edge, collector)
    #expect(try collector.end() == 0)
    let database = collector.folder.path("data/exposures.sqlite")
    func ask(_ sql: String) throws -> String {
      try Program.run("/usr/bin/sqlite3", [database, sql]).output.trimmingNewline
    }
    #expect(
      try ask("select count(*), count(distinct user_key || experiment_id) from exposures") == "5000|5000")
    let texts = try segments(collector)
    #expect(texts.reduce(0) { $0 + $1.count { $0 == 0x0A } } == 5000)
    let root = collector.folder.path("data/exposures")
    let date = try #require(try File.names(in: root).first { $0.hasPrefix("2") })
    let manifest = try Document(File.read("\(root)/\(date)/manifest.json", limit: 1 << 20)).root
    let entries = try #require(manifest["segments"]).elements.map { $0 }
    #expect(entries.reduce(0) { $0 + ($1["records"]?.integer ?? 0) } == 5000)
    for entry in entries {
      let file = try File.read("\(root)/\(date)/" + #require(entry["file"]?.text), limit: 1 << 30)
      #expect(entry["compressedBytes"]?.integer == file.count)
      #expect(entry["sha256"]?.text == file.withBytes { Digest.sha256Hex($0) })
    }
  }
}

extension String {
  fileprivate var trimmingNewline: String { hasSuffix("\n") ? String(dropLast()) : self }
}
