// The layout of compiled tables: one contiguous, position-independent region that starts with a header and
// holds sections of fixed-size rows. Start reading here: every other file of the decide path works on these.
// Nothing in it is a pointer, so a region is published as one word and freed as one mapping.

package import Bytes

/// Where the rows of one kind stand, in bytes from the start of the region.
package struct Section: BitwiseCopyable, Sendable {
  package var start: UInt32 = 0
  package var byteCount: UInt32 = 0
}

package struct TablesHeader: BitwiseCopyable, Sendable {
  package static var magicNumber: UInt32 { 0x5455_524E }

  package var magic = TablesHeader.magicNumber
  package var byteCount: UInt32 = 0
  /// The snapshot's version.
  package var version: Int64 = 0
  /// The most experiments one user may be in; negative for no limit.
  package var participationCap: Int64 = -1

  package var text = Section()
  package var experiments = Section()
  package var experimentNames = Section()
  package var variants = Section()
  package var assignments = Section()
  package var allocations = Section()
  package var bucketTables = Section()
  package var salts = Section()
  package var saltGroups = Section()
  package var saltWords = Section()
  package var holdouts = Section()
  package var holdoutLists = Section()
  package var ruleLists = Section()
  package var ruleSteps = Section()
  package var conditions = Section()
  package var operands = Section()
  package var attributes = Section()
  package var attributeNodes = Section()
  package var overrideUsers = Section()
  package var overrides = Section()
  package var domains = Section()
  package var domainMembers = Section()
  package var ranking = Section()
  package var prerequisites = Section()
  package var requirements = Section()
  package var requiredVariants = Section()
  package var flags = Section()
  package var flagIndex = Section()
  package var flagDrivers = Section()
  package var evaluations = Section()
  package var evaluationIndex = Section()
  package var sampling = Section()
  package var experimentIndex = Section()
  package var layerMembers = Section()

  /// `,"environment":"prod","config_version":7,"assignments":[`
  package var decideMiddle = ByteRange.empty
  package var environment = ByteRange.empty
  /// What follows the last of all evaluations.
  package var evaluationsEnd = ByteRange.empty
  /// Tells the tables of one environment and version from all others, for "seen before".
  package var fingerprint: UInt64 = 0

  package init() {}
}

/// What the loop over all experiments reads: 32 bytes, two to a cache line.
package struct ExperimentRow: BitwiseCopyable, Sendable {
  package var salt: UInt32 = 0
  package var bucketTable: UInt32 = 0
  /// Indices of rule lists; 0 is the empty list, which matches everyone.
  package var audience: UInt32 = 0
  package var targeting: UInt32 = 0
  package var firstHoldout: UInt32 = 0
  package var holdoutCount: UInt32 = 0
  package var firstVariant: UInt32 = 0
  package var variantCount: UInt8 = 0
  package var isPaused = false
  package var dependence = Dependence.rules
  /// Whether it is in a conflict domain, so that others may take the user from it.
  package var hasRivals = false

  package init() {}
}

/// What an experiment's outcome depends on, beside its rules.
package enum Dependence: UInt8, BitwiseCopyable, Sendable {
  /// Nothing: whoever the rules match gets the one variant there is, or none.
  case rules
  /// The user's other experiments, but not the user's buckets.
  case others
  /// The user's buckets.
  case buckets
}

/// What the loop over all experiments does not need of one.
package struct ExperimentNames: BitwiseCopyable, Sendable {
  package var id = ByteRange.empty
  package var key = ByteRange.empty
  package var layer = ByteRange.empty
  package var domain = ByteRange.empty
  package var flag = ByteRange.empty
  package var priority: Int64 = 0
  package var firstAllocation: UInt32 = 0
  package var allocationCount: UInt32 = 0
  /// Its place in the ranking.
  package var rank: UInt32 = 0
  /// The experiments of its layer, itself among them; none without a layer.
  package var layerMembers = Run(first: 0, count: 0)

  package init() {}
}

/// Whose exposures of an experiment are recorded; the rows stand in the experiments' order.
package struct SamplingRow: BitwiseCopyable, Sendable {
  /// Of the experiment's id; see ``Sampling``.
  package var fingerprint: UInt64 = 0
  /// Of 2^32 parts, those that are recorded.
  package var threshold: UInt64 = 0
  /// The share of users, 0...1, as the snapshot states it.
  package var rate: Double = 1

  package init(fingerprint: UInt64, rate: Double) {
    self.fingerprint = fingerprint
    self.rate = rate
    threshold = UInt64((rate * Sampling.parts).rounded())
  }
}

package struct VariantRow: BitwiseCopyable, Sendable {
  package var id = ByteRange.empty
  package var key = ByteRange.empty
  /// `{"flagKey":...,"value":...,"decisionId":`; empty if the experiment drives no flag.
  package var flagHead = ByteRange.empty
  /// `","experimentId":...,"variantId":...}`
  package var flagTail = ByteRange.empty
  /// `{"key":...,"value":...,"reason":"`
  package var evaluationHead = ByteRange.empty
  /// `","variant":...,"metadata":{...}}`
  package var evaluationTail = ByteRange.empty
  /// Upper half of the id's; see ``StickyName``.
  package var fingerprint: UInt32 = 0

  package init() {}
}

/// A bucket range as the snapshot states it, kept for "why".
package struct AllocationRow: BitwiseCopyable, Sendable {
  package var variant: UInt32
  package var rangeStart: UInt32
  package var rangeEnd: UInt32

  package init(variant: Int, rangeStart: Int, rangeEnd: Int) {
    self.variant = UInt32(variant)
    self.rangeStart = UInt32(rangeStart)
    self.rangeEnd = UInt32(rangeEnd)
  }
}

package enum BucketTable {
  /// Buckets; also the bytes of one table, each the index of a variant within its experiment.
  package static var bucketCount: Int { 10_000 }
  /// The byte of a bucket that no allocation owns.
  package static var unallocated: UInt8 { 0xFF }
  /// Variants that an experiment can have.
  package static var variantMax: Int { 254 }
}

/// A salt. Those of murmur3 come first, in the order of their lengths.
package struct SaltRow: BitwiseCopyable, Sendable {
  package var text = ByteRange.empty
  /// The id of the experiment, for SHA-256 only; empty for murmur3.
  package var experiment = ByteRange.empty
  package var isSHA256 = false

  package init() {}
}

/// Up to eight murmur3 salts of one length, hashed side by side. Their blocks were mixed when the tables were
/// built, for each of the four ways the user key can align them.
package struct SaltGroup: BitwiseCopyable, Sendable {
  package static var laneCount: Int { Murmur3.Lanes.scalarCount }

  /// Lanes in use.
  package var saltCount: UInt32
  /// Bytes of each salt.
  package var byteCount: UInt32
  /// In the section of words, whose elements hold a word of each lane.
  package var firstWord: UInt32
  /// Elements from one alignment to the next.
  package var stride: UInt32
}

package struct HoldoutRow: BitwiseCopyable, Sendable {
  package var key = ByteRange.empty
  package var salt: UInt32 = 0
  /// Buckets 0..<share are held out.
  package var share: UInt32 = 0

  package init() {}
}

/// A run of rows in another section.
package struct Run: BitwiseCopyable, Hashable, Sendable {
  package var first: UInt32
  package var count: UInt32

  package init(first: Int, count: Int) {
    self.first = UInt32(first)
    self.count = UInt32(count)
  }

  package var range: Range<Int> {
    @_noAllocation @_noLocks get { Int(first)..<(Int(first) + Int(count)) }
  }
}

/// A condition of a rule of a list. The rules of a list stand one after the other, so that a list is read from its first
/// step on and left at the end of the first rule that holds.
package struct RuleStep: BitwiseCopyable, Sendable {
  /// The condition of a rule that has none: it always holds.
  package static var always: UInt32 { .max }

  package var condition: UInt32
  /// The place behind the last step of its rule.
  package var ruleEnd: UInt32

  package init(condition: UInt32, ruleEnd: Int) {
    self.condition = condition
    self.ruleEnd = UInt32(ruleEnd)
  }
}

package struct ConditionRow: BitwiseCopyable, Sendable {
  package var attribute: UInt32 = 0
  package var operation = Operator.eq
  /// Whether the value is an array: its elements are the operands.
  package var isList = false
  /// Whether the operands are sorted by hash, which pays for itself in long lists.
  package var isSorted = false
  package var firstOperand: UInt32 = 0
  package var operandCount: UInt32 = 0
  /// The value as JSON, for "why".
  package var source = ByteRange.empty

  package init() {}
}

package enum OperandKind: UInt8, BitwiseCopyable, Sendable {
  case null, `false`, `true`, number, string
  /// An object or an array, which equals nothing.
  case composite
}

package struct OperandRow: BitwiseCopyable, Sendable {
  package var kind: OperandKind
  /// Of a string's bytes, or of a number's value; see ``Hashing``.
  package var hash: UInt32 = 0
  package var text = ByteRange.empty
  /// A number's value; milliseconds since 1970 for `before` and `after`.
  package var number: Double = 0

  package init(kind: OperandKind) {
    self.kind = kind
  }
}

/// A distinct attribute name; its index is the slot that a request's value is put into.
package struct AttributeRow: BitwiseCopyable, Sendable {
  package var name: ByteRange

  package init(name: ByteRange) {
    self.name = name
  }
}

/// A step on the way to attributes: the members of one object that some attribute's path goes through.
/// The children of a node are an open-addressed hash table of `childCapacity` nodes, a power of two or 0.
package struct AttributeNode: BitwiseCopyable, Sendable {
  package static var vacant: UInt32 { .max }
  package static var noSlot: UInt32 { .max }

  /// `start` is ``vacant`` in an unused place of the hash table.
  package var name = ByteRange(start: Int(AttributeNode.vacant), count: 0)
  package var firstChild: UInt32 = 0
  package var childCapacity: UInt32 = 0
  /// The attribute whose whole name this member of the outermost object has.
  package var exactSlot = AttributeNode.noSlot
  /// The attribute whose dotted path ends here.
  package var pathSlot = AttributeNode.noSlot

  package init() {}
}

/// A user with overrides: a place in an open-addressed hash table over user keys.
package struct OverrideUser: BitwiseCopyable, Sendable {
  package var key = ByteRange(start: Int(UInt32.max), count: 0)
  package var overrides = Run(first: 0, count: 0)

  package var isVacant: Bool { key.start == .max }

  package init() {}
}

package struct OverrideRow: BitwiseCopyable, Sendable {
  package var experiment: UInt32
  package var variant: UInt8

  package init(experiment: Int, variant: Int) {
    self.experiment = UInt32(experiment)
    self.variant = UInt8(variant)
  }
}

package enum FlagType: UInt8, BitwiseCopyable, Sendable, CaseIterable {
  case boolean, string, integer, number, object

  package var name: StaticString {
    switch self {
    case .boolean: "boolean"
    case .string: "string"
    case .integer: "integer"
    case .number: "number"
    case .object: "object"
    }
  }
}

/// What an assignment of one experiment has to pass after the bucket, in a snapshot with requirements; there the
/// rows stand in the experiments' order, elsewhere there are none.
package struct PrerequisitesRow: BitwiseCopyable, Sendable {
  package static var noDomain: UInt32 { .max }

  /// All of them must be met.
  package var requirements = Run(first: 0, count: 0)
  /// The conflict domain; ``noDomain`` where the experiment has none, or none with another member.
  package var domain = PrerequisitesRow.noDomain

  package init() {}
}

/// An experiment in which the user must have a variant, or a flag that must have its value from one.
package struct RequirementRow: BitwiseCopyable, Sendable {
  /// The index of the flag if `isFlag`, else of the experiment.
  package var subject: UInt32
  package var isFlag: Bool
  /// Ids and keys, interned as those of the variants are; if there are none, any variant will do.
  package var variants: Run

  package init(subject: Int, isFlag: Bool, variants: Run) {
    self.subject = UInt32(subject)
    self.isFlag = isFlag
    self.variants = variants
  }
}

package struct FlagRow: BitwiseCopyable, Sendable {
  package var key = ByteRange.empty
  package var type = FlagType.boolean
  /// The whole decision that answers the default.
  package var defaultDecision = ByteRange.empty
  /// Experiments that drive the flag, the highest ranked first.
  package var drivers = Run(first: 0, count: 0)

  package init() {}
}

/// What answers under one key of the evaluation protocol (docs/ofrep.md): a flag, or an experiment that drives
/// none. Flags come first, in their order.
package struct EvaluationRow: BitwiseCopyable, Sendable {
  package var key = ByteRange.empty
  /// Experiments that give it a value, the highest ranked first: a run of flag drivers.
  package var drivers = Run(first: 0, count: 0)
  /// The whole answer where none of them has an assignment.
  package var fallback = ByteRange.empty

  package init() {}
}

/// The hash that the tables' own look-ups use; it never decides about a user.
package enum Hashing {
  @_noAllocation @_noLocks
  package static func hash(_ bytes: ByteView) -> UInt32 { Murmur3.hash(bytes) }

  /// Of a number: 0 and -0 are equal, so they hash alike.
  @_noAllocation @_noLocks
  package static func hash(_ number: Double) -> UInt32 {
    let bits = (number == 0 ? 0.0 : number).bitPattern
    return Murmur3.finish(UInt32(truncatingIfNeeded: bits ^ bits >> 32), byteCount: 8)
  }
}
