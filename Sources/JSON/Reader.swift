// A strict pull reader of RFC 8259: no recursion, no allocation, no copy; depth bounded by a bit per level.
// It holds a position, not the text: the same bytes must be passed to every call.

package import Bytes

package struct Reader {
  /// Levels of nesting that are accepted.
  package static var depthMax: Int { 64 }

  private enum Expectation {
    case value, valueOrEnd, key, keyOrEnd, separatorOrEnd, nothing, broken
  }

  /// In bytes: everything before it was read.
  package private(set) var offset = 0
  /// Objects and arrays that are open.
  package private(set) var depth = 0
  // A bit per open level tells whether it is an object; the innermost is the lowest bit.
  private var objects: UInt64 = 0
  private var expectation = Expectation.value
  /// Why the text is not JSON, once ``next(_:)`` or ``skip(_:after:)`` said so.
  package private(set) var fault = Fault(.unexpectedEnd, at: 0)

  @_noAllocation @_noLocks
  package init() {}

  /// Whether the innermost open container is an object.
  package var isInObject: Bool { depth > 0 && objects & 1 == 1 }

  /// The next token of `text`.
  @_noAllocation @_noLocks
  package mutating func next(_ text: ByteView) -> Token {
    skipBlanks(text)
    guard offset < text.count else {
      switch expectation {
      case .nothing: return .end
      case .broken: return .invalid(fault)
      default: return fail(.unexpectedEnd)
      }
    }
    let byte = text[offset]
    switch expectation {
    case .value: return value(text, byte)
    case .valueOrEnd: return byte == UInt8(ascii: "]") ? close() : value(text, byte)
    case .key: return key(text, byte)
    case .keyOrEnd: return byte == UInt8(ascii: "}") ? close() : key(text, byte)
    case .separatorOrEnd:
      if byte == UInt8(ascii: ",") {
        offset += 1
        expectation = isInObject ? .key : .value
        return next(text)
      }
      guard byte == (isInObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) else {
        return fail(.unexpectedByte)
      }
      return close()
    case .nothing: return fail(.trailingBytes)
    case .broken: return .invalid(fault)
    }
  }

  /// Reads past the rest of a value whose first token was `first`; false if the text is not JSON.
  @_noAllocation @_noLocks
  package mutating func skip(_ text: ByteView, after first: Token) -> Bool {
    switch first {
    case .beginObject, .beginArray: break
    case .invalid: return false
    default: return true
    }
    let outer = depth - 1
    while depth > outer {
      if case .invalid = next(text) { return false }
    }
    return true
  }

  // MARK: - Structure

  @inline(__always)
  private mutating func open(object: Bool) -> Token {
    guard depth < Self.depthMax else { return fail(.tooDeep) }
    offset += 1
    depth += 1
    objects = objects << 1 | (object ? 1 : 0)
    expectation = object ? .keyOrEnd : .valueOrEnd
    return object ? .beginObject : .beginArray
  }

  @inline(__always)
  private mutating func close() -> Token {
    let wasObject = isInObject
    offset += 1
    depth -= 1
    objects >>= 1
    ended()
    return wasObject ? .endObject : .endArray
  }

  @inline(__always)
  private mutating func ended() {
    expectation = depth == 0 ? .nothing : .separatorOrEnd
  }

  private mutating func fail(_ kind: Fault.Kind) -> Token {
    fault = Fault(kind, at: offset)
    expectation = .broken
    return .invalid(fault)
  }

  @inline(__always)
  private mutating func skipBlanks(_ text: ByteView) {
    while offset < text.count {
      switch text[offset] {
      case 0x20, 0x0A, 0x0D, 0x09: offset += 1
      default: return
      }
    }
  }

  // MARK: - Values

  @inline(__always)
  private mutating func value(_ text: ByteView, _ byte: UInt8) -> Token {
    switch byte {
    case UInt8(ascii: "{"): return open(object: true)
    case UInt8(ascii: "["): return open(object: false)
    case UInt8(ascii: "\""):
      guard let quoted = string(text) else { return .invalid(fault) }
      ended()
      return .string(quoted)
    case UInt8(ascii: "t"): return word(text, "true", .bool(true))
    case UInt8(ascii: "f"): return word(text, "false", .bool(false))
    case UInt8(ascii: "n"): return word(text, "null", .null)
    default: return number(text)
    }
  }

  private mutating func word(_ text: ByteView, _ literal: StaticString, _ token: Token) -> Token {
    let expected = literal.bytes
    for index in 0..<expected.count {
      guard offset < text.count else { return fail(.unexpectedEnd) }
      guard text[offset] == expected[index] else { return fail(.unexpectedByte) }
      offset += 1
    }
    ended()
    return token
  }

  @inline(__always)
  private mutating func key(_ text: ByteView, _ byte: UInt8) -> Token {
    guard byte == UInt8(ascii: "\"") else { return fail(.unexpectedByte) }
    guard let quoted = string(text) else { return .invalid(fault) }
    skipBlanks(text)
    guard offset < text.count else { return fail(.unexpectedEnd) }
    guard text[offset] == UInt8(ascii: ":") else { return fail(.unexpectedByte) }
    offset += 1
    expectation = .value
    return .key(quoted)
  }

  private mutating func number(_ text: ByteView) -> Token {
    let start = offset
    if text[offset] == UInt8(ascii: "-") { offset += 1 }
    let whole = skipDigits(text)
    guard whole > 0 else { return failNumber(text, start) }
    // "01" is no number: a leading zero stands alone.
    guard whole == 1 || text[offset - whole] != UInt8(ascii: "0") else { return fail(.invalidNumber) }
    if offset < text.count, text[offset] == UInt8(ascii: ".") {
      offset += 1
      guard skipDigits(text) > 0 else { return failNumber(text, start) }
    }
    if offset < text.count, text[offset] | 0x20 == UInt8(ascii: "e") {
      offset += 1
      if offset < text.count, text[offset] == UInt8(ascii: "+") || text[offset] == UInt8(ascii: "-") {
        offset += 1
      }
      guard skipDigits(text) > 0 else { return failNumber(text, start) }
    }
    ended()
    return .number(ByteRange(from: start, to: offset))
  }

  private mutating func failNumber(_ text: ByteView, _ start: Int) -> Token {
    if offset >= text.count { return fail(.unexpectedEnd) }
    return fail(offset == start ? .unexpectedByte : .invalidNumber)
  }

  private mutating func skipDigits(_ text: ByteView) -> Int {
    let start = offset
    while offset < text.count, text[offset] &- UInt8(ascii: "0") < 10 { offset += 1 }
    return offset - start
  }

  // MARK: - Strings

  /// Reads from the opening quote to behind the closing one; nil after having noted a fault.
  @inline(__always)
  private mutating func string(_ text: ByteView) -> QuotedText? {
    offset += 1
    let start = offset
    var hasEscapes = false
    while true {
      skipPlain(text)
      guard offset < text.count else { return failString(.unexpectedEnd) }
      switch text[offset] {
      case UInt8(ascii: "\""):
        let range = ByteRange(from: start, to: offset)
        offset += 1
        return QuotedText(range: range, hasEscapes: hasEscapes)
      case UInt8(ascii: "\\"):
        hasEscapes = true
        guard skipEscape(text) else { return nil }
      case 0..<0x20: return failString(.controlCharacter)
      default:
        let count = UTF8Check.sequenceLength(text, at: offset)
        guard count > 0 else { return failString(.invalidUTF8) }
        offset += count
      }
    }
  }

  /// Eight bytes at a time past what needs no second look: printable ASCII but quote and backslash.
  @inline(__always)
  private mutating func skipPlain(_ text: ByteView) {
    while offset <= text.count &- 8 {
      let word = text.word(at: offset)
      let marks = word.escapeMarks | word.marksAboveASCII
      if marks != 0 {
        offset &+= marks.firstMark
        return
      }
      offset &+= 8
    }
    while offset < text.count {
      let byte = text[offset]
      if byte < 0x20 || byte >= 0x80 || byte == 0x22 || byte == 0x5C { return }
      offset += 1
    }
  }

  private mutating func skipEscape(_ text: ByteView) -> Bool {
    guard offset + 1 < text.count else {
      offset = text.count
      _ = fail(.unexpectedEnd)
      return false
    }
    switch text[offset + 1] {
    case 0x22, 0x5C, 0x2F, 0x62, 0x66, 0x6E, 0x72, 0x74:
      offset += 2
      return true
    case UInt8(ascii: "u"):
      for index in 2..<6 {
        guard offset + index < text.count else {
          _ = fail(.unexpectedEnd)
          return false
        }
        guard Hex.value(text[offset + index]) != nil else {
          _ = fail(.invalidEscape)
          return false
        }
      }
      offset += 6
      return true
    default:
      _ = fail(.invalidEscape)
      return false
    }
  }

  private mutating func failString(_ kind: Fault.Kind) -> QuotedText? {
    _ = fail(kind)
    return nil
  }
}
