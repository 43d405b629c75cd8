// turnout exposures decode, as its user meets it: captures in, lines out.

import Bytes
import Exposures
import JSON
import Kernel
import ProgramSupport
import Testing
import Trust

struct ExposuresDecodeTests {
  private static let keyText = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

  private func key() throws -> MessageKey {
    try MessageKey(decoding: Array(Self.keyText.utf8)).derived(for: "exposure datagrams")
  }

  /// A datagram of two records, a heartbeat and a request.
  private func datagrams(isTagged: Bool) throws -> [[UInt8]] {
    var settings = Outbox.Settings()
    settings.slotCount = 4
    settings.boot = 0xABC
    settings.worker = 3
    settings.isTagged = isTagged
    let memory = try Memory(byteCount: settings.byteCount + 64)
    let edge = memory.region.part(from: settings.byteCount, count: 6)
    edge.copy(("edge-1" as StaticString).bytes, to: 0)
    var outbox = Outbox(memory.region, edge: edge, settings)
    outbox.beginDecision(
      userKey: ("käse" as StaticString).bytes, environment: ("prod" as StaticString).bytes, version: 7,
      occurredAt: 1_800_000_000_000_123, now: 0)
    for experiment in ["checkout", "search"] as [StaticString] {
      _ = outbox.record(
        experiment: experiment.bytes, variant: ("b" as StaticString).bytes, rate: 0.25, isOverride: false,
        arm: Fingerprint.of(experiment.bytes))
    }
    outbox.close(sentAt: 1_800_000_000_000_456)
    outbox.countRepeat()
    outbox.sent(1)
    let heartbeat = try Memory(byteCount: outbox.heartbeatCount)
    outbox.writeHeartbeat(
      to: heartbeat.region.part(from: 0, count: outbox.heartbeatCount), sentAt: 5, isEnding: true)
    let request = ResendRequest(boot: 0xABC, worker: 3, ranges: [4..<9])
    var datagrams = [
      [UInt8](outbox.kept(0)!.bytes), [UInt8](heartbeat.region.bytes),
      request.encode(edge: edge.bytes, isTagged: isTagged, sentAt: 6),
    ]
    guard isTagged else { return datagrams }
    let key = try key()
    for index in datagrams.indices {
      let body = datagrams[index].dropLast(DatagramFormat.tagCount)
      let tag = [UInt8](capacity: DatagramFormat.tagCount) { output in
        let room = output.room(DatagramFormat.tagCount)!
        Array(body).withBytes { key.tag($0, to: room, at: 0) }
        output.advance(by: DatagramFormat.tagCount)
      }
      datagrams[index] = body + tag
    }
    return datagrams
  }

  // MARK: - Captures

  private func big16(_ value: Int) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 0xFF)] }

  private func number32(_ value: UInt32, isBigEndian: Bool) -> [UInt8] {
    let bytes = (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32(8 * $0)) }
    return isBigEndian ? bytes.reversed() : bytes
  }

  private func udp(_ payload: [UInt8], from: Int = 40_000, to: Int = 7073) -> [UInt8] {
    big16(from) + big16(to) + big16(payload.count + 8) + [0, 0] + payload
  }

  private func packet4(_ payload: [UInt8], next: UInt8 = 17, fragment: Int = 0x4000, options: Int = 0)
    -> [UInt8]
  {
    [0x45 + UInt8(options), 0] + big16(20 + 4 * options + payload.count) + [0, 0] + big16(fragment) + [
      64, next,
    ]
      + [UInt8](repeating: 0, count: 10 + 4 * options) + payload
  }

  private func packet6(_ payload: [UInt8], next: UInt8 = 17) -> [UInt8] {
    [0x60, 0, 0, 0] + big16(payload.count) + [next, 64] + [UInt8](repeating: 1, count: 32) + payload
  }

  private func frame(_ link: UInt32, _ packet: [UInt8]) -> [UInt8] {
    let type: [UInt8] = packet[0] >> 4 == 4 ? [0x08, 0x00] : [0x86, 0xDD]
    switch link {
    // The padding of a short frame is no part of the datagram.
    case 1: return [UInt8](repeating: 2, count: 12) + type + packet + [0, 0, 0, 0]
    case 113: return [UInt8](repeating: 0, count: 14) + type + packet
    case 276: return type + [UInt8](repeating: 0, count: 18) + packet
    case 0, 108: return [2, 0, 0, 0] + packet
    default: return packet
    }
  }

  private func capture(
    _ link: UInt32, _ frames: [[UInt8]], isBigEndian: Bool = false, magic: UInt32 = 0xA1B2_C3D4
  ) -> [UInt8] {
    var bytes = [magic, 0x0004_0002, 0, 0, 65_535, link].flatMap { number32($0, isBigEndian: isBigEndian) }
    for frame in frames {
      let count = UInt32(frame.count)
      bytes += [1, 2, count, count].flatMap { number32($0, isBigEndian: isBigEndian) } + frame
    }
    return bytes
  }

  private func decode(_ content: [UInt8], _ options: String...) throws -> (
    result: Program.Result, lines: [Element]
  ) {
    let folder = try Folder()
    try folder.write("key", Self.keyText + "\n")
    let result = try Program.run(
      Program.built + "/turnout",
      ["exposures", "decode"] + options.map { $0 == "KEY" ? folder.path("key") : $0 }
        + [folder.write("file", content)])
    return (result, try result.output.split(separator: "\n").map { try Document(Array($0.utf8)).root })
  }

  // MARK: - Tests

  @Test func `a datagram in a file is told record by record`() throws {
    let (result, lines) = try decode(datagrams(isTagged: false)[0])
    #expect(result.code == 0 && result.errors == "")
    #expect(
      result.output.split(separator: "\n").first == """
        {"kind":"exposure","edge":"edge-1","boot":"0000000000000abc","worker":3,"sequence":0,"recordsBefore":0,\
        "sentAt":1800000000000456,"tag":"none","environment":"prod","version":7,\
        "occurredAt":1800000000000123,"userKey":"käse","experiment":"checkout","variant":"b","rate":0.25,\
        "isOverride":false}
        """)
    #expect(
      lines.count == 2 && lines[1]["experiment"]?.text == "search" && lines[1]["userKey"]?.text == "käse")
  }

  @Test func `heartbeats and requests are told as well`() throws {
    let datagrams = try datagrams(isTagged: false)
    #expect(
      try decode(datagrams[1]).result.output == """
        {"kind":"heartbeat","edge":"edge-1","boot":"0000000000000abc","worker":3,"sequence":1,"recordsBefore":2,\
        "isEnding":true,"sentAt":5,"tag":"none","full":0,"oversized":0,"repeats":1,"refused":0}\n
        """)
    #expect(
      try decode(datagrams[2]).result.output == """
        {"kind":"resend","edge":"edge-1","boot":"0000000000000abc","worker":3,"sentAt":6,"tag":"none",\
        "ranges":[[4,5]]}\n
        """)
  }

  @Test func `a tag is good, bad or unchecked`() throws {
    for datagram in try datagrams(isTagged: true) {
      #expect(try decode(datagram).lines[0]["tag"]?.text == "unchecked")
      let good = try decode(datagram, "--key", "KEY")
      #expect(good.result.code == 0 && good.lines[0]["tag"]?.text == "good")
      var forged = datagram
      forged[32] ^= 1
      let bad = try decode(forged, "--key", "KEY")
      #expect(bad.result.code == 3 && bad.lines[0]["tag"]?.text == "bad")
      #expect(bad.result.errors.contains("1 with a bad tag"))
    }
    #expect(try decode(datagrams(isTagged: false)[1], "--key", "KEY").lines[0]["tag"]?.text == "none")
  }

  @Test(arguments: [0, 1, 101, 108, 113, 228, 229, 276] as [UInt32])
  func `captures of every kind are read`(link: UInt32) throws {
    let datagrams = try datagrams(isTagged: true)
    for magic in [0xA1B2_C3D4, 0xA1B2_3C4D] as [UInt32] {
      for isBigEndian in [false, true] {
        let packets = [
          packet4(udp(datagrams[0]), options: 2), packet6(udp(datagrams[1])), packet4(udp(datagrams[2])),
        ]
        let content = capture(
          link, packets.map { frame(link, $0) }, isBigEndian: isBigEndian, magic: magic)
        let (result, lines) = try decode(content, "--key", "KEY")
        #expect(result.code == 0 && result.errors == "")
        #expect(lines.allSatisfy { $0["tag"]?.text == "good" })
        #expect(lines.map { $0["kind"]?.text } == ["exposure", "exposure", "heartbeat", "resend"])
      }
    }
  }

  @Test func `frames of virtual networks are read, and of other protocols skipped and counted`() throws {
    let payload = try udp(datagrams(isTagged: false)[1])
    let addresses = [UInt8](repeating: 2, count: 12)
    let frames = [
      addresses + [0x81, 0x00, 0, 5, 0x08, 0x00] + packet4(payload),
      addresses + [0x88, 0xA8, 0, 5, 0x81, 0x00, 0, 6, 0x86, 0xDD] + packet6(payload),
      addresses + [0x08, 0x06] + packet4(payload), frame(1, packet4(payload, next: 6)),
      frame(1, packet6(payload, next: 6)), frame(1, packet4(payload, fragment: 0x2000)),
      frame(1, packet4(payload, fragment: 7)), [1, 2, 3],
    ]
    let (result, lines) = try decode(capture(1, frames))
    #expect(result.code == 0 && lines.map { $0["kind"]?.text } == ["heartbeat", "heartbeat"])
    #expect(result.errors == "turnout: 6 packets are no whole UDP datagrams\n")
  }

  @Test func `only one port is read if one is asked for`() throws {
    let payload = try datagrams(isTagged: false)[1]
    let frames = [
      packet4(udp(payload)), packet4(udp(payload, from: 7073, to: 9)),
      packet4(udp([1, 2, 3], from: 53, to: 9)),
    ]
    #expect(try decode(capture(101, frames), "--port", "7073").lines.count == 2)
    let all = try decode(capture(101, frames))
    #expect(all.result.code == 3 && all.lines.last?["malformed"]?.text == "truncated")
  }

  @Test func `what is cut or malformed is told in its place`() throws {
    let datagrams = try datagrams(isTagged: false)
    var broken = datagrams[1]
    broken[4] = 9
    let frames = [
      packet4(udp(broken)), Array(packet4(udp(datagrams[0])).dropLast(3)), packet4(udp(datagrams[1])),
    ]
    let (result, lines) = try decode(capture(101, frames) + [1, 2, 3])
    #expect(lines.map { $0["malformed"]?.text } == ["version", "cut", nil])
    #expect(result.code == 3 && result.errors.contains("2 malformed"))
    // The file ends within a packet.
    let short = try decode(Array(capture(101, frames).dropLast()))
    #expect(short.lines.map { $0["malformed"]?.text } == ["version", "cut", "cut"])
  }

  @Test func `lines of hexadecimal are datagrams`() throws {
    let datagrams = try datagrams(isTagged: false)
    let hex = datagrams.map { datagram in
      var text: [UInt8] = []
      datagram.withBytes { Hex.encode($0, into: &text) }
      return String(decoding: text, as: UTF8.self)
    }
    let text = "# two of them\n\(hex[1])\n\n\(hex[2].uppercased().prefix(20)) \(hex[2].dropFirst(20))\r\n"
    let lines = try decode(Array(text.utf8), "--hex").lines
    #expect(lines.map { $0["kind"]?.text } == ["heartbeat", "resend"])
    let bad = try decode(Array("\(hex[1])\n5x\n".utf8), "--hex")
    #expect(bad.result.code == 3 && bad.result.errors.contains("line 2 is not hexadecimal"))
    #expect(bad.lines.count == 1)
  }

  @Test func `what cannot be read is named`() throws {
    let foreign = try decode(capture(147, []))
    #expect(foreign.result.code == 3 && foreign.result.errors.contains("link type 147"))
    let newer = try decode([0x0A, 0x0D, 0x0D, 0x0A] + [UInt8](repeating: 0, count: 28))
    #expect(newer.result.code == 3 && newer.result.errors.contains("editcap"))
    #expect(try Program.turnout("exposures", "decode", "/nothing").code == 1)
    #expect(try Program.turnout("exposures", "decode").code == 2)
    #expect(try Program.turnout("exposures", "decode", "--port", "0", "/nothing").code == 2)
  }

  @Test func `of a capture cut anywhere nothing is read beyond its end`() throws {
    let datagrams = try datagrams(isTagged: false)
    let content = capture(1, [frame(1, packet4(udp(datagrams[1]))), frame(1, packet6(udp(datagrams[2])))])
    let folder = try Folder()
    for count in 24..<content.count { try folder.write("cut/\(count)", Array(content.prefix(count))) }
    let paths = (24..<content.count).map { folder.path("cut/\($0)") }
    let result = try Program.run(Program.built + "/turnout", ["exposures", "decode"] + paths)
    #expect(result.code == 3 && result.errors.contains("malformed"))
  }
}
