// The accounts of what was sent, under a script that the input is: two honest senders behind a wire that loses, doubles
// and reorders, a liar, pauses, and restarts of the collector. At every step what was sent before `next` is received,
// recovered, lost, unknown or missing, in datagrams and in records, and nothing of an honest sender counts twice.

import Bytes
import Exposures

final class ReceptionLaw: Law {
  func check(_ input: ByteView) throws {
    let script = input.slice(0..<min(input.count, 4096))
    var stage = Stage()
    for offset in stride(from: 0, to: script.count - 1, by: 2) {
      try stage.step(script[offset], script[offset + 1])
    }
    try stage.end()
  }
}

/// Steps are of two bytes: what happens, and how much of it.
private struct Stage {
  private var reception: Reception
  private var senders = [Sender(boot: 1), Sender(boot: 2)]
  /// Sent, and not yet arrived.
  private var wire: [[UInt8]] = []
  /// What was accepted of honest senders: stream and number.
  private var accepted = Set<[UInt64]>()
  /// Restarts, and streams that were forgotten for want of room before the last one.
  private var restarts = 0
  private var evictions: UInt64 = 0
  /// Monotonic nanoseconds.
  private var now: UInt64 = 1_000_000_000
  /// Microseconds since 1970.
  private var wall: UInt64 { 1_800_000_000_000_000 + now / 1000 }

  private static let settings: Reception.Settings = {
    var settings = Reception.Settings()
    settings.streamMax = 3
    settings.runMax = 6
    settings.edgeMax = 2
    return settings
  }()

  private struct Sender {
    let boot: UInt64
    var next: UInt64 = 0
    var records: UInt64 = 0
  }

  init() {
    reception = Reception(Self.settings)
  }

  mutating func step(_ kind: UInt8, _ amount: UInt8) throws {
    let index = Int(kind >> 7)
    switch kind & 0x0F {
    case 0, 1, 2: send(index, records: amount)
    case 3: for _ in 0...(amount & 63) { send(index, records: 1 + amount & 3) }
    case 4: heartbeat(index)
    case 5, 6, 7: if !wire.isEmpty { try arrive(wire.remove(at: Int(amount) % wire.count)) }
    case 8: if !wire.isEmpty { try arrive(wire[Int(amount) % wire.count]) }
    case 9: if !wire.isEmpty { wire.remove(at: Int(amount) % wire.count) }
    case 10: now += UInt64(amount) * 10_000_000
    case 11: now += UInt64(amount) * 60_000_000_000
    case 12: try ask()
    case 13: reception.giveUpAndForget(now: now)
    case 14: try restart()
    default: try lie(kind, amount)
    }
    try balance()
  }

  /// Everything arrives, and the honest senders say where they are: what was missing is then given up.
  mutating func end() throws {
    for index in senders.indices { heartbeat(index) }
    while !wire.isEmpty { try arrive(wire.removeFirst()) }
    for _ in 0..<8 {
      now += 2_000_000_000
      try ask()
      reception.giveUpAndForget(now: now)
    }
    try balance()
    var pending: UInt64 = 0
    // Nobody hears of a liar again, so after a restart nobody knows where to ask.
    reception.forEachStream { if senders.map(\.boot).contains($0.identity.boot) { pending += $0.pending } }
    try hold(pending == 0, "everything is given up at last")
  }

  // MARK: - Honest senders

  private mutating func send(_ index: Int, records: UInt8) {
    let count = UInt64(max(records, 1))
    wire.append(datagram(.exposures, senders[index].boot, senders[index].next, senders[index].records, count))
    senders[index].next += 1
    senders[index].records += count
    if wire.count > 256 { wire.removeFirst() }
  }

  private mutating func heartbeat(_ index: Int) {
    wire.append(datagram(.heartbeat, senders[index].boot, senders[index].next, senders[index].records, 0))
  }

  /// A head as a sender writes it, with what has to stand behind it.
  private func datagram(
    _ kind: DatagramKind, _ boot: UInt64, _ sequence: UInt64, _ recordsBefore: UInt64, _ count: UInt64
  ) -> [UInt8] {
    let edge = ("edge" as StaticString).bytes
    let header = DatagramHeader(
      kind, isTagged: false, boot: boot, worker: 0, sequence: sequence, recordsBefore: recordsBefore,
      sentAt: wall, count: UInt16(count))
    return [UInt8](capacity: DatagramFormat.byteMax) { output in
      guard let region = output.room(DatagramFormat.byteMax) else { return }
      for offset in 0..<region.count { region.store(0, at: offset) }
      DatagramFormat.write(header, edge: edge, to: region)
      var place = DatagramFormat.headCount + edge.count
      for index in 0..<Int(count) { place += record(index, region, place) }
      output.advance(by: kind == .heartbeat ? place + SenderLosses.byteCount : place)
    }
  }

  /// Writes the shortest record there is; its bytes. The first one says everything.
  private func record(_ index: Int, _ region: ByteRegion, _ place: Int) -> Int {
    // As the user and the snapshot before, and as the first arm.
    region.store(index == 0 ? 0 : 14, at: place)
    guard index == 0 else { return 2 }
    region.store(1, at: place + 19)
    region.store(0x75, at: place + 21)
    region.store(littleEndian: (1.0).bitPattern, at: place + 22)
    region.store(1, at: place + 30)
    region.store(0x65, at: place + 32)
    region.store(1, at: place + 33)
    region.store(0x76, at: place + 35)
    return 36
  }

  // MARK: - The collector

  private mutating func arrive(_ bytes: [UInt8]) throws {
    let (header, verdict) = try bytes.withBytes { bytes in
      guard case .datagram(let datagram) = Datagram.read(bytes) else {
        throw Broken(description: "what a sender sends is a datagram")
      }
      return (datagram.header, reception.receive(datagram, wall: wall, now: now))
    }
    try hold(verdict != .inconsistent, "an honest sender does not contradict itself")
    guard verdict == .accept, header.kind == .exposures else { return }
    // What is noted down does not say until when an evicted stream may have been received: a collector that had too
    // many streams and starts again may take a datagram of such a one twice.
    guard restarts == 0 || evictions + reception.evictions == 0 else { return }
    try hold(
      accepted.insert([header.boot, header.sequence]).inserted,
      "number \(header.sequence) of \(header.boot) was received twice")
  }

  /// One whose counters are what they like, of a boot that no honest sender has.
  private mutating func lie(_ kind: UInt8, _ amount: UInt8) throws {
    let sequence = UInt64(amount) << UInt64(kind >> 4 & 7) &* 7
    let kind: DatagramKind = amount & 1 == 0 ? .exposures : .heartbeat
    let claim = amount & 4 == 0 ? sequence : sequence &* 3
    let bytes = datagram(kind, UInt64(3 + amount % 3), sequence, claim, kind == .exposures ? 1 : 0)
    bytes.withBytes { bytes in
      if case .datagram(let datagram) = Datagram.read(bytes) {
        _ = reception.receive(datagram, wall: wall, now: now)
      }
    }
  }

  private mutating func ask() throws {
    var requests: [[Range<UInt64>]] = []
    reception.forEachRequest(now: now) { requests.append($2) }
    for ranges in requests {
      try hold((1...ResendRequest.rangeMax).contains(ranges.count), "a request has 1 to 64 ranges")
      for range in ranges {
        try hold(!range.isEmpty && UInt64(range.count) <= StreamReception.askMax, "a range is bounded")
      }
    }
  }

  /// The collector starts again from what it noted down.
  private mutating func restart() throws {
    let marks = reception.marks
    restarts += 1
    evictions += reception.evictions
    reception = Reception(Self.settings)
    reception.restore(marks, now: now)
  }

  private func balance() throws {
    try hold(reception.streamCount <= Self.settings.streamMax, "streams are bounded")
    try hold(reception.forgotten.count <= Self.settings.edgeMax, "edges are bounded")
    var runs = 0
    for mark in reception.marks {
      let counts = mark.counts
      let missing = mark.missing.reduce(0) { $0 + UInt64($1.datagrams.count) }
      let missingRecords = mark.missing.reduce(0) { $0 + UInt64($1.records.count) }
      try hold(
        counts.received + counts.recovered + counts.lost + counts.unknown + missing == mark.next,
        "every datagram is accounted for: \(mark)")
      try hold(
        counts.receivedRecords + counts.lostRecords + counts.unknownRecords + missingRecords == mark.records,
        "every record is accounted for: \(mark)")
      var end: UInt64 = 0
      for run in mark.missing {
        try hold(run.datagrams.lowerBound >= end && !run.datagrams.isEmpty, "runs stand in order: \(mark)")
        end = run.datagrams.upperBound
      }
      try hold(end <= mark.next, "what is missing was sent: \(mark)")
      runs += mark.missing.count
    }
    try hold(runs <= Self.settings.runMax, "runs are bounded")
  }
}
