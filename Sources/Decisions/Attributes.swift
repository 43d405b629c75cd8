// Reads a context (a JSON object) and puts the value of every attribute that the tables name into its slot.
// An attribute is the member of exactly that name, or else what its dotted path leads to. One pass over the
// context, whose nesting is on no stack. Of a name that stands twice in one object the last one counts, as in JavaScript.

package import Bytes
package import JSON

/// What a slot holds. Strings and numbers stay where they stand until a condition asks for them.
struct AttributeValue: BitwiseCopyable {
  enum Kind: UInt8 { case missing, null, `false`, `true`, numberText, number, string, composite }

  var kind = Kind.missing
  /// Whether the member of exactly the attribute's name was seen, which a path then cannot replace.
  var isExact = false
  /// Whether a string still has its escapes.
  var hasEscapes = false
  /// Whether `range` lies in the workspace's text instead of the context.
  var isDecoded = false
  var range = ByteRange.empty
  var number: Double = 0
}

package enum ContextFault: Equatable, Error, Sendable {
  case notJSON(Fault)
  case notAnObject
}

extension Workspace {
  /// Forgets the attributes of the request before.
  @_noAllocation @_noLocks
  package func clearAttributes(_ tables: Tables) {
    attributes.fill(AttributeValue(), count: tables.attributes.count)
  }

  /// Reads the context at `range` of `bytes`; nil if all went well.
  @_noAllocation @_noLocks
  package mutating func readAttributes(_ bytes: ByteView, _ tables: Tables) -> ContextFault? {
    var reader = Reader()
    let first = reader.next(bytes)
    if case .invalid(let fault) = first { return .notJSON(fault) }
    guard case .beginObject = first else {
      // Not an object, but is it JSON at all? The client learns the first fault that holds.
      guard reader.skip(bytes, after: first) else { return .notJSON(reader.fault) }
      if case .invalid(let fault) = reader.next(bytes) { return .notJSON(fault) }
      return .notAnObject
    }
    // The node of each open object or array that attributes lie in; -1 where none can.
    var open: [65 of Int32] = .init(repeating: -1)
    var elementCounts: [65 of UInt32] = .init(repeating: 0)
    open[1] = tables.attributes.count == 0 ? -1 : 0
    var member: Int32 = -1
    while true {
      let level = reader.depth
      let isElement = !reader.isInObject
      let token = reader.next(bytes)
      switch token {
      case .key(let name):
        member = find(name, in: open[level], bytes, tables)
        if member >= 0 { clearDescendants(of: Int(member), tables) }
        continue
      case .endObject: continue
      case .endArray:
        if open[level] >= 0 { setLength(of: Int(open[level]), elementCounts[level], tables) }
        continue
      case .end: return nil
      case .invalid(let fault): return .notJSON(fault)
      default: break
      }
      // A value: its node is that of its member name, or of its index in an array.
      if isElement {
        member = open[level] < 0 ? -1 : findIndex(elementCounts[level], in: open[level], tables)
        elementCounts[level] += 1
      }
      if member >= 0 { set(Int(member), token, isRootMember: level == 1, bytes, tables) }
      switch token {
      case .beginObject, .beginArray:
        let hasChildren = member >= 0 && tables.attributeNodes[Int(member)].childCapacity > 0
        open[level + 1] = hasChildren ? member : -1
        elementCounts[level + 1] = 0
      default: break
      }
    }
  }

  // MARK: - Nodes

  /// The child `name` of a node, or -1.
  private mutating func find(_ name: QuotedText, in node: Int32, _ bytes: ByteView, _ tables: Tables) -> Int32
  {
    guard node >= 0 else { return -1 }
    let mark = text.count
    defer { text.rewind(to: mark) }
    return find(name.text(bytes, scratch: &text), in: node, tables)
  }

  private func find(_ name: ByteView, in node: Int32, _ tables: Tables) -> Int32 {
    let nodes = tables.attributeNodes
    let parent = nodes[Int(node)]
    guard parent.childCapacity > 0 else { return -1 }
    let mask = Int(parent.childCapacity) - 1
    var place = Int(Hashing.hash(name)) & mask
    while true {
      let index = Int(parent.firstChild) + place
      let child = nodes[index]
      guard child.name.start != AttributeNode.vacant else { return -1 }
      if tables.text(child.name).equals(name) { return Int32(truncatingIfNeeded: index) }
      place = (place + 1) & mask
    }
  }

  /// The child of an array's node that an element's index names, or -1.
  private mutating func findIndex(_ index: UInt32, in node: Int32, _ tables: Tables) -> Int32 {
    let mark = text.count
    text.append(decimal: Int(index))
    defer { text.rewind(to: mark) }
    return find(text.written.dropping(mark), in: node, tables)
  }

  // MARK: - Slots

  private func set(_ node: Int, _ token: Token, isRootMember: Bool, _ bytes: ByteView, _ tables: Tables) {
    let row = tables.attributeNodes[node]
    if isRootMember, row.exactSlot != AttributeNode.noSlot {
      attributes[Int(row.exactSlot)] = value(token, isExact: true)
    }
    if row.pathSlot != AttributeNode.noSlot, !attributes[Int(row.pathSlot)].isExact {
      attributes[Int(row.pathSlot)] = value(token, isExact: false)
    }
  }

  private func value(_ token: Token, isExact: Bool) -> AttributeValue {
    var value = AttributeValue()
    value.isExact = isExact
    switch token {
    case .null: value.kind = .null
    case .bool(let flag): value.kind = flag ? .true : .false
    case .number(let range):
      value.kind = .numberText
      value.range = range
    case .string(let quoted):
      value.kind = .string
      value.range = quoted.range
      value.hasEscapes = quoted.hasEscapes
    default: value.kind = .composite
    }
    return value
  }

  /// An array's own property `length`, where an attribute's path ends in it.
  private func setLength(of node: Int, _ count: UInt32, _ tables: Tables) {
    let length = find(("length" as StaticString).bytes, in: Int32(truncatingIfNeeded: node), tables)
    guard length >= 0 else { return }
    let slot = tables.attributeNodes[Int(length)].pathSlot
    guard slot != AttributeNode.noSlot, !attributes[Int(slot)].isExact else { return }
    attributes[Int(slot)] = AttributeValue(kind: .number, number: Double(count))
  }

  /// A member that comes again replaces all that its earlier value set.
  private func clearDescendants(of node: Int, _ tables: Tables) {
    let row = tables.attributeNodes[node]
    for place in 0..<Int(row.childCapacity) {
      let index = Int(row.firstChild) + place
      let child = tables.attributeNodes[index]
      guard child.name.start != AttributeNode.vacant else { continue }
      if child.pathSlot != AttributeNode.noSlot, !attributes[Int(child.pathSlot)].isExact {
        attributes[Int(child.pathSlot)] = AttributeValue()
      }
      clearDescendants(of: index, tables)
    }
  }
}
