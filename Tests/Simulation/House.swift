// One run: a real edge with its workers and the thread that follows the upstream, and a real receiver of the collector,
// each on a simulated system; clients and an upstream beside them; and a scheduler that lets one of them take a turn at a
// time, in an order that only the seed knows.

import Bytes
import Collector
import Edge
import Exposures
import Kernel
import Publication
import Server
import Snapshots
import TestSupport
import Trust

package final class House {
  private let world: World
  private let network: Network
  private let fixture: Fixture
  private let upstream: Upstream
  private let configuration: Configuration
  private let workerCount: Int
  private let wakers: Wakers
  private let receiver: Receiving
  /// Who takes turns: the receiver first.
  private var actors: [Actor] = []
  private var clients: [Client] = []
  /// Every start of the edge; the last one may be running.
  private var starts: [Start] = []
  private var isEnding = false
  /// Whether a worker is in the middle of a turn.
  private var isStandingStill = false
  private var isSettled = false

  /// One process of the edge.
  private final class Start {
    let edge: Assembly
    var workers: [SimulatedSystem] = []
    var systems: [SimulatedSystem] = []
    var listeners: [NetworkSocket] = []
    var workersRunning = 0
    var wasKilled = false

    init(_ edge: Assembly) { self.edge = edge }
  }

  /// Somebody who takes turns.
  private struct Actor {
    let system: SimulatedSystem
    /// One turn; false when it was the last.
    let turn: () -> Bool
  }

  /// What the threads of one run wake each other with; the system has few of them, so runs use the same ones.
  package struct Wakers {
    let workers: [Waker]
    let sync: Waker
    let receiver: Waker

    package init() throws {
      workers = [try Waker(), try Waker()]
      sync = try Waker()
      receiver = try Waker()
    }

    func calm() { for waker in workers + [sync, receiver] { waker.drain() } }
  }

  /// A value that cannot be copied, where a closure can hold it.
  private final class Box<Value: ~Copyable> {
    var value: Value
    init(_ value: consuming Value) { self.value = value }
  }

  private static let edgePort: UInt16 = 7070
  private static let collectorPort: UInt16 = 7073
  private static let edgeDatagramPort: UInt16 = 50_000
  /// Turns after which a run is said not to come to rest.
  private static let turnMax = 400_000

  /// A run in `directory`, which is empty and holds the state of the edge.
  package init(
    seed: UInt64, fixture: Fixture, wakers: Wakers, directory: String, teller: ((String) -> Void)? = nil
  ) throws {
    let world = World(seed: seed)
    world.teller = teller
    world.tell("\(world.faults)")
    self.world = world
    self.fixture = fixture
    self.wakers = wakers
    network = Network(world)
    wakers.calm()
    upstream = Upstream(network, fixture)
    workerCount = 1 + world.random.below(2)
    configuration = try Self.configuration(world, fixture, directory)
    receiver = try Receiving(world, network, at: Self.collectorPort, waker: wakers.receiver)
    actors = [Actor(system: receiver.system) { [receiver] in receiver.turn() }]
    try startEdge()
    plan()
  }

  /// Numbers that follow from the seed, for threads that are none.
  private final class Numbers: @unchecked Sendable {
    private var random: Random
    init(_ random: Random) { self.random = random }
    func next() -> UInt64 { random.next() }
  }

  private static func configuration(_ world: World, _ fixture: Fixture, _ directory: String) throws
    -> Configuration
  {
    var configuration = Configuration()
    try File.replace(directory + "/trust.json", with: fixture.trusted.encode())
    configuration.stateDirectory = directory
    configuration.upstream.url = "http://127.0.0.1:\(Upstream.port)/"
    configuration.upstream.environments = ["prod"]
    configuration.upstream.trust = directory + "/trust.json"
    configuration.upstream.pollInterval = 500_000_000
    configuration.upstream.timeout = 2_000_000_000
    configuration.upstream.snapshotMax = 1 << 20
    configuration.limits.connections = world.random.pick([2, 8, 32])
    configuration.limits.answers = world.random.pick([2048, 65_536])
    configuration.limits.largeAnswers = 2
    configuration.limits.largeAnswer = 65_536
    configuration.limits.headTime = 60_000_000_000
    configuration.limits.bodyTime = 60_000_000_000
    configuration.limits.writeTime = 60_000_000_000
    configuration.limits.idleTime = 200_000_000_000
    configuration.streamMax = 2
    configuration.exposures.collector = Endpoint("127.0.0.1:\(collectorPort)")
    configuration.exposures.edge = "simulated"
    configuration.exposures.dedupeWindow = world.random.pick([0, 100_000_000, 60_000_000_000])
    configuration.exposures.retained = world.random.pick([65_536, 1 << 20])
    return configuration
  }

  // MARK: - The edge

  private func startEdge() throws {
    let numbers = Numbers(Random(seed: world.random.next()))
    wakers.calm()
    let start = Start(
      try Assembly(
        configuration, wakers: Array(wakers.workers.prefix(workerCount)), syncWaker: wakers.sync,
        seed: { numbers.next() }))
    for index in 0..<workerCount { try addWorker(index, to: start) }
    let system = try SimulatedSystem(network, SyncLoop.driverSettings, waker: wakers.sync)
    let loop = try start.edge.syncLoop(
      on: Driver(system, SyncLoop.driverSettings), random: Random(seed: world.random.next()))
    start.systems.append(system)
    actors.append(
      Actor(system: system) {
        loop.turn()
        return true
      })
    for worker in start.workers { worker.other = { [unowned self] in goOn(system, loop) } }
    starts.append(start)
  }

  /// What the thread that follows the upstream does while a worker stands still in the middle of a turn.
  private func goOn(_ system: SimulatedSystem, _ loop: SyncLoop) {
    isStandingStill = true
    for _ in 0..<(1 + world.random.below(16)) {
      loop.turn()
      if !system.isRunnable {
        world.advance(to: min(system.wakesAt, world.nextEvent ?? .max, world.now + 10_000_000))
      }
    }
    isStandingStill = false
  }

  private func addWorker(_ index: Int, to start: Start) throws {
    let settings = DriverSettings(buffers: world.faults.buffers, bufferSize: world.faults.bufferSize)
    let system = try SimulatedSystem(network, settings, waker: wakers.workers[index])
    let listener = network.listen(Self.edgePort + UInt16(index))
    let box = Box(
      try start.edge.worker(index, tcp: [listener.number], unix: [], on: Driver(system, settings)))
    let socket = network.datagrams(at: datagramPort(index), to: Self.collectorPort)
    // The collector is found a moment later.
    world.after(world.delay(upTo: 300_000_000)) { [edge = start.edge] in
      edge.collectorSockets[index].value = UInt64(socket.number) + 1
    }
    start.workers.append(system)
    start.systems.append(system)
    start.listeners.append(listener)
    start.workersRunning += 1
    actors.append(
      Actor(system: system) { [network, unowned start] in
        if box.value.turn() { return true }
        start.workersRunning -= 1
        system.end()
        network.close(listener)
        return false
      })
  }

  /// Each start has sockets of its own.
  private func datagramPort(_ worker: Int) -> UInt16 {
    Self.edgeDatagramPort + UInt16(starts.count * 2 + worker)
  }

  /// Ends the process in the middle of whatever it does, and starts another one a moment later.
  private func killEdge() {
    if isStandingStill { return world.after(1_000_000) { [unowned self] in killEdge() } }
    guard !isEnding, let start = starts.last, !start.wasKilled else { return }
    world.tell("the edge is killed")
    start.wasKilled = true
    world.kills += 1
    for system in start.systems { system.kill() }
    for listener in start.listeners { network.close(listener) }
    actors.removeLast(actors.count - 1)
    world.after(world.delay(upTo: 500_000_000)) { [unowned self] in
      do {
        try startEdge()
      } catch {
        world.fail("the edge does not start again: \(error)")
      }
    }
  }

  /// What is going to happen.
  private func plan() {
    let ports = (0..<workerCount).map { Self.edgePort + UInt16($0) }
    for _ in 0..<(1 + world.random.below(8)) {
      clients.append(Client(network, fixture, ports: ports, after: UInt64(world.random.below(3_000_000_000))))
    }
    let versions = 1 + world.random.below(Fixture.versionMax)
    for number in 1...versions {
      let moment = number == 1 ? world.delay(upTo: 400_000_000) : UInt64(world.random.below(3_000_000_000))
      world.after(moment) { [world] in
        // Versions come in order, whenever they come.
        if world.published < versions { world.published += 1 }
        world.tell("version \(world.published) is published")
      }
    }
    for _ in 0..<world.faults.clockJumps {
      world.after(UInt64(world.random.below(4_000_000_000))) { [world] in
        world.jump(seconds: world.random.pick([-86_400, -10, 5, 3600, 86_400]))
      }
    }
    for _ in 0..<world.faults.kills {
      world.after(UInt64(world.random.below(4_000_000_000))) { [unowned self] in killEdge() }
    }
    let isEarly = world.random.oneIn(3)
    world.after(UInt64(world.random.below(4_000_000_000))) { [unowned self] in endEdge(isEarly: isEarly) }
  }

  /// Tells the edge to end: early, or when every client has got its answers.
  private func endEdge(isEarly: Bool) {
    guard let start = starts.last, !start.wasKilled, isEarly || clients.allSatisfy(\.isDone) else {
      return world.after(100_000_000) { [unowned self] in endEdge(isEarly: isEarly) }
    }
    world.tell("the edge is told to end")
    world.mayRefuse = true
    isEnding = true
    start.edge.life.stage = .ending
    for waker in wakers.workers { waker.wake() }
    waitForRest()
  }

  /// Once the workers have ended, what was lost on the way has its time to be asked for and given up.
  private func waitForRest() {
    world.after(100_000_000) { [unowned self] in
      guard starts.last!.workersRunning == 0, !isStandingStill, clients.allSatisfy(\.isDone) else {
        return waitForRest()
      }
      // The process is gone, and with it the thread that follows the upstream.
      starts.last!.systems.last!.kill()
      actors.removeLast(actors.count - 1)
      world.after(10_000_000_000) { [unowned self] in isSettled = true }
    }
  }

  // MARK: - The run

  /// Runs to the end; what went wrong, or nil.
  package func run() -> String? {
    var turns = 0
    var runnable: [Int] = []
    while world.failure == nil, !isSettled {
      runnable.removeAll(keepingCapacity: true)
      var next = world.nextEvent ?? .max
      for index in actors.indices {
        let system = actors[index].system
        if system.isRunnable { runnable.append(index) }
        next = min(next, system.wakesAt)
      }
      if runnable.isEmpty, !world.random.oneIn(8) {
        world.advance(to: next)
        continue
      }
      // Now and then somebody has a turn without a reason, as after a signal.
      let isAny = runnable.isEmpty || world.random.oneIn(32)
      let index = isAny ? world.random.below(actors.count) : world.random.pick(runnable)
      if !actors[index].turn() { actors.remove(at: index) }
      world.advance(to: world.now + UInt64(world.random.below(2000)))
      turns += 1
      if turns == Self.turnMax { world.fail("it does not come to rest in \(turns) turns") }
    }
    if world.failure == nil { check() }
    return world.failure
  }

  private func check() {
    receiver.end()
    for start in starts {
      for (index, system) in start.workers.enumerated() {
        receiver.check(
          boot: start.edge.boot, worker: index, against: start.edge.exposures(of: index),
          wasKilled: start.wasKilled)
        if start.wasKilled { continue }
        world.check(system.openCount == 0, "worker \(index) left \(system.openCount) connections open")
        world.check(system.underWay.isEmpty, "worker \(index) left under way: \(system.underWay)")
        world.check(system.buffersInUse == 0, "worker \(index) kept \(system.buffersInUse) receive buffers")
      }
    }
  }
}
