// Datagrams that are none, are forged, or were seen before: counted by the reason, dropped, and not talked about.

import Bytes
import Exposures
import Glibc
import JSON
import Kernel
import ProgramSupport
import Testing
import Trust

struct HostileInputTests {
  /// A datagram with one record.
  static func datagram(
    sequence: UInt64 = 0, key: MessageKey? = nil, sentAt: UInt64? = nil, boot: UInt64 = 9
  ) -> [UInt8] {
    var settings = Outbox.Settings()
    settings.slotCount = 4
    settings.boot = boot
    settings.isTagged = key != nil
    let memory = try! Memory(byteCount: settings.byteCount)
    let names = try! Memory(byteCount: 64)
    Array("edge-9".utf8).withBytes { names.region.copy($0, to: 0) }
    var outbox = Outbox(memory.region, edge: names.region.part(from: 0, count: 6), settings)
    for number in 0...sequence {
      let user = Array("user-\(number)".utf8)
      user.withBytes {
        outbox.beginDecision(userKey: $0, environment: .empty, version: 1, occurredAt: 1, now: 0)
        let name = ("e" as StaticString).bytes
        _ = outbox.record(experiment: name, variant: name, rate: 1, isOverride: false, arm: 1)
        outbox.close(sentAt: sentAt ?? Clock.wall() / 1000)
      }
      outbox.sent(1)
    }
    var bytes = [UInt8](outbox.kept(sequence)!.bytes)
    key?.tag(atEndOf: &bytes)
    withExtendedLifetime(memory) {}
    withExtendedLifetime(names) {}
    return bytes
  }

  @Test func `what is no datagram is counted by what is wrong with it`() throws {
    let collector = try CollectorProcess()
    let peer = try DatagramPeer()
    let good = Self.datagram()
    var cases: [(reason: String, bytes: [UInt8])] = [
      ("truncated", Array(good.prefix(20))), ("oversized", good + [UInt8](repeating: 0, count: 1432)),
      ("magic", [0] + good.dropFirst()), ("records", Array(good.dropLast())), ("truncated", []),
    ]
    for (offset, reason) in [(4, "version"), (5, "kind"), (7, "edge")] {
      var bytes = good
      bytes[offset] = 0xFF
      cases.append((reason, bytes))
    }
    for (_, bytes) in cases { peer.send(bytes, to: collector.port) }
    peer.send(good, to: collector.port)
    try eventually("all is counted") { try collector.metric("turnout_records_received_total") == 1 }
    for reason in Malformation.allCases.map({ String($0.name.bytes) }) {
      // An empty datagram is dropped by the kernel's side of a receive, or counted as truncated.
      let expected = cases.count { $0.reason == reason && !$0.bytes.isEmpty }
      let counted = try collector.metric("turnout_datagrams_refused_total{reason=\"malformed_\(reason)\"}")
      #expect(counted == expected || reason == "truncated" && counted == expected + 1, "\(reason)")
    }
  }

  @Test func `a flood of nonsense leaves no trace but counts`() throws {
    let collector = try CollectorProcess()
    let peer = try DatagramPeer()
    for index in 0..<20_000 {
      peer.send(
        Array("nonsense of some length, number \(index), that is longer than a head".utf8), to: collector.port
      )
    }
    peer.send(Self.datagram(), to: collector.port)
    try eventually("it goes on") {
      peer.send(Self.datagram(), to: collector.port)
      return try collector.metric("turnout_records_received_total") == 1
    }
    #expect(try collector.log().split(separator: "\n").count < 10)
    #expect(try collector.metric("turnout_streams") == 1)
  }

  @Test func `with a key only what is tagged with it counts`() throws {
    let text = String(repeating: "2e", count: 32)
    let folder = try Folder()
    try folder.write("key", text)
    let collector = try CollectorProcess(["\"keyFile\": \"key\""], folder: folder)
    let peer = try DatagramPeer()
    let key = try MessageKey(decoding: Array(text.utf8)).derived(for: "exposure datagrams")
    var changed = Self.datagram(key: key)
    changed[changed.count - 40] ^= 1
    for bytes in [Self.datagram(), Self.datagram(key: MessageKey([1])), changed] {
      peer.send(bytes, to: collector.port)
    }
    try eventually("three are forged or malformed") {
      try collector.metric("turnout_datagrams_refused_total{reason=\"forged\"}")
        + collector.metric("turnout_datagrams_refused_total{reason=\"malformed_records\"}") == 3
    }
    #expect(try collector.metric("turnout_streams") == 0)
    peer.send(Self.datagram(key: key), to: collector.port)
    try eventually("the true one counts") { try collector.metric("turnout_records_received_total") == 1 }
  }

  @Test func `what is sent again by somebody else is a duplicate, and what is old is stale`() throws {
    let collector = try CollectorProcess()
    let peer = try DatagramPeer()
    let bytes = Self.datagram()
    for _ in 0..<5 { peer.send(bytes, to: collector.port) }
    try eventually("four are duplicates") {
      try collector.metric("turnout_datagrams_refused_total{reason=\"duplicate\"}") == 4
    }
    let old = Self.datagram(sentAt: Clock.wall() / 1000 - 2 * 3_600_000_000, boot: 10)
    peer.send(old, to: collector.port)
    try eventually("it is stale") {
      try collector.metric("turnout_datagrams_refused_total{reason=\"stale\"}") == 1
    }
    #expect(try collector.metric("turnout_records_received_total") == 1)
  }

  @Test func `a full disk is told, nothing is acknowledged, and what was kept is stored when there is room`()
    throws
  {
    let folder = try Folder()
    try File.makeDirectory(folder.path("data"))
    let mounted = try Program.run(
      "/bin/mount", ["-t", "tmpfs", "-o", "size=4m", "none", folder.path("data")])
    try #require(mounted.code == 0, "this test needs the right to mount: \(mounted.errors)")
    defer { _ = try? Program.run("/bin/umount", ["-l", folder.path("data")]) }
    let collector = try CollectorProcess(
      ["\"files\": {\"syncInterval\": \"20ms\", \"database\": false}"], folder: folder)
    defer { collector.kill() }
    collector.mayEnd = true
    let edge = try reportingEdge(to: collector.port)
    try decide(edge, 0..<100)
    try eventually("it is stored") { try collector.metric("turnout_records_stored_total") == 1000 }
    let event =
      #"{"events":[{"eventId":"1","eventType":"t","subjectId":"u","timestamp":"2026-01-01T00:00:00Z"}]}"#
    #expect(try collector.post(event).status == 200)
    // Somebody else fills the disk.
    _ = try Program.run("/bin/dd", ["if=/dev/zero", "of=\(folder.path("data/filler"))", "bs=4096"])
    try decide(edge, 100..<200)
    try eventually("it says so") { try collector.get("/ready").status == 503 }
    try eventually("events are not acknowledged") {
      // The first call may see its connection end without an answer.
      (try? collector.post(event.replacing("\"1\"", with: "\"2\"")))?.status == 503
    }
    #expect(try collector.metric("turnout_storage_failing") == 1)
    #expect(try collector.metric("turnout_records_stored_total") == 1000)
    try File.remove(folder.path("data/filler"))
    try eventually("it is ready again") { try collector.get("/ready").status == 200 }
    let account = try Account(edge, collector)
    #expect(account.received == 2000 && account.lost == 0)
    #expect(try collector.post(event.replacing("\"1\"", with: "\"2\"")).status == 200)
    try expectNoDuplicates(collector)
  }
}
