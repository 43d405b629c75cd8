// The collector's side of a run: the real receiver, and a sink that counts what it is handed, so that what the collector
// says it received, lost and has twice can be held against what the edge says it sent.

import Bytes
import Collector
import Edge
import Exposures
import Kernel
import Publication

final class Receiving {
  let system: SimulatedSystem
  private let world: World
  private let line: BlockLine
  private var receiver: Receiver
  private let mailbox = Mailbox<ReceptionReport>()
  private var report: ReceptionReport?
  private var sink: CountingSink

  private struct CountingSink: Sink {
    /// Records by stream.
    var records: [[UInt64]: UInt64] = [:]
    var seen: Set<[UInt64]> = []
    var twice = 0

    mutating func take(_ block: Block) {
      block.forEach { datagram in
        let header = datagram.header
        if !seen.insert([header.boot, UInt64(header.worker), header.sequence]).inserted { twice += 1 }
        var reader = RecordReader(datagram)
        while reader.next() != nil { records[[header.boot, UInt64(header.worker)], default: 0] += 1 }
      }
    }

    mutating func tick() {}
    mutating func end() {}
  }

  init(_ world: World, _ network: Network, at port: UInt16, waker: Waker) throws {
    self.world = world
    let settings = DriverSettings(buffers: 8, bufferSize: 2048)
    system = try SimulatedSystem(network, settings, waker: waker)
    line = try BlockLine(sinks: 1)
    receiver = Receiver(
      Receiver.Parts(
        socket: network.datagrams(at: port).number, key: nil, settings: Reception.Settings(), marks: [],
        line: line,
        mailbox: mailbox, isEnding: SharedWord()),
      on: Driver(system, settings))
    sink = CountingSink()
  }

  func turn() -> Bool {
    receiver.turn()
    while line.takeNext(line.lanes[0], &sink) {}
    if let newer = mailbox.take() { report = newer }
    return true
  }

  /// Stores what came last.
  func end() {
    receiver.end()
    while line.takeNext(line.lanes[0], &sink) {}
    world.check(sink.twice == 0, "\(sink.twice) datagrams were stored twice")
  }

  /// What a worker sent is what was received and what is known to be lost. Of one that was killed nobody knows how much
  /// it had still to send.
  func check(boot: UInt64, worker: Int, against sent: SentExposures, wasKilled: Bool) {
    let stream = report?.streams.first { $0.identity.boot == boot && $0.identity.worker == worker }
    let stored = sink.records[[boot, UInt64(worker)]] ?? 0
    guard let stream else {
      return world.check(stored == 0, "records of a stream that nobody knows")
    }
    let counts = stream.counts
    let text =
      "worker \(worker): sent \(sent), stored \(stored), reported \(counts), pending \(stream.pending)"
    world.check(counts.receivedRecords == stored, "received is not stored; \(text)")
    world.check(stream.pending == 0, "something is neither received nor given up; \(text)")
    world.check(
      counts.unknown == 0 && counts.inconsistent == 0, "a stream of one process is doubted; \(text)")
    if wasKilled { return }
    let known = counts.receivedRecords + counts.lostRecords
    world.check(known <= sent.records, "more is known than was sent; \(text)")
    // Whoever heard the last word knows of everything.
    let heardAll = counts.received + counts.recovered + counts.lost == sent.datagrams
    if heardAll { world.check(known == sent.records, "sent is not received and lost; \(text)") }
    // After a jump of the clock a datagram on its way is too old to be believed.
    let faults = world.faults
    let isReliable = faults.lostDatagrams == 0 && faults.sendFailures == 0 && faults.clockJumps == 0
    if isReliable {
      world.check(
        heardAll && counts.lost == 0, "nothing was lost on the way, and something is missing; \(text)")
    }
  }
}
