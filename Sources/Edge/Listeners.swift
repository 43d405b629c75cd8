// The listening sockets: of TCP one per worker, which the kernel spreads connections over; of a Unix socket one for
// all. Those that another process left are used before any is opened, all of them: one that nobody accepts from would
// swallow its share of the connections.

import Kernel
import Operations

struct Listeners {
  /// By worker.
  private(set) var tcp: [[Int32]]
  private(set) var unix: [Int32] = []
  private(set) var admin: Int32 = -1
  /// Where a successor asks for all of them; -1 if none may.
  private(set) var handover: Int32 = -1
  /// Those and no others.
  private(set) var all: [Listener] = []
  /// Inherited ones that no setting speaks of.
  private(set) var unclaimed: [Listener]

  init(_ configuration: Configuration, workers: Int, inherited: [Listener]) throws(SystemFailure) {
    tcp = Array(repeating: [], count: workers)
    unclaimed = inherited
    for endpoint in configuration.listen {
      switch endpoint {
      case .tcp:
        let sockets = try claim(endpoint, count: workers)
        for index in 0..<max(workers, sockets.count) {
          tcp[index % workers].append(sockets[index % sockets.count])
        }
      case .unix: unix += try claim(endpoint)
      }
    }
    admin = try claim(configuration.admin)[0]
    if let path = configuration.handover { handover = try claim(.unix(path: path))[0] }
  }

  /// The inherited sockets of an address, or else `count` new ones.
  private mutating func claim(_ endpoint: Endpoint, count: Int? = nil) throws(SystemFailure) -> [Int32] {
    let address = try Address(of: endpoint)
    var found = unclaimed.filter { $0.address.isSamePlace(as: address) }
    unclaimed.removeAll { $0.address.isSamePlace(as: address) }
    if found.isEmpty {
      for _ in 0..<(count ?? 1) { found.append(try Listener(endpoint, isShared: count != nil)) }
    }
    all += found
    return found.map(\.socket)
  }

  /// Removes the files of Unix sockets that this process has opened.
  func removeFiles() {
    for listener in all where !listener.isLent {
      if let path = listener.address.path { try? File.remove(path) }
    }
  }
}
