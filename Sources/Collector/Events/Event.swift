// An event: what a client says a subject did, checked, with the decision it is credited to taken apart. Texts are
// the UTF-8 that will be stored.

package struct Event: Equatable, Sendable {
  /// Chosen by the client, so that sending an event twice counts once.
  package var id: [UInt8]
  package var type: [UInt8]
  package var subject: [UInt8]
  /// As the event says; without that as its decision says.
  package var experiment: [UInt8]?
  package var decision: Decision?
  package var value: Double?
  /// A JSON object without blanks.
  package var properties: [UInt8]?
  /// Milliseconds since 1970.
  package var occurredAt: Int

  /// The decision that an event names.
  package struct Decision: Equatable, Sendable {
    /// The token as it was sent.
    package var id: [UInt8]
    package var environment: String
    package var variant: String
    /// The version of the snapshot that decided.
    package var version: Int
    /// Whether the tag was found to be that of this subject; false where the collector has no key.
    package var isVerified: Bool
  }
}
