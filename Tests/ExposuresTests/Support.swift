// A sender of exposures in guarded memory, and a wire on virtual time that loses, doubles and reorders.

import Bytes
import Exposures
import TestSupport
import Testing

/// What was recorded, as values of the test's own.
struct Exposure: Hashable {
  var environment = "prod"
  var version: Int64 = 7
  var user: String
  var occurredAt: UInt64 = 1_800_000_000_000_000
  var experiment = "checkout"
  var variant = "a"
  var rate = 1.0
  var isOverride = false
}

extension Exposure {
  init(_ record: Record) {
    self.init(
      environment: String(record.environment), version: record.version, user: String(record.userKey),
      occurredAt: record.occurredAt, experiment: String(record.experiment), variant: String(record.variant),
      rate: record.rate, isOverride: record.isOverride)
  }
}

/// Calls `body` with the datagram in `bytes`, which must be one.
func withDatagram<Result>(_ bytes: [UInt8], _ body: (Datagram) throws -> Result) throws -> Result {
  try bytes.withBytes { view in
    guard case .datagram(let datagram) = Datagram.read(view) else { throw Broken() }
    return try body(datagram)
  }
}

struct Broken: Error {}

func exposures(in bytes: [UInt8]) throws -> [Exposure] {
  try withDatagram(bytes) { datagram in
    var reader = RecordReader(datagram)
    var found: [Exposure] = []
    while let record = reader.next() { found.append(Exposure(record)) }
    return found
  }
}

func header(of bytes: [UInt8]) throws -> DatagramHeader { try withDatagram(bytes) { $0.header } }

/// An outbox whose memory ends where readable memory ends.
final class Sender {
  private let memory: GuardedBytes
  private let edgeMemory: GuardedBytes
  let settings: Outbox.Settings
  var outbox: Outbox

  init(
    edge: String = "edge-1", boot: UInt64 = 1, worker: UInt16 = 0, slotCount: Int = 64,
    datagramSize: Int = DatagramFormat.byteMin, isTagged: Bool = false
  ) {
    var settings = Outbox.Settings()
    settings.boot = boot
    settings.worker = worker
    settings.slotCount = slotCount
    settings.datagramSize = datagramSize
    settings.isTagged = isTagged
    self.settings = settings
    // A multiple of a cache line, so that its beginning is as aligned as its end.
    memory = GuardedBytes(zeroCount: (settings.byteCount + 63) & ~63)
    edgeMemory = GuardedBytes(Array(edge.utf8))
    let edgeRegion = edgeMemory.withRegion { $0 }
    outbox = memory.withRegion { Outbox($0, edge: edgeRegion, settings) }
  }

  /// Records one decision of one user; how many of its exposures were taken.
  @discardableResult
  func decide(_ exposures: [Exposure], now: UInt64 = 0) -> Int {
    var taken = 0
    let first = exposures[0]
    with(first.user, first.environment) { user, environment in
      outbox.beginDecision(
        userKey: user, environment: environment, version: first.version, occurredAt: first.occurredAt,
        now: now)
      for exposure in exposures {
        with(exposure.experiment, exposure.variant) { experiment, variant in
          let isTaken = outbox.record(
            experiment: experiment, variant: variant, rate: exposure.rate, isOverride: exposure.isOverride,
            arm: Fingerprint.of(experiment) &+ 3 &* Fingerprint.of(variant) ^ exposure.rate.bitPattern)
          if isTaken { taken += 1 }
        }
      }
    }
    return taken
  }

  private func with(_ left: String, _ right: String, _ body: (ByteView, ByteView) -> Void) {
    Array(left.utf8).withBytes { left in Array(right.utf8).withBytes { right in body(left, right) } }
  }

  /// Everything that waits, as it would leave.
  func send(trainMax: Int = 64) -> [[UInt8]] {
    var datagrams: [[UInt8]] = []
    while let train = outbox.train(countMax: trainMax) {
      var bytes = train.bytes
      for _ in 0..<train.count {
        let count = min(settings.datagramSize, bytes.count)
        datagrams.append([UInt8](bytes.slice(0..<count)))
        bytes = bytes.dropping(count)
      }
      #expect(bytes.isEmpty)
      outbox.sent(train.count)
    }
    return datagrams
  }

  func heartbeat(sentAt: UInt64 = 0, isEnding: Bool = false) -> [UInt8] {
    [UInt8](capacity: outbox.heartbeatCount) { output in
      outbox.writeHeartbeat(
        to: output.room(outbox.heartbeatCount)!, sentAt: sentAt, isEnding: isEnding)
      output.advance(by: outbox.heartbeatCount)
    }
  }

  /// What it sends again for a request.
  func answer(_ request: [UInt8]) throws -> [[UInt8]] {
    try withDatagram(request) { datagram in
      guard datagram.header.boot == settings.boot, datagram.header.worker == settings.worker else {
        return []
      }
      return (0..<Int(datagram.header.count)).flatMap { index in
        ResendRequest.range(index, of: datagram).compactMap { sequence in
          outbox.kept(sequence).map { [UInt8]($0.bytes) }
        }
      }
    }
  }
}

/// Datagrams under way, on virtual time. Each may be lost, doubled, and late by less than ``lateness``.
struct Wire {
  /// Of a thousand.
  var loss: Int
  /// Of a thousand.
  var doubling = 20
  var lateness = 15_000_000
  private var flights: [UInt64: [[UInt8]]] = [:]
  private var random: Random

  init(loss: Int, seed: UInt64) {
    self.loss = loss
    random = Random(seed: seed)
  }

  mutating func send(_ bytes: [UInt8], now: UInt64) {
    for _ in 0..<(random.below(1000) < doubling ? 2 : 1) where random.below(1000) >= loss {
      let arrival = now / 1_000_000 + 1 + UInt64(random.below(lateness) / 1_000_000)
      flights[arrival, default: []].append(bytes)
    }
  }

  /// What arrives in the millisecond of `now`.
  mutating func arrivals(now: UInt64) -> [[UInt8]] { flights.removeValue(forKey: now / 1_000_000) ?? [] }
}
