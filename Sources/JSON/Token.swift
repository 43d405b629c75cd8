// What the reader hands out, one at a time: trivial values that point into the text.

package import Bytes

/// A string as it stands in the text: what is between the quotes, escapes not yet resolved.
package struct QuotedText: Equatable, Sendable {
  package var range: ByteRange
  package var hasEscapes: Bool

  @_noAllocation @_noLocks
  package init(range: ByteRange, hasEscapes: Bool) {
    self.range = range
    self.hasEscapes = hasEscapes
  }
}

/// One step of reading a JSON text (RFC 8259).
package enum Token: Equatable, Sendable {
  case beginObject
  case endObject
  case beginArray
  case endArray
  /// The name of an object's member; the value follows.
  case key(QuotedText)
  case string(QuotedText)
  /// A number in the grammar of section 6, not yet converted.
  case number(ByteRange)
  case bool(Bool)
  case null
  /// The text is over and was one complete value.
  case end
  /// The text is not JSON; every further call answers the same.
  case invalid(Fault)
}

/// Why a text is not JSON, and where.
package struct Fault: Equatable, Error, Sendable, CustomStringConvertible {
  package enum Kind: Equatable, Sendable {
    case unexpectedEnd
    case unexpectedByte
    case invalidNumber
    case invalidEscape
    case controlCharacter
    case invalidUTF8
    case tooDeep
    case trailingBytes
    case duplicateMember
    case tooLarge
  }

  package var kind: Kind
  /// In bytes from the start of the text.
  package var offset: Int

  @_noAllocation @_noLocks
  package init(_ kind: Kind, at offset: Int) {
    self.kind = kind
    self.offset = offset
  }

  package var description: String { "\(String(reason.bytes)) at byte \(offset)" }

  /// What is wrong, as the end of a sentence.
  package var reason: StaticString {
    @_noAllocation @_noLocks
    get {
      switch kind {
      case .unexpectedEnd: "the text ends too early"
      case .unexpectedByte: "an unexpected character"
      case .invalidNumber: "a malformed number"
      case .invalidEscape: "a malformed escape in a string"
      case .controlCharacter: "a control character in a string"
      case .invalidUTF8: "bytes that are not UTF-8"
      case .tooDeep: "more than 64 levels of nesting"
      case .trailingBytes: "something after the value"
      case .duplicateMember: "a member name twice in one object"
      case .tooLarge: "more than 4 GiB of text"
      }
    }
  }
}
