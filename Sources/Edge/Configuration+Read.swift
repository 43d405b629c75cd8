// A configuration from its file and from environment variables, which win over the file.

import Exposures
import HTTP
import Kernel
package import Operations
import Snapshots

extension Configuration {
  /// Reads the file at `path`; relative paths in it are taken from the file's folder.
  package init(file path: String, environment: [String: String]) throws(ConfigurationFault) {
    self.init()
    given = try Self.settings.read(file: path, environment: environment, into: &self)
    resolvePaths(File.directory(of: path))
    try check()
  }

  /// Reads the text of a configuration file that stands in `directory`.
  package init(_ text: [UInt8], directory: String, environment: [String: String]) throws(ConfigurationFault) {
    self.init()
    given = try Self.settings.read(text, environment: environment, into: &self)
    resolvePaths(directory)
    try check()
  }

  private mutating func resolvePaths(_ directory: String) {
    func resolve(_ path: String) -> String { File.resolve(path, in: directory) }
    self.directory = directory
    stateDirectory = resolve(stateDirectory)
    handover = handover.map(resolve)
    tls.certificate = tls.certificate.map(resolve)
    tls.key = tls.key.map(resolve)
    tls.clientAuthorities = tls.clientAuthorities.map(resolve)
    upstream.trust = upstream.trust.map(resolve)
    exposures.key = exposures.key.map(resolve)
    visitors.key = visitors.key.map(resolve)
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
    if let handover, !Endpoint.unix(path: handover).isUsable {
      throw ConfigurationFault("handover", "\(handover) is longer than the kernel takes")
    }
    guard drainDelay <= Self.drainDelayMax else {
      throw ConfigurationFault("drainDelay", "is longer than 10s")
    }
    if tls.certificate == nil {
      for (name, value) in [("key", tls.key), ("clientAuthorities", tls.clientAuthorities)] where value != nil
      {
        throw ConfigurationFault("tls.\(name)", "needs tls.certificate beside it")
      }
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
    try checkExposures()
    try checkVisitors()
    try checkAccess()
    guard upstream.clientKey == nil || upstream.clientCertificate != nil else {
      throw ConfigurationFault("upstream.clientKey", "needs upstream.clientCertificate beside it")
    }
  }

  private static var drainDelayMax: UInt64 { 10_000_000_000 }

  private func checkVisitors() throws(ConfigurationFault) {
    guard visitors.domain.isEmpty || SetCookie.isDomain(Array(visitors.domain.utf8)) else {
      throw ConfigurationFault(
        "visitors.domain", "\"\(visitors.domain)\" is no domain: write one such as example.com")
    }
    guard visitors.sticky == nil || visitors.key != nil else {
      throw ConfigurationFault(
        "visitors.keyFile", "is missing: visitors.sticky needs a key, the same for every edge")
    }
  }

  private func checkExposures() throws(ConfigurationFault) {
    if case .unix = exposures.collector {
      throw ConfigurationFault("exposures.collector", "datagrams go over UDP: write HOST:PORT")
    }
    guard exposures.edge.utf8.count <= DatagramFormat.edgeMax else {
      throw ConfigurationFault("exposures.edge", "has more than \(DatagramFormat.edgeMax) bytes")
    }
  }
}
