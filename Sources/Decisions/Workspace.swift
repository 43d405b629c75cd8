// The memory one decision works in: made once per worker at boot, reused for every request, never grown.
// Invariant: after `decide`, `variant(of:)` and `reason(of:)` hold for every experiment of its tables.

package import Bytes
import JSON

/// The most of each kind that tables may hold; a larger snapshot is refused when it is compiled.
package enum Capacity {
  package static var experiments: Int { 32_768 }
  package static var salts: Int { 65_536 }
  package static var holdouts: Int { 1024 }
  package static var conditions: Int { 131_072 }
  package static var ruleLists: Int { 65_536 }
  package static var attributes: Int { 4096 }
  package static var flags: Int { 32_768 }
  /// Conflict domains of at least two experiments.
  package static var domains: Int { experiments / 2 }
  /// Requirements of all experiments together, those of their flags included.
  package static var requirements: Int { 131_072 }
  /// Variants that all requirements together name.
  package static var requiredVariants: Int { 262_144 }
  /// Variants that one user keeps; as many names fit a cookie.
  package static var stickies: Int { @_noAllocation @_noLocks get { 128 } }
  /// Bytes of decoded user key and attribute strings; never less than a request holds.
  package static var text: Int { 256 * 1024 }
}

package struct Workspace: ~Copyable {
  /// Bytes of memory that a workspace needs; only what a snapshot uses of it is ever touched.
  package static var byteCount: Int {
    (Capacity.salts + SaltGroup.laneCount) * 4 + Capacity.experiments * 2 + Capacity.holdouts
      + Capacity.conditions
      + Capacity.ruleLists + Capacity.attributes * MemoryLayout<AttributeValue>.stride + Capacity.text
      + Capacity.experiments * 4 + Capacity.domains + Capacity.flags * 4
      + Reason.count * MemoryLayout<UInt32>.stride + (Reader.depthMax + 1)
      * MemoryLayout<OpenContainer>.stride
      + Capacity.stickies * (MemoryLayout<Sticky>.stride + MemoryLayout<StickyName>.stride) + 4096
  }

  let buckets: Cells<UInt32>
  /// What became of each experiment.
  package let outcomes: Outcomes
  let isHeldOut: Cells<Bool>
  let conditionMemo: Cells<Memo>
  let ruleListMemo: Cells<Memo>
  let attributes: Cells<AttributeValue>
  /// By depth, the outermost one at 1.
  let open: Cells<OpenContainer>
  let isDomainTaken: Cells<Bool>
  /// Of each flag the experiment that gives it its value in this request, or one of the two below.
  let flagGivers: Cells<UInt32>
  /// What the user keeps whatever the bucket says, the highest ranked first.
  let stickies: Cells<Sticky>
  var stickyCount = 0
  let settled: Cells<StickyName>
  /// How many variants are to be kept after the decision.
  package internal(set) var settledCount = 0
  /// The experiments whose assignment the answer shows.
  package let shown: Cells<UInt32>
  /// How many of them there are.
  package private(set) var shownCount = 0
  /// Where the dialects put decoded user keys, and attributes their decoded strings.
  package var text: Output
  /// How many experiments had each outcome in the last decision, indexed by ``Reason``.
  package let reasonCounts: Cells<UInt32>

  /// What is already known of a condition or rule list in this request.
  enum Memo: UInt8 { case unknown, no, yes }

  static var unknownGiver: UInt32 { .max }
  /// The flag answers its default.
  static var noGiver: UInt32 { .max - 1 }

  /// A workspace in `region`, which must hold ``byteCount`` bytes aligned to a page.
  package init(_ region: ByteRegion) {
    var carver = Carver(region)
    attributes = carver.cells(Capacity.attributes)
    open = carver.cells(Reader.depthMax + 1)
    buckets = carver.cells(Capacity.salts + SaltGroup.laneCount)
    outcomes = Outcomes(
      variants: carver.cells(Capacity.experiments), reasons: carver.cells(Capacity.experiments))
    isHeldOut = carver.cells(Capacity.holdouts)
    conditionMemo = carver.cells(Capacity.conditions)
    ruleListMemo = carver.cells(Capacity.ruleLists)
    isDomainTaken = carver.cells(Capacity.domains)
    flagGivers = carver.cells(Capacity.flags)
    reasonCounts = carver.cells(Reason.count)
    shown = carver.cells(Capacity.experiments)
    stickies = carver.cells(Capacity.stickies)
    settled = carver.cells(Capacity.stickies)
    text = Output(carver.region(Capacity.text))
  }

  /// The index of the variant within its experiment, or nil.
  @_noAllocation @_noLocks
  package func variant(of experiment: Int) -> Int? { outcomes.variant(of: experiment) }

  @_noAllocation @_noLocks
  package func reason(of experiment: Int) -> Reason { outcomes.reason(of: experiment) }

  /// Notes that the answer shows the user's assignment of `experiment`: it becomes an exposure if the answer
  /// is sent. Beyond the capacity, which only repeated flags can pass, the rest is not noted.
  @_noAllocation @_noLocks
  package mutating func show(_ experiment: Int) {
    guard shownCount < shown.count else { return }
    shown[shownCount] = UInt32(experiment)
    shownCount += 1
  }

  /// Forgets what the answer before showed.
  @_noAllocation @_noLocks
  package mutating func clearShown() { shownCount = 0 }

  /// The user's bucket for a salt of the tables.
  package func bucket(of salt: Int) -> Int { Int(buckets[salt]) }
}

/// The outcome of every experiment, in the tables' order. Two words for each part: who asks for many takes it out of the
/// workspace, which is large.
package struct Outcomes {
  let variants: Cells<UInt8>
  let reasons: Cells<Reason>

  /// The index of the variant within its experiment, or nil.
  @_noAllocation @_noLocks
  package func variant(of experiment: Int) -> Int? {
    let variant = variants[experiment]
    return variant == BucketTable.unallocated ? nil : Int(variant)
  }

  @_noAllocation @_noLocks
  package func reason(of experiment: Int) -> Reason { reasons[experiment] }
}
