// The decision about a few experiments, for a request that asks about one flag: as long as no other experiment has a say
// in what becomes of them, nothing else is evaluated. What it says is what the decision about all says of them.

package import Bytes

extension Workspace {
  /// Decides about the experiments of `drivers` alone and answers true; does nothing and answers false where their
  /// outcomes may depend on others: through a cap, requirements, a conflict domain, or what the user keeps. Outcomes of
  /// other experiments are then those of an earlier request.
  @_noAllocation @_noLocks
  package mutating func decide(
    _ tables: Tables, about drivers: Run, userKey: ByteView, context: ByteView
  ) -> Bool {
    guard stickyCount == 0, tables.header.participationCap < 0, tables.prerequisites.count == 0 else {
      return false
    }
    let experiments = tables.experiments
    let members = tables.flagDrivers
    for place in drivers.range where experiments[Int(members[place])].hasRivals { return false }
    forgetDecision(tables)
    let bucketTables = tables.bucketTables
    let holdoutLists = tables.holdoutLists
    let rules = RuleRows(tables)
    let prefix = Bucketing.prefix(userKey)
    for place in drivers.range {
      let index = Int(members[place])
      let row = experiments[index]
      buckets[Int(row.salt)] = Bucketing.bucket(tables, salt: Int(row.salt), prefix, userKey: userKey)
      holdOut(row, holdoutLists, tables, prefix, userKey)
      evaluate(index, row, bucketTables, holdoutLists, rules, context)
    }
    override(tables, userKey, among: drivers)
    return true
  }

  private mutating func holdOut(
    _ row: ExperimentRow, _ lists: Rows<UInt32>, _ tables: Tables, _ prefix: Murmur3.Prefix,
    _ userKey: ByteView
  ) {
    for place in Int(row.firstHoldout)..<(Int(row.firstHoldout) + Int(row.holdoutCount)) {
      let index = Int(lists[place])
      let holdout = tables.holdouts[index]
      let bucket = Bucketing.bucket(tables, salt: Int(holdout.salt), prefix, userKey: userKey)
      isHeldOut[index] = bucket < holdout.share
    }
  }
}
