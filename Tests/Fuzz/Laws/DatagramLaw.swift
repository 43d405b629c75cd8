// Datagrams as anybody may send them: what reads is written again to the same bytes, and its records fit the datagram
// that the outbox makes of them and are read there as they were.

import Bytes
import Exposures
import Kernel

final class DatagramLaw: Law {
  private let memory: Memory
  private let slots: ByteRegion
  private let edge: ByteRegion
  private let room: ByteRegion

  init() throws {
    memory = try Memory(byteCount: 64 * 1024)
    var carver = Carver(memory.region)
    slots = carver.region(32 * 1024)
    edge = carver.region(DatagramFormat.edgeMax)
    room = carver.region(DatagramFormat.byteMax)
  }

  func check(_ input: ByteView) throws {
    guard case .datagram(let datagram) = Datagram.read(input) else { return }
    let header = datagram.header
    try hold(DatagramFormat.edgeMax >= datagram.edge.count && !datagram.edge.isEmpty, "an edge has an id")
    try hold(
      datagram.signed.count + datagram.tag.count == input.count, "a datagram is what is signed, and the tag")
    try hold(datagram.tag.count == (header.isTagged ? DatagramFormat.tagCount : 0), "a tag has its length")
    DatagramFormat.write(header, edge: datagram.edge, to: room)
    let headCount = DatagramFormat.headCount + datagram.edge.count
    try hold(
      room.bytes.slice(0..<headCount).equals(input.slice(0..<headCount)), "a head is written as it was read")
    switch header.kind {
    case .exposures: try checkRecords(datagram)
    case .heartbeat:
      let losses = SenderLosses(datagram)
      var sum = losses
      sum.add(losses)
      try hold(sum.full == losses.full &+ losses.full, "losses add up")
    case .resend: try checkRequest(datagram)
    }
  }

  private func checkRequest(_ datagram: Datagram) throws {
    let header = datagram.header
    let ranges = (0..<Int(header.count)).map { ResendRequest.range($0, of: datagram) }
    let request = ResendRequest(boot: header.boot, worker: header.worker, ranges: ranges)
    let bytes = request.encode(edge: datagram.edge, isTagged: header.isTagged, sentAt: header.sentAt)
    try bytes.withBytes { bytes in
      guard case .datagram(let again) = Datagram.read(bytes) else {
        throw Broken(description: "a request for what was asked for is one")
      }
      let same = (0..<ranges.count).allSatisfy { ResendRequest.range($0, of: again) == ranges[$0] }
      try hold(again.header.count == header.count && same, "a request is kept")
    }
  }

  private func records(_ datagram: Datagram) -> [Record] {
    var reader = RecordReader(datagram)
    var records: [Record] = []
    while let record = reader.next() { records.append(record) }
    return records
  }

  private func checkRecords(_ datagram: Datagram) throws {
    let found = records(datagram)
    try hold(found.count == Int(datagram.header.count) && !found.isEmpty, "every record is there")
    try hold(found.count <= DatagramFormat.recordMax, "records are bounded")
    var settings = Outbox.Settings()
    settings.slotCount = 2
    settings.isTagged = datagram.header.isTagged
    settings.boot = datagram.header.boot
    settings.worker = datagram.header.worker
    edge.copy(datagram.edge, to: 0)
    var outbox = Outbox(slots, edge: edge.part(from: 0, count: datagram.edge.count), settings)
    var arms: [Record] = []
    for (index, record) in found.enumerated() {
      if index == 0 || !hasSameUser(record, found[index - 1]) {
        outbox.beginDecision(
          userKey: record.userKey, environment: record.environment, version: record.version,
          occurredAt: record.occurredAt, now: 0)
      }
      let arm = arms.firstIndex { hasSameArm($0, record) } ?? arms.count
      if arm == arms.count { arms.append(record) }
      try hold(
        outbox.record(
          experiment: record.experiment, variant: record.variant, rate: record.rate,
          isOverride: record.isOverride, arm: UInt64(arm)), "what was in a datagram is recorded")
    }
    outbox.close(sentAt: datagram.header.sentAt)
    try hold(outbox.next == 1, "what was in one datagram fits one")
    guard let region = outbox.kept(0), case .datagram(let again) = Datagram.read(region.bytes) else {
      throw Broken(description: "what the outbox makes is a datagram")
    }
    let kept = records(again)
    try hold(kept.count == found.count, "as many records are read as were recorded")
    for (left, right) in zip(kept, found) {
      try hold(
        hasSameUser(left, right) && hasSameArm(left, right) && left.isOverride == right.isOverride,
        "a record is read as it was recorded")
    }
  }

  private func hasSameUser(_ left: Record, _ right: Record) -> Bool {
    left.userKey.equals(right.userKey) && left.occurredAt == right.occurredAt
      && left.environment.equals(right.environment) && left.version == right.version
  }

  private func hasSameArm(_ left: Record, _ right: Record) -> Bool {
    left.experiment.equals(right.experiment) && left.variant.equals(right.variant)
      && left.rate.bitPattern == right.rate.bitPattern
  }
}
