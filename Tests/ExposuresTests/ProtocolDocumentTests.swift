// docs/exposure-protocol.md says what the code does: its examples are made anew here, its limits are those of the code.

import Bytes
import Decisions
import Exposures
import Foundation
import Testing
import Trust

struct ProtocolDocumentTests {
  private let page: String
  private let key: MessageKey

  init() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().path()
    page = try String(contentsOfFile: root + "/docs/exposure-protocol.md", encoding: .utf8)
    let text = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
    #expect(page.contains("`\(text)`"))
    key = try MessageKey(decoding: Array(text.utf8))
  }

  /// Whether the bytes stand in a block of the page, 32 in a line.
  private func shows(_ bytes: [UInt8]) -> Bool {
    var text: [UInt8] = []
    bytes.withBytes { Hex.encode($0, into: &text) }
    let lines = stride(from: 0, to: text.count, by: 64).map {
      String(decoding: text[$0..<min($0 + 64, text.count)], as: UTF8.self)
    }
    return page.contains("```\n" + lines.joined(separator: "\n") + "\n```")
  }

  private func tag(_ bytes: [UInt8], _ key: MessageKey, _ more: String = "") -> [UInt8] {
    [UInt8](capacity: MessageKey.tagCount) { output in
      let room = output.room(MessageKey.tagCount)!
      bytes.withBytes { bytes in Array(more.utf8).withBytes { key.tag(bytes, $0, to: room, at: 0) } }
      output.advance(by: MessageKey.tagCount)
    }
  }

  @Test func `the datagrams of the example are what the code writes`() throws {
    let sender = Sender(boot: 0x0123_4567_89AB_CDEF, worker: 2, isTagged: true)
    var first = Exposure(user: "user-1", experiment: "exp_checkout", variant: "v_b", rate: 0.25)
    first.occurredAt = 1_800_000_000_000_000
    var second = first
    (second.experiment, second.variant, second.rate, second.isOverride) = ("exp_search", "v_a", 1, true)
    #expect(sender.decide([first, second]) == 2)
    sender.outbox.close(sentAt: 1_800_000_000_005_000)
    let datagram = sender.send()[0]
    for _ in 0..<3 { sender.outbox.countRepeat() }
    let request = ResendRequest(boot: 0x0123_4567_89AB_CDEF, worker: 2, ranges: [0..<1])
    let datagrams = [
      datagram, sender.heartbeat(sentAt: 1_800_000_001_000_000, isEnding: true),
      Array("edge-1".utf8).withBytes {
        request.encode(edge: $0, isTagged: true, sentAt: 1_800_000_001_002_000)
      },
    ]
    for datagram in datagrams {
      let signed = Array(datagram.dropLast(DatagramFormat.tagCount))
      #expect(shows(signed + tag(signed, key.derived(for: "exposure datagrams"))))
    }
  }

  @Test func `the token of the example is what the code writes`() {
    let fields = [UInt8](capacity: DecisionToken.byteMax) { output in
      DecisionToken.write(
        decidedAt: 1_800_000_000_000, serial: 7, version: 42, environment: ("prod" as StaticString).bytes,
        experiment: ("exp_checkout" as StaticString).bytes, variant: ("v_b" as StaticString).bytes,
        to: &output)
    }
    let token = fields + tag(fields, key.derived(for: "decision tokens"), "user-1")
    let text = [UInt8](capacity: token.count * 2) { output in
      token.withBytes { Base64.encodeURL($0, into: &output) }
    }
    #expect(page.contains("```\n" + String(decoding: text, as: UTF8.self) + "\n```"))
  }

  @Test func `the users of the example are sampled as the page says`() {
    func fingerprint(_ text: String) -> UInt64 { Array(text.utf8).withBytes { Fingerprint.of($0) } }
    func hex(_ value: UInt64) -> String {
      [UInt8](capacity: 16) { $0.append(hex: value, digits: 16) }.withBytes { String($0) }
    }
    let row = SamplingRow(fingerprint: fingerprint("exp_checkout"), rate: 0.1)
    #expect(page.contains("whose fingerprint is `\(hex(row.fingerprint))`, at a rate of 0.1"))
    #expect(page.contains("whose threshold is \(row.threshold):"))
    for user in ["user-1", "user-2", "user-17", "käse", "user-0123456789ab"] {
      let place = Sampling.place(user: fingerprint(user), experiment: row.fingerprint)
      let answer = Sampling.includes(place, row) ? "yes" : "no"
      let line =
        "| `\(user)` | `\(hex(fingerprint(user)))` | `\(hex(place))` | \(place >> 32) | \(answer) |"
      #expect(page.contains(line), "\(line)")
    }
  }

  @Test func `the limits and moments of the page are those of the code`() {
    func grouped(_ number: UInt64) -> String {
      String(
        String(number).reversed().enumerated().flatMap { $0 > 0 && $0 % 3 == 0 ? [",", $1] : [$1] }.reversed()
      )
    }
    let settings = Reception.Settings()
    let waits = (0..<StreamReception.tryMax - 1).map { String(StreamReception.retryDelay << $0 / 1_000_000) }
    let lines = [
      "| bytes of a datagram | at most \(DatagramFormat.byteMax); a full one has the size that the edge was "
        + "configured to, \(DatagramFormat.byteMin)...\(DatagramFormat.byteMax) |",
      "no more than \(DatagramFormat.recordMax) fit |",
      "| ranges of a request | 1...\(ResendRequest.rangeMax) |",
      "| bytes of an edge's id | 1...\(DatagramFormat.edgeMax) |",
      "| \(StreamReception.reorderDelay / 1_000_000) ms after it was found",
      "| \(waits.joined(separator: ", ")) ms after",
      "| \(StreamReception.retryDelay << (StreamReception.tryMax - 1) / 1_000_000) ms after the fifth request |",
      "| the newest \(grouped(StreamReception.askMax)) datagrams are asked for |",
      "| a gap of more than \(grouped(StreamReception.gapMax)) datagrams |",
      "| runs of one stream | \(grouped(UInt64(StreamReception.runMax)));",
      "| runs of all streams | \(grouped(UInt64(settings.runMax)));",
      "| streams | \(grouped(UInt64(settings.streamMax)));",
      "are counted apart | \(grouped(UInt64(settings.edgeMax)));",
      "a number above \(grouped(StreamReception.freshMax)): the edge has",
      "have at most \(DecisionToken.byteMax) bytes;",
    ]
    for line in lines { #expect(page.contains(line), "\(line)") }
    #expect(StreamReception.tryMax == 5 && settings.idleTime == 3_600_000_000_000)
  }

  @Test(arguments: Malformation.allCases)
  func `every reason why bytes are no datagram stands in the page`(malformation: Malformation) {
    #expect(page.contains("`\(malformation.name)`"))
  }
}
