// The table of all settings: how each is named, read and checked. Files and environment variables go through
// the same rows, so neither can say what the other cannot.

import Arguments
import HTTP
import Kernel
import Server

/// What is wrong with a configuration, and where.
package struct ConfigurationFault: Error, Equatable, CustomStringConvertible {
  package let description: String

  init(_ setting: String, _ message: String) {
    description = "\(setting): \(message)"
  }
}

/// A setting's value before it is checked.
enum SettingValue {
  case text(String)
  case texts([String])
  case integer(Int)
  case bool(Bool)
}

struct Setting: Sendable {
  /// As in the file, with dots between objects: `upstream.pollInterval`.
  let name: String
  let apply: @Sendable (inout Configuration, SettingValue) throws(ConfigurationFault) -> Void

  /// The environment variable that overrides it: `TURNOUT_EDGE_UPSTREAM_POLL_INTERVAL`.
  var variable: String {
    var result = "TURNOUT_EDGE_"
    for character in name {
      if character == "." {
        result += "_"
      } else {
        if character.isUppercase { result += "_" }
        result += character.uppercased()
      }
    }
    return result
  }

  static let all: [Setting] = [
    Setting("listen") { configuration, value throws(ConfigurationFault) in
      configuration.listen = []
      for text in try texts("listen", value) { configuration.listen.append(try endpoint("listen", text)) }
      guard !configuration.listen.isEmpty else {
        throw ConfigurationFault("listen", "name at least one address")
      }
    },
    Setting("admin") { configuration, value throws(ConfigurationFault) in
      configuration.admin = try endpoint("admin", try text("admin", value))
    },
    Setting("workers", \.workers, in: 0...1024),
    Setting("pinWorkers", \.pinWorkers),
    Setting("stateDirectory") { configuration, value throws(ConfigurationFault) in
      configuration.stateDirectory = try text("stateDirectory", value)
    },
    Setting("drainTimeout", nanoseconds: \.drainTime),
    Setting("upstream.url") { configuration, value throws(ConfigurationFault) in
      configuration.upstream.url = try text("upstream.url", value)
    },
    Setting("upstream.environments") { configuration, value throws(ConfigurationFault) in
      configuration.upstream.environments = try texts("upstream.environments", value)
    },
    Setting("upstream.pollInterval", nanoseconds: \.upstream.pollInterval),
    Setting("upstream.timeout", nanoseconds: \.upstream.timeout),
    Setting("upstream.trust", \.upstream.trust),
    Setting("upstream.allowUnsigned", \.upstream.allowUnsigned),
    Setting("upstream.onExpiry") { configuration, value throws(ConfigurationFault) in
      let name = try text("upstream.onExpiry", value)
      guard let policy = Configuration.ExpiryPolicy(rawValue: name) else {
        throw ConfigurationFault("upstream.onExpiry", "\"\(name)\" is none of serve, serveAlways and refuse")
      }
      configuration.upstream.onExpiry = policy
    },
    Setting("upstream.caFile", \.upstream.authorities),
    Setting("upstream.clientCertificate", \.upstream.clientCertificate),
    Setting("upstream.clientKey", \.upstream.clientKey),
    Setting("upstream.snapshotSize", bytes: \.upstream.snapshotMax, in: 1024...(1 << 28)),
    Setting("upstream.maxEnvironments", \.upstream.environmentMax, in: 1...64),
    Setting("exposures.collector") { configuration, value throws(ConfigurationFault) in
      configuration.collector = try endpoint("exposures.collector", try text("exposures.collector", value))
    },
    Setting("limits.connections", \.limits.connections, in: 1...1_000_000),
    Setting("limits.requestLine", bytes: \.limits.parser.lineMax, in: 256...65_536),
    Setting("limits.headers", bytes: \.limits.parser.fieldsMax, in: 256...65_536),
    Setting("limits.headerCount", \.limits.parser.fieldCountMax, in: 1...1000),
    Setting("limits.body", bytes: \.limits.parser.bodyMax, in: 256...131_072),
    Setting("limits.answer", bytes: \.limits.largeAnswer, in: 65_536...(1 << 26)),
    Setting("limits.headerTimeout", nanoseconds: \.limits.headTime),
    Setting("limits.bodyTimeout", nanoseconds: \.limits.bodyTime),
    Setting("limits.idleTimeout", nanoseconds: \.limits.idleTime),
    Setting("limits.writeTimeout", nanoseconds: \.limits.writeTime),
  ]

  private typealias Place<Value> = any WritableKeyPath<Configuration, Value> & Sendable

  private init(
    _ name: String,
    _ apply: @escaping @Sendable (inout Configuration, SettingValue) throws(ConfigurationFault) -> Void
  ) {
    self.name = name
    self.apply = apply
  }

  /// An integer in a range.
  private init(_ name: String, _ place: Place<Int>, in range: ClosedRange<Int>) {
    self.init(name) { configuration, value throws(ConfigurationFault) in
      configuration[keyPath: place] = try Self.integer(name, value, in: range)
    }
  }

  /// A size in a range.
  private init(_ name: String, bytes place: Place<Int>, in range: ClosedRange<Int>) {
    self.init(name) { configuration, value throws(ConfigurationFault) in
      configuration[keyPath: place] = try Self.size(name, value, in: range)
    }
  }

  private init(_ name: String, nanoseconds place: Place<UInt64>) {
    self.init(name) { configuration, value throws(ConfigurationFault) in
      configuration[keyPath: place] = try Self.duration(name, value)
    }
  }

  private init(_ name: String, _ place: Place<Bool>) {
    self.init(name) { configuration, value throws(ConfigurationFault) in
      configuration[keyPath: place] = try Self.bool(name, value)
    }
  }

  private init(_ name: String, _ place: Place<String?>) {
    self.init(name) { configuration, value throws(ConfigurationFault) in
      configuration[keyPath: place] = try Self.text(name, value)
    }
  }

  /// The setting of that name; the fault of an unknown one names the nearest.
  static func named(_ name: String) throws(ConfigurationFault) -> Setting {
    if let setting = all.first(where: { $0.name == name }) { return setting }
    let nearest = Nearest.word(to: name, among: all.map(\.name)).map { "; did you mean \"\($0)\"?" } ?? ""
    throw ConfigurationFault(name, "there is no such setting" + nearest)
  }

  // MARK: - Kinds of values

  private static func text(_ name: String, _ value: SettingValue) throws(ConfigurationFault) -> String {
    guard case .text(let text) = value, !text.isEmpty else {
      throw ConfigurationFault(name, "needs a string")
    }
    return text
  }

  private static func texts(_ name: String, _ value: SettingValue) throws(ConfigurationFault) -> [String] {
    switch value {
    case .texts(let texts): return texts
    // In an environment variable, the elements are joined by commas.
    case .text(let text): return text.split(separator: ",").map(String.init)
    default: throw ConfigurationFault(name, "needs an array of strings")
    }
  }

  private static func integer(
    _ name: String, _ value: SettingValue, in range: ClosedRange<Int>
  ) throws(ConfigurationFault) -> Int {
    let integer: Int?
    switch value {
    case .integer(let number): integer = number
    case .text(let text): integer = Int(text)
    default: integer = nil
    }
    guard let integer, range.contains(integer) else {
      throw ConfigurationFault(name, "needs an integer from \(range.lowerBound) to \(range.upperBound)")
    }
    return integer
  }

  private static func bool(_ name: String, _ value: SettingValue) throws(ConfigurationFault) -> Bool {
    switch value {
    case .bool(let bool): return bool
    case .text("true"): return true
    case .text("false"): return false
    default: throw ConfigurationFault(name, "needs true or false")
    }
  }

  private static func endpoint(_ name: String, _ text: String) throws(ConfigurationFault) -> Endpoint {
    guard let endpoint = Endpoint(text) else {
      throw ConfigurationFault(name, "\"\(text)\" is neither HOST:PORT nor unix:PATH")
    }
    return endpoint
  }

  /// Nanoseconds of "250ms", "5s", "2m" or "1h".
  private static func duration(_ name: String, _ value: SettingValue) throws(ConfigurationFault) -> UInt64 {
    let units: [(String, Double)] = [("ms", 1e6), ("us", 1e3), ("s", 1e9), ("m", 60e9), ("h", 3600e9)]
    if case .text(let text) = value {
      for (unit, factor) in units where text.hasSuffix(unit) {
        guard let number = Double(text.dropLast(unit.count)), number > 0, number * factor < 1e17 else {
          break
        }
        return UInt64(number * factor)
      }
    }
    throw ConfigurationFault(name, "needs a duration with a unit, such as \"250ms\", \"5s\" or \"2m\"")
  }

  /// Bytes of a number, or of "16KiB" and "64MiB".
  private static func size(
    _ name: String, _ value: SettingValue, in range: ClosedRange<Int>
  ) throws(ConfigurationFault) -> Int {
    var bytes: Int?
    switch value {
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

extension Configuration {
  /// Every setting with the environment variable that overrides it.
  package static var settingNames: [(name: String, variable: String)] {
    Setting.all.map { ($0.name, $0.variable) }
  }
}
