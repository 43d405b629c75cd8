// A whole JSON text, read once into a flat list of nodes: for documents that are read off the hot path.
// Every value knows the node behind its last one, so walking past a subtree costs one step. Unlike a
// request's context, a document may not name a member twice: it is signed or configured, so it has one reading.

package import Bytes

package final class Document: Sendable {
  package enum Kind: Sendable { case object, array, string, number, bool, null }

  struct Node {
    var kind: Kind
    var hasEscapes = false
    var flag = false
    /// The value's text; without the quotes for a string.
    var range: ByteRange
    /// The index of the node behind the value and all within it.
    var next: UInt32 = 0
  }

  let text: [UInt8]
  let nodes: [Node]

  /// Reads `text`; the fault says why it is not one JSON value.
  package init(_ text: [UInt8]) throws(Fault) {
    guard text.count < UInt32.max else { throw Fault(.tooLarge, at: 0) }
    self.text = text
    nodes = try text.withBytes { (bytes) throws(Fault) in try Self.read(bytes) }
    try checkMembers()
  }

  /// The outermost value.
  package var root: Element { Element(document: self, index: 0) }

  private static func read(_ text: ByteView) throws(Fault) -> [Node] {
    var nodes: [Node] = []
    nodes.reserveCapacity(text.count / 8)
    var open: [Int] = []
    var reader = Reader()
    func leaf(_ kind: Kind, _ range: ByteRange, hasEscapes: Bool = false, flag: Bool = false) {
      nodes.append(
        Node(kind: kind, hasEscapes: hasEscapes, flag: flag, range: range, next: UInt32(nodes.count + 1)))
    }
    while true {
      let token = reader.next(text)
      let end = reader.offset
      switch token {
      case .beginObject, .beginArray:
        open.append(nodes.count)
        leaf(token == .beginObject ? .object : .array, ByteRange(from: end - 1, to: end))
      case .endObject, .endArray:
        let index = open.removeLast()
        nodes[index].range = ByteRange(from: Int(nodes[index].range.start), to: end)
        nodes[index].next = UInt32(nodes.count)
      case .key(let quoted), .string(let quoted):
        leaf(.string, quoted.range, hasEscapes: quoted.hasEscapes)
      case .number(let range): leaf(.number, range)
      case .bool(let flag): leaf(.bool, ByteRange(from: end - (flag ? 4 : 5), to: end), flag: flag)
      case .null: leaf(.null, ByteRange(from: end - 4, to: end))
      case .end: return nodes
      case .invalid(let fault): throw fault
      }
    }
  }

  private func checkMembers() throws(Fault) {
    for index in nodes.indices where nodes[index].kind == .object {
      let keys = Element(document: self, index: index).members.map { $0.key }
      if keys.count > 16 {
        var seen = Set<[UInt8]>()
        for key in keys where !seen.insert(key.string ?? []).inserted {
          throw Fault(.duplicateMember, at: Int(key.range.start))
        }
      } else {
        for (position, key) in keys.enumerated() {
          for other in keys[..<position] where other.hasSameText(as: key) {
            throw Fault(.duplicateMember, at: Int(key.range.start))
          }
        }
      }
    }
  }
}

/// One value of a document.
package struct Element: Sendable {
  let document: Document
  let index: Int

  private var node: Document.Node { document.nodes[index] }

  package var kind: Document.Kind { node.kind }
  /// Where the value stands in the text; without the quotes for a string.
  package var range: ByteRange { node.range }

  /// The value's own text, as it stands in the document; without the quotes for a string.
  package var source: [UInt8] { Array(document.text[range.bounds]) }

  /// The members of an object in their order; nothing for any other value.
  package var members: some Sequence<(key: Element, value: Element)> {
    let end = kind == .object ? Int(node.next) : index + 1
    return sequence(state: index + 1) { position -> (key: Element, value: Element)? in
      guard position < end else { return nil }
      let key = Element(document: document, index: position)
      let value = Element(document: document, index: position + 1)
      position = Int(document.nodes[position + 1].next)
      return (key, value)
    }
  }

  /// The elements of an array in their order; nothing for any other value.
  package var elements: some Sequence<Element> {
    let end = kind == .array ? Int(node.next) : index + 1
    return sequence(state: index + 1) { position -> Element? in
      guard position < end else { return nil }
      let element = Element(document: document, index: position)
      position = Int(document.nodes[position].next)
      return element
    }
  }

  /// The value of the member `name`, or nil.
  package subscript(_ name: StaticString) -> Element? {
    guard kind == .object else { return nil }
    let end = Int(node.next)
    var position = index + 1
    while position < end {
      if Element(document: document, index: position).means(name) {
        return Element(document: document, index: position + 1)
      }
      position = Int(document.nodes[position + 1].next)
    }
    return nil
  }

  /// The bytes a string means, or nil for any other value.
  package var string: [UInt8]? {
    guard kind == .string else { return nil }
    guard node.hasEscapes else { return source }
    let quoted = QuotedText(range: range, hasEscapes: true)
    return [UInt8](capacity: range.bounds.count) { output in
      document.text.withBytes { quoted.decode($0, into: &output) }
    }
  }

  /// A string as text, or nil for any other value.
  package var text: String? { string.map { String(decoding: $0, as: Unicode.UTF8.self) } }

  package var bool: Bool? { kind == .bool ? node.flag : nil }

  package var number: Double? {
    kind == .number ? document.text.withBytes { DoubleParser.parse($0.slice(range)) } : nil
  }

  /// A number without fraction that an Int holds exactly (written in any way: 1e3 is 1000), or nil.
  package var integer: Int? {
    // Plain digits do not go through a double, which holds 53 bits of them.
    guard kind == .number else { return nil }
    return document.text.withBytes { Decimal.parse($0.slice(range)) } ?? number.flatMap { Int(exactly: $0) }
  }

  package var isNull: Bool { kind == .null }

  /// The value's text without the blanks between its tokens.
  package func compacted() -> [UInt8] {
    var result: [UInt8] = []
    if kind == .string { result.append(UInt8(ascii: "\"")) }
    var isInString = kind == .string
    var isEscaped = false
    for byte in document.text[range.bounds] {
      if isInString {
        if isEscaped {
          isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
          isEscaped = true
        } else if byte == UInt8(ascii: "\"") {
          isInString = false
        }
      } else if byte == UInt8(ascii: "\"") {
        isInString = true
      } else if byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
        continue
      }
      result.append(byte)
    }
    if kind == .string { result.append(UInt8(ascii: "\"")) }
    return result
  }

  private func means(_ name: StaticString) -> Bool {
    if node.hasEscapes { return string.map { $0.withBytes { $0.equals(name) } } ?? false }
    return document.text.withBytes { $0.slice(range).equals(name) }
  }

  fileprivate func hasSameText(as other: Element) -> Bool {
    if node.hasEscapes || other.node.hasEscapes { return string == other.string }
    return document.text.withBytes { $0.slice(range).equals($0.slice(other.range)) }
  }
}
