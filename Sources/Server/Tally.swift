// What a server counted since it began, by the reason; read by its own thread alone.

package import HTTP

package struct Tally: Sendable {
  package var accepted: UInt64 = 0
  package var closed: UInt64 = 0
  /// Accept failed for want of descriptors or memory; accepting paused.
  package var acceptPauses: UInt64 = 0
  /// Connections that were turned away or not accepted because all slots were taken.
  package var connectionsRefused: UInt64 = 0
  package var receivedBytes: UInt64 = 0
  package var sentBytes: UInt64 = 0
  /// The receive buffers ran out and receiving began anew.
  package var bufferExhaustions: UInt64 = 0
  /// Connections ended because the client did not read, stayed idle, or sent more than it may ahead.
  package var writeTimeouts: UInt64 = 0
  package var idleTimeouts: UInt64 = 0
  package var pendingOverflows: UInt64 = 0
  /// Connections that were accepted and had to wait for a place.
  package var connectionsDelayed: UInt64 = 0
  /// Times that a connection had its share of a turn and more to be answered.
  package var sharedTurns: UInt64 = 0
  /// Connections cut off although the client went on after their last answer.
  package var lingerCutoffs: UInt64 = 0
  /// Handshakes that were finished, and how many of them took up a former session.
  package var tlsHandshakes: UInt64 = 0
  package var tlsResumptions: UInt64 = 0
  /// Connections that began a handshake and did not finish it.
  package var tlsHandshakeFailures: UInt64 = 0
  /// Connections ended because the client broke TLS after the handshake.
  package var tlsBroken: UInt64 = 0
  /// Indexed by ``Rejection``.
  package var rejections: [32 of UInt64] = .init(repeating: 0)

  init() {}

  mutating func count(_ rejection: Rejection) {
    rejections[rejection.index] += 1
  }
}

extension Rejection {
  /// The position among all cases.
  package var index: Int { Int(rawValue) }
}
