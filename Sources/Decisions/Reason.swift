// Why a user got what they got, in the order of evaluation (docs/decisions/0005-order-of-evaluation.md).

/// The outcome of one experiment for one user.
package enum Reason: UInt8, BitwiseCopyable, Sendable, CaseIterable {
  case paused
  case override
  case holdout
  case targetingNotMatched
  case notInAudience
  case prerequisite
  case conflict
  case participationLimit
  case assigned

  /// How many there are; a constant, for code that may not allocate an array of them.
  package static var count: Int { @_noAllocation @_noLocks get { Int(Reason.assigned.rawValue) + 1 } }

  /// The name on the wire.
  package var name: StaticString {
    @_noAllocation @_noLocks
    get {
      switch self {
      case .paused: "EXPERIMENT_PAUSED"
      case .override: "OVERRIDE"
      case .holdout: "HOLDOUT"
      case .targetingNotMatched: "TARGETING_NOT_MATCHED"
      case .notInAudience: "NOT_IN_AUDIENCE"
      case .prerequisite: "PREREQUISITE_NOT_MET"
      case .conflict: "EXPERIMENT_CONFLICT"
      case .participationLimit: "PARTICIPATION_LIMIT_EXCEEDED"
      case .assigned: "EXPERIMENT_ASSIGNED"
      }
    }
  }

  /// Whether the user was forced into the variant.
  package var isOverride: Bool { @_noAllocation @_noLocks get { self == .override } }

  /// Whether the user has a variant.
  package var isAssignment: Bool { self == .assigned || self == .override }
}
