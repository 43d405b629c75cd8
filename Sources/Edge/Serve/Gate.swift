// What stands between a request and its route: keys, rates, origins, trusted proxies. Without any of them it is a few
// branches that always go the same way.

import Access
import Bytes
import HTTP
import Kernel
import Publication
import Server

/// A part that the configuration does not ask for is nil.
struct Gate: Sendable {
  let keys: KeyTable?
  let origins: Origins?
  /// Whose word on the client's address is taken.
  let proxies: AddressList
  /// Who is never limited.
  let unlimited: AddressList
  let limitsByKey: Bool
  /// Whether there are origins; whether there are keys or buckets.
  let hasOrigins: Bool
  let isGuarded: Bool
  var buckets: TokenBuckets?

  func isTrusted(_ peer: Peer) -> Bool { Self.contains(proxies, peer) }
  func isUnlimited(_ peer: Peer) -> Bool { Self.contains(unlimited, peer) }

  private static func contains(_ list: AddressList, _ peer: Peer) -> Bool {
    switch peer {
    case .local: list.includesLocal
    case .address(let address): list.contains(address)
    }
  }
}

/// One worker's gate and the memory that its tables stand in. Another thread makes it; the worker holds it for as long
/// as it uses the gate.
final class GateMemory: Sendable {
  private let memory: Memory
  let gate: Gate

  /// The gate of one of `shares` workers, with full buckets.
  init(_ configuration: Configuration, shares: Int, seed: UInt64) throws(SystemFailure) {
    var keys: [KeyTable.Key] = []
    if case .keys(let known) = configuration.auth { keys = known.map(KeyTable.Key.init) }
    let rate = configuration.rate
    var settings = TokenBuckets.Settings()
    settings.rate = max(1, rate.perSecond)
    settings.burst = rate.burst > 0 ? rate.burst : settings.rate
    settings.clients = rate.clientMax
    settings.shares = shares
    let isLimited = rate.perSecond > 0
    let hasOrigins = !configuration.cors.origins.isEmpty

    let memory = try Memory(
      byteCount: 4096 + KeyTable.byteCount(keys) + Origins.byteCount(configuration.cors)
        + AddressList.byteCount(configuration.trustedProxies) + AddressList.byteCount(rate.allowed)
        + (isLimited ? TokenBuckets.byteCount(settings) : 0))
    var carver = Carver(memory.region)
    gate = Gate(
      keys: keys.isEmpty ? nil : KeyTable(keys, &carver),
      origins: hasOrigins ? Origins(configuration.cors, &carver) : nil,
      proxies: AddressList(configuration.trustedProxies, &carver),
      unlimited: AddressList(rate.allowed, &carver),
      limitsByKey: (rate.by ?? (keys.isEmpty ? .address : .key)) == .key,
      hasOrigins: hasOrigins,
      isGuarded: !keys.isEmpty || isLimited,
      buckets: isLimited ? TokenBuckets(settings, seed: seed, &carver) : nil)
    self.memory = memory
  }

  /// Gives every worker a new gate when the configuration is read anew.
  static func reload(_ mailboxes: [Mailbox<GateMemory>], seed: UInt64) -> Reloads.Part {
    { configuration in
      let gates = try mailboxes.map { _ in
        try GateMemory(configuration, shares: mailboxes.count, seed: seed)
      }
      return { for (mailbox, gate) in zip(mailboxes, gates) { mailbox.put(gate) } }
    }
  }
}

extension KeyTable.Key {
  fileprivate init(_ key: Configuration.Key) {
    self.init(
      digest: key.digest, environments: key.environments,
      routes: key.routes.isEmpty ? .max : Route.bits(key.routes))
  }
}
