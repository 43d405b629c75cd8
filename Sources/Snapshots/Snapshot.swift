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
  /// Bytes of its document: what is made of it is about as large.
  let byteCount: Int
  /// Of everything that was not left out.
  var graph = RequirementGraph([], [])
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
