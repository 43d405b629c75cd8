// How a condition compares an attribute with its value. Comparison is strict: no type is converted, and a
// missing attribute equals nothing.

package import Bytes

package enum Operator: UInt8, BitwiseCopyable, Sendable, CaseIterable {
  case eq, neq, `in`, notIn, contains, gt, lt
  case gte, lte, startsWith, endsWith, exists, notExists
  case semverEq, semverGt, semverLt, before, after

  /// The name in a snapshot.
  package var name: StaticString {
    switch self {
    case .eq: "eq"
    case .neq: "neq"
    case .in: "in"
    case .notIn: "notIn"
    case .contains: "contains"
    case .gt: "gt"
    case .lt: "lt"
    case .gte: "gte"
    case .lte: "lte"
    case .startsWith: "startsWith"
    case .endsWith: "endsWith"
    case .exists: "exists"
    case .notExists: "notExists"
    case .semverEq: "semverEq"
    case .semverGt: "semverGt"
    case .semverLt: "semverLt"
    case .before: "before"
    case .after: "after"
    }
  }

  /// The operator of that name, or nil.
  package static func named(_ name: ByteView) -> Operator? {
    allCases.first { name.equals($0.name) }
  }
}
