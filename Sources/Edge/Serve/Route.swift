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

  /// Whether it takes POST; any other takes GET and HEAD.
  var isPost: Bool {
    switch self {
    case .decideFlags, .decideBatch, .evaluateOne, .evaluateAll: true
    case .decide, .events, .clientSnapshot, .health, .configs, .none: false
    }
  }

  /// The header line that says so.
  var allow: StaticString {
    if self == .none { return "Allow: GET, HEAD, POST, OPTIONS\r\n" }
    return isPost ? "Allow: POST, OPTIONS\r\n" : "Allow: GET, HEAD, OPTIONS\r\n"
  }
}
