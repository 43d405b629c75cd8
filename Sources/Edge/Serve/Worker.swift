// One core: a server, a router, and the turn that joins them. The whole life of a request happens between
// `wait` and `flush`.

import Bytes
import Decisions
import Dialects
import HTTP
import Kernel
import Publication
import Server
import Trust

package struct Worker: ~Copyable {
  private var server: Server
  private var router: Router
  private let words: WorkerWords
  private let certificates: Mailbox<TLSServerSettings>
  private let life: Life
  private let syncWaker: Waker

  /// What a worker is made of; it is put together on its own thread, which owns the driver.
  struct Parts: Sendable {
    var limits: Limits
    /// Streams of events that it may hold.
    var streamMax: Int
    var listeners: [Int32]
    /// Those that speak TLS, if there is a certificate.
    var secureListeners: [Int32]
    var tls: TLSServerSettings?
    /// Where a certificate that was read anew comes.
    var certificates: Mailbox<TLSServerSettings>
    var words: WorkerWords
    var syncWaker: Waker
    var life: Life
    var seed: UInt64
    var keys: MessageKeys
    var newKeys: Mailbox<MessageKeys>
    var gate: GateMemory
    var newGates: Mailbox<GateMemory>
    var reporter: Reporter.Parts
    var visitors: VisitorParts
  }

  init(_ parts: Parts, on driver: consuming Driver) throws(SystemFailure) {
    let workspace = try Memory(byteCount: Workspace.byteCount)
    let reporter = try Reporter(parts.reporter)
    let scratch = try Memory(byteCount: DecisionIDs.byteCount)
    let routing = try Memory(byteCount: Router.byteCount(streamMax: parts.streamMax))
    let server = try Server(
      parts.limits, on: driver, listeners: parts.listeners, secureListeners: parts.secureListeners,
      tls: parts.tls)
    self.server = server
    let ids = DecisionIDs(key: parts.keys.tokens, scratch: scratch.leak(), seed: parts.seed)
    router = Router(
      words: parts.words, workspace: workspace.leak(), memory: routing.leak(), streamMax: parts.streamMax,
      ids: ids, gate: parts.gate, newGates: parts.newGates, reporter: reporter, visitors: parts.visitors,
      keys: parts.keys, newKeys: parts.newKeys)
    words = parts.words
    certificates = parts.certificates
    life = parts.life
    syncWaker = parts.syncWaker
  }

  /// Serves until the process ends; returns when the last connection is gone.
  mutating func run() {
    while turn() {}
  }

  /// One turn; false when the process ends and nothing is left to do.
  package mutating func turn() -> Bool {
    if life.isDraining {
      server.drain(listenersLiveOn: life.isHandedOver)
      if server.isDrained, router.endReporting(&server) {
        report()
        return false
      }
    }
    serve()
    return true
  }

  private mutating func serve() {
    server.wait(until: router.reportDeadline)
    if let renewed = certificates.take() { server.secure(with: renewed) }
    let catalog = words.beginTurn()
    router.beginTurn(wall: server.wall, now: server.now)
    var answered: UInt64 = 0
    while server.next() {
      router.answer(&server.exchange, catalog)
      server.finish()
      answered += 1
    }
    while let pin = server.nextReleasedPin() { words.unpin(pin) }
    router.sendEvents(&server, catalog)
    router.sendReports(&server)
    server.flush()
    words.endTurn()
    if router.hasWants { syncWaker.wake() }
    if answered > 0 { observe(answered) }
    report()
  }

  /// Requests of one turn are answered together: each is as old as the turn when it ends.
  private mutating func observe(_ answered: UInt64) {
    let elapsed = server.driver.monotonic - server.now
    words.count(ServeCounters.latency(elapsed), answered)
    words.count(ServeCounters.latencySum, elapsed * answered)
  }

  private mutating func report() {
    words.count(ServeCounters.turns)
    let tally = server.tally
    var place = ServeCounters.tally
    func next(_ value: UInt64) {
      words.set(place, value)
      place += 1
    }
    next(tally.accepted)
    next(tally.closed)
    next(tally.acceptPauses)
    next(tally.connectionsRefused)
    next(tally.receivedBytes)
    next(tally.sentBytes)
    next(tally.bufferExhaustions)
    next(tally.writeTimeouts)
    next(tally.idleTimeouts)
    next(tally.pendingOverflows)
    next(UInt64(server.overflowCount))
    next(tally.tlsHandshakes)
    next(tally.tlsHandshakeFailures)
    next(tally.tlsResumptions)
    next(tally.tlsBroken)
    next(tally.connectionsDelayed)
    next(tally.sharedTurns)
    next(tally.lingerCutoffs)
    for index in 0..<ServeCounters.connections - ServeCounters.rejections {
      words.set(ServeCounters.rejections + index, tally.rejections[index])
    }
    words.set(ServeCounters.connections, UInt64(server.connectionCount))
    router.storeCounts()
  }
}
