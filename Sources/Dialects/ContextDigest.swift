// What tells contexts apart: a digest that is the same however the members are ordered, spaced, escaped or their
// numbers written, taken in the one pass that also finds the targeting key. It is no secret and no signature:
// who builds two contexts of one digest deceives nobody else.

import Bytes
import JSON

struct ContextDigest {
  /// Of the whole context.
  private(set) var value: UInt64 = 0
  /// The value of the member "targetingKey"; of several, the last one.
  private(set) var targetingKey: Token?

  /// Reads the object whose opening brace was `reader`'s last token; nil if the text is not JSON. `scratch` has
  /// room for a decoded string.
  init?(_ reader: inout Reader, _ text: ByteView, _ scratch: inout Output) {
    // Of each open container: what it holds so far, whether it is an object, and the member being read.
    var states: [66 of UInt64] = .init(repeating: 0)
    var areObjects: [66 of Bool] = .init(repeating: true)
    var members: [66 of UInt64] = .init(repeating: 0)
    var level = 0
    var isTargetingKey = false
    while true {
      let token = reader.next(text)
      let hash: UInt64
      switch token {
      case .key(let name):
        members[level] = Self.hash(name, text, &scratch)
        isTargetingKey = level == 0 && name.equals(text, "targetingKey", scratch: scratch)
        continue
      case .beginObject, .beginArray:
        if isTargetingKey { targetingKey = token }
        level += 1
        states[level] = 0
        if case .beginObject = token { areObjects[level] = true } else { areObjects[level] = false }
        isTargetingKey = false
        continue
      case .endObject, .endArray:
        hash = Self.mix(states[level], areObjects[level] ? .object : .array)
        level -= 1
        guard level >= 0 else {
          value = hash
          return
        }
      case .string(let quoted): hash = Self.mix(Self.hash(quoted, text, &scratch), .string)
      case .number(let range):
        let number = DoubleParser.parse(text.slice(range))
        hash = Self.mix((number == 0 ? 0 : number).bitPattern, .number)
      case .bool(let flag): hash = Self.mix(flag ? 1 : 0, .bool)
      case .null: hash = Self.mix(0, .null)
      case .end, .invalid: return nil
      }
      if isTargetingKey, level == 0 { targetingKey = token }
      isTargetingKey = false
      if areObjects[level] {
        // A sum does not know the order of its parts.
        states[level] &+= Fingerprint.mix(members[level] ^ Fingerprint.mix(hash))
      } else {
        states[level] = Fingerprint.mix(states[level] ^ hash)
      }
    }
  }

  private enum Kind: UInt64 { case object = 1, array, string, number, bool, null }

  private static func mix(_ value: UInt64, _ kind: Kind) -> UInt64 {
    Fingerprint.mix(Fingerprint.mix(value) ^ kind.rawValue)
  }

  private static func hash(_ quoted: QuotedText, _ text: ByteView, _ scratch: inout Output) -> UInt64 {
    let mark = scratch.count
    defer { scratch.rewind(to: mark) }
    return Fingerprint.of(quoted.text(text, scratch: &scratch))
  }
}
