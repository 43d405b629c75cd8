// Finds the collector by its name and gives each worker a socket to it. On a thread of its own, because the
// resolver may take seconds; a name that moves is followed.

import Kernel
import Operations
import Publication

struct CollectorLink {
  let endpoint: Endpoint
  /// Of each worker: the descriptor plus one.
  let sockets: [SharedWord]
  let wakers: [Waker]

  private static var retryTime: UInt32 { 5_000_000 }
  private static var refreshTime: UInt32 { 30_000_000 }

  /// Looks after the sockets as long as the process lives.
  func run() {
    var current: Address?
    var hasComplained = false
    while true {
      do throws(SystemFailure) {
        let address = try Address(of: endpoint)
        if address != current { try connect(to: address, former: current) }
        current = address
        hasComplained = false
      } catch {
        if !hasComplained {
          Log.write(
            .warning, "collector_unreachable",
            ["collector": .text(endpoint.description), "reason": .text(error.description)])
        }
        hasComplained = true
      }
      Process.pause(microseconds: hasComplained ? Self.retryTime : Self.refreshTime)
    }
  }

  private func connect(to address: Address, former: Address?) throws(SystemFailure) {
    for (socket, waker) in zip(sockets, wakers) {
      if socket.value == 0 {
        socket.value = UInt64(try Socket.datagrams(to: address).release()) + 1
        waker.wake()
      } else {
        // The worker goes on sending to the same descriptor.
        guard Socket.connectDatagrams(Int32(socket.value - 1), to: address) else {
          throw SystemFailure("connect to \(endpoint)")
        }
      }
    }
    if former != nil {
      Log.write(.info, "collector_moved", ["collector": .text(endpoint.description)])
    }
  }
}
