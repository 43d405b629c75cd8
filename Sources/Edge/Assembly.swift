// What an edge is made of before anything runs: the words that its threads share, and what each thread is put together
// from, on its own driver. A simulation puts it together in the same way.

import Bytes
import Exposures
package import Kernel
package import Publication
import Server
import Trust

package struct Assembly: Sendable {
  let configuration: Configuration
  private var workerCount: Int { wakers.count }
  package let life = Life()
  let workers: [WorkerWords]
  let admin = WorkerWords(counterCount: 1)
  /// The main thread's own view of the catalog.
  let main = WorkerWords(counterCount: 0)
  let sync = WorkerWords(counterCount: SyncCounters.count)
  package let wakers: [Waker]
  package let syncWaker: Waker
  /// Of each worker: the descriptor of a socket to the collector, plus one.
  package let collectorSockets: [SharedWord]
  let limits: Limits
  let tls: TLSServerSettings?
  let certificates: [Mailbox<TLSServerSettings>]
  let newGates: [Mailbox<GateMemory>]
  let keys: MessageKeys
  let newKeys: [Mailbox<MessageKeys>]
  let newUpstreamTLS = Mailbox<TLSClientSettings>()
  let gateSeed: UInt64
  private let exposures: Configuration.Exposures
  /// Tells this start of the edge from every other.
  package let boot: UInt64
  private let visitors: VisitorParts
  private let seed: @Sendable () -> UInt64

  /// Reads keys and certificates. `wakers` are of the workers; `seed` is asked for numbers that nobody can guess.
  package init(
    _ configuration: Configuration, wakers: [Waker], syncWaker: Waker,
    seed: @escaping @Sendable () -> UInt64 = Self.secureSeed
  ) throws {
    self.configuration = configuration
    self.wakers = wakers
    self.syncWaker = syncWaker
    self.seed = seed
    workers = wakers.map { _ in WorkerWords(counterCount: ServeCounters.count) }
    collectorSockets = wakers.map { _ in SharedWord() }
    certificates = wakers.map { _ in Mailbox<TLSServerSettings>() }
    newGates = wakers.map { _ in Mailbox<GateMemory>() }
    newKeys = wakers.map { _ in Mailbox<MessageKeys>() }
    keys = try MessageKeys(configuration)
    limits = configuration.limits.share(of: wakers.count)
    tls = try Edge.readTLS(configuration.tls)
    gateSeed = seed()
    boot = seed()
    visitors = VisitorParts(
      cookie: configuration.visitors.cookie, domain: Array(configuration.visitors.domain.utf8),
      sticky: configuration.visitors.sticky)
    var exposures = configuration.exposures
    if exposures.edge.isEmpty { exposures.edge = String(Process.hostName.prefix(DatagramFormat.edgeMax)) }
    self.exposures = exposures
  }

  package static func secureSeed() -> UInt64 {
    SecureRandom.bytes(8).reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// A worker that accepts on TCP sockets of its own and on Unix sockets that it shares.
  package func worker(
    _ index: Int, tcp: [Int32], unix: [Int32], on driver: consuming Driver
  ) throws(SystemFailure) -> Worker {
    let parts = Worker.Parts(
      limits: limits, streamMax: (configuration.streamMax + workerCount - 1) / workerCount,
      listeners: (tls == nil ? tcp : []) + unix, secureListeners: tls == nil ? [] : tcp, tls: tls,
      certificates: certificates[index], words: workers[index], syncWaker: syncWaker, life: life,
      seed: seed(), keys: keys, newKeys: newKeys[index],
      gate: try GateMemory(configuration, shares: workerCount, seed: gateSeed), newGates: newGates[index],
      reporter: Reporter.Parts(
        settings: exposures, boot: boot, worker: UInt16(index), key: keys.datagrams,
        socket: collectorSockets[index]),
      visitors: visitors)
    return try Worker(parts, on: driver)
  }

  /// What a worker has sent so far.
  package func exposures(of worker: Int) -> SentExposures {
    let words = workers[worker]
    return SentExposures(
      records: words.read(ServeCounters.sentRecords),
      datagrams: words.read(ServeCounters.sentDatagrams) + words.read(ServeCounters.refusedDatagrams))
  }

  package func syncLoop(
    on driver: consuming Driver, random: any RandomNumberGenerator = SystemRandomNumberGenerator()
  ) throws -> SyncLoop {
    try SyncLoop(
      configuration, workers: workers + [admin, main], words: sync,
      lookup: SyncLoop.lookup(configuration.upstream, waking: syncWaker), on: driver, life: life,
      newTLS: newUpstreamTLS, random: random)
  }
}

/// What a worker sent to the collector.
package struct SentExposures: Sendable {
  /// Records of closed datagrams.
  package let records: UInt64
  package let datagrams: UInt64
}
