// The name of a decision, as POST /api/v1/decide returns it: what was decided and when, so that an event that
// names it can be credited without a look-up. URL-safe base64 of the fields below and a tag, which is a keyed
// digest of the fields and of the subject: a token is of use to its subject alone, without telling who that is.

package import Bytes

package struct DecisionToken: Equatable, Sendable {
  /// Milliseconds since 1970.
  package var decidedAt: UInt64
  /// Different for each decision of a worker in one millisecond.
  package var serial: UInt64
  /// The version of the snapshot that decided.
  package var version: Int64
  package var environment: String
  package var experiment: String
  package var variant: String

  package init(
    decidedAt: UInt64, serial: UInt64, version: Int64, environment: String, experiment: String,
    variant: String
  ) {
    self.decidedAt = decidedAt
    self.serial = serial
    self.version = version
    self.environment = environment
    self.experiment = experiment
    self.variant = variant
  }

  private static var format: UInt8 { 1 }
  /// Bytes before the texts: the format, then six bytes each of moment, serial and version.
  private static var headCount: Int { 19 }
  package static var tagCount: Int { @_noAllocation @_noLocks get { 16 } }
  /// Bytes of a token's fields, with names of 512 bytes and an environment of 64.
  package static var byteMax: Int { @_noAllocation @_noLocks get { 1152 } }

  /// Appends the fields, which the tag then follows.
  @_noAllocation @_noLocks
  package static func write(
    decidedAt: UInt64, serial: UInt64, version: Int64, environment: ByteView, experiment: ByteView,
    variant: ByteView, to output: inout Output
  ) {
    output.append(format)
    append48(decidedAt, to: &output)
    append48(serial, to: &output)
    append48(UInt64(bitPattern: version), to: &output)
    append(environment, to: &output)
    append(experiment, to: &output)
    append(variant, to: &output)
  }

  private static func append48(_ value: UInt64, to output: inout Output) {
    for shift in 0..<6 { output.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * shift))) }
  }

  private static func append(_ text: ByteView, to output: inout Output) {
    output.append(UInt8(truncatingIfNeeded: text.count))
    output.append(UInt8(truncatingIfNeeded: text.count >> 8))
    output.append(text)
  }

  /// A token taken apart; whether its tag is right is for whoever has the key to say.
  package struct Parts: Sendable {
    package let token: DecisionToken
    /// What the tag is a digest of, before the subject.
    package let signed: [UInt8]
    package let tag: [UInt8]
  }

  /// Takes `text` apart; nil if it is no token.
  package static func parse(_ text: ByteView) -> Parts? {
    guard text.count <= (byteMax + tagCount) * 4 / 3 + 4 else { return nil }
    var bytes: [UInt8] = []
    guard Base64.decode(text, into: &bytes), bytes.count > headCount + tagCount, bytes[0] == format else {
      return nil
    }
    let tag = Array(bytes.suffix(tagCount))
    let signed = Array(bytes.dropLast(tagCount))
    var offset = headCount
    func number(_ start: Int) -> UInt64 {
      (0..<6).reduce(0) { $0 | UInt64(signed[start + $1]) << UInt64(8 * $1) }
    }
    func next() -> String? {
      guard offset + 2 <= signed.count else { return nil }
      let end = offset + 2 + Int(signed[offset]) + Int(signed[offset + 1]) << 8
      guard end <= signed.count else { return nil }
      defer { offset = end }
      return String(validating: signed[(offset + 2)..<end], as: UTF8.self)
    }
    guard let environment = next(), let experiment = next(), let variant = next(), offset == signed.count
    else {
      return nil
    }
    let token = DecisionToken(
      decidedAt: number(1), serial: number(7), version: Int64(number(13)), environment: environment,
      experiment: experiment, variant: variant)
    return Parts(token: token, signed: signed, tag: tag)
  }
}
