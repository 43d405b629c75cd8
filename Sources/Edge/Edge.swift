// Boot: makes the words that threads share, opens the listeners, starts one thread per river and core, and
// then waits for signals.

import Arguments
import Bytes
import Decisions
import Exposures
import Kernel
import Operations
import Publication
import Server
import Trust

package enum Edge {
  /// Checks everything that can be checked without starting: files, keys, certificates.
  package static func check(_ configuration: Configuration) throws {
    if let path = configuration.upstream.trust {
      _ = try SyncLoop.readTrust(path)
    }
    if UpstreamAddress(configuration.upstream.url)?.kind == .https {
      _ = try SyncLoop.makeTLS(configuration.upstream)
    }
    if let path = configuration.exposures.key { _ = try readKey(path, of: "exposures.keyFile") }
    if let path = configuration.visitors.key { _ = try readKey(path, of: "visitors.keyFile") }
    _ = try readTLS(configuration.tls)
  }

  /// Runs the edge; returns when it was told to end and every request under way is answered. `reread` is asked
  /// for the configuration again when the process is told to read its files anew.
  package static func run(_ configuration: Configuration, reread: () throws -> Configuration) throws {
    let signals = Signals()
    Memory.keepHeapSmall()
    let backend = try Backend.chooseAloud(configuration.driver)
    let count = configuration.workers > 0 ? configuration.workers : Threads.processors.count
    var wakers: [Waker] = []
    for _ in 0..<count { wakers.append(try Waker()) }
    var configuration = configuration
    configuration.limits = fit(configuration.limits)
    let edge = try Assembly(configuration, wakers: wakers, syncWaker: Waker())
    let listeners = try Listeners(configuration.listen, workers: count)
    let adminListener = try Socket.listen(configuration.admin, isShared: false).release()

    let running = SharedWord(UInt64(count))
    for index in 0..<count {
      let (tcp, unix) = (listeners.tcp[index], listeners.unix)
      let processors = Threads.processors
      let processor = configuration.pinWorkers ? processors[index % processors.count] : nil
      try start("worker-\(index)", processor: processor) {
        var worker = try edge.worker(
          index, tcp: tcp, unix: unix, on: Driver(backend, waker: edge.wakers[index]))
        worker.run()
        running.decrement()
      }
    }
    let reloads = Reloads([
      renewing(edge.tls, in: edge.certificates), GateMemory.reload(edge.newGates, seed: edge.gateSeed),
    ])
    let metrics = MetricsPage(
      workers: edge.workers, sync: edge.sync, reloads: reloads, backend: backend,
      startedAt: Double(Clock.wall()) / 1e9)
    let adminWaker = try Waker()
    try start("admin") {
      var loop = try AdminLoop(
        adminListener, limits: edge.limits, words: edge.admin,
        on: Driver(backend, AdminLoop.driverSettings, waker: adminWaker), isEnding: edge.isEnding,
        metrics: metrics
      )
      loop.run()
    }
    if let collector = configuration.exposures.collector {
      let link = CollectorLink(endpoint: collector, sockets: edge.collectorSockets, wakers: edge.wakers)
      try start("report") { link.run() }
    }
    // Compiling takes long, and who asks must not wait for it.
    try start("sync", givesWay: true) {
      let loop = try edge.syncLoop(on: Driver(backend, SyncLoop.driverSettings, waker: edge.syncWaker))
      loop.run()
    }
    Log.write(
      .info, "started",
      [
        "version": .text(Version.text), "workers": .integer(count),
        "listen": .text(configuration.listen.map(\.description).joined(separator: " ")),
        "admin": .text(configuration.admin.description), "driver": .text(backend.rawValue),
      ])
    while case .reload = signals.wait() { reloads.run(reread) }
    end(edge.isEnding, running, edge.wakers + [edge.syncWaker], configuration)
  }

  /// The limits that there are descriptors for.
  private static func fit(_ limits: Limits) -> Limits {
    let descriptors = Process.raiseDescriptorLimit()
    let fitting = limits.fitting(descriptors: descriptors)
    if fitting.connections < limits.connections {
      Log.write(
        .warning, "connections_limited",
        [
          "connections": .integer(fitting.connections), "descriptors": .integer(descriptors),
          "remedy": .text("Raise the limit on open files (ulimit -n, LimitNOFILE=)."),
        ])
    }
    return fitting
  }

  /// Lets requests under way finish, for at most the drain time.
  private static func end(
    _ isEnding: SharedWord, _ running: SharedWord, _ wakers: [Waker], _ configuration: Configuration
  ) {
    isEnding.value = 1
    Log.write(.info, "ending", [:])
    let deadline = Clock.monotonic() + configuration.drainTime
    for waker in wakers { waker.wake() }
    while running.value > 0, Clock.monotonic() < deadline { Process.pause(microseconds: 5_000) }
    for case .unix(let path) in configuration.listen + [configuration.admin] { try? File.remove(path) }
    Log.write(.info, "ended", ["connectionsCut": .bool(running.value > 0)])
  }

  /// A thread whose failure to start is the process's: half an edge is worse than none.
  private static func start(
    _ name: String, processor: Int? = nil, givesWay: Bool = false,
    _ body: @escaping @Sendable () throws -> Void
  ) throws(SystemFailure) {
    try Threads.start(name, processor: processor, givesWay: givesWay) {
      do {
        try body()
      } catch {
        Log.write(.error, "thread_failed", ["thread": .text(name), "reason": .text("\(error)")])
        Process.end(1)
      }
    }
  }

  static func readKey(_ path: String, of setting: String) throws -> MessageKey {
    let file = try File.read(path, limit: 4096)
    do throws(TrustFailure) {
      return try MessageKey(decoding: file)
    } catch {
      throw ConfigurationFault(setting, "\(path): \(error)")
    }
  }

  /// nil without a certificate.
  static func readTLS(
    _ tls: Configuration.TLS, sharingTicketsWith other: TLSServerSettings? = nil
  ) throws -> TLSServerSettings? {
    guard let certificate = tls.certificate else { return nil }
    return try TLSServerSettings(
      certificate: certificate, key: tls.key ?? certificate, clientAuthorities: tls.clientAuthorities,
      sharingTicketsWith: other)
  }

  /// Reads the certificate anew for whoever looks into `mailboxes`. Addresses that speak TLS go on doing so, and
  /// the others do not begin to.
  private static func renewing(
    _ tls: TLSServerSettings?, in mailboxes: [Mailbox<TLSServerSettings>]
  ) -> Reloads.Part {
    { configuration in
      guard let tls, let new = try readTLS(configuration.tls, sharingTicketsWith: tls) else { return {} }
      return { for mailbox in mailboxes { mailbox.put(new) } }
    }
  }
}

/// The listening sockets: of TCP one per worker, which the kernel spreads connections over; of a Unix socket
/// one for all.
struct Listeners {
  /// By worker.
  private(set) var tcp: [[Int32]]
  private(set) var unix: [Int32] = []

  init(_ endpoints: [Endpoint], workers: Int) throws(SystemFailure) {
    tcp = Array(repeating: [], count: workers)
    for endpoint in endpoints {
      switch endpoint {
      case .tcp:
        for index in 0..<workers {
          tcp[index].append(try Socket.listen(endpoint, isShared: true).release())
        }
      case .unix: unix.append(try Socket.listen(endpoint, isShared: true).release())
      }
    }
  }
}
