// Boot and end: opens the sockets, starts one thread for the receiver, one for each sink and what follows it, one for
// HTTP, and then waits for signals. At the end everything goes down in the order in which data flows.

import Arguments
import Bytes
import Exposures
import HTTP
import Kernel
import Operations
import Publication
import Trust

package enum Collector {
  /// Checks everything that can be checked without starting.
  package static func check(_ configuration: CollectorConfiguration) throws {
    if let path = configuration.key { _ = try readKey(path) }
  }

  /// Runs the collector; returns when it was told to end and what it holds is stored.
  package static func run(_ configuration: CollectorConfiguration) throws {
    let signals = try Signals()
    let backend = try Backend.chooseAloud(configuration.driver)
    let key = try configuration.key.map { try readKey($0) }
    let directory = configuration.dataDirectory
    try File.makeDirectory(directory)
    let lock = try File.lock(directory + "/lock")
    let counters = StoreCounters()
    let store = try configuration.files.isOn ? makeStore(configuration, counters) : nil
    let socket = try Socket.receiveDatagrams(
      at: configuration.listen, bufferOf: configuration.receiveBuffer
    ).release()
    let listener = try Socket.listen(configuration.http, isShared: false).release()

    let ends = Ends()
    let sinkCount = (configuration.files.isOn ? 1 : 0) + (configuration.kafka.properties.isEmpty ? 0 : 1)
    let line = try BlockLine(sinks: sinkCount)
    let mailbox = Mailbox<ReceptionReport>()
    var settings = Reception.Settings()
    settings.streamMax = configuration.streams.max
    settings.idleTime = configuration.streams.idleTime
    let parts = Receiver.Parts(
      socket: socket, key: key?.derived(for: "exposure datagrams"), settings: settings,
      marks: store?.recoveredMarks ?? [],
      line: line, mailbox: mailbox, isEnding: ends.receiver)

    var lanes = line.lanes[...]
    if let store, let lane = lanes.popFirst() { try startFiles(configuration, store, line, lane, ends) }
    var kafka: KafkaFigures?
    if let lane = lanes.popFirst() { kafka = try startKafka(configuration, line, lane, ends) }
    try ends.start("receiver", within: ends.receiving) {
      var receiver = Receiver(
        parts, on: try Driver(backend, Receiver.driverSettings, waker: parts.line.receiverWaker))
      receiver.run()
    }
    let pages = Pages(
      mailbox: mailbox, store: store.map { _ in counters }, kafka: kafka, backend: backend,
      receiveBuffer: Socket.receiveBuffer(of: socket))
    try startHTTP(configuration, listener, key, pages, backend, ends)
    Log.write(
      .info, "started",
      [
        "version": .text(Version.text), "listen": .text(configuration.listen.description),
        "http": .text(configuration.http.description), "driver": .text(backend.rawValue),
        "tornBytes": .integer(Int(counters.tornBytes.value)),
        "streams": .integer(parts.marks.count),
      ])
    if key == nil {
      Log.write(
        .warning, "no_key", ["effect": .text("Datagrams are taken from everybody who can reach the port.")])
    }
    let manager = ServiceManager(Process.variables)
    manager.notify("READY=1")
    waiting: while true {
      switch signals.wait() {
      case .end: break waiting
      case .reload:
        Log.write(
          .warning, "reload_ignored", ["reason": .text("the collector reads its files at the start alone")])
      case .input, .timeout: continue
      }
    }
    manager.notify("STOPPING=1")
    let isInTime = end(ends, line, configuration)
    // Whoever could not close its segment has said so.
    let isWhole = isInTime && counters.isFailing.value == 0
    withExtendedLifetime(lock) {}
    if !isWhole { Process.end(1) }
  }

  private static func makeStore(
    _ configuration: CollectorConfiguration, _ counters: StoreCounters
  ) throws(SystemFailure) -> SegmentStore {
    try SegmentStore(
      directory: configuration.dataDirectory, segmentSize: configuration.files.segmentMax,
      now: Clock.wall() / 1_000_000, counters: counters)
  }

  /// What is made here and then belongs to the thread that it is handed to.
  private struct Handed<Value>: @unchecked Sendable {
    let value: Value
  }

  private static func startFiles(
    _ configuration: CollectorConfiguration, _ store: SegmentStore, _ line: BlockLine, _ lane: BlockLine.Lane,
    _ ends: Ends
  ) throws {
    let follower = Handed(
      value: try StoreFollower(
        store.folder, counters: store.counters, usesDatabase: configuration.files.hasDatabase))
    try ends.start("archive", within: ends.archiving) { follower.value.run(until: ends.archive) }
    let sink = Handed(value: StoreSink(store, syncInterval: configuration.files.syncInterval))
    try ends.start("store", within: ends.sinking) {
      var sink = sink.value
      line.run(lane, &sink)
    }
  }

  private static func startKafka(
    _ configuration: CollectorConfiguration, _ line: BlockLine, _ lane: BlockLine.Lane, _ ends: Ends
  ) throws -> KafkaFigures {
    var settings = KafkaSettings()
    settings.topic = configuration.kafka.topic
    settings.properties = configuration.kafka.properties
    settings.flushTime = Int32(clamping: configuration.drainTime / 1_000_000)
    let sink = try KafkaSink(settings)
    try ends.start("kafka", within: ends.sinking) {
      var sink = sink
      line.run(lane, &sink)
    }
    return sink.figures
  }

  private static func startHTTP(
    _ configuration: CollectorConfiguration, _ listener: Int32, _ key: MessageKey?, _ pages: Pages,
    _ backend: Backend, _ ends: Ends
  ) throws {
    let waker = try Waker()
    ends.httpWaker = waker
    let directory = configuration.dataDirectory
    let window = Int(configuration.eventWindow / 1_000_000)
    try ends.start("http", within: ends.serving) {
      let intake = EventIntake(
        try EventStore(directory: directory, dedupeWindow: window), key: key?.derived(for: "decision tokens"))
      let driver = try Driver(backend, CollectorHTTP.driverSettings, waker: waker)
      var http = try CollectorHTTP([listener], intake: intake, on: driver, isEnding: ends.http) {
        pages.page($0, $1, $2)
      }
      http.run()
    }
  }

  /// First nothing new comes in, then what came in is stored, then what is stored is archived. False if the time was
  /// over before.
  private static func end(_ ends: Ends, _ line: BlockLine, _ configuration: CollectorConfiguration) -> Bool {
    Log.write(.info, "ending", [:])
    let deadline = Clock.monotonic() + configuration.drainTime
    ends.http.value = 1
    ends.httpWaker?.wake()
    ends.receiver.value = 1
    line.receiverWaker.wake()
    ends.wait(for: ends.receiving, until: deadline)
    ends.wait(for: ends.sinking, until: deadline)
    ends.archive.value = 1
    ends.wait(for: ends.archiving, until: deadline)
    ends.wait(for: ends.serving, until: deadline)
    if case .unix(let path) = configuration.http { try? File.remove(path) }
    let isWhole = Clock.monotonic() < deadline
    Log.write(isWhole ? .info : .error, "ended", ["isCut": .bool(!isWhole)])
    return isWhole
  }

  private static func readKey(_ path: String) throws -> MessageKey {
    let file = try File.read(path, limit: 4096)
    do throws(TrustFailure) {
      return try MessageKey(decoding: file)
    } catch {
      throw ConfigurationFault("keyFile", "\(path): \(error)")
    }
  }
}

/// Who is told to end, and who has.
private final class Ends: @unchecked Sendable {
  let receiver = SharedWord()
  let http = SharedWord()
  let archive = SharedWord()
  /// Threads that are not done.
  let receiving = Gauge()
  let sinking = Gauge()
  let archiving = Gauge()
  let serving = Gauge()
  /// Set at boot, by the thread that ends the others.
  var httpWaker: Waker?

  /// A number of threads.
  final class Gauge: Sendable {
    let started = SharedWord()
    let ended = SharedWord()
  }

  /// A thread whose failure to start is the process's: half a collector is worse than none.
  func start(
    _ name: String, within gauge: Gauge, _ body: @escaping @Sendable () throws -> Void
  ) throws(SystemFailure) {
    gauge.started.value += 1
    try Threads.start(name) {
      do {
        try body()
      } catch {
        Log.write(.error, "thread_failed", ["thread": .text(name), "reason": .text("\(error)")])
        Process.end(1)
      }
      gauge.ended.increment()
    }
  }

  func wait(for gauge: Gauge, until deadline: UInt64) {
    while gauge.ended.value < gauge.started.value, Clock.monotonic() < deadline {
      Process.pause(microseconds: 2_000)
    }
  }
}
