// Which settings a running edge takes up when its configuration is read anew, and which wait for the next start.

import Operations

extension Configuration {
  /// Those that it takes up, the files that they name included.
  package static let reloaded: Set = [
    "auth", "auth.keys", "cors.origins", "cors.credentials", "cors.maxAge", "trustedProxies",
    "tls.certificate",
    "tls.key", "tls.clientAuthorities", "upstream.caFile", "upstream.clientCertificate", "upstream.clientKey",
    "exposures.keyFile", "visitors.keyFile", "limits.rate", "limits.burst", "limits.rateBy",
    "limits.rateAllow",
    "limits.rateClients",
  ]

  /// Of these, those that can be changed while the edge runs, but neither added nor taken away.
  private static let kept: Set = ["tls.certificate", "exposures.keyFile"]

  /// The settings of `new` that a running edge goes on without, in order.
  func waiting(of new: Configuration) -> [String] {
    Set(given.keys).union(new.given.keys).filter { name in
      guard given[name] != new.given[name] else { return false }
      let isNewOrGone = given[name] == nil || new.given[name] == nil
      return !Self.reloaded.contains(name) || isNewOrGone && Self.kept.contains(name)
    }.sorted()
  }
}
