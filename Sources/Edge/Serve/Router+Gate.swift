// The way through the gate, and what those are told who do not pass. Order: origin, method, key, rate. Nothing of it is
// inlined into the path of an edge that has no gate.

import Access
import Bytes
import Dialects
import HTTP
import Publication
import Server
import Trust

extension Router {
  // MARK: - Origins

  /// Answers a preflight; to any other request it adds the lines that let a page read the answer.
  @inline(never)
  mutating func meetOrigin(_ route: Route, _ exchange: inout Exchange) -> Status? {
    guard let origins = gate.origins else { return nil }
    let request = exchange.request
    // Without an origin too: a cache must not hand an answer for one page to another.
    lines.append("Vary: Origin\r\n")
    guard !request.origin.isEmpty else { return nil }
    let allowed = origins.lines(for: exchange.bytes.slice(request.origin))
    if let allowed { lines.append(allowed) } else { note(.originRefused) }
    guard case .options = request.method, !request.requestedMethod.isEmpty else {
      if allowed != nil { lines.append(Origins.exposeLine) }
      return nil
    }
    if allowed != nil {
      lines.append("Access-Control-Allow-Methods: ")
      lines.append(route.methods)
      lines.append("\r\n")
      lines.append(origins.preflightLines)
    }
    ResponseHead.write(
      .noContent, for: request, date: exchange.date, fields: lines.written, into: &exchange.output)
    return .noContent
  }

  // MARK: - Keys and rates

  /// nil if the request may pass; otherwise what was answered instead.
  @inline(never)
  mutating func admit(_ route: Route, _ exchange: inout Exchange) -> Status? {
    grant = .everything
    guard !route.isOpen else { return nil }
    var keyIndex = 0
    if let keys = gate.keys {
      let request = exchange.request
      let credential = Credential.read(
        authorization: exchange.bytes.slice(request.authorization),
        apiKey: exchange.bytes.slice(request.apiKey))
      switch credential {
      case .missing: return turnAway(.missingKey, &exchange)
      case .contradicting: return turnAway(.contradictingKeys, &exchange)
      case .tooLong: return turnAway(.unknownKey, &exchange)
      case .key(let key):
        guard let match = keys.find(Digest.sha256Words(key)) else {
          return turnAway(.unknownKey, &exchange)
        }
        guard match.grant.allowsRoute(route.rawValue) else {
          return turnAway(.routeNotAllowed, &exchange)
        }
        grant = match.grant
        keyIndex = match.index
      }
    }
    return gate.buckets == nil ? nil : limit(keyIndex, &exchange)
  }

  private mutating func limit(_ keyIndex: Int, _ exchange: inout Exchange) -> Status? {
    var client = Client.key(keyIndex)
    if !gate.limitsByKey || !gate.unlimited.isEmpty {
      let peer = self.client(of: &exchange)
      if gate.isUnlimited(peer) { return nil }
      if !gate.limitsByKey {
        switch peer {
        case .local: client = .local
        case .address(let address): client = .address(address)
        }
      }
    }
    switch gate.buckets!.take(client, now: now) {
    case .taken:
      tookToken = true
      return nil
    case .wait(let nanoseconds):
      lines.append("Retry-After: ")
      lines.append(decimal: max(1, Int((nanoseconds + 999_999_999) / 1_000_000_000)))
      lines.append("\r\n")
      return turnAway(.rateLimited, &exchange)
    }
  }

  private mutating func turnAway(_ refusal: GateRefusal, _ exchange: inout Exchange) -> Status {
    note(.refused(refusal))
    let fault = refusal.fault
    if case .unauthorized = fault.status { lines.append("WWW-Authenticate: Bearer\r\n") }
    return refuse(&exchange, fault)
  }

  // MARK: - Environments

  /// What is said of an environment that the key may not see, whether it exists or not.
  mutating func forbidden() -> ClientFault {
    note(.refused(.environmentNotAllowed))
    return GateRefusal.environmentNotAllowed.fault
  }

  // MARK: - Clients

  /// Whom the request is from: the other end of the connection, or whom a trusted proxy there speaks for.
  mutating func client(of exchange: inout Exchange) -> Peer {
    let peer = exchange.peer
    let forwarded = exchange.request.forwardedFor
    guard !forwarded.isEmpty else { return peer }
    if gate.isTrusted(peer),
      let address = ForwardedFor.client(exchange.bytes.slice(forwarded), gate.proxies)
    {
      return .address(address)
    }
    note(.forwardedIgnored)
    return peer
  }

  /// Whether the client speaks TLS, to this edge or to a trusted proxy; mutating, so that the router is not copied.
  mutating func isSecure(_ exchange: inout Exchange) -> Bool {
    if exchange.isSecure { return true }
    let scheme = exchange.bytes.slice(exchange.request.forwardedProto)
    return scheme.equalsIgnoringCase("https") && gate.isTrusted(exchange.peer)
  }
}

extension Grant {
  /// `environment` if the key may see it; without a name, that of the first configured one that it may see. For a
  /// grant that does not allow every environment.
  func pick(_ environment: ByteView, _ catalog: Catalog) -> ByteView? {
    guard environment.isEmpty else { return name(where: { $0.equals(environment) }) }
    for index in 0..<catalog.entries.count {
      let entry = catalog.entries[index]
      if entry.isConfigured, let name = name(where: { entry.isNamed($0) }) { return name }
    }
    return nil
  }

  /// Whether the key may not see an environment; without a name, any of those that are configured.
  func forbids(_ environment: ByteView, _ catalog: Catalog) -> Bool {
    if allowsEveryEnvironment { return false }
    // An empty catalog is that of an edge that has not begun to look.
    if environment.isEmpty, catalog.entries.count == 0 { return false }
    return pick(environment, catalog) == nil
  }
}
