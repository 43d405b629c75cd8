// Writes JSON off the hot path: keeps the commas, so that callers only say what there is.

package import Bytes

@usableFromInline package struct Writer {
  /// The text so far.
  package private(set) var text: [UInt8] = []
  private var needsComma = false

  /// A writer of about `capacity` bytes, so that the text need not move while it grows.
  package init(capacity: Int = 0) {
    text.reserveCapacity(capacity)
  }

  package mutating func object(_ body: (inout Writer) -> Void) {
    open(UInt8(ascii: "{"))
    body(&self)
    close(UInt8(ascii: "}"))
  }

  package mutating func array(_ body: (inout Writer) -> Void) {
    open(UInt8(ascii: "["))
    body(&self)
    close(UInt8(ascii: "]"))
  }

  @inlinable
  package mutating func array<Items: Sequence>(_ items: Items, _ body: (inout Writer, Items.Element) -> Void)
  {
    open(UInt8(ascii: "["))
    for item in items { body(&self, item) }
    close(UInt8(ascii: "]"))
  }

  /// The name of a member; its value must follow.
  package mutating func key(_ name: StaticString) {
    separate()
    text.append(jsonString: name.bytes)
    text.append(UInt8(ascii: ":"))
    needsComma = false
  }

  package mutating func string(_ bytes: ByteView) {
    separate()
    text.append(jsonString: bytes)
  }

  package mutating func string(_ string: String) {
    Array(string.utf8).withBytes { self.string($0) }
  }

  package mutating func string(_ literal: StaticString) { string(literal.bytes) }

  package mutating func integer(_ value: Int) {
    separate()
    text.append(contentsOf: String(value).utf8)
  }

  /// A finite number; anything else, which JSON cannot say, becomes null.
  package mutating func number(_ value: Double) {
    guard value.isFinite else { return null() }
    separate()
    if let whole = Int(exactly: value), abs(value) < 1e15 {
      text.append(contentsOf: String(whole).utf8)
    } else {
      text.append(contentsOf: String(value).utf8)
    }
  }

  package mutating func bool(_ value: Bool) {
    separate()
    text.append(value ? "true" : "false")
  }

  package mutating func null() {
    separate()
    text.append("null")
  }

  /// A value that is already JSON.
  package mutating func raw(_ json: ByteView) {
    separate()
    text.append(json)
  }

  @usableFromInline
  mutating func open(_ byte: UInt8) {
    separate()
    text.append(byte)
    needsComma = false
  }

  @usableFromInline
  mutating func close(_ byte: UInt8) {
    text.append(byte)
    needsComma = true
  }

  private mutating func separate() {
    if needsComma { text.append(UInt8(ascii: ",")) }
    needsComma = true
  }
}
