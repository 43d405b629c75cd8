// The receiver's thread: datagrams in, verified and taken note of, into blocks for the sinks; requests for what is
// missing out. When no block is free it stops reading, so that a slow sink shows as loss that the socket counts,
// never as growth.

import Bytes
package import Exposures
package import Kernel
package import Publication
package import Trust

package struct Receiver: ~Copyable {
  private var driver: Driver
  private let socket: Int32
  private let key: MessageKey?
  private var reception: Reception
  private let line: BlockLine
  private let mailbox: Mailbox<ReceptionReport>
  private let isEnding: SharedWord
  /// Where the stream of each place was last heard from.
  private var origins: [Int: Address] = [:]
  private var isReceiving = false
  /// The block that is being filled.
  private var block: Int?
  /// Monotonic nanoseconds when it got its first datagram.
  private var blockSince: UInt64 = 0
  private var tally = ReceptionTally()
  private var reportAt: UInt64 = 0
  private var lastTurnAt: UInt64
  /// Until then nothing is asked for or given up.
  private var readsUntil: UInt64 = 0
  /// A datagram with records of a moment ago, for those who watch: the first one after each report.
  private var latest: [UInt8] = []
  private var wantsLatest = true

  /// Nanoseconds that a block waits at most to be filled, and between two reports.
  private static var blockTime: UInt64 { 50_000_000 }
  private static var reportTime: UInt64 { 250_000_000 }
  /// Nanoseconds without a turn, though there is a report to make, after which the receiver was away.
  private static var absence: UInt64 { 500_000_000 }
  private static var receiveToken: Token { Token(.receive, slot: 0) }

  /// What a receiver is made of; it is put together on its own thread, which owns the driver.
  package struct Parts: Sendable {
    var socket: Int32
    var key: MessageKey?
    var settings: Reception.Settings
    var marks: [StreamMark]
    var line: BlockLine
    var mailbox: Mailbox<ReceptionReport>
    var isEnding: SharedWord

    package init(
      socket: Int32, key: MessageKey?, settings: Reception.Settings, marks: [StreamMark], line: BlockLine,
      mailbox: Mailbox<ReceptionReport>, isEnding: SharedWord
    ) {
      self.socket = socket
      self.key = key
      self.settings = settings
      self.marks = marks
      self.line = line
      self.mailbox = mailbox
      self.isEnding = isEnding
    }
  }

  /// What it asks of its driver.
  package static var driverSettings: DriverSettings {
    // What UDP_GRO puts together has at most 65,535 bytes; origin and control data stand before it.
    DriverSettings(submissions: 64, completions: 1024, buffers: 128, bufferSize: 65_536 + 256)
  }

  package init(_ parts: Parts, on driver: consuming Driver) {
    let now = driver.monotonic
    self.driver = driver
    socket = parts.socket
    key = parts.key
    lastTurnAt = now
    reception = Reception(parts.settings)
    reception.restore(parts.marks, now: now)
    line = parts.line
    mailbox = parts.mailbox
    isEnding = parts.isEnding
  }

  /// Receives until the process is told to end; then the last block is handed over.
  mutating func run() {
    while isEnding.value == 0 { turn() }
    end()
  }

  package mutating func end() {
    handOver()
    line.end()
  }

  package mutating func turn() {
    if block == nil { block = line.takeFree() }
    guard block != nil else {
      // Every block waits for a sink: leave the datagrams to the socket until one comes back.
      tally.stalls += 1
      Process.pause(microseconds: 1000)
      return report(now: driver.monotonic)
    }
    if !isReceiving {
      isReceiving = true
      driver.receiveMessages(socket, Self.receiveToken)
    }
    let now = driver.monotonic
    driver.wait(nanoseconds: deadline(now) - now)
    let moment = Moment(now: driver.monotonic, wall: driver.wall / 1000)
    while block != nil, let completion = driver.next() { handle(completion, moment) }
    // Who was away first reads what came meanwhile: much of what seems to be missing is there.
    if moment.now - lastTurnAt > Self.absence { readsUntil = moment.now + Self.absence }
    lastTurnAt = moment.now
    if moment.now >= readsUntil {
      ask(moment)
      reception.giveUpAndForget(now: moment.now)
    }
    if let block, !line.blocks[block].isEmpty, moment.now >= blockSince + Self.blockTime { handOver() }
    report(now: moment.now)
  }

  /// Monotonic nanoseconds, and microseconds since 1970.
  private struct Moment {
    var now: UInt64
    var wall: UInt64
  }

  private func deadline(_ now: UInt64) -> UInt64 {
    var deadline = min(reportAt, max(reception.nextDeadline ?? .max, readsUntil))
    if let block, !line.blocks[block].isEmpty { deadline = min(deadline, blockSince + Self.blockTime) }
    return max(deadline, now)
  }

  // MARK: - Datagrams

  private mutating func handle(_ completion: Completion, _ moment: Moment) {
    guard completion.token == Self.receiveToken else { return }
    if !completion.hasMore { isReceiving = false }
    guard completion.buffer >= 0 else { return }
    defer { driver.giveBack(completion.buffer) }
    guard completion.result > 0,
      let message = driver.message(in: completion.buffer, count: Int(completion.result))
    else { return }
    if message.drops > 0 { tally.socketDrops = max(tally.socketDrops, UInt64(message.drops)) }
    let size = message.segment > 0 ? message.segment : message.payload.count
    var offset = 0
    repeat {
      let end = min(offset + size, message.payload.count)
      receive(message.payload.slice(offset..<end), message.origin, moment)
      offset = end
    } while offset < message.payload.count
  }

  private mutating func receive(_ bytes: ByteView, _ origin: Address, _ moment: Moment) {
    tally.received += 1
    let datagram: Datagram
    switch Datagram.read(bytes) {
    case .malformed(let malformation):
      tally.malformed[malformation.rawValue] += 1
      return
    case .datagram(let read): datagram = read
    }
    if let key, !key.accepts(datagram.tag, of: datagram.signed) {
      tally.forged += 1
      return
    }
    // A full block is handed over before its streams know of the next datagram: its marks are then of what it holds.
    if datagram.header.kind == .exposures, let block, !line.blocks[block].hasRoom { handOver() }
    guard block != nil else {
      // As if it had not come: it is missed, and asked for again.
      tally.unhoused += 1
      return
    }
    let verdict = reception.receive(datagram, wall: moment.wall, now: moment.now)
    switch verdict {
    case .accept: break
    case .duplicate: tally.duplicates += 1
    case .inconsistent: tally.inconsistent += 1
    case .stale: tally.stale += 1
    }
    if let place = reception.place { origins[place] = origin }
    guard verdict == .accept, datagram.header.kind == .exposures, let block else { return }
    if line.blocks[block].isEmpty { blockSince = moment.now }
    line.blocks[block].append(bytes, records: Int(datagram.header.count))
    tally.records += UInt64(datagram.header.count)
    if wantsLatest {
      latest = [UInt8](bytes)
      wantsLatest = false
    }
  }

  private mutating func handOver() {
    guard let index = block, !line.blocks[index].isEmpty else { return }
    line.blocks[index].marks = reception.touchedMarks()
    line.blocks[index].arrivedAt = driver.wall / 1_000_000
    line.handOver(index)
    block = line.takeFree()
  }

  // MARK: - Requests

  private mutating func ask(_ moment: Moment) {
    let origins = origins
    let key = key
    let socket = socket
    var requests: UInt64 = 0
    reception.forEachRequest(now: moment.now) { place, identity, ranges in
      guard let origin = origins[place] else { return }
      let form = ResendRequest(boot: identity.boot, worker: identity.worker, ranges: ranges)
      var request = Array(identity.edge.utf8).withBytes {
        form.encode(edge: $0, isTagged: key != nil, sentAt: moment.wall)
      }
      if let key { key.tag(atEndOf: &request) }
      // One that cannot leave is repeated by the next try.
      if request.withBytes({ driver.send(socket, $0, to: origin) }) { requests += 1 }
    }
    tally.requests += requests
  }

  // MARK: - Reports

  private mutating func report(now: UInt64) {
    guard now >= reportAt else { return }
    reportAt = now + Self.reportTime
    wantsLatest = true
    mailbox.put(ReceptionReport(tally, reception, latest: latest, at: now))
  }
}
