// Datagrams as an edge makes them, blocks as a receiver fills them, and the store's files as anybody can read them.

import Bytes
import Collector
import Exposures
import Glibc
import JSON
import Kernel
import ProgramSupport
import TestSupport

/// What a record says, wherever it is found.
struct Exposure: Hashable {
  var environment = "prod"
  var experiment = "e1"
  var variant = "v1"
  var version = 7
  var userKey = "user-1"
  /// Milliseconds since 1970.
  var occurredAt = Moment.start
  var rate = 1.0
  var isOverride = false
  var edge = ""
  var boot: UInt64 = 0
  var worker = 0
  var sequence = 0

  /// From a line of a segment.
  init(line: some Sequence<UInt8>) throws {
    let object = try Document(Array(line)).root
    guard let environment = object["environment"]?.text, let experiment = object["experimentId"]?.text,
      let variant = object["variantId"]?.text, let version = object["configVersion"]?.integer,
      let userKey = object["userKey"]?.text, let rate = object["rate"]?.number,
      let isOverride = object["override"]?.bool, let edge = object["edge"]?.text,
      let boot = object["boot"]?.text.flatMap({ UInt64($0, radix: 16) }),
      let worker = object["worker"]?.integer, let sequence = object["sequence"]?.integer,
      let moment = object["occurredAt"]?.string?.withBytes({ Timestamp.milliseconds($0) })
    else { throw Failure("no exposure: \(String(decoding: Array(line), as: UTF8.self))") }
    (self.environment, self.experiment, self.variant, self.version) = (
      environment, experiment, variant, version
    )
    (self.userKey, self.occurredAt, self.rate, self.isOverride) = (userKey, UInt64(moment), rate, isOverride)
    (self.edge, self.boot, self.worker, self.sequence) = (edge, boot, worker, sequence)
  }

  init() {}

  /// Anything that a record may hold.
  init(_ random: inout Random) {
    environment = random.pick(["prod", "staging", "mit \"Zitat\"", ""])
    experiment = random.pick(["e1", "checkout/button", "größe", "\u{1F600}", "\\"])
    variant = random.pick(["v1", "control", "line\nfeed\u{1}"])
    version = random.pick([0, 7, 1 << 62])
    userKey = "user-\(random.below(1000))" + random.pick(["", "\t", "é", String(repeating: "k", count: 300)])
    occurredAt = random.pick([0, Moment.start + UInt64(random.below(5)), 253_402_300_799_999])
    rate = random.pick([1, 0.1, 0.5, 1e-7, 1.0 / 3, Double.leastNonzeroMagnitude])
    isOverride = random.oneIn(3)
  }
}

enum Moment {
  /// 2026-11-21T09:00:00.000Z.
  static let start: UInt64 = 1_795_251_600_000
  static let hour: UInt64 = 3_600_000
}

/// One worker of an edge, whose datagrams go into blocks.
final class Sender {
  let edge: String
  let boot: UInt64
  let worker: UInt16
  private let memory: Memory
  private var outbox: Outbox
  private(set) var mark: StreamMark

  init(_ edge: String = "web-1", boot: UInt64 = 0xFEED_0000_0000_0001, worker: UInt16 = 0) throws {
    var settings = Outbox.Settings()
    settings.slotCount = 4
    settings.boot = boot
    settings.worker = worker
    (self.edge, self.boot, self.worker) = (edge, boot, worker)
    let id = Array(edge.utf8)
    let memory = try Memory(byteCount: settings.byteCount + id.count)
    let region = memory.region.part(from: settings.byteCount, count: id.count)
    id.withBytes { region.copy($0, to: 0) }
    outbox = Outbox(memory.region.part(from: 0, count: settings.byteCount), edge: region, settings)
    self.memory = memory
    mark = StreamMark(
      stream: StreamIdentity(edge: edge, boot: boot, worker: worker), next: 0, records: 0, contact: 0,
      missing: [],
      counts: StreamCounts())
  }

  /// Puts one datagram with these records into `block`, with the mark behind it; returns what a line must say.
  @discardableResult
  func send(_ exposures: [Exposure], to block: Block) -> [Exposure] {
    var sent: [Exposure] = []
    for exposure in exposures {
      let texts = [exposure.userKey, exposure.environment, exposure.experiment, exposure.variant]
      let parts = texts.map { Array($0.utf8) }
      let isRecorded = parts[0].withBytes { userKey in
        parts[1].withBytes { environment in
          parts[2].withBytes { experiment in
            parts[3].withBytes { variant in
              outbox.beginDecision(
                userKey: userKey, environment: environment, version: Int64(exposure.version),
                occurredAt: exposure.occurredAt * 1000 + 999, now: 0)
              return outbox.record(
                experiment: experiment, variant: variant, rate: exposure.rate,
                isOverride: exposure.isOverride,
                arm: Fingerprint.of(experiment) &+ 3 &* Fingerprint.of(variant)
                  ^ exposure.rate.bitPattern
              )
            }
          }
        }
      }
      guard isRecorded else { continue }
      var expected = exposure
      (expected.edge, expected.boot, expected.worker) = (edge, boot, Int(worker))
      expected.sequence = Int(outbox.next)
      sent.append(expected)
    }
    outbox.close(sentAt: Moment.start * 1000)
    while let train = outbox.train(countMax: 1) {
      block.append(train.bytes, records: Int(outbox.records(first: train.first, count: 1)))
      outbox.sent(1)
    }
    mark.next = outbox.next
    mark.records = outbox.recordCount
    mark.counts.received = outbox.next
    mark.counts.receivedRecords = outbox.recordCount
    block.marks.removeAll { $0.stream == mark.stream }
    block.marks.append(mark)
    return sent
  }
}

extension Block {
  /// A block that arrived at `moment` and holds what `fill` sends.
  static func make(at moment: UInt64 = Moment.start, _ fill: (Block) throws -> Void) throws -> Block {
    let block = try Block()
    block.arrivedAt = moment
    try fill(block)
    return block
  }
}

extension SegmentStore {
  convenience init(_ folder: Folder, size: Int = 1 << 30, now: UInt64 = Moment.start) throws {
    try self.init(directory: folder.path, segmentSize: size, now: now, counters: StoreCounters())
  }
}

extension StoreFolder {
  /// Every segment with its files, in order.
  var segments: [SegmentFiles] {
    get throws { try days().flatMap { day in try hours(of: day).flatMap { try segments(of: day, $0) } } }
  }

  /// The records of every segment, whatever its state; compressed ones are read by the real zstd.
  var exposures: [Exposure] {
    get throws {
      try segments.flatMap { segment in
        let name = segment.name
        var lines: [UInt8]
        if segment.parts.contains(.content) {
          lines = try File.read(path(name, .content), limit: 1 << 30)
        } else {
          let folder = try Folder()
          try Program.check(
            "/usr/bin/zstd", ["-q", "-d", path(name, .compressed), "-o", folder.path("plain")])
          lines = try folder.read("plain")
        }
        guard lines.isEmpty || lines.last == 0x0A else { throw Failure("\(name.path) ends within a line") }
        return try lines.split(separator: 0x0A).map { try Exposure(line: $0) }
      }
    }
  }
}
