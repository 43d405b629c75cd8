// What a generator is to do.

package import Kernel

package struct Load: Sendable {
  package enum Pace: Sendable, Equatable {
    /// Every connection keeps as many requests under way as it may: how much can the server do?
    case closed
    /// So many requests a second, whatever the server does: how long does who comes wait? A request's time begins when
    /// it was due, not when a connection was free to send it, so a server that stops is seen by all who came meanwhile.
    case rate(Double)
  }

  package var endpoint: Endpoint
  package var pace = Pace.closed
  /// 1...``connectionMax``.
  package var connections = 64
  /// Requests that a connection may have under way, 1...``pipelineMax``.
  package var pipeline = 1
  /// Seconds at the beginning that do not count.
  package var warmUp = 0.5
  /// Seconds that count.
  package var length = 5.0
  /// Whether the generator rests while there is nothing to do. One with a processor of its own had better not: it wakes
  /// late, and makes the server pay for waking it.
  package var rests = Threads.processors.count == 1
  /// Whether it says on standard error how it goes.
  package var showsProgress = false

  package static var connectionMax: Int { 10_000 }
  package static var pipelineMax: Int { 1024 }

  package init(_ endpoint: Endpoint) {
    self.endpoint = endpoint
  }
}
