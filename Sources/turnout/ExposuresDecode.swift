// turnout exposures decode: what captured datagrams say, one JSON object a line.

import Arguments
import Bytes
import Exposures
import JSON
import Kernel
import Trust

struct ExposuresDecode {
  static let command = Command(
    "exposures decode", "print what captured exposure datagrams say", operands: "FILE ...",
    options: [
      Option("key", "FILE", "the key that edges and collectors share; checks the tags"),
      Option("port", "N", "only what was sent from or to this UDP port"),
      Option("hex", nil, "the files are text: one datagram a line, in hexadecimal"),
    ])

  /// Bytes of a file.
  private static let fileMax = 1 << 30

  private let key: MessageKey?
  private let port: UInt16?
  /// Lines to be printed.
  private var text: [UInt8] = []
  private var malformedCount = 0
  private var badTagCount = 0
  private var otherCount = 0

  static func run(_ invocation: Invocation) throws {
    guard !invocation.operands.isEmpty else { throw UsageFault("exposures decode: name at least one file") }
    var decode = try ExposuresDecode(invocation)
    for path in invocation.operands {
      let content = try File.read(path, limit: fileMax)
      do {
        if invocation.has("hex") { try decode.readHex(content) } else { try decode.readFile(content) }
      } catch {
        decode.print()
        throw Refused("\(path): \(error)")
      }
    }
    decode.print()
    try decode.conclude()
  }

  private init(_ invocation: Invocation) throws {
    key = try invocation["key"].map {
      try MessageKey(decoding: Documents.small($0)).derived(for: "exposure datagrams")
    }
    port = try invocation["port"].map { text throws(UsageFault) in
      guard let port = UInt16(text), port > 0 else {
        throw UsageFault("--port needs a number from 1 to 65535")
      }
      return port
    }
  }

  // MARK: - Files

  private mutating func readFile(_ content: [UInt8]) throws(Refused) {
    try content.withBytes { (bytes) throws(Refused) in
      guard var capture = try Capture(bytes) else { return decode(bytes) }
      while let packet = capture.next() {
        switch packet {
        case .datagram(let payload, let from, let to):
          if port == nil || port == from || port == to { decode(payload) }
        case .cut: malformed("cut")
        case .other: otherCount += 1
        }
      }
    }
  }

  private mutating func readHex(_ content: [UInt8]) throws(Refused) {
    for (index, line) in content.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
      let digits = line.filter { $0 != 0x20 && $0 != 0x0D && $0 != 0x09 }
      if digits.isEmpty || digits.first == UInt8(ascii: "#") { continue }
      let values = digits.compactMap(Hex.value)
      guard values.count == digits.count, values.count % 2 == 0 else {
        throw Refused("line \(index + 1) is not hexadecimal")
      }
      stride(from: 0, to: values.count, by: 2).map { values[$0] << 4 | values[$0 + 1] }.withBytes {
        decode($0)
      }
    }
  }

  // MARK: - Datagrams

  private mutating func decode(_ bytes: ByteView) {
    switch Datagram.read(bytes) {
    case .malformed(let malformation): malformed(malformation.name)
    case .datagram(let datagram):
      let tag = check(datagram)
      switch datagram.header.kind {
      case .exposures:
        var records = RecordReader(datagram)
        while let record = records.next() {
          line { writer in
            Self.write(datagram, "exposure", tag, to: &writer)
            Self.write(record, to: &writer)
          }
        }
      case .heartbeat:
        line { writer in
          Self.write(datagram, "heartbeat", tag, to: &writer)
          Self.write(SenderLosses(datagram), to: &writer)
        }
      case .resend:
        line { writer in
          Self.write(datagram, "resend", tag, to: &writer)
          writer.key("ranges")
          writer.array(0..<Int(datagram.header.count)) { writer, index in
            let range = ResendRequest.range(index, of: datagram)
            writer.array([Int(clamping: range.lowerBound), range.count]) { $0.integer($1) }
          }
        }
      }
    }
  }

  private mutating func check(_ datagram: Datagram) -> StaticString {
    guard datagram.header.isTagged else { return "none" }
    guard let key else { return "unchecked" }
    if key.accepts(datagram.tag, of: datagram.signed) { return "good" }
    badTagCount += 1
    return "bad"
  }

  /// What is the same in all records of a datagram.
  private static func write(
    _ datagram: Datagram, _ kind: StaticString, _ tag: StaticString, to writer: inout Writer
  ) {
    let header = datagram.header
    writer.key("kind")
    writer.string(kind)
    writer.key("edge")
    writer.string(datagram.edge)
    writer.key("boot")
    writer.string([UInt8](capacity: 16) { $0.append(hex: header.boot, digits: 16) }.withBytes { String($0) })
    writer.key("worker")
    writer.integer(Int(header.worker))
    if header.kind != .resend {
      writer.key("sequence")
      writer.integer(Int(header.sequence))
      writer.key("recordsBefore")
      writer.integer(Int(header.recordsBefore))
    }
    if header.kind == .heartbeat {
      writer.key("isEnding")
      writer.bool(header.isEnding)
    }
    writer.key("sentAt")
    writer.integer(Int(clamping: header.sentAt))
    writer.key("tag")
    writer.string(tag)
  }

  private static func write(_ record: Record, to writer: inout Writer) {
    writer.key("environment")
    writer.string(record.environment)
    writer.key("version")
    writer.integer(Int(record.version))
    writer.key("occurredAt")
    writer.integer(Int(clamping: record.occurredAt))
    writer.key("userKey")
    writer.string(record.userKey)
    writer.key("experiment")
    writer.string(record.experiment)
    writer.key("variant")
    writer.string(record.variant)
    writer.key("rate")
    writer.number(record.rate)
    writer.key("isOverride")
    writer.bool(record.isOverride)
  }

  private static func write(_ losses: SenderLosses, to writer: inout Writer) {
    writer.key("full")
    writer.integer(Int(clamping: losses.full))
    writer.key("oversized")
    writer.integer(Int(clamping: losses.oversized))
    writer.key("repeats")
    writer.integer(Int(clamping: losses.repeats))
    writer.key("refused")
    writer.integer(Int(clamping: losses.refused))
  }

  private mutating func malformed(_ reason: StaticString) {
    malformedCount += 1
    line { writer in
      writer.key("malformed")
      writer.string(reason)
    }
  }

  // MARK: - Printing

  private mutating func line(_ members: (inout Writer) -> Void) {
    var writer = Writer()
    writer.object(members)
    text += writer.text
    text.append(0x0A)
    if text.count > 65_536 { print() }
  }

  private mutating func print() {
    text.withBytes { Process.writeOutput($0) }
    text.removeAll(keepingCapacity: true)
  }

  private func conclude() throws(Refused) {
    if otherCount > 0 {
      Array("turnout: \(otherCount) packets are no whole UDP datagrams\n".utf8).withBytes {
        Process.writeError($0)
      }
    }
    var faults: [String] = []
    if malformedCount > 0 { faults.append("\(malformedCount) malformed") }
    if badTagCount > 0 { faults.append("\(badTagCount) with a bad tag") }
    if !faults.isEmpty { throw Refused("datagrams: " + faults.joined(separator: ", ")) }
  }
}
