// Why the gate lets a request not pass, and what else it counts.

import Bytes
import Dialects
import HTTP

package enum GateRefusal: Int, CaseIterable, Sendable {
  case missingKey, unknownKey, contradictingKeys, routeNotAllowed, environmentNotAllowed, rateLimited

  /// What the client is told.
  var fault: ClientFault {
    switch self {
    case .missingKey:
      ClientFault(
        "MISSING_KEY", "A key is needed: send Authorization: Bearer KEY, or X-API-Key: KEY.",
        status: .unauthorized)
    case .unknownKey:
      ClientFault(
        "UNKNOWN_KEY", "The key is not known here: send one whose digest the configuration has.",
        status: .unauthorized)
    case .contradictingKeys:
      ClientFault(
        "CONTRADICTING_KEYS", "Authorization and X-API-Key name different keys: send one of them.",
        status: .unauthorized)
    case .routeNotAllowed:
      ClientFault(
        "ROUTE_NOT_ALLOWED", "The key is not for this route: send one that has it among its routes.",
        status: .forbidden)
    case .environmentNotAllowed:
      ClientFault(
        "ENVIRONMENT_NOT_ALLOWED",
        "The key is not for this environment: send one that has it among its environments.",
        status: .forbidden)
    case .rateLimited:
      ClientFault(
        "RATE_LIMITED", "Too many requests: wait as many seconds as Retry-After says, and send fewer.",
        status: .tooManyRequests)
    }
  }

  /// A stable code for programs and metrics.
  package var code: String { String(fault.code.bytes) }
}

/// What the gate counts of a request once its answer stands.
enum GateEvent {
  case refused(GateRefusal)
  case originRefused
  case forwardedIgnored

  /// Its place among the counters.
  var index: Int {
    switch self {
    case .refused(let refusal): refusal.rawValue
    case .originRefused: GateRefusal.allCases.count
    case .forwardedIgnored: GateRefusal.allCases.count + 1
    }
  }

  static var count: Int { GateRefusal.allCases.count + 2 }
}
