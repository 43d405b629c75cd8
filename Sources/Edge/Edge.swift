// Boot: makes the words that threads share, opens the listeners or takes them over, gives up what is not needed any
// more, and starts one thread per river and core. What follows is in Watch.swift.

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
    if let path = configuration.exposures.key { _ = try MessageKeys.read(path, of: "exposures.keyFile") }
    if let path = configuration.visitors.key { _ = try MessageKeys.read(path, of: "visitors.keyFile") }
    _ = try readTLS(configuration.tls)
  }

  /// Runs the edge; returns when it was told to end and every request under way is answered. `reread` is asked
  /// for the configuration again when the process is told to read its files anew.
  package static func run(_ configuration: Configuration, reread: () throws -> Configuration) throws {
    let signals = try Signals()
    let manager = ServiceManager(Process.variables)
    Memory.keepHeapSmall()
    let backend = try Backend.chooseAloud(configuration.driver)
    let count = configuration.workers > 0 ? configuration.workers : Threads.processors.count
    var wakers: [Waker] = []
    for _ in 0..<count { wakers.append(try Waker()) }
    var configuration = configuration
    configuration.limits = fit(configuration.limits)
    let edge = try Assembly(configuration, wakers: wakers, syncWaker: Waker())
    let predecessor =
      if let path = configuration.handover { try Predecessor.find(at: path) } else { nil as Predecessor? }
    let listeners = try open(configuration, workers: count, manager, predecessor)
    try confine(configuration)

    let up = SharedWord()
    let running = SharedWord(UInt64(count))
    let adminRunning = SharedWord(1)
    // Compiling takes long, and who asks must not wait for it.
    try start("sync", givesWay: true) {
      let loop = try edge.syncLoop(on: Driver(backend, SyncLoop.driverSettings, waker: edge.syncWaker))
      up.increment()
      loop.run()
    }
    // Nobody is told that there is no snapshot while one lies on the disk.
    while up.value == 0 { Process.pause(microseconds: 500) }
    // Who takes over has an edge to be as good as: it does not accept before it can decide.
    if let predecessor { try waitUntilReady(edge.main, instead: predecessor.process) }
    for index in 0..<count {
      let (tcp, unix) = (listeners.tcp[index], listeners.unix)
      let processors = Threads.processors
      let processor = configuration.pinWorkers ? processors[index % processors.count] : nil
      try start("worker-\(index)", processor: processor) {
        var worker = try edge.worker(
          index, tcp: tcp, unix: unix, on: Driver(backend, waker: edge.wakers[index]))
        up.increment()
        worker.run()
        running.decrement()
      }
    }
    let reloads = Reloads(
      configuration,
      [
        renewing(edge.tls, in: edge.certificates), GateMemory.reload(edge.newGates, seed: edge.gateSeed),
        edge.keys.reload(edge.newKeys), renewing(edge.newUpstreamTLS),
      ])
    let metrics = MetricsPage(
      workers: edge.workers, sync: edge.sync, reloads: reloads, backend: backend,
      startedAt: Double(Clock.wall()) / 1e9)
    let adminWaker = try Waker()
    let adminListener = listeners.admin
    try start("admin") {
      var loop = try AdminLoop(
        adminListener, limits: edge.limits, words: edge.admin,
        on: Driver(backend, AdminLoop.driverSettings, waker: adminWaker), life: edge.life, metrics: metrics
      )
      up.increment()
      loop.run()
      adminRunning.decrement()
    }
    if let collector = configuration.exposures.collector {
      let link = CollectorLink(endpoint: collector, sockets: edge.collectorSockets, wakers: edge.wakers)
      try start("report") { link.run() }
    }
    // One that fails ends the process.
    while up.value < UInt64(count) + 2 { Process.pause(microseconds: 500) }
    try predecessor?.relieve()
    Log.write(
      .info, "started",
      [
        "version": .text(Version.text), "workers": .integer(count),
        "listen": .text(configuration.listen.map(\.description).joined(separator: " ")),
        "admin": .text(configuration.admin.description), "driver": .text(backend.rawValue),
        "tookOver": .bool(predecessor != nil),
      ])
    let watch = Watch(
      edge: edge, signals: signals, manager: manager, running: running, adminWaker: adminWaker,
      adminRunning: adminRunning)
    watch.run(listeners) { reloads.run(reread) }
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

  /// The listeners of the service manager, or of the process before, and new ones for addresses that they leave out.
  private static func open(
    _ configuration: Configuration, workers: Int, _ manager: ServiceManager,
    _ predecessor: Predecessor?
  ) throws -> Listeners {
    let lent = try manager.listeners()
    let inherited = if lent.isEmpty, let predecessor { predecessor.listeners } else { lent }
    let listeners = try Listeners(configuration, workers: workers, inherited: inherited)
    guard lent.isEmpty || listeners.unclaimed.isEmpty else {
      throw ConfigurationFault(
        "listen", "the service manager passes sockets of addresses that neither listen nor admin names")
    }
    // What the process before listened on and this one does not ends with it.
    for listener in listeners.unclaimed { Socket.close(listener.socket) }
    return listeners
  }

  /// Waits until every configured environment can be decided.
  private static func waitUntilReady(_ words: WorkerWords, instead process: Int32) throws(SystemFailure) {
    let deadline = Clock.monotonic() + Predecessor.patience
    while !Readiness.isReady(words) {
      guard Clock.monotonic() < deadline else {
        throw .misunderstood(
          "take over from process \(process)",
          remedy: "It goes on, since this one got no snapshots: see that the upstream can be reached.")
      }
      Process.pause(microseconds: 2_000)
    }
  }

  /// Gives up what the process does not need from now on.
  private static func confine(_ configuration: Configuration) throws(SystemFailure) {
    try Sandbox.renounce()
    guard configuration.isSandboxed else { return }
    try Sandbox.hide()
    let landlock = try Sandbox.keepToFiles(configuration.paths(Process.variables))
    let refusesCalls = try Sandbox.refuseCalls()
    Log.write(.info, "sandboxed", ["landlock": .integer(landlock), "seccomp": .bool(refusesCalls)])
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

  /// Reads the certificates for the upstream anew.
  private static func renewing(_ mailbox: Mailbox<TLSClientSettings>) -> Reloads.Part {
    { configuration in
      guard UpstreamAddress(configuration.upstream.url)?.kind == .https else { return {} }
      let new = try SyncLoop.makeTLS(configuration.upstream)
      return { mailbox.put(new) }
    }
  }
}
