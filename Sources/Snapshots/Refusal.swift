// Why something that came from the upstream or the disk is not used. Each reason is a label of a metric, so
// the set is fixed.

package struct Refusal: Error, Equatable, Sendable, CustomStringConvertible {
  package enum Reason: String, Sendable, CaseIterable {
    /// The upstream could not be reached, or the connection broke.
    case unreachable
    case timeout
    /// The certificate or the handshake was refused.
    case tls
    /// The upstream answered something other than 200 or 304.
    case status
    /// The answer is not HTTP/1.1 as expected, or has a coding that was not asked for.
    case protocolError = "protocol"
    case oversized
    /// Not an envelope, manifest or key file.
    case malformed
    /// Fewer trusted keys signed it than the threshold asks for.
    case signature
    /// It speaks of another environment.
    case environment
    /// Its version is lower than one accepted before.
    case rollback
    /// It has the version accepted before, but another snapshot.
    case equivocation
    /// A trust file that is not the next one.
    case number
    case expired
    /// The path leads out of the layout.
    case path
    case length
    case digest
    /// The snapshot's document is refused.
    case document
    /// It could not be kept on the disk.
    case storage
  }

  package var reason: Reason
  package var message: String

  package init(_ reason: Reason, _ message: String) {
    self.reason = reason
    self.message = message
  }

  package var description: String { "\(reason.rawValue): \(message)" }
}
