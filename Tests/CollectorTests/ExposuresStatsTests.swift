// turnout exposures stats and tail, against a page that answers as a collector would.

import Glibc
import JSON
import Kernel
import ProgramSupport
import Synchronization
import Testing

struct ExposuresStatsTests {
  private static func page(records: Int) -> [UInt8] {
    Array(
      """
      {"collector": {"version": "0.1.0", "uptimeSeconds": 61.5, "datagrams": {"received": 900, "forged": 2,
        "malformed": {"magic": 3, "kind": 4}, "stale": 5, "duplicates": 6}, "socketDrops": 7,
        "storedRecords": 8000},
       "streams": [
        {"edge": "edge-b", "boot": "2", "worker": 0, "received": 40, "recovered": 1, "lost": 2, "pending": 0,
         "duplicates": 3, "unknown": 0, "records": \(records), "recordsLost": 5, "recordsUnknown": 0,
         "edgeDropped": {"full": 9, "oversized": 1, "refused": 77}, "repeats": 0, "lastSeenSeconds": 0.5,
         "lagMilliseconds": 12.34},
        {"edge": "edge-b", "boot": "1", "worker": 0, "received": 2, "recovered": 0, "lost": 0, "pending": 4,
         "duplicates": 0, "unknown": 0, "records": 15, "recordsLost": 0, "recordsUnknown": 0,
         "edgeDropped": {"full": 0, "oversized": 0, "refused": 0}, "repeats": 0, "lastSeenSeconds": 300,
         "lagMilliseconds": 99},
        {"edge": "edge-a", "boot": "1", "worker": 11, "received": 1, "recovered": 0, "lost": 0, "pending": 0,
         "duplicates": 0, "unknown": 0, "records": 1, "recordsLost": 0, "recordsUnknown": 0,
         "edgeDropped": {"full": 0, "oversized": 0, "refused": 0}, "repeats": 0, "lastSeenSeconds": 1,
         "lagMilliseconds": 1}],
       "recent": ["{\\"experiment\\":\\"checkout\\"}"]}
      """.utf8)
  }

  /// A collector whose records grow by 1000 with each reading.
  private func collector() throws -> ScriptedUpstream {
    let records = Atomic<Int>(1980)
    let shared = Shared(records)
    return try ScriptedUpstream { request in
      guard request.path == "stats" else { return .answer(404, [], []) }
      return .answer(200, [], Self.page(records: shared.value.add(1000, ordering: .relaxed).oldValue))
    }
  }

  private final class Shared: Sendable {
    let value: Atomic<Int>
    init(_ value: consuming Atomic<Int>) { self.value = value }
  }

  private func run(_ collector: ScriptedUpstream, _ arguments: String...) throws -> Program.Result {
    try Program.run(
      Program.built + "/turnout",
      ["exposures"] + arguments + ["--collector", "127.0.0.1:\(collector.port)"])
  }

  @Test func `a row for each worker of an edge, its starts together`() throws {
    let result = try run(collector(), "stats")
    #expect(result.code == 0 && result.errors == "")
    let lines = result.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    #expect(
      lines[0] == """
        collector 0.1.0, up 62 s: 900 datagrams, 6 duplicates, 2 forged, 7 malformed, 5 stale, \
        7 dropped by the socket; 8000 records stored
        """)
    let rows = lines.dropFirst(2).map { $0.split(separator: " ").map(String.init) }
    #expect(rows.count == 4 && Set(lines[2...4].map(\.count)).count == 1)
    #expect(
      rows[0].joined(separator: " ")
        == "EDGE WORKER RECEIVED RECOVERED LOST DUPLICATES PENDING RECORDS RATE/S LAG MS LOSS % DROPPED")
    #expect(rows[1] == ["edge-a", "11", "1", "0", "0", "0", "0", "1", "0.0", "1.0", "0.0000", "0"])
    #expect(rows[2].prefix(8) == ["edge-b", "0", "42", "1", "2", "3", "4", "2995"])
    // 1000 in the second or so between two readings; 5 lost of 3000.
    #expect(try #require(Double(rows[2][8])) > 0)
    #expect(rows[2].suffix(3) == ["12.3", "0.1667", "10"])
  }

  @Test func `json is the collector's own`() throws {
    let result = try run(collector(), "stats", "--json")
    #expect(result.code == 0)
    #expect(Array(result.output.utf8) == Self.page(records: 1980) + [0x0A])
  }

  @Test func `tail prints lines until it has printed as many as it should`() throws {
    let collector = try collector()
    let result = try run(collector, "tail", "--count", "2")
    #expect(result.code == 0 && collector.requests.count == 3)
    let lines = result.output.split(separator: "\n")
    #expect(lines.count == 4)
    #expect(
      lines[1].contains(
        " edge=edge-b worker=0 received=42 recovered=1 lost=2 duplicates=3 pending=4 records=2995 "))
    #expect(lines[3].contains(" records=3995 ") && lines[3].hasSuffix(" loss_percent=0.1250 dropped=10"))
    #expect(!result.output.contains("\u{1B}"))
  }

  @Test func `on a terminal the view is drawn anew, with the newest records below`() throws {
    // What posix_openpt, unlockpt and ptsname do, which this C library hides from Swift.
    let terminal = unsafe open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
    defer { close(terminal) }
    var isLocked: Int32 = 0
    var number: Int32 = 0
    guard unsafe ioctl(terminal, 0x4004_5431, &isLocked) == 0,
      unsafe ioctl(terminal, 0x8004_5430, &number) == 0
    else { throw SystemFailure("open a terminal") }
    let collector = try collector()
    let program = try Program(
      Program.built + "/turnout",
      ["exposures", "tail", "--count", "1", "--collector", "127.0.0.1:\(collector.port)"],
      output: "/dev/pts/\(number)")
    #expect(try program.exitCode() == 0)
    var drawn: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    // Reading fails once the program has let go of the other end and all is read.
    while case let count = unsafe read(terminal, &buffer, buffer.count), count > 0 {
      drawn += buffer.prefix(count)
    }
    let text = String(decoding: drawn, as: UTF8.self)
    #expect(text.hasPrefix("\u{1B}[H\u{1B}[Jcollector 0.1.0"))
    #expect(text.hasSuffix("\r\n\r\n{\"experiment\":\"checkout\"}\r\n"))
  }

  @Test(arguments: [
    (Reply.answer(404, [], []), "answers with 404"),
    (.answer(200, [], Array("{}".utf8)), "is not a collector's"),
    (.answer(200, [], Array("{".utf8)), "is no JSON"),
    (.raw(Array("SSH-2.0\r\n\r\n".utf8)), "does not speak HTTP"),
    (.close, "with no page"),
    (.raw(Array("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}".utf8)), "no whole page"),
    (.raw(Array("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".utf8)), "no whole page"),
  ])
  func `an answer that is none is named`(reply: Reply, message: String) throws {
    let result = try run(ScriptedUpstream { _ in reply }, "stats")
    #expect(result.code == 3 && result.errors.contains(message), "\(result.errors)")
  }

  @Test func `an answer that ends with its connection is one, however slowly it comes`() throws {
    let text = "HTTP/1.1 200 OK\r\n\r\n" + String(decoding: Self.page(records: 1), as: UTF8.self)
    let collector = try ScriptedUpstream { _ in .raw(Array(text.utf8)) }
    #expect(try run(collector, "stats", "--json").output.utf8.count == Self.page(records: 1).count + 1)
    let slow = try ScriptedUpstream { _ in
      .drip(Array("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}".utf8), milliseconds: 1)
    }
    #expect(try run(slow, "stats", "--json").output == "{}\n")
  }

  @Test func `a place that is none, and one where nobody listens`() throws {
    #expect(try Program.turnout("exposures", "stats", "--collector", "nowhere").code == 2)
    let port = try Plug.freePort()
    let result = try Program.turnout("exposures", "stats", "--collector", "127.0.0.1:\(port)")
    #expect(result.code == 1 && result.errors.contains("Connection refused"))
    for arguments in [["stats", "--count", "1"], ["tail", "--count", "0"], ["tail", "--count", "x"]] {
      #expect(try Program.run(Program.built + "/turnout", ["exposures"] + arguments).code == 2)
    }
  }

  @Test func `the commands are listed, and the nearest is suggested`() throws {
    let help = try Program.turnout("exposures", "--help")
    #expect(help.code == 0 && help.output.contains("Usage: turnout exposures COMMAND"))
    for command in ["decode", "stats", "tail"] {
      #expect(help.output.contains("\n  \(command) "))
      let own = try Program.turnout("exposures", command, "--help")
      #expect(own.code == 0 && own.output.contains("Usage: turnout exposures \(command) [OPTION ...]"))
    }
    #expect(!help.output.contains("keygen"))
    let wrong = try Program.turnout("exposures", "decoed")
    #expect(wrong.code == 2 && wrong.errors.contains("did you mean exposures decode?"))
    #expect(try Program.turnout("exposure", "decode").errors.contains("did you mean exposures?"))
    #expect(try Program.turnout("exposures").code == 2)
    #expect(try Program.turnout("").code == 2)
  }
}
