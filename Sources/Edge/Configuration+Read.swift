// A configuration from its file and from environment variables, which win over the file.

import Arguments
import Bytes
import JSON
import Kernel
import Snapshots

extension Configuration {
  /// Reads the file at `path`; relative paths in it are taken from the file's folder.
  package init(file path: String, environment: [String: String]) throws(ConfigurationFault) {
    let text: [UInt8]
    do throws(SystemFailure) {
      text = try File.read(path, limit: 1 << 20)
    } catch {
      throw ConfigurationFault(path, error.description)
    }
    try self.init(text, directory: File.directory(of: path), environment: environment)
  }

  /// Reads the text of a configuration file that stands in `directory`.
  package init(_ text: [UInt8], directory: String, environment: [String: String]) throws(ConfigurationFault) {
    self.init()
    let document: Document
    do {
      document = try Document(text)
    } catch {
      throw ConfigurationFault(
        "configuration", "not JSON: \(error)")
    }
    guard document.root.kind == .object else { throw ConfigurationFault("configuration", "is no object") }
    try read(document.root, prefix: "")
    try override(environment)
    resolvePaths(directory)
    try check()
  }

  private mutating func read(_ object: Element, prefix: String) throws(ConfigurationFault) {
    for (key, value) in object.members {
      let name = prefix + (key.text ?? "")
      let isGroup = Setting.all.contains { $0.name.hasPrefix(name + ".") }
      if value.kind == .object, isGroup {
        try read(value, prefix: name + ".")
      } else {
        try Setting.named(name).apply(&self, Self.value(name, value))
      }
    }
  }

  private static func value(_ name: String, _ element: Element) throws(ConfigurationFault) -> SettingValue {
    switch element.kind {
    case .string: return .text(element.text ?? "")
    case .bool: return .bool(element.bool ?? false)
    case .number:
      guard let integer = element.integer else { break }
      return .integer(integer)
    case .array:
      let texts = element.elements.compactMap(\.text)
      guard texts.count == Array(element.elements).count else { break }
      return .texts(texts)
    case .object, .null: break
    }
    throw ConfigurationFault(name, "has a value of the wrong type")
  }

  private mutating func override(_ environment: [String: String]) throws(ConfigurationFault) {
    for (variable, text) in environment.sorted(by: { $0.key < $1.key }) {
      guard variable.hasPrefix("TURNOUT_EDGE_") else { continue }
      guard let setting = Setting.all.first(where: { $0.variable == variable }) else {
        let nearest = Nearest.word(to: variable, among: Setting.all.map(\.variable))
        throw ConfigurationFault(
          variable, "there is no such setting" + (nearest.map { "; did you mean \"\($0)\"?" } ?? ""))
      }
      try setting.apply(&self, .text(text))
    }
  }

  private mutating func resolvePaths(_ directory: String) {
    func resolve(_ path: String) -> String { File.resolve(path, in: directory) }
    stateDirectory = resolve(stateDirectory)
    upstream.trust = upstream.trust.map(resolve)
    upstream.authorities = upstream.authorities.map(resolve)
    upstream.clientCertificate = upstream.clientCertificate.map(resolve)
    upstream.clientKey = upstream.clientKey.map(resolve)
    if upstream.url.hasPrefix("file:"), !upstream.url.hasPrefix("file://") {
      upstream.url = "file:" + resolve(String(upstream.url.dropFirst(5)))
    }
    listen = listen.map { endpoint in
      if case .unix(let path) = endpoint { return .unix(path: resolve(path)) }
      return endpoint
    }
    if case .unix(let path) = admin { admin = .unix(path: resolve(path)) }
  }

  private func check() throws(ConfigurationFault) {
    for endpoint in listen + [admin] where !endpoint.isUsable {
      throw ConfigurationFault("listen", "the path of \(endpoint) is longer than the kernel takes")
    }
    guard !upstream.url.isEmpty else { throw ConfigurationFault("upstream.url", "is missing") }
    guard UpstreamAddress(upstream.url) != nil else {
      throw ConfigurationFault(
        "upstream.url", "\"\(upstream.url)\" is no address: write http://HOST/, https://HOST/ or file:FOLDER")
    }
    guard !upstream.environments.isEmpty else {
      throw ConfigurationFault("upstream.environments", "name at least one environment")
    }
    for name in upstream.environments where !Layout.isEnvironment(name) {
      throw ConfigurationFault("upstream.environments", "\"\(name)\" is no name of an environment")
    }
    guard Set(upstream.environments).count == upstream.environments.count else {
      throw ConfigurationFault("upstream.environments", "an environment stands there twice")
    }
    guard upstream.environments.count <= upstream.environmentMax else {
      throw ConfigurationFault("upstream.environments", "are more than upstream.maxEnvironments")
    }
    guard upstream.trust != nil || upstream.allowUnsigned else {
      throw ConfigurationFault(
        "upstream.trust", "is missing: name the key file, or set upstream.allowUnsigned to go without")
    }
    guard upstream.clientKey == nil || upstream.clientCertificate != nil else {
      throw ConfigurationFault("upstream.clientKey", "needs upstream.clientCertificate beside it")
    }
  }
}
