// What a request of the data port is for: the paths, their methods, their names in the metrics.

import Bytes

enum Route: Int, CaseIterable {
  case decide, decideFlags, decideBatch, evaluateOne, evaluateAll, events, clientSnapshot, health, configs,
    none

  /// The route of a path, and what follows where a route is the beginning of one.
  static func of(_ path: ByteView) -> (route: Route, rest: ByteView) {
    if path.equals("/decide") { return (.decide, .empty) }
    if path.equals("/api/v1/decide") { return (.decideFlags, .empty) }
    let evaluations = ("/ofrep/v1/evaluate/flags" as StaticString).bytes
    if path.starts(with: evaluations) {
      let rest = path.dropping(evaluations.count)
      if rest.isEmpty { return (.evaluateAll, .empty) }
      if rest[0] == UInt8(ascii: "/") { return (.evaluateOne, rest.dropping(1)) }
    }
    if path.equals("/api/v1/decide/batch") { return (.decideBatch, .empty) }
    if path.equals("/ofrep/v1/events") { return (.events, .empty) }
    if path.equals("/api/v1/client-snapshot") { return (.clientSnapshot, .empty) }
    if path.equals("/health") { return (.health, .empty) }
    let configs = ("/configs/" as StaticString).bytes
    if path.starts(with: configs) { return (.configs, path.dropping(configs.count)) }
    return (.none, .empty)
  }

  /// The label of the metrics.
  var name: StaticString {
    switch self {
    case .decide: "/decide"
    case .decideFlags: "/api/v1/decide"
    case .decideBatch: "/api/v1/decide/batch"
    case .evaluateOne: "/ofrep/v1/evaluate/flags/{key}"
    case .evaluateAll: "/ofrep/v1/evaluate/flags"
    case .events: "/ofrep/v1/events"
    case .clientSnapshot: "/api/v1/client-snapshot"
    case .health: "/health"
    case .configs: "/configs"
    case .none: "other"
    }
  }

  /// The word by which a key is allowed to use it; several routes may share one. nil for those that no scope names.
  var scope: StaticString? {
    switch self {
    case .decide, .decideFlags, .decideBatch: "decide"
    case .evaluateOne, .evaluateAll, .events: "ofrep"
    case .clientSnapshot: "client"
    case .configs: "configs"
    case .health, .none: nil
    }
  }

  /// Every scope once, in the order of the routes.
  static var scopes: [String] {
    allCases.compactMap { $0.scope.map { String($0.bytes) } }.reduce(into: []) {
      if !$0.contains($1) { $0.append($1) }
    }
  }

  /// A bit for each route that some of `scopes` name, and for each that none names.
  static func bits(_ scopes: [String]) -> UInt64 {
    allCases.reduce(0) { bits, route in
      let isIn = route.scope.map { scopes.contains(String($0.bytes)) } ?? true
      return isIn ? bits | 1 << UInt64(route.rawValue) : bits
    }
  }

  /// Whether it is for everybody at any rate: liveness must not depend on a key.
  var isOpen: Bool {
    if case .health = self { true } else { false }
  }

  /// Whether it takes POST; any other takes GET and HEAD.
  var isPost: Bool {
    switch self {
    case .decideFlags, .decideBatch, .evaluateOne, .evaluateAll: true
    case .decide, .events, .clientSnapshot, .health, .configs, .none: false
    }
  }

  /// The list that says so.
  var methods: StaticString {
    if self == .none { return "GET, HEAD, POST, OPTIONS" }
    return isPost ? "POST, OPTIONS" : "GET, HEAD, OPTIONS"
  }
}
