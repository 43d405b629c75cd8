// What the main thread does while the others work: it waits for signals and for a successor, tells the service manager
// how the process is, and leads it to its end.

import Kernel
import Operations
import Publication

struct Watch: ~Copyable {
  let edge: Assembly
  let signals: Signals
  let manager: ServiceManager
  /// Workers that have not ended.
  let running: SharedWord
  let adminWaker: Waker
  /// 0 when the admin port has ended, which it does only for a successor.
  let adminRunning: SharedWord

  /// Milliseconds between two looks at readiness, for who waits for it.
  private static var readyInterval: Int32 { 10 }

  /// Returns when the process has come to its end.
  consuming func run(_ listeners: Listeners, reload: () -> Void) {
    var handover = Handover(listeners, edge.life)
    var isAnnounced = !manager.isThere
    var pulse = Pulse(manager.watchdogTime, edge.workers, edge.wakers)
    while true {
      let waits = [isAnnounced ? -1 : Self.readyInterval, handover.milliseconds, pulse.milliseconds]
      let wait = waits.filter { $0 >= 0 }.min() ?? -1
      let event = signals.wait(orInputOf: handover.input, milliseconds: wait)
      if let successor = handover.proceed(hasInput: event == .input) {
        manager.notify("MAINPID=\(successor)")
        return end(.handedOver, listeners)
      }
      if !isAnnounced, Readiness.isReady(edge.main) {
        isAnnounced = true
        manager.notify("READY=1\nSTATUS=serving")
      }
      if pulse.isFelt() { manager.notify("WATCHDOG=1") }
      switch event {
      case .end: return end(.ending, listeners)
      case .reload:
        manager.notify("RELOADING=1\nMONOTONIC_USEC=\(Clock.monotonic() / 1000)")
        reload()
        // Only who was ready is so again.
        if isAnnounced { manager.notify("READY=1") }
      case .input, .timeout: continue
      }
    }
  }

  /// Lets requests under way finish, for at most the drain time.
  private func end(_ stage: Life.Stage, _ listeners: Listeners) {
    let isHandedOver = stage == .handedOver
    if !isHandedOver {
      edge.life.stage = .announced
      manager.notify("STOPPING=1")
    }
    Log.write(.info, "ending", ["handedOver": .bool(isHandedOver)])
    if !isHandedOver { pause(edge.configuration.drainDelay) }
    edge.life.stage = stage
    for waker in edge.wakers + [edge.syncWaker, adminWaker] { waker.wake() }
    let deadline = Clock.monotonic() + edge.configuration.drainTime
    var isRunning: Bool { running.value + (isHandedOver ? adminRunning.value : 0) > 0 }
    while isRunning, Clock.monotonic() < deadline { Process.pause(microseconds: 5_000) }
    if !isHandedOver { listeners.removeFiles() }
    Log.write(.info, "ended", ["connectionsCut": .bool(isRunning)])
  }

  private func pause(_ nanoseconds: UInt64) {
    let deadline = Clock.monotonic() + nanoseconds
    while Clock.monotonic() < deadline { Process.pause(microseconds: 5_000) }
  }
}

/// Whether every worker still turns: each is woken, and looked at a moment later.
private struct Pulse {
  private let interval: UInt64?
  private let workers: [WorkerWords]
  private let wakers: [Waker]
  private var seen: [UInt64]
  private var next: UInt64 = 0

  init(_ watchdogTime: UInt64?, _ workers: [WorkerWords], _ wakers: [Waker]) {
    interval = watchdogTime.map { $0 / 4 }
    self.workers = workers
    self.wakers = wakers
    seen = workers.map { _ in .max }
  }

  /// Milliseconds until the next look; negative for never.
  var milliseconds: Int32 {
    guard let interval else { return -1 }
    let now = Clock.monotonic()
    return next <= now ? 0 : Int32(min(next - now, interval) / 1_000_000 + 1)
  }

  /// Whether it is time to tell, and everyone turned since the last time.
  mutating func isFelt() -> Bool {
    let now = Clock.monotonic()
    guard let interval, now >= next else { return false }
    next = now + interval
    let turns = workers.map { $0.read(ServeCounters.turns) }
    let isAlive = zip(turns, seen).allSatisfy { $0 != $1 }
    if isAlive { seen = turns }
    for waker in wakers { waker.wake() }
    return isAlive
  }
}
