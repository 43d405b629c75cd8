// A snapshot as it is written: the model between JSON and tables. Texts are kept as the bytes they mean.

import Bytes
import Decisions

package struct Snapshot: Sendable {
  package var version: Int
  package var environment: String
  package var publishedAt: String?
  package var participationCap: Int?
  var flags: [Flag] = []
  var layers: [Layer] = []
  var holdouts: [Holdout] = []
  var experiments: [Experiment] = []
  /// What was left out or looks wrong, in the order of the document.
  package var findings: [Finding] = []
}

struct Flag {
  var key: [UInt8]
  var type: FlagType
  /// JSON without blanks.
  var defaultValue: [UInt8]
  /// Holds for every experiment that drives the flag.
  var requires: [Requirement] = []
}

struct Layer {
  var key: [UInt8]
  var salt: [UInt8]
}

struct Holdout {
  var key: [UInt8]
  var salt: [UInt8]
  /// Buckets, 0...10000.
  var share: Int
  /// Ids or keys; nil for all.
  var experiments: [[UInt8]]?
  var place: Place
}

enum HashAlgorithm: String { case murmur3, sha256 }

struct Experiment {
  var place: Place
  var id: [UInt8]
  var key: [UInt8]
  var salt: [UInt8]
  var isPaused = false
  /// Whether browsers must not know of it.
  var isPrivate = false
  /// Milliseconds since 1970; infinity if not given, so that what is known to have started ranks first.
  var startedAt = Double.infinity
  /// As it is written, which may be finer than can be written again.
  var startedAtText: [UInt8]?
  var flagKey: [UInt8]?
  var layer: [UInt8]?
  var conflictDomain: [UInt8]?
  var priority = 0
  /// The share of users whose exposures are recorded.
  var exposureRate = 1.0
  /// All of them must be met.
  var requires: [Requirement] = []
  var hash = HashAlgorithm.murmur3
  var audienceRules: [[Condition]] = []
  var targetingRules: [[Condition]] = []
  var overrides: [Override] = []
  var variants: [Variant] = []
  var allocations: [Allocation] = []
}

struct Condition {
  var attribute: [UInt8]
  var operation: Operator
  var isList: Bool
  var operands: [TableBuilder.Operand]
  /// The value as JSON without blanks.
  var source: [UInt8]
}

struct Override {
  var userKey: [UInt8]
  var variant: Int
}

struct Variant {
  var id: [UInt8]
  var key: [UInt8]
  /// JSON without blanks.
  var payload: [UInt8]
  /// JSON without blanks; only where the experiment drives a flag.
  var value: [UInt8]?
}

struct Allocation {
  /// The index of the variant; nil for a variant the experiment does not have.
  var variant: Int?
  /// Both inclusive, 0...9999.
  var range: ClosedRange<Int>
}
