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

  /// The node of the value of the member `name` of the object at `object`, or nil.
  func value(of name: StaticString, in object: Int) -> Int? {
    text.withBytes { text in
      var key = object + 1
      let end = nodes[object].next
      while key < end {
        if means(key, name, text) { return key + 1 }
        key = Int(nodes[key + 1].next)
      }
      return nil
    }
  }

  private func means(_ string: Int, _ name: StaticString, _ text: ByteView) -> Bool {
    guard nodes[string].hasEscapes else { return text.slice(nodes[string].range).equals(name) }
    return meaning(of: string).withBytes { $0.equals(name) }
  }

  /// The bytes that the string at `index` means.
  func meaning(of index: Int) -> [UInt8] {
    let node = nodes[index]
    return text.withBytes { text in
      guard node.hasEscapes else { return [UInt8](text.slice(node.range)) }
      return [UInt8](capacity: Int(node.range.count)) {
        QuotedText(range: node.range, hasEscapes: true).decode(text, into: &$0)
      }
    }
  }

  /// Objects with more members are looked through by hash.
  private static let comparedMembersMax = 16

  private func checkMembers() throws(Fault) {
    var keys: [Int] = []
    for (object, node) in nodes.enumerated() where node.kind == .object {
      keys.removeAll(keepingCapacity: true)
      var key = object + 1
      while key < node.next {
        keys.append(key)
        key = Int(nodes[key + 1].next)
      }
      if let key = repeated(keys) { throw Fault(.duplicateMember, at: Int(nodes[key].range.start)) }
    }
  }

  /// The first of `keys` that means what one before it means.
  private func repeated(_ keys: [Int]) -> Int? {
    guard keys.count <= Self.comparedMembersMax else {
      var seen = Set<[UInt8]>()
      return keys.first { !seen.insert(meaning(of: $0)).inserted }
    }
    return text.withBytes { text in
      for place in keys.indices {
        for other in 0..<place where isSame(keys[other], keys[place], text) { return keys[place] }
      }
      return nil
    }
  }

  private func isSame(_ left: Int, _ right: Int, _ text: ByteView) -> Bool {
    if nodes[left].hasEscapes || nodes[right].hasEscapes { return meaning(of: left) == meaning(of: right) }
    return text.slice(nodes[left].range).equals(text.slice(nodes[right].range))
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
    Siblings(of: self, .object, stride: 2).lazy.map { [document] key in
      (Element(document: document, index: key), Element(document: document, index: key + 1))
    }
  }

  /// The elements of an array in their order; nothing for any other value.
  package var elements: Elements { Elements(of: self) }

  /// The value of the member `name`, or nil.
  package subscript(_ name: StaticString) -> Element? {
    guard kind == .object else { return nil }
    return document.value(of: name, in: index).map { Element(document: document, index: $0) }
  }

  /// The bytes a string means, or nil for any other value.
  package var string: [UInt8]? { kind == .string ? document.meaning(of: index) : nil }

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
    guard kind != .string else {
      // With its quotes.
      return document.text.withBytes { text in
        [UInt8](text.slice((range.bounds.lowerBound - 1)..<(range.bounds.upperBound + 1)))
      }
    }
    var result: [UInt8] = []
    document.text.withBytes { text in
      let value = text.slice(range)
      var isInString = false
      var isEscaped = false
      var start = 0
      for offset in 0..<value.count {
        let byte = value[offset]
        if isEscaped {
          isEscaped = false
        } else if byte == UInt8(ascii: "\"") {
          isInString.toggle()
        } else if isInString {
          isEscaped = byte == UInt8(ascii: "\\")
        } else if byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
          result.append(value.slice(start..<offset))
          start = offset + 1
        }
      }
      result.append(value.dropping(start))
    }
    return result
  }
}

/// The elements of an array.
package struct Elements: Sequence, IteratorProtocol {
  private let document: Document
  private var nodes: Siblings

  fileprivate init(of array: JSON.Element) {
    document = array.document
    nodes = Siblings(of: array, .array, stride: 1)
  }

  package mutating func next() -> JSON.Element? {
    nodes.next().map { JSON.Element(document: document, index: $0) }
  }

  /// How many there are from here on.
  package var count: Int { nodes.reduce(0) { count, _ in count + 1 } }
}

/// The nodes that stand directly in a value: `stride` is 2 where each is followed by the value it names.
private struct Siblings: Sequence, IteratorProtocol {
  private let document: Document
  private let stride: Int
  private let end: Int
  private var position: Int

  init(of element: JSON.Element, _ kind: Document.Kind, stride: Int) {
    document = element.document
    self.stride = stride
    position = element.index + 1
    end = element.kind == kind ? Int(document.nodes[element.index].next) : position
  }

  mutating func next() -> Int? {
    guard position < end else { return nil }
    defer { position = Int(document.nodes[position + stride - 1].next) }
    return position
  }
}
