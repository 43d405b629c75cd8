// A relay for datagrams that loses, doubles and delays some of them by a seed, and keeps exact books: between an edge
// and a collector it stands for the network. What the collector sends back passes too, with the same losses.

import Glibc
import Kernel
import Synchronization

package final class LossyRelay: Sendable {
  package struct Faults: Sendable {
    package var drop = 0.0
    package var duplicate = 0.0
    package var reorder = 0.0
    package var seed: UInt64 = 1

    package init(drop: Double = 0, duplicate: Double = 0, reorder: Double = 0, seed: UInt64 = 1) {
      self.drop = drop
      self.duplicate = duplicate
      self.reorder = reorder
      self.seed = seed
    }
  }

  private let front: DatagramPeer
  private let back: DatagramPeer
  private let target: UInt16
  private let faults: Faults
  private let isStopped = Mutex(false)
  private let dropCount = Mutex(0)
  /// The edge's port, once it was heard of.
  private let origin = Mutex<UInt16>(0)

  /// Passes on to the collector at `target`; edges send to ``port``.
  package init(to target: UInt16, _ faults: Faults) throws {
    front = try DatagramPeer()
    back = try DatagramPeer()
    self.target = target
    self.faults = faults
    try Threads.start("relay-out") { [weak self] in
      var random = faults.seed
      var held: [(after: Int, bytes: [UInt8])] = []
      var count = 0
      while let relay = self, !relay.isStopped.withLock({ $0 }) {
        if let (bytes, port) = relay.front.receive(within: 0.02) {
          relay.origin.withLock { $0 = port }
          count += 1
          relay.pass(bytes, count, &random, &held)
        } else {
          // Nothing follows for now: what was held back goes on.
          count += 64
        }
        while let index = held.firstIndex(where: { $0.after <= count }) {
          relay.back.send(held.remove(at: index).bytes, to: target)
        }
      }
    }
    try Threads.start("relay-in") { [weak self] in
      var random = faults.seed ^ 0xFFFF
      while let relay = self, !relay.isStopped.withLock({ $0 }) {
        guard let (bytes, _) = relay.back.receive(within: 0.02) else { continue }
        if Self.unit(&random) < faults.drop { continue }
        relay.front.send(bytes, to: relay.origin.withLock { $0 })
      }
    }
  }

  deinit { isStopped.withLock { $0 = true } }

  package var port: UInt16 { front.port }
  /// Datagrams on the way to the collector that were lost so far, resent ones included.
  package var dropped: Int { dropCount.withLock { $0 } }

  private func pass(
    _ bytes: [UInt8], _ count: Int, _ random: inout UInt64, _ held: inout [(after: Int, bytes: [UInt8])]
  ) {
    if Self.unit(&random) < faults.drop { return dropCount.withLock { $0 += 1 } }
    if Self.unit(&random) < faults.reorder {
      held.append((count + 1 + Int(Self.unit(&random) * 32), bytes))
    } else {
      back.send(bytes, to: target)
    }
    if Self.unit(&random) < faults.duplicate { back.send(bytes, to: target) }
  }

  /// The next number in 0..<1 of SplitMix64.
  private static func unit(_ state: inout UInt64) -> Double {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return Double((mixed ^ mixed >> 31) >> 11) / 9_007_199_254_740_992
  }
}
