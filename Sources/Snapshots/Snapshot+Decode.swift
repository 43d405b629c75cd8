// From JSON to the model. A fault of the document is thrown; a fault of one part leaves that part out.

import Bytes
import Decisions
import JSON

extension Snapshot {
  /// Reads a snapshot's document.
  package init(decoding text: [UInt8]) throws(Finding) {
    let document: Document
    do {
      document = try Document(text)
    } catch {
      throw Finding(
        .refused, "", "not a JSON document: \(String(error.reason.bytes)) at byte \(error.offset)")
    }
    byteCount = text.count
    let head = try Fields(document.root, at: .root, .refused)
    version = try head.integer("version", in: 0...Int.max)
    environment = String(decoding: try head.name("environment"), as: UTF8.self)
    publishedAt = try head.optionalString("publishedAt").map { String(decoding: $0, as: UTF8.self) }
    participationCap = try head.optionalInteger("maxExperimentsPerUser", in: 0...Int(Int32.max))
    flags = Self.parts(try head.optionalArray("flags"), &findings) { (element, place) throws(Finding) in
      try Flag(element, at: place)
    }
    layers = Self.parts(try head.optionalArray("layers"), &findings) { (element, place) throws(Finding) in
      try Layer(element, at: place)
    }
    holdouts = Self.parts(try head.optionalArray("holdouts"), &findings) { (element, place) throws(Finding) in
      try Holdout(element, at: place)
    }
    let elements = try head.array("experiments")
    guard elements.count <= Capacity.experiments else {
      throw Finding(.refused, "experiments", "\(elements.count) are more than \(Capacity.experiments)")
    }
    // Duplicates are looked for in everything that names itself, broken or not: which one is meant?
    try refuseDuplicates(elements, "id")
    try refuseDuplicates(elements, "key")
    for list in ["flags", "layers", "holdouts"] as [StaticString] {
      try refuseDuplicates(head.optionalArray(list), "key")
    }
    var warnings: [Finding] = []
    let known = Referents(flags: flags, layers: layers)
    experiments = Self.parts(elements, &findings) { (element, place) throws(Finding) in
      try Experiment(element, at: place, known, &warnings)
    }
    findings += warnings
    checkRequirements()
  }

  /// What `decode` makes of each element; one that it throws for is left out and noted.
  private static func parts<Part>(
    _ elements: Parts, _ findings: inout [Finding],
    _ decode: (Element, Place) throws(Finding) -> Part
  ) -> [Part] {
    var parts: [Part] = []
    for (element, place) in elements {
      do throws(Finding) {
        parts.append(try decode(element, place))
      } catch {
        findings.append(error)
      }
    }
    return parts
  }

  private func refuseDuplicates(
    _ elements: Parts, _ name: StaticString
  ) throws(Finding) {
    var names = NameIndex()
    var places: [Place] = []
    for (element, place) in elements {
      guard let value = element[name]?.string else { continue }
      if let first = names.add(value) {
        throw Finding(.refused, place.member(name), "\(quoted(value)) is already that of \(places[first])")
      }
      places.append(place)
    }
  }
}

extension Flag {
  init(_ element: Element, at place: Place) throws(Finding) {
    let fields = try Fields(element, at: place, .quarantined)
    key = try fields.name("key")
    let name = try fields.string("type")
    guard let type = name.withBytes({ name in FlagType.allCases.first { name.equals($0.name) } }) else {
      throw fields.fault("type", "\"\(String(decoding: name, as: UTF8.self))\" is no type of a flag")
    }
    self.type = type
    let value = try fields.required("default")
    guard type.admits(value) else {
      throw fields.fault(
        "default", "is \(value.kind.described), but the flag's type is \(String(type.name.bytes))")
    }
    defaultValue = type.canonical(value)
    requires = try Requirement.list(fields)
  }
}

extension FlagType {
  func admits(_ value: Element) -> Bool {
    switch self {
    case .boolean: value.kind == .bool
    case .string: value.kind == .string
    case .integer: value.integer != nil
    case .number: value.kind == .number
    case .object: value.kind == .object
    }
  }

  /// The text of an admitted value, without blanks. What stands in an answer tells the two kinds of numbers apart
  /// in languages that do: an integer never has a fraction or exponent, a number always has.
  func canonical(_ value: Element) -> [UInt8] {
    let text = value.compacted()
    switch self {
    case .integer: return Array(String(value.integer ?? 0).utf8)
    case .number where !text.contains(where: { ".eE".utf8.contains($0) }): return text + Array(".0".utf8)
    case .boolean, .string, .number, .object: return text
    }
  }
}

extension Layer {
  init(_ element: Element, at place: Place) throws(Finding) {
    let fields = try Fields(element, at: place, .quarantined)
    key = try fields.name("key")
    salt = try fields.string("salt")
  }
}

extension Holdout {
  init(_ element: Element, at place: Place) throws(Finding) {
    let fields = try Fields(element, at: place, .quarantined)
    self.place = place
    key = try fields.name("key")
    salt = try fields.string("salt")
    share = try fields.integer("share", in: 0...BucketTable.bucketCount)
    guard fields.optional("experiments") != nil else { return }
    var names: [[UInt8]] = []
    for (element, place) in try fields.optionalArray("experiments") {
      guard let name = element.string else {
        throw Finding(.quarantined, place, "is \(element.kind.described), not an id or key")
      }
      names.append(name)
    }
    experiments = names
  }
}

extension Variant {
  init(_ element: Element, at place: Place, _ flag: Flag?) throws(Finding) {
    let fields = try Fields(element, at: place, .quarantined)
    id = try fields.name("id")
    key = try fields.name("key")
    payload = fields.element["payload"].map { $0.compacted() } ?? Array("null".utf8)
    guard let flag else { return }
    let value = try fields.required("value")
    guard flag.type.admits(value) else {
      throw fields.fault(
        "value", "is \(value.kind.described), but the flag's type is \(String(flag.type.name.bytes))")
    }
    self.value = flag.type.canonical(value)
  }
}

extension Condition {
  init(_ element: Element, at place: Place, _ warnings: inout [Finding]) throws(Finding) {
    let fields = try Fields(element, at: place, .quarantined)
    attribute = try fields.string("attribute")
    guard attribute.count(where: { $0 == UInt8(ascii: ".") }) < Reader.depthMax else {
      throw fields.fault("attribute", "has more than \(Reader.depthMax) parts")
    }
    let name = try fields.string("operator")
    guard let operation = name.withBytes({ Operator.named($0) }) else {
      throw fields.fault("operator", "\(quoted(name)) is no operator")
    }
    self.operation = operation
    guard operation != .exists, operation != .notExists else {
      isList = false
      operands = []
      source = Array("null".utf8)
      return
    }
    let value = try fields.required("value")
    isList = value.kind == .array
    source = value.compacted()
    operands = isList ? value.elements.map { TableBuilder.Operand($0) } : [TableBuilder.Operand(value)]
    try check(value, fields, &warnings)
  }

  /// The open platform's operators hold for nothing when the value has the wrong type; ours are refused.
  private mutating func check(_ value: Element, _ fields: Fields, _ warnings: inout [Finding]) throws(Finding)
  {
    let needed: String?
    switch operation {
    case .in, .notIn: needed = isList ? nil : "an array"
    case .gt, .lt, .gte, .lte: needed = value.kind == .number ? nil : "a number"
    case .contains, .startsWith, .endsWith: needed = value.kind == .string ? nil : "a string"
    case .eq, .neq: needed = nil
    case .semverEq, .semverGt, .semverLt:
      guard let text = value.string, text.withBytes({ SemanticVersion($0) != nil }) else {
        throw fields.fault("value", "is no semantic version such as 1.4.0")
      }
      return
    case .before, .after:
      guard let text = value.string, let moment = text.withBytes({ Timestamp.milliseconds($0) }) else {
        throw fields.fault("value", "is no RFC 3339 time such as 2026-03-02T23:18:46Z")
      }
      operands[0].row.number = moment
      return
    case .exists, .notExists: return
    }
    if let needed {
      warnings.append(
        Finding(
          .warning, fields.place.member("value"),
          "is \(value.kind.described), but \(String(operation.name.bytes)) needs \(needed): the condition never holds"
        ))
    }
  }
}

extension TableBuilder.Operand {
  init(_ value: Element) {
    switch value.kind {
    case .null: self.init(OperandRow(kind: .null))
    case .bool: self.init(OperandRow(kind: value.bool == true ? .true : .false))
    case .number:
      var row = OperandRow(kind: .number)
      row.number = value.number ?? 0
      self.init(row)
    case .string: self.init(OperandRow(kind: .string), text: value.string ?? [])
    case .object, .array: self.init(OperandRow(kind: .composite))
    }
  }
}
