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

  /// Whether a condition has to have it made ready first.
  var isRaw: Bool { kind == .numberText || hasEscapes }
}

/// An object or array of the context that is being read.
struct OpenContainer: BitwiseCopyable {
  /// The node whose attributes lie in it; -1 where none can.
  var node: Int32
  var isArray: Bool
  /// Elements of an array so far.
  var elementCount: UInt32 = 0
}

package enum ContextFault: Equatable, Error, Sendable {
  case notJSON(Fault)
  case notAnObject
}

extension Workspace {
  /// Forgets the attributes of the request before.
  @_noAllocation @_noLocks
  package mutating func clearAttributes(_ tables: Tables) {
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
    open[0] = OpenContainer(node: -1, isArray: false)
    open[1] = OpenContainer(node: tables.attributes.count == 0 ? -1 : 0, isArray: false)
    var member: Int32 = -1
    while true {
      let level = reader.depth
      let isElement = open[level].isArray
      let token = reader.next(bytes)
      switch token {
      case .key(let name):
        member = find(name, in: open[level].node, bytes, tables)
        if member >= 0 { clearDescendants(of: Int(member), tables) }
        continue
      case .endObject: continue
      case .endArray:
        if open[level].node >= 0 { setLength(of: Int(open[level].node), open[level].elementCount, tables) }
        continue
      case .end: return nil
      case .invalid(let fault): return .notJSON(fault)
      default: break
      }
      // A value: its node is that of its member name, or of its index in an array.
      if isElement {
        let container = open[level]
        member = container.node < 0 ? -1 : findIndex(container.elementCount, in: container.node, tables)
        open[level].elementCount += 1
      }
      if member >= 0 { set(Int(member), token, isRootMember: level == 1, bytes, tables) }
      switch token {
      case .beginObject: enter(member, isArray: false, level + 1, tables)
      case .beginArray: enter(member, isArray: true, level + 1, tables)
      default: break
      }
    }
  }

  private mutating func enter(_ node: Int32, isArray: Bool, _ level: Int, _ tables: Tables) {
    let hasChildren = node >= 0 && tables.attributeNodes[Int(node)].childCapacity > 0
    open[level] = OpenContainer(node: hasChildren ? node : -1, isArray: isArray)
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

  private mutating func find(_ name: ByteView, in node: Int32, _ tables: Tables) -> Int32 {
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

  private mutating func set(
    _ node: Int, _ token: Token, isRootMember: Bool, _ bytes: ByteView, _ tables: Tables
  ) {
    let row = tables.attributeNodes[node]
    if isRootMember, row.exactSlot != AttributeNode.noSlot {
      attributes[Int(row.exactSlot)] = Self.value(token, isExact: true)
    }
    if row.pathSlot != AttributeNode.noSlot, !attributes[Int(row.pathSlot)].isExact {
      attributes[Int(row.pathSlot)] = Self.value(token, isExact: false)
    }
  }

  private static func value(_ token: Token, isExact: Bool) -> AttributeValue {
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
  private mutating func setLength(of node: Int, _ count: UInt32, _ tables: Tables) {
    let length = find(("length" as StaticString).bytes, in: Int32(truncatingIfNeeded: node), tables)
    guard length >= 0 else { return }
    let slot = tables.attributeNodes[Int(length)].pathSlot
    guard slot != AttributeNode.noSlot, !attributes[Int(slot)].isExact else { return }
    attributes[Int(slot)] = AttributeValue(kind: .number, number: Double(count))
  }

  /// A member that comes again replaces all that its earlier value set.
  private mutating func clearDescendants(of node: Int, _ tables: Tables) {
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
