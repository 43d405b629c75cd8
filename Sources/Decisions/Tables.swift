// The reader of compiled tables: turns an address into typed, bounds-checked rows.
// Safe because whoever makes one has checked the header, and because Publication frees a region only after
// every worker has passed a point at which it holds none.

package import Bytes

@safe package struct Tables: @unchecked Sendable {
  private let region: ByteView

  /// Read from the region at each use, so that a value of this type is two words.
  package var header: TablesHeader {
    @_noAllocation @_noLocks get { unsafe region.start.load(as: TablesHeader.self) }
  }

  /// The tables in `region`; nil if it does not begin with a whole table's header.
  @_noAllocation @_noLocks
  package init?(_ region: ByteView) {
    guard region.count >= MemoryLayout<TablesHeader>.size else { return nil }
    let header = unsafe region.start.load(as: TablesHeader.self)
    guard header.magic == TablesHeader.magicNumber, header.byteCount == region.count else { return nil }
    self.region = region
  }

  @inline(always)
  private func rows<Row: BitwiseCopyable>(_ section: Section) -> Rows<Row> {
    Rows(region.slice(Int(section.start)..<Int(section.start) + Int(section.byteCount)))
  }

  /// The bytes of a name or fragment.
  @_noAllocation @_noLocks
  package func text(_ range: ByteRange) -> ByteView { text.slice(range) }

  /// All names and fragments.
  package var text: ByteView {
    @_noAllocation @_noLocks
    get {
      let start = Int(header.text.start)
      return region.slice(start..<start + Int(header.text.byteCount))
    }
  }

  package var experiments: Rows<ExperimentRow> { @_noAllocation @_noLocks get { rows(header.experiments) } }
  package var experimentNames: Rows<ExperimentNames> {
    @_noAllocation @_noLocks get { rows(header.experimentNames) }
  }
  package var variants: Rows<VariantRow> { @_noAllocation @_noLocks get { rows(header.variants) } }
  /// Of each variant its part of the answer to GET /decide, `,{"experiment_key":...,"payload":...}`: the comma is dropped
  /// before the first one.
  package var assignments: Rows<ByteRange> { @_noAllocation @_noLocks get { rows(header.assignments) } }
  package var allocations: Rows<AllocationRow> { @_noAllocation @_noLocks get { rows(header.allocations) } }
  package var bucketTables: Rows<UInt8> { @_noAllocation @_noLocks get { rows(header.bucketTables) } }
  package var salts: Rows<SaltRow> { @_noAllocation @_noLocks get { rows(header.salts) } }
  package var saltGroups: Rows<SaltGroup> { @_noAllocation @_noLocks get { rows(header.saltGroups) } }
  package var saltWords: Rows<Murmur3.Lanes> { @_noAllocation @_noLocks get { rows(header.saltWords) } }
  package var holdouts: Rows<HoldoutRow> { @_noAllocation @_noLocks get { rows(header.holdouts) } }
  package var holdoutLists: Rows<UInt32> { @_noAllocation @_noLocks get { rows(header.holdoutLists) } }
  package var ruleLists: Rows<Run> { @_noAllocation @_noLocks get { rows(header.ruleLists) } }
  package var ruleSteps: Rows<RuleStep> { @_noAllocation @_noLocks get { rows(header.ruleSteps) } }
  package var conditions: Rows<ConditionRow> { @_noAllocation @_noLocks get { rows(header.conditions) } }
  package var operands: Rows<OperandRow> { @_noAllocation @_noLocks get { rows(header.operands) } }
  package var attributes: Rows<AttributeRow> { @_noAllocation @_noLocks get { rows(header.attributes) } }
  package var attributeNodes: Rows<AttributeNode> {
    @_noAllocation @_noLocks get { rows(header.attributeNodes) }
  }
  package var overrideUsers: Rows<OverrideUser> {
    @_noAllocation @_noLocks get { rows(header.overrideUsers) }
  }
  package var overrides: Rows<OverrideRow> { @_noAllocation @_noLocks get { rows(header.overrides) } }
  package var domains: Rows<Run> { @_noAllocation @_noLocks get { rows(header.domains) } }
  package var domainMembers: Rows<UInt32> { @_noAllocation @_noLocks get { rows(header.domainMembers) } }
  package var ranking: Rows<UInt32> { @_noAllocation @_noLocks get { rows(header.ranking) } }
  package var prerequisites: Rows<PrerequisitesRow> {
    @_noAllocation @_noLocks get { rows(header.prerequisites) }
  }
  package var requirements: Rows<RequirementRow> {
    @_noAllocation @_noLocks get { rows(header.requirements) }
  }
  package var requiredVariants: Rows<ByteRange> {
    @_noAllocation @_noLocks get { rows(header.requiredVariants) }
  }
  package var flags: Rows<FlagRow> { @_noAllocation @_noLocks get { rows(header.flags) } }
  package var flagIndex: Rows<UInt32> { @_noAllocation @_noLocks get { rows(header.flagIndex) } }
  package var flagDrivers: Rows<UInt32> { @_noAllocation @_noLocks get { rows(header.flagDrivers) } }
  package var evaluations: Rows<EvaluationRow> { @_noAllocation @_noLocks get { rows(header.evaluations) } }
  package var evaluationIndex: Rows<UInt32> {
    @_noAllocation @_noLocks get { rows(header.evaluationIndex) }
  }
  package var sampling: Rows<SamplingRow> { @_noAllocation @_noLocks get { rows(header.sampling) } }
  package var layerMembers: Rows<UInt32> { @_noAllocation @_noLocks get { rows(header.layerMembers) } }
  /// An open-addressed hash table over the fingerprints of experiments' ids.
  var experimentIndex: Rows<UInt32> { @_noAllocation @_noLocks get { rows(header.experimentIndex) } }

  /// The index of the flag `key`, or nil.
  @_noAllocation @_noLocks
  package func flag(_ key: ByteView) -> Int? {
    let flags = flags
    return find(key, in: flagIndex) { flags[$0].key }
  }

  /// The index of the evaluation under `key`, or nil.
  @_noAllocation @_noLocks
  package func evaluation(_ key: ByteView) -> Int? {
    let evaluations = evaluations
    return find(key, in: evaluationIndex) { evaluations[$0].key }
  }

  /// The row of `key` in an open-addressed index of row numbers, a power of two of places.
  @inline(always)
  private func find(_ key: ByteView, in index: Rows<UInt32>, _ keyOf: (Int) -> ByteRange) -> Int? {
    guard index.count > 0 else { return nil }
    var place = Int(Hashing.hash(key)) & (index.count - 1)
    while true {
      let row = index[place]
      guard row != .max else { return nil }
      if text(keyOf(Int(row))).equals(key) { return Int(row) }
      place = (place + 1) & (index.count - 1)
    }
  }

  /// Whether an experiment is one of a run of flag drivers.
  @_noAllocation @_noLocks
  package func isAmong(_ drivers: Run, experiment: UInt32) -> Bool {
    let members = flagDrivers
    for place in drivers.range where members[place] == experiment { return true }
    return false
  }

  /// The overrides of the user `key`.
  @_noAllocation @_noLocks
  package func overrides(of key: ByteView, hash: UInt32) -> Run {
    let users = overrideUsers
    guard users.count > 0 else { return Run(first: 0, count: 0) }
    var place = Int(hash) & (users.count - 1)
    while true {
      let user = users[place]
      if user.isVacant { return Run(first: 0, count: 0) }
      if text(user.key).equals(key) { return user.overrides }
      place = (place + 1) & (users.count - 1)
    }
  }
}
