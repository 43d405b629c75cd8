// Reading members of a known type out of an object, with the place for the message when it is another.

import Bytes
import JSON

/// An object of a document and where it stands.
struct Fields {
  let element: Element
  let place: Place
  /// What a fault among these members costs.
  let severity: Severity

  init(_ element: Element, at place: Place, _ severity: Severity) throws(Finding) {
    guard element.kind == .object else {
      throw Finding(severity, place, "is \(element.kind.described), not an object")
    }
    self.element = element
    self.place = place
    self.severity = severity
  }

  func fault(_ name: StaticString, _ message: String) -> Finding {
    Finding(severity, place.member(name), message)
  }

  /// The member, with null read as absent.
  func optional(_ name: StaticString) -> Element? {
    guard let value = element[name], !value.isNull else { return nil }
    return value
  }

  func required(_ name: StaticString) throws(Finding) -> Element {
    guard let value = element[name] else { throw fault(name, "is missing") }
    return value
  }

  func string(_ name: StaticString) throws(Finding) -> [UInt8] {
    try string(required(name), name)
  }

  func optionalString(_ name: StaticString) throws(Finding) -> [UInt8]? {
    guard let value = optional(name) else { return nil }
    return try string(value, name)
  }

  /// Bytes of a name; answers repeat names, so their length is bounded.
  static let nameMax = 512

  /// A string of 1 to ``nameMax`` bytes.
  func name(_ name: StaticString) throws(Finding) -> [UInt8] {
    let text = try string(name)
    guard !text.isEmpty else { throw fault(name, "is empty") }
    guard text.count <= Self.nameMax else { throw fault(name, "is longer than \(Self.nameMax) bytes") }
    return text
  }

  private func string(_ value: Element, _ name: StaticString) throws(Finding) -> [UInt8] {
    guard let text = value.string else { throw fault(name, "is \(value.kind.described), not a string") }
    return text
  }

  func integer(_ name: StaticString, in range: ClosedRange<Int>) throws(Finding) -> Int {
    try integer(required(name), name, in: range)
  }

  func optionalInteger(_ name: StaticString, in range: ClosedRange<Int>) throws(Finding) -> Int? {
    guard let value = optional(name) else { return nil }
    return try integer(value, name, in: range)
  }

  private func integer(_ value: Element, _ name: StaticString, in range: ClosedRange<Int>) throws(Finding)
    -> Int
  {
    guard let integer = value.integer else {
      throw fault(
        name,
        "is \(value.kind == .number ? String(decoding: value.source, as: UTF8.self) : value.kind.described), not an integer"
      )
    }
    guard integer >= range.lowerBound else { throw fault(name, "\(integer) is below \(range.lowerBound)") }
    guard integer <= range.upperBound else { throw fault(name, "\(integer) is above \(range.upperBound)") }
    return integer
  }

  /// The elements of an array with their places.
  func array(_ name: StaticString) throws(Finding) -> Parts {
    _ = try required(name)
    return try optionalArray(name)
  }

  /// The elements of an array with their places; none if it is absent. Null is no array: a rule list that
  /// was lost on the way must not read as "everyone".
  func optionalArray(_ name: StaticString) throws(Finding) -> Parts {
    guard let value = element[name] else { return Parts(name, of: place) }
    guard value.kind == .array else { throw fault(name, "is \(value.kind.described), not an array") }
    return Parts(name, of: place, value)
  }

  func optionalBool(_ name: StaticString) throws(Finding) -> Bool? {
    guard let value = optional(name) else { return nil }
    guard let bool = value.bool else { throw fault(name, "is \(value.kind.described), not true or false") }
    return bool
  }
}

/// The elements of an array with their places.
struct Parts: Sequence, IteratorProtocol {
  private let name: StaticString
  private let place: Place
  private var elements: Elements?
  private var index = 0
  let count: Int

  /// Those of `list`, the member `name` of what stands at `place`; none without a list.
  init(_ name: StaticString, of place: Place, _ list: JSON.Element? = nil) {
    self.name = name
    self.place = place
    elements = list?.elements
    count = elements?.count ?? 0
  }

  var isEmpty: Bool { count == 0 }

  mutating func next() -> (element: JSON.Element, place: Place)? {
    guard let element = elements?.next() else { return nil }
    defer { index += 1 }
    return (element, place.element(name, index))
  }
}

extension Document.Kind {
  /// With its article, for a sentence.
  var described: String {
    switch self {
    case .object: "an object"
    case .array: "an array"
    case .string: "a string"
    case .number: "a number"
    case .bool: "a boolean"
    case .null: "null"
    }
  }
}
