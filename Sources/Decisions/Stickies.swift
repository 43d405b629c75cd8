// Variants that users keep when allocations change. A sticky is an experiment and a variant that somebody vouches
// for; it takes the place of the bucket and of nothing else. What is to be kept after a decision is settled here
// too, so that a dialect only has to write it down (docs/decisions/0034-sticky-assignments.md).

import Bytes

/// A variant of an experiment of the tables that are decided with.
struct Sticky: BitwiseCopyable {
  /// The place of the experiment in the ranking.
  var rank: UInt32
  var experiment: UInt32
  var variant: UInt8
}

/// What a sticky is called outside: texts would be too long for a cookie. Names are compared within one snapshot.
package struct StickyName: BitwiseCopyable, Equatable, Sendable {
  /// Fingerprint of the experiment's id.
  package var experiment: UInt64
  /// Upper half of the fingerprint of the variant's id.
  package var variant: UInt32

  @_noAllocation @_noLocks
  package init(experiment: UInt64, variant: UInt32) {
    self.experiment = experiment
    self.variant = variant
  }
}

extension Workspace {
  /// Forgets the stickies of the request before.
  @_noAllocation @_noLocks
  package mutating func clearStickies() { stickyCount = 0 }

  /// Has the next decision keep that variant. A name that the tables do not have is dropped, and so is the second
  /// one for an experiment.
  @_noAllocation @_noLocks
  package mutating func stick(_ name: StickyName, _ tables: Tables) {
    guard stickyCount < stickies.count, let experiment = tables.experiment(fingerprint: name.experiment),
      let variant = tables.variant(fingerprint: name.variant, of: experiment)
    else { return }
    let rank = tables.experimentNames[experiment].rank
    // Names mostly come in the order of the ranking, so they are mostly appended.
    var place = stickyCount
    while place > 0, stickies[place - 1].rank > rank { place -= 1 }
    if place > 0, stickies[place - 1].rank == rank { return }
    var index = stickyCount
    while index > place {
      stickies[index] = stickies[index - 1]
      index -= 1
    }
    stickies[place] = Sticky(rank: rank, experiment: UInt32(experiment), variant: UInt8(variant))
    stickyCount += 1
  }

  /// Whether the user brought along what to keep of the experiment.
  @_noAllocation @_noLocks
  package func isSticky(_ experiment: Int, _ tables: Tables) -> Bool {
    guard stickyCount > 0 else { return false }
    let rank = tables.experimentNames[experiment].rank
    var (low, high) = (0, stickyCount)
    while low < high {
      let middle = (low + high) / 2
      if stickies[middle].rank < rank { low = middle + 1 } else { high = middle }
    }
    return low < stickyCount && stickies[low].rank == rank
  }

  /// Instead of step 5: who came through steps 1 to 4 keeps the variant, whatever the bucket says. Then nobody
  /// else of the layer has the user: not by bucket, and not by a sticky of a lower rank.
  mutating func applyStickies(_ tables: Tables) {
    let names = tables.experimentNames
    for index in 0..<stickyCount {
      let sticky = stickies[index]
      let experiment = Int(sticky.experiment)
      let reason = outcomes.reasons[experiment]
      guard reason == .assigned || reason == .notInAudience else { continue }
      if vacate(names[experiment].layerMembers, for: experiment, before: index, tables) {
        change(experiment, .assigned, sticky.variant)
      }
    }
  }

  /// Takes the user out of the other experiments of a layer; false if a sticky of a higher rank holds it. Ranges of
  /// a layer are disjoint, so at most one member has the user.
  private mutating func vacate(
    _ layer: Run, for experiment: Int, before index: Int, _ tables: Tables
  ) -> Bool {
    let members = tables.layerMembers
    for place in layer.range {
      let member = Int(members[place])
      guard member != experiment, outcomes.reasons[member] == .assigned else { continue }
      for earlier in 0..<index where stickies[earlier].experiment == UInt32(member) { return false }
      change(member, .notInAudience, BucketTable.unallocated)
      return true
    }
    return true
  }

  /// Says what is to be kept after the decision, the highest ranked first, as far as there is room: every
  /// assignment that is no override, and every sticky that has no assignment now.
  @_noAllocation @_noLocks
  package mutating func settleStickies(_ tables: Tables) {
    settledCount = 0
    let ranking = tables.ranking
    var place = 0
    for rank in 0..<ranking.count {
      let experiment = Int(ranking[rank])
      var variant = BucketTable.unallocated
      if place < stickyCount, stickies[place].rank == UInt32(rank) {
        variant = stickies[place].variant
        place += 1
      }
      if outcomes.reasons[experiment] == .assigned { variant = outcomes.variants[experiment] }
      guard variant != BucketTable.unallocated else { continue }
      guard settledCount < settled.count else { return }
      settle(experiment, Int(variant), tables)
    }
  }

  /// Takes the name only if it means that variant again: of two with one fingerprint the second is not kept.
  private mutating func settle(_ experiment: Int, _ variant: Int, _ tables: Tables) {
    let row = tables.variants[Int(tables.experiments[experiment].firstVariant) + variant]
    let name = StickyName(experiment: tables.sampling[experiment].fingerprint, variant: row.fingerprint)
    guard let known = tables.experiment(fingerprint: name.experiment), known == experiment,
      let kept = tables.variant(fingerprint: name.variant, of: experiment), kept == variant
    else { return }
    settled[settledCount] = name
    settledCount += 1
  }

  /// One of those to keep.
  @_noAllocation @_noLocks
  package func settled(_ index: Int) -> StickyName {
    precondition(index < settledCount)
    return settled[index]
  }
}

extension Tables {
  /// The first experiment whose id has that fingerprint, or nil.
  @_noAllocation @_noLocks
  package func experiment(fingerprint: UInt64) -> Int? {
    let index = experimentIndex
    let sampling = sampling
    var place = Int(truncatingIfNeeded: fingerprint) & (index.count - 1)
    for _ in 0..<index.count {
      let experiment = index[place]
      guard experiment != .max else { return nil }
      if sampling[Int(experiment)].fingerprint == fingerprint { return Int(experiment) }
      place = (place + 1) & (index.count - 1)
    }
    return nil
  }

  /// The first variant of the experiment whose id has that fingerprint, or nil; counted within the experiment.
  @_noAllocation @_noLocks
  package func variant(fingerprint: UInt32, of experiment: Int) -> Int? {
    let row = experiments[experiment]
    let variants = variants
    for variant in 0..<Int(row.variantCount)
    where variants[Int(row.firstVariant) + variant].fingerprint == fingerprint {
      return variant
    }
    return nil
  }
}
