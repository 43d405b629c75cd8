// Names for decisions: tokens that say what was decided and for whom, so that whoever has the key can credit an
// event to a decision without having kept it (Exposures/DecisionToken.swift has the form).

package import Bytes
import Decisions
import Exposures
package import Trust

package struct DecisionIDs: Sendable {
  package var key: MessageKey
  private let scratch: ByteRegion
  private var serial: UInt64
  /// Milliseconds since 1970; set at the beginning of a turn.
  package var now: UInt64 = 0

  /// Bytes of memory to put a token together in.
  package static var byteCount: Int { DecisionToken.byteMax + DecisionToken.tagCount }

  /// `scratch` is memory of ``byteCount`` bytes; `seed` must be different for each worker and each start.
  package init(key: MessageKey, scratch: ByteRegion, seed: UInt64) {
    precondition(scratch.count >= Self.byteCount)
    self.key = key
    self.scratch = scratch
    serial = seed << 24
  }

  /// Appends the id of a decision as a JSON string.
  mutating func write(
    _ question: Question, _ tables: Tables, experiment: Int, _ variant: VariantRow, to output: inout Output
  ) {
    serial &+= 1
    let header = tables.header
    var token = Output(scratch.part(from: 0, count: DecisionToken.byteMax))
    DecisionToken.write(
      decidedAt: now, serial: serial, version: header.version, environment: tables.text(header.environment),
      experiment: tables.text(tables.experimentNames[experiment].id), variant: tables.text(variant.id),
      to: &token
    )
    precondition(!token.isOverflowing, "a snapshot's names are short enough for a token")
    let fields = token.written
    key.tag(fields, question.userKey, to: scratch, at: fields.count)
    output.append("\"")
    Base64.encodeURL(scratch.bytes.slice(0..<(fields.count + DecisionToken.tagCount)), into: &output)
    output.append("\"")
  }
}
