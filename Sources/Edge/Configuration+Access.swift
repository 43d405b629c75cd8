// What a configuration says of access: keys, rates, origins, trusted proxies; and the rule that nobody opens a port to
// the world by leaving something out.

import Access
import Bytes
import Kernel
import Operations
import Snapshots

extension Configuration {
  /// Who may ask the data port.
  package enum Auth: Sendable {
    /// Nothing was said: then only this machine can be listened to.
    case unset
    /// Whoever can connect.
    case none
    case keys([Key])
  }

  package struct Key: Sendable {
    package var name = ""
    /// SHA-256 of the key.
    package var digest: [UInt8] = []
    /// Empty for all.
    package var environments: [String] = []
    /// Scopes of routes; empty for all.
    package var routes: [String] = []

    static let rows: [Setting<Key>] = [
      Setting("name", \.name),
      Setting("sha256") { key, value throws(ConfigurationFault) in
        let digits = try value.text("sha256").utf8.compactMap(Hex.value)
        guard digits.count == 64, case .text(let text) = value, text.utf8.count == 64 else {
          throw ConfigurationFault("sha256", "needs the 64 hexadecimal digits of the key's SHA-256")
        }
        key.digest = stride(from: 0, to: 64, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
      },
      Setting("environments") { key, value throws(ConfigurationFault) in
        key.environments = try value.texts("environments")
        guard (1...environmentMax).contains(key.environments.count),
          key.environments.allSatisfy(Layout.isEnvironment)
        else {
          throw ConfigurationFault(
            "environments", "needs 1 to \(environmentMax) names of environments; leave it out for all")
        }
      },
      Setting("routes") { key, value throws(ConfigurationFault) in
        key.routes = try value.texts("routes")
        let known = Route.scopes
        guard !key.routes.isEmpty, key.routes.allSatisfy(known.contains) else {
          throw ConfigurationFault(
            "routes", "needs some of \(known.joined(separator: ", ")); leave it out for all")
        }
      },
    ]

    /// Environments of one key.
    private static var environmentMax: Int { 64 }
  }

  /// How often one client may ask.
  package struct Rate: Sendable {
    /// Requests a second; 0 for as many as it likes.
    package var perSecond = 0
    /// Requests at once; 0 for as many as a second allows.
    package var burst = 0
    /// nil for the key if there are keys, and the address if there are none.
    package var by: Client?
    /// Who is never limited.
    package var allowed: [String] = []
    package var clientMax = 65_536

    /// What tells clients apart.
    package enum Client: String, Sendable, CaseIterable { case key, address }
  }

  static var accessRows: [Setting<Configuration>] {
    [
      Setting("auth") { configuration, value throws(ConfigurationFault) in
        guard case .text("none") = value else {
          throw ConfigurationFault("auth", "needs an object with keys, or the word \"none\"")
        }
        configuration.auth = .none
      },
      Setting("auth.keys") { configuration, value throws(ConfigurationFault) in
        configuration.auth = .keys(try value.objects("auth.keys", 1...KeyTable.keyMax, Key(), Key.rows))
      },
      Setting("adminAuth") { configuration, value throws(ConfigurationFault) in
        guard case .text("none") = value else {
          throw ConfigurationFault("adminAuth", "needs the word \"none\": the admin port has no keys")
        }
        configuration.isAdminOpen = true
      },
      Setting("trustedProxies", \.trustedProxies),
      Setting("cors.origins", \.cors.origins),
      Setting("cors.credentials", \.cors.credentials),
      Setting("cors.maxAge", nanoseconds: \.cors.maxAge),
      Setting("limits.rate", \.rate.perSecond, in: 0...1_000_000),
      Setting("limits.burst", \.rate.burst, in: 1...1_000_000),
      Setting("limits.rateBy") { configuration, value throws(ConfigurationFault) in
        guard let by = Rate.Client(rawValue: try value.text("limits.rateBy")) else {
          throw ConfigurationFault("limits.rateBy", "needs \"key\" or \"address\"")
        }
        configuration.rate.by = by
      },
      Setting("limits.rateAllow", \.rate.allowed),
      Setting("limits.rateClients", \.rate.clientMax, in: 1...10_000_000),
    ]
  }

  func checkAccess() throws(ConfigurationFault) {
    try checkKeys()
    try checkReach()
    try checkAddresses("trustedProxies", trustedProxies)
    try checkAddresses("limits.rateAllow", rate.allowed)
    try checkOrigins()
  }

  private func checkKeys() throws(ConfigurationFault) {
    guard case .keys(let keys) = auth else {
      guard rate.by != .key else {
        throw ConfigurationFault("limits.rateBy", "\"key\" needs keys under auth")
      }
      return
    }
    for (index, key) in keys.enumerated() {
      guard !key.name.isEmpty else { throw ConfigurationFault("auth.keys[\(index)].name", "is missing") }
      guard !key.digest.isEmpty else { throw ConfigurationFault("auth.keys[\(index)].sha256", "is missing") }
    }
    guard Set(keys.map(\.name)).count == keys.count else {
      throw ConfigurationFault("auth.keys", "two keys have the same name")
    }
    guard Set(keys.map(\.digest)).count == keys.count else {
      throw ConfigurationFault("auth.keys", "two keys have the same sha256")
    }
  }

  /// Without a word on who may ask, nobody but this machine can.
  private func checkReach() throws(ConfigurationFault) {
    if case .none = auth { return }
    if case .unset = auth {
      for endpoint in listen where !isLoopback(endpoint) {
        throw ConfigurationFault(
          "listen",
          "other machines can reach \(endpoint): add keys under auth, or write \"auth\": \"none\" to let anybody ask"
        )
      }
    }
    guard isAdminOpen || isLoopback(admin) else {
      throw ConfigurationFault(
        "admin",
        "other machines can reach \(admin), which has no keys: write \"adminAuth\": \"none\" to let anybody ask"
      )
    }
  }

  /// Whether only this machine reaches it; a name that cannot be resolved says nothing of the sort.
  private func isLoopback(_ endpoint: Endpoint) -> Bool {
    (try? Address(of: endpoint))?.isLoopback == true
  }

  private func checkAddresses(_ name: String, _ entries: [String]) throws(ConfigurationFault) {
    guard entries.count <= AddressList.entryMax else {
      throw ConfigurationFault(name, "has more than \(AddressList.entryMax) entries")
    }
    for entry in entries where !AddressList.isEntry(entry) {
      throw ConfigurationFault(
        name, "\"\(entry)\" is no address, no block such as 10.0.0.0/8, and not \"\(AddressList.localName)\"")
    }
  }

  private func checkOrigins() throws(ConfigurationFault) {
    guard cors.origins.count <= Origins.originMax else {
      throw ConfigurationFault("cors.origins", "has more than \(Origins.originMax) origins")
    }
    if cors.origins == ["*"] {
      guard !cors.credentials else {
        throw ConfigurationFault("cors.credentials", "cannot be true for every origin: list the origins")
      }
      return
    }
    for origin in cors.origins where !Origins.isOrigin(origin) {
      throw ConfigurationFault(
        "cors.origins",
        "\"\(origin)\" is none: write https://HOST or https://HOST:PORT in lower case, or \"*\" alone")
    }
  }
}
