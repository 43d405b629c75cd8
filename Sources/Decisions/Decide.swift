// The pure function at the heart: tables, user key and attributes in, one outcome per experiment out.
// The order of evaluation is the contract of docs/decisions/0005-order-of-evaluation.md.

package import Bytes

extension Workspace {
  /// Decides about every experiment of `tables` for the user. The attributes must have been read from
  /// `context` before (``readAttributes(_:_:)``), or cleared.
  @_noAllocation @_noLocks
  package mutating func decide(_ tables: Tables, userKey: ByteView, context: ByteView) {
    forgetDecision(tables)
    Bucketing.fill(buckets, tables, userKey: userKey)
    holdOut(tables)
    let experiments = tables.experiments
    let bucketTables = tables.bucketTables
    let holdoutLists = tables.holdoutLists
    let rules = RuleRows(tables)
    for index in 0..<experiments.count {
      evaluate(index, experiments[index], bucketTables, holdoutLists, rules, context)
    }
    override(tables, userKey)
    if stickyCount > 0 { applyStickies(tables) }
    if tables.prerequisites.count > 0 {
      settle(tables)
    } else {
      resolveConflicts(tables)
      limitParticipation(tables)
    }
  }

  mutating func forgetDecision(_ tables: Tables) {
    conditionMemo.fill(.unknown, count: tables.conditions.count)
    ruleListMemo.fill(.unknown, count: tables.ruleLists.count)
    reasonCounts.fill(0, count: Reason.count)
    clearShown()
  }

  private mutating func holdOut(_ tables: Tables) {
    let holdouts = tables.holdouts
    for index in 0..<holdouts.count {
      let holdout = holdouts[index]
      isHeldOut[index] = UInt32(buckets[Int(holdout.salt)]) < holdout.share
    }
  }

  /// Steps 1, 3, 4 and 5: what the experiment says of the user, looked at alone.
  @inline(always)
  mutating func evaluate(
    _ index: Int, _ row: ExperimentRow, _ bucketTables: Rows<UInt8>, _ holdoutLists: Rows<UInt32>,
    _ rules: RuleRows, _ context: ByteView
  ) {
    if row.isPaused { return set(index, .paused) }
    if row.holdoutCount > 0, isHeldOut(by: row, holdoutLists) { return set(index, .holdout) }
    guard holds(ruleList: Int(row.audience), rules, context),
      holds(ruleList: Int(row.targeting), rules, context)
    else { return set(index, .targetingNotMatched) }
    let bucket = Int(buckets[Int(row.salt)])
    let variant = bucketTables[Int(row.bucketTable) * BucketTable.bucketCount + bucket]
    guard variant != BucketTable.unallocated else { return set(index, .notInAudience) }
    set(index, .assigned, variant)
  }

  private mutating func isHeldOut(by row: ExperimentRow, _ lists: Rows<UInt32>) -> Bool {
    for place in Int(row.firstHoldout)..<(Int(row.firstHoldout) + Int(row.holdoutCount))
    where isHeldOut[Int(lists[place])] {
      return true
    }
    return false
  }

  /// Step 2, done last of the steps that look at one experiment: few users have an override. `drivers` are the
  /// experiments that are decided about, a run of flag drivers; nil for all.
  mutating func override(_ tables: Tables, _ userKey: ByteView, among drivers: Run? = nil) {
    let users = tables.overrideUsers
    guard users.count > 0 else { return }
    let rows = tables.overrides
    for place in tables.overrides(of: userKey, hash: Hashing.hash(userKey)).range {
      let row = rows[place]
      if let drivers, !tables.isAmong(drivers, experiment: row.experiment) { continue }
      let experiment = Int(row.experiment)
      if outcomes.reasons[experiment] != .paused { change(experiment, .override, row.variant) }
    }
  }

  /// Step 7: of the experiments of one domain that would touch the user, the highest ranked stays. One the
  /// user was forced into stays whatever its rank, and the domain is then taken.
  private mutating func resolveConflicts(_ tables: Tables) {
    let domains = tables.domains
    let members = tables.domainMembers
    for index in 0..<domains.count {
      let domain = domains[index]
      var isTaken = false
      for place in domain.range where outcomes.reasons[Int(members[place])] == .override { isTaken = true }
      for place in domain.range {
        let experiment = Int(members[place])
        guard outcomes.reasons[experiment] == .assigned else { continue }
        if isTaken { change(experiment, .conflict, BucketTable.unallocated) }
        isTaken = true
      }
    }
  }

  /// Step 8: overrides count first and are never displaced, then the highest ranked fill what is left.
  private mutating func limitParticipation(_ tables: Tables) {
    let cap = Int(tables.header.participationCap)
    guard cap >= 0 else { return }
    let overridden = Int(reasonCounts[Int(Reason.override.rawValue)])
    let assigned = Int(reasonCounts[Int(Reason.assigned.rawValue)])
    guard overridden + assigned > cap else { return }
    var room = max(0, cap - overridden)
    let ranking = tables.ranking
    for place in 0..<ranking.count {
      let experiment = Int(ranking[place])
      guard outcomes.reasons[experiment] == .assigned else { continue }
      if room > 0 {
        room -= 1
      } else {
        change(experiment, .participationLimit, BucketTable.unallocated)
      }
    }
  }

  @inline(always)
  private mutating func set(_ index: Int, _ reason: Reason, _ variant: UInt8 = BucketTable.unallocated) {
    outcomes.reasons[index] = reason
    outcomes.variants[index] = variant
    reasonCounts[Int(reason.rawValue)] &+= 1
  }

  mutating func change(_ index: Int, _ reason: Reason, _ variant: UInt8) {
    reasonCounts[Int(outcomes.reasons[index].rawValue)] &-= 1
    set(index, reason, variant)
  }
}
