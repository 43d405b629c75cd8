// The store as a sink: tries again while the disk takes nothing, flushes now and then, and says so when either
// begins or ends.

import Kernel
import Operations
import Publication

final class StoreSink: Sink {
  private let store: SegmentStore
  /// Nanoseconds between two flushes.
  private let syncInterval: UInt64
  private var syncAt: UInt64 = 0
  private var isFailing = false

  private static let retryTime: UInt32 = 200_000

  init(_ store: SegmentStore, syncInterval: UInt64) {
    self.store = store
    self.syncInterval = syncInterval
  }

  private var now: UInt64 { Clock.wall() / 1_000_000 }

  func take(_ block: Block) {
    while !attempt({ () throws(SystemFailure) in try store.append(block) }) {
      Process.pause(microseconds: Self.retryTime)
    }
  }

  func tick() {
    let moment = Clock.monotonic()
    guard moment >= syncAt else { return }
    syncAt = moment + syncInterval
    _ = attempt { () throws(SystemFailure) in
      try store.tick(now: now)
      try store.sync(now: now)
      if isFailing { try store.probe() }
    }
  }

  func end() {
    if !attempt({ () throws(SystemFailure) in try store.close(now: now) }) {
      Log.write(.error, "storage_not_closed", ["effect": .text("The next start closes it.")])
    }
  }

  /// Whether the disk took it.
  private func attempt(_ body: () throws(SystemFailure) -> Void) -> Bool {
    do throws(SystemFailure) {
      try body()
      if isFailing { Log.write(.info, "storage_resumed") }
      isFailing = false
      store.counters.isFailing.value = 0
      return true
    } catch {
      if !isFailing { Log.write(.error, "storage_failed", ["reason": .text(error.description)]) }
      isFailing = true
      store.counters.isFailing.value = 1
      guard store.isLost else { return false }
      // The next start cuts what the disk did not keep, and asks the edges for it.
      Log.write(
        .error, "storage_lost", ["remedy": .text("Look at the disk; the process ends and may start anew.")])
      Process.end(1)
    }
  }
}
