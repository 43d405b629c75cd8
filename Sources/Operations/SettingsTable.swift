// Fills a configuration from its file and from environment variables, which win over the file.

import Arguments
import Bytes
import JSON
import Kernel

/// Every setting of a program, and what the variables that override them begin with.
package struct SettingsTable<Target>: Sendable {
  private let prefix: String
  private let rows: [Setting<Target>]

  package init(prefix: String, rows: [Setting<Target>]) {
    self.prefix = prefix
    self.rows = rows
  }

  /// Every setting with the environment variable that overrides it.
  package var names: [(name: String, variable: String)] { rows.map { ($0.name, variable(of: $0)) } }

  /// Applies the file at `path`, then the variables; what was given, by name.
  @discardableResult
  package func read(
    file path: String, environment: [String: String], into target: inout Target
  ) throws(ConfigurationFault) -> [String: SettingValue] {
    let text: [UInt8]
    do throws(SystemFailure) {
      text = try File.read(path, limit: 1 << 20)
    } catch {
      throw ConfigurationFault(path, error.description)
    }
    return try read(text, environment: environment, into: &target)
  }

  /// Applies the text of a configuration file, then the variables; what was given, by name.
  @discardableResult
  package func read(
    _ text: [UInt8], environment: [String: String], into target: inout Target
  ) throws(ConfigurationFault) -> [String: SettingValue] {
    let document: Document
    do {
      document = try Document(text)
    } catch {
      throw ConfigurationFault("configuration", "not JSON: \(error)")
    }
    guard document.root.kind == .object else { throw ConfigurationFault("configuration", "is no object") }
    var given: [String: SettingValue] = [:]
    try read(document.root, path: "", into: &target, &given)
    try override(environment, &target, &given)
    return given
  }

  private func read(
    _ object: Element, path: String, into target: inout Target, _ given: inout [String: SettingValue]
  ) throws(ConfigurationFault) {
    for (key, value) in object.members {
      let name = path + (key.text ?? "")
      let isGroup = rows.contains { $0.name.hasPrefix(name + ".") }
      if value.kind == .object, isGroup {
        try read(value, path: name + ".", into: &target, &given)
      } else {
        let value = try Self.value(name, value)
        try row(name).apply(&target, value)
        given[name] = value
      }
    }
  }

  private func row(_ name: String) throws(ConfigurationFault) -> Setting<Target> {
    if let row = rows.first(where: { $0.name == name }) { return row }
    throw unknown(name, among: rows.map(\.name))
  }

  private func override(
    _ environment: [String: String], _ target: inout Target, _ given: inout [String: SettingValue]
  ) throws(ConfigurationFault) {
    for (variable, text) in environment.sorted(by: { $0.key < $1.key }) where variable.hasPrefix(prefix) {
      guard let row = rows.first(where: { self.variable(of: $0) == variable }) else {
        throw unknown(variable, among: rows.map { self.variable(of: $0) })
      }
      try row.apply(&target, .text(text))
      given[row.name] = .text(text)
    }
  }

  private func unknown(_ name: String, among names: [String]) -> ConfigurationFault {
    let nearest = Nearest.word(to: name, among: names)
    return ConfigurationFault(
      name, "there is no such setting" + (nearest.map { "; did you mean \"\($0)\"?" } ?? ""))
  }

  /// `TURNOUT_EDGE_UPSTREAM_POLL_INTERVAL` of `upstream.pollInterval`.
  private func variable(of row: Setting<Target>) -> String {
    var result = prefix
    for character in row.name {
      if character == "." {
        result += "_"
      } else {
        if character.isUppercase { result += "_" }
        result += character.uppercased()
      }
    }
    return result
  }

  private static func value(_ name: String, _ element: Element) throws(ConfigurationFault) -> SettingValue {
    switch element.kind {
    case .string: return .text(element.text ?? "")
    case .bool: return .bool(element.bool ?? false)
    case .number:
      guard let integer = element.integer else { break }
      return .integer(integer)
    case .array:
      let elements = Array(element.elements)
      let texts = elements.compactMap(\.text)
      if texts.count == elements.count { return .texts(texts) }
      guard elements.allSatisfy({ $0.kind == .object }) else { break }
      return .objects(
        try elements.map { (object) throws(ConfigurationFault) in try members(name, of: object) })
    case .object:
      var members: [String: String] = [:]
      for (key, value) in element.members {
        guard let key = key.text, let text = value.text else {
          throw ConfigurationFault(name, "has a member that is no string")
        }
        members[key] = text
      }
      return .members(members)
    case .null: break
    }
    throw ConfigurationFault(name, "has a value of the wrong type")
  }

  private static func members(
    _ name: String, of object: Element
  ) throws(ConfigurationFault) -> [SettingValue.Member] {
    var members: [SettingValue.Member] = []
    for (key, element) in object.members {
      let key = key.text ?? ""
      members.append(SettingValue.Member(name: key, value: try value("\(name): \(key)", element)))
    }
    return members
  }
}
