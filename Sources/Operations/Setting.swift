// Settings as rows of a table: how each is named, read and checked. Files and environment variables go through
// the same rows, so neither can say what the other cannot.

package import Kernel

/// What is wrong with a configuration, and where.
package struct ConfigurationFault: Error, Equatable, CustomStringConvertible {
  package let description: String

  package init(_ setting: String, _ message: String) {
    description = "\(setting): \(message)"
  }

  /// A fault of a member of the object `place`.
  init(in place: String, _ fault: ConfigurationFault) {
    description = "\(place).\(fault)"
  }
}

/// A setting's value before it is checked.
package enum SettingValue: Sendable, Equatable {
  case text(String)
  case texts([String])
  case integer(Int)
  case bool(Bool)
  case members([String: String])
  /// A list of objects.
  case objects([[Member]])

  package struct Member: Sendable, Equatable {
    let name: String
    let value: SettingValue
  }
}

/// One setting of a configuration of the type `Target`.
package struct Setting<Target>: Sendable {
  /// As in the file, with dots between objects: `upstream.pollInterval`.
  package let name: String
  let apply: @Sendable (inout Target, SettingValue) throws(ConfigurationFault) -> Void

  package typealias Place<Value> = any WritableKeyPath<Target, Value> & Sendable

  package init(
    _ name: String,
    _ apply: @escaping @Sendable (inout Target, SettingValue) throws(ConfigurationFault) -> Void
  ) {
    self.name = name
    self.apply = apply
  }

  /// An integer in a range.
  package init(_ name: String, _ place: Place<Int>, in range: ClosedRange<Int>) {
    self.init(name) { configuration, value throws(ConfigurationFault) in
      configuration[keyPath: place] = try value.integer(name, in: range)
    }
  }

  /// A size in a range.
  package init(_ name: String, bytes place: Place<Int>, in range: ClosedRange<Int>) {
    self.init(name) { configuration, value throws(ConfigurationFault) in
      configuration[keyPath: place] = try value.size(name, in: range)
    }
  }

  /// A duration; zero is one only where it is allowed.
  package init(_ name: String, nanoseconds place: Place<UInt64>, allowsZero: Bool = false) {
    self.init(name) { configuration, value throws(ConfigurationFault) in
      configuration[keyPath: place] = try value.duration(name, allowsZero: allowsZero)
    }
  }

  package init(_ name: String, _ place: Place<Bool>) {
    self.init(name) { configuration, value throws(ConfigurationFault) in
      configuration[keyPath: place] = try value.bool(name)
    }
  }

  package init(_ name: String, _ place: Place<String>) {
    self.init(name) { configuration, value throws(ConfigurationFault) in
      configuration[keyPath: place] = try value.text(name)
    }
  }

  package init(_ name: String, _ place: Place<String?>) {
    self.init(name) { configuration, value throws(ConfigurationFault) in
      configuration[keyPath: place] = try value.text(name)
    }
  }

  package init(_ name: String, _ place: Place<[String]>) {
    self.init(name) { configuration, value throws(ConfigurationFault) in
      configuration[keyPath: place] = try value.texts(name)
    }
  }

  package init(_ name: String, _ place: Place<Endpoint>) {
    self.init(name) { configuration, value throws(ConfigurationFault) in
      configuration[keyPath: place] = try value.endpoint(name)
    }
  }

  package init(_ name: String, _ place: Place<Endpoint?>) {
    self.init(name) { configuration, value throws(ConfigurationFault) in
      configuration[keyPath: place] = try value.endpoint(name)
    }
  }

  /// One of the names of `Choice`.
  package init<Choice: RawRepresentable<String> & CaseIterable & SendableMetatype>(
    _ name: String, choice place: Place<Choice>
  ) {
    self.init(name) { configuration, value throws(ConfigurationFault) in
      guard let choice: Choice = try value.choice(name, besides: []) else {
        preconditionFailure("without other names one is chosen")
      }
      configuration[keyPath: place] = choice
    }
  }

  /// One of the names of `Choice`, or `none` for nil.
  package init<Choice: RawRepresentable<String> & CaseIterable & SendableMetatype>(
    _ name: String, choice place: Place<Choice?>, none: String
  ) {
    self.init(name) { configuration, value throws(ConfigurationFault) in
      configuration[keyPath: place] = try value.choice(name, besides: [none])
    }
  }

  /// At least one address.
  package init(_ name: String, _ place: Place<[Endpoint]>) {
    self.init(name) { configuration, value throws(ConfigurationFault) in
      var endpoints: [Endpoint] = []
      for text in try value.texts(name) { endpoints.append(try SettingValue.text(text).endpoint(name)) }
      guard !endpoints.isEmpty else { throw ConfigurationFault(name, "name at least one address") }
      configuration[keyPath: place] = endpoints
    }
  }
}

extension SettingValue {
  package func text(_ name: String) throws(ConfigurationFault) -> String {
    guard case .text(let text) = self, !text.isEmpty else {
      throw ConfigurationFault(name, "needs a string")
    }
    return text
  }

  /// nil for one of the `others`.
  func choice<Choice: RawRepresentable<String> & CaseIterable & SendableMetatype>(
    _ name: String, besides others: [String]
  ) throws(ConfigurationFault) -> Choice? {
    let text = try text(name)
    if others.contains(text) { return nil }
    guard let choice = Choice(rawValue: text) else {
      let names = others + Choice.allCases.map(\.rawValue)
      throw ConfigurationFault(
        name, "\"\(text)\" is none of \(names.dropLast().joined(separator: ", ")) and \(names.last!)")
    }
    return choice
  }

  package func texts(_ name: String) throws(ConfigurationFault) -> [String] {
    switch self {
    case .texts(let texts): return texts
    // In an environment variable, the elements are joined by commas.
    case .text(let text): return text.split(separator: ",").map(String.init)
    default: throw ConfigurationFault(name, "needs an array of strings")
    }
  }

  package func integer(
    _ name: String, in range: ClosedRange<Int>
  ) throws(ConfigurationFault) -> Int {
    let integer: Int?
    switch self {
    case .integer(let number): integer = number
    case .text(let text): integer = Int(text)
    default: integer = nil
    }
    guard let integer, range.contains(integer) else {
      throw ConfigurationFault(name, "needs an integer from \(range.lowerBound) to \(range.upperBound)")
    }
    return integer
  }

  package func bool(_ name: String) throws(ConfigurationFault) -> Bool {
    switch self {
    case .bool(let bool): return bool
    case .text("true"): return true
    case .text("false"): return false
    default: throw ConfigurationFault(name, "needs true or false")
    }
  }

  package func endpoint(_ name: String) throws(ConfigurationFault) -> Endpoint {
    let text = try text(name)
    guard let endpoint = Endpoint(text) else {
      throw ConfigurationFault(name, "\"\(text)\" is neither HOST:PORT nor unix:PATH")
    }
    return endpoint
  }

  /// An object of strings; in an environment variable, `name=value` pairs joined by commas.
  package func members(_ name: String) throws(ConfigurationFault) -> [String: String] {
    if case .members(let members) = self { return members }
    var members: [String: String] = [:]
    for text in try texts(name) {
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else { throw ConfigurationFault(name, "needs an object of strings") }
      members[String(parts[0])] = String(parts[1])
    }
    return members
  }

  /// A list of objects, whose members are settings themselves: `rows` applied to a copy of `new` for each.
  package func objects<Element>(
    _ name: String, _ count: ClosedRange<Int>, _ new: Element, _ rows: [Setting<Element>]
  ) throws(ConfigurationFault) -> [Element] {
    var objects: [[Member]] = []
    switch self {
    case .objects(let given): objects = given
    case .texts(let texts) where texts.isEmpty: break
    case .text: throw ConfigurationFault(name, "cannot be given in a variable")
    default: throw ConfigurationFault(name, "needs an array of objects")
    }
    guard count.contains(objects.count) else {
      throw ConfigurationFault(name, "needs \(count.lowerBound) to \(count.upperBound) objects")
    }
    var elements: [Element] = []
    for (index, object) in objects.enumerated() {
      var element = new
      for member in object {
        guard let row = rows.first(where: { $0.name == member.name }) else {
          let known = rows.map(\.name).joined(separator: ", ")
          throw ConfigurationFault(
            "\(name)[\(index)].\(member.name)", "there is no such member: there are \(known)")
        }
        do throws(ConfigurationFault) {
          try row.apply(&element, member.value)
        } catch {
          throw ConfigurationFault(in: "\(name)[\(index)]", error)
        }
      }
      elements.append(element)
    }
    return elements
  }

  /// Nanoseconds of "250ms", "5s", "2m" or "1h".
  package func duration(_ name: String, allowsZero: Bool = false) throws(ConfigurationFault) -> UInt64 {
    let units: [(String, Double)] = [("ms", 1e6), ("us", 1e3), ("s", 1e9), ("m", 60e9), ("h", 3600e9)]
    if case .text(let text) = self {
      for (unit, factor) in units where text.hasSuffix(unit) {
        guard let number = Double(text.dropLast(unit.count)), number > 0 || allowsZero && number == 0,
          number * factor < 1e17
        else { break }
        return UInt64(number * factor)
      }
    }
    throw ConfigurationFault(name, "needs a duration with a unit, such as \"250ms\", \"5s\" or \"2m\"")
  }

  /// Bytes of a number, or of "16KiB" and "64MiB".
  package func size(
    _ name: String, in range: ClosedRange<Int>
  ) throws(ConfigurationFault) -> Int {
    var bytes: Int?
    switch self {
    case .integer(let number): bytes = number
    case .text(let text):
      if text.hasSuffix("KiB") {
        bytes = Int(text.dropLast(3)).map { $0.multipliedReportingOverflow(by: 1024).partialValue }
      } else if text.hasSuffix("MiB") {
        bytes = Int(text.dropLast(3)).map { $0.multipliedReportingOverflow(by: 1_048_576).partialValue }
      } else {
        bytes = Int(text)
      }
    default: break
    }
    guard let bytes, range.contains(bytes) else {
      throw ConfigurationFault(
        name, "needs a size from \(range.lowerBound) to \(range.upperBound) bytes, such as 65536 or \"64KiB\""
      )
    }
    return bytes
  }
}
