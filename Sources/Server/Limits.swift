// How much one server takes on, and for how long it waits: every capacity and deadline of a connection.

package import HTTP
import Kernel

package struct Limits: Sendable {
  /// What a request may be.
  package var parser = RequestParser()
  /// Open connections.
  package var connections = 10_000
  /// From accepting a connection, or from the first byte of a request, to the end of its head; nanoseconds.
  package var headTime: UInt64 = 5_000_000_000
  /// From the end of a head to the end of its body; nanoseconds.
  package var bodyTime: UInt64 = 10_000_000_000
  /// Between two requests of a connection; nanoseconds.
  package var idleTime: UInt64 = 60_000_000_000
  /// Without any progress in sending an answer; nanoseconds.
  package var writeTime: UInt64 = 10_000_000_000
  /// From the last answer of a connection to its end, while the client's bytes are read and dropped, so that
  /// the answer is not lost to a reset; nanoseconds.
  package var lingerTime: UInt64 = 1_000_000_000
  /// Requests of one connection that are answered before other connections get their turn.
  package var requestsPerTurn = 64
  /// Bytes of answers that wait to be sent to one connection.
  package var answers = 64 * 1024
  /// Bytes of a single larger answer, and how many of those there can be at a time.
  package var largeAnswer = 8 * 1024 * 1024
  package var largeAnswers = 64

  package init() {}

  /// These limits in a process that may open so many descriptors: half of them, but at most 256, are left for all that
  /// is not a client, so that a crowd of clients does not keep a snapshot from coming.
  package func fitting(descriptors: Int) -> Limits {
    var limits = self
    limits.connections = max(1, min(connections, descriptors - min(descriptors / 2, 256)))
    return limits
  }

  /// The limits of one of `count` servers that share these.
  package func share(of count: Int) -> Limits {
    var limits = self
    limits.connections = (connections + count - 1) / count
    return limits
  }

  /// Bytes of a whole request: the head, the data of the body, the framing of its chunks, its trailers. A chunk has one
  /// more CRLF behind its data than its overhead counts, and an unfinished line is looked at before it is counted.
  var requestMax: Int {
    parser.headMax + parser.bodyMax + 2 * parser.chunkOverheadMax + parser.trailersMax + 2048
  }

  /// Bytes that a connection can hold of requests not yet answered: more than one, and whatever lies in the
  /// receive buffers when the kernel is told to stop.
  func pendingMax(_ driver: DriverSettings) -> Int { 2 * requestMax + driver.buffers * driver.bufferSize }
}
