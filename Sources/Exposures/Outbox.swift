// The datagrams of one worker, in a ring of equal slots: one is open and takes records, those before it are closed
// and wait to be sent, those before them were sent and are kept for as long as their slot is not needed again.
// The slot of a datagram is its sequence number modulo the number of slots.
// Invariant: kept <= unsent <= next, next - unsent < slots, and only the slot of `next` is written.

package import Bytes

package struct Outbox {
  package struct Settings: Sendable {
    /// Bytes of a full datagram, `DatagramFormat.byteMin...byteMax`.
    package var datagramSize = DatagramFormat.byteMax
    /// Datagrams that are kept, sent or not.
    package var slotCount = 2048
    package var isTagged = false
    package var boot: UInt64 = 0
    package var worker: UInt16 = 0

    package init() {}

    /// Bytes of memory for the slots and what is known of them, and 4 KiB to align them.
    package var byteCount: Int { slotCount * (datagramSize + 4) + 4096 }
  }

  private let settings: Settings
  private let edge: ByteRegion
  private let slots: ByteRegion
  /// Bytes and records of each slot's datagram.
  private let lengths: Cells<UInt16>
  private let counts: Cells<UInt16>

  /// The sequence number of the open datagram.
  package private(set) var next: UInt64 = 0
  /// The first closed one that was not sent.
  package private(set) var unsent: UInt64 = 0
  /// Records of closed datagrams, and of those of them that were sent.
  package private(set) var recordCount: UInt64 = 0
  package private(set) var sentRecordCount: UInt64 = 0
  package private(set) var losses = SenderLosses()

  /// Where the open datagram's next record goes.
  private var offset: Int
  private var openCount: UInt16 = 0
  /// Monotonic nanoseconds when the open datagram got its first record.
  package private(set) var openedAt: UInt64 = 0

  // What the records of one decision share, and whether a datagram said its user already.
  private var userKey = ByteView.empty
  private var occurredAt: UInt64 = 0
  private var now: UInt64 = 0
  private var environment = ByteView.empty
  private var version: Int64 = 0
  private var hasUser = false
  /// The environment of the open datagram's last record, where it stands there.
  private var lastEnvironment = ByteView.empty
  private var lastVersion: Int64 = 0
  /// The arms that the open datagram has written out, by their numbers.
  private var arms: [32 of UInt64] = .init(repeating: 0)
  private var armCount = 0

  /// An outbox in `region`, memory of `settings.byteCount` bytes aligned to a page; `edge` is the edge's id.
  package init(_ region: ByteRegion, edge: ByteRegion, _ settings: Settings) {
    precondition(settings.datagramSize <= DatagramFormat.byteMax && settings.slotCount > 1)
    precondition(edge.count > 0 && edge.count <= DatagramFormat.edgeMax)
    var carver = Carver(region)
    slots = carver.region(settings.slotCount * settings.datagramSize)
    lengths = carver.cells(settings.slotCount)
    counts = carver.cells(settings.slotCount)
    self.settings = settings
    self.edge = edge
    offset = DatagramFormat.headCount + edge.count
  }

  // MARK: - Writing

  /// Begins the records of one decision. The views must hold until the last of them is recorded; `occurredAt`
  /// is in microseconds since 1970, `now` in monotonic nanoseconds.
  @_noAllocation @_noLocks
  package mutating func beginDecision(
    userKey: ByteView, environment: ByteView, version: Int64, occurredAt: UInt64, now: UInt64
  ) {
    self.userKey = userKey
    self.environment = environment
    self.version = version
    self.occurredAt = occurredAt
    self.now = now
    hasUser = false
  }

  /// Records one assignment of the decision; false, and counted by the reason, if it had to be dropped. `arm` stands
  /// for experiment, variant and rate together: it is equal where they are, and nowhere else.
  @_noAllocation @_noLocks
  package mutating func record(
    experiment: ByteView, variant: ByteView, rate: Double, isOverride: Bool, arm: UInt64
  ) -> Bool {
    guard openCount > 0 || canOpen else {
      losses.full &+= 1
      return false
    }
    if append(experiment, variant, rate, isOverride, arm) { return true }
    if openCount > 0 {
      close(isFull: true, sentAt: occurredAt)
      guard canOpen else {
        losses.full &+= 1
        return false
      }
      if append(experiment, variant, rate, isOverride, arm) { return true }
    }
    losses.oversized &+= 1
    return false
  }

  /// Whether another datagram can be opened: the slot after it stays free, so that every datagram that waits is kept
  /// whatever is open.
  private var canOpen: Bool { next &- unsent < UInt64(keptMax) }

  /// Where the records of a datagram end.
  private var recordsEnd: Int { settings.datagramSize - (settings.isTagged ? DatagramFormat.tagCount : 0) }

  private func slot(_ sequence: UInt64) -> Int { Int(sequence % UInt64(settings.slotCount)) }

  private func region(_ sequence: UInt64) -> ByteRegion {
    slots.part(from: slot(sequence) * settings.datagramSize, count: settings.datagramSize)
  }

  /// Whether the record fitted the open datagram.
  private mutating func append(
    _ experiment: ByteView, _ variant: ByteView, _ rate: Double, _ isOverride: Bool, _ arm: UInt64
  ) -> Bool {
    let sharesUser = hasUser && openCount > 0
    let sharesSnapshot = openCount > 0 && lastVersion == version && lastEnvironment.equals(environment)
    let number = number(of: arm)
    let byteCount =
      1 + (number != nil ? 1 : 12 + experiment.count + variant.count) + (sharesUser ? 0 : 10 + userKey.count)
      + (sharesSnapshot ? 0 : 10 + environment.count)
    guard byteCount <= recordsEnd - offset else { return false }
    if openCount == 0 { openedAt = now }
    let region = region(next)
    var place = offset
    region.store(
      (isOverride ? RecordFlags.isOverride : 0) | (sharesUser ? RecordFlags.sharesUser : 0)
        | (sharesSnapshot ? RecordFlags.sharesSnapshot : 0) | (number != nil ? RecordFlags.namesArm : 0),
      at: place)
    place += 1
    if !sharesSnapshot {
      region.store(littleEndian: UInt64(bitPattern: version), at: place)
      Self.store(environment, in: region, at: place + 8)
      lastEnvironment = region.bytes.slice((place + 10)..<(place + 10 + environment.count))
      lastVersion = version
      place += 10 + environment.count
    }
    if !sharesUser {
      region.store(littleEndian: occurredAt, at: place)
      Self.store(userKey, in: region, at: place + 8)
      hasUser = true
      place += 10 + userKey.count
    }
    if let number {
      region.store(UInt8(truncatingIfNeeded: number), at: place)
    } else {
      region.store(littleEndian: rate.bitPattern, at: place)
      Self.store(experiment, in: region, at: place + 8)
      Self.store(variant, in: region, at: place + 10 + experiment.count)
      if armCount < Arm.max {
        arms[armCount] = arm
        armCount += 1
      }
    }
    offset += byteCount
    openCount += 1
    return true
  }

  /// The number of an arm that the open datagram has written out.
  private func number(of arm: UInt64) -> Int? {
    for number in 0..<armCount where arms[number] == arm { return number }
    return nil
  }

  @inline(always)
  private static func store(_ text: ByteView, in region: ByteRegion, at offset: Int) {
    region.store(littleEndian: UInt16(truncatingIfNeeded: text.count), at: offset)
    region.copy(text, to: offset + 2)
  }

  // MARK: - Closing

  /// Whether the open datagram has a record.
  package var hasOpenRecords: Bool { openCount > 0 }

  /// Closes the open datagram if it has a record; `sentAt` is in microseconds since 1970.
  @_noAllocation @_noLocks
  package mutating func close(sentAt: UInt64) {
    if openCount > 0 { close(isFull: false, sentAt: sentAt) }
  }

  /// A full datagram is filled up with zeros to the size that all full ones have, so that a run of them can
  /// leave in one send.
  private mutating func close(isFull: Bool, sentAt: UInt64) {
    let region = region(next)
    if isFull {
      while offset < recordsEnd {
        region.store(0, at: offset)
        offset += 1
      }
    }
    let header = DatagramHeader(
      .exposures, isTagged: settings.isTagged, boot: settings.boot, worker: settings.worker, sequence: next,
      recordsBefore: recordCount, sentAt: sentAt, count: openCount)
    DatagramFormat.write(header, edge: edge.bytes, to: region)
    lengths[slot(next)] = UInt16(offset + settings.datagramSize - recordsEnd)
    counts[slot(next)] = openCount
    recordCount &+= UInt64(openCount)
    next &+= 1
    openCount = 0
    armCount = 0
    offset = DatagramFormat.headCount + edge.count
  }

  // MARK: - Sending

  /// Datagrams that can leave in one send: all but the last have the full size, and they lie side by side.
  package struct Train {
    package var first: UInt64
    package var count: Int
    package var bytes: ByteView
  }

  /// The next closed datagrams to be sent, at most `countMax`; nil if there is none.
  @_noAllocation @_noLocks
  package func train(countMax: Int) -> Train? {
    guard unsent < next else { return nil }
    let first = slot(unsent)
    let available = min(min(Int(next &- unsent), countMax), settings.slotCount - first)
    var count = 0
    var byteCount = 0
    while count < available {
      let length = Int(lengths[first + count])
      count += 1
      byteCount += length
      if length < settings.datagramSize { break }
    }
    return Train(
      first: unsent, count: count,
      bytes: slots.part(from: first * settings.datagramSize, count: byteCount).bytes)
  }

  /// The first `count` datagrams that were waiting are on their way.
  @_noAllocation @_noLocks
  package mutating func sent(_ count: Int) {
    precondition(UInt64(count) <= next &- unsent)
    sentRecordCount &+= records(first: unsent, count: count)
    unsent &+= UInt64(count)
  }

  /// Counts datagrams that the kernel refused.
  @_noAllocation @_noLocks
  package mutating func countRefused(_ count: Int) { losses.refused &+= UInt64(count) }

  @_noAllocation @_noLocks
  package mutating func countRepeat() { losses.repeats &+= 1 }

  /// The memory of a closed datagram that is still kept, tag included; nil if it is gone, or not there yet.
  @_noAllocation @_noLocks
  package func kept(_ sequence: UInt64) -> ByteRegion? {
    // The open datagram has the slot of the one that is `slotCount` before it.
    guard sequence < next, next &- sequence < UInt64(settings.slotCount) else { return nil }
    return region(sequence).part(from: 0, count: Int(lengths[slot(sequence)]))
  }

  /// Datagrams that can be kept.
  package var keptMax: Int { settings.slotCount - 1 }

  /// Records of the closed datagrams from `first` on; all of them must be kept.
  package func records(first: UInt64, count: Int) -> UInt64 {
    var sum: UInt64 = 0
    for index in 0..<count { sum += UInt64(counts[slot(first + UInt64(index))]) }
    return sum
  }

  /// Bytes of a heartbeat.
  package var heartbeatCount: Int {
    DatagramFormat.headCount + edge.count + SenderLosses.byteCount
      + (settings.isTagged ? DatagramFormat.tagCount : 0)
  }

  /// Writes a heartbeat of ``heartbeatCount`` bytes into `region`, the tag not yet filled in. All records must
  /// be in closed datagrams when it is the last one.
  @_noAllocation @_noLocks
  package func writeHeartbeat(to region: ByteRegion, sentAt: UInt64, isEnding: Bool) {
    let header = DatagramHeader(
      .heartbeat, isTagged: settings.isTagged, isEnding: isEnding, boot: settings.boot,
      worker: settings.worker,
      sequence: unsent, recordsBefore: sentRecordCount,
      sentAt: sentAt, count: 0)
    DatagramFormat.write(header, edge: edge.bytes, to: region)
    losses.write(to: region, at: DatagramFormat.headCount + edge.count)
  }
}
