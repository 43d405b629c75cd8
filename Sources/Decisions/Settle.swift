// Steps 6, 7 and 8 of a snapshot with requirements: prerequisites, conflicts and the participation cap, in one
// pass. Invariant: in the tables' ranking an experiment stands after all that it requires, so that whoever is
// asked for is settled already.

import Bytes

extension Workspace {
  mutating func settle(_ tables: Tables) {
    let prerequisites = tables.prerequisites
    let requirements = tables.requirements
    let cap = Int(tables.header.participationCap)
    var room = cap < 0 ? Int.max : cap
    isDomainTaken.fill(false, count: tables.domains.count)
    flagGivers.fill(Self.unknownGiver, count: tables.flags.count)
    if reasonCounts[Int(Reason.override.rawValue)] > 0 {
      for experiment in 0..<prerequisites.count where outcomes.reasons[experiment] == .override {
        _ = takeDomain(of: prerequisites[experiment])
        room -= 1
      }
    }
    let ranking = tables.ranking
    for place in 0..<ranking.count {
      let experiment = Int(ranking[place])
      guard outcomes.reasons[experiment] == .assigned else { continue }
      let row = prerequisites[experiment]
      if !meetsAll(row.requirements, requirements, tables) {
        change(experiment, .prerequisite, BucketTable.unallocated)
      } else if !takeDomain(of: row) {
        change(experiment, .conflict, BucketTable.unallocated)
      } else if room <= 0 {
        change(experiment, .participationLimit, BucketTable.unallocated)
      } else {
        room -= 1
      }
    }
  }

  private mutating func meetsAll(_ run: Run, _ requirements: Rows<RequirementRow>, _ tables: Tables) -> Bool {
    for place in run.range {
      let requirement = requirements[place]
      guard meets(requirement, variant(givenFor: requirement, tables), tables) else { return false }
    }
    return true
  }

  /// Whether the domain was free; it is taken afterwards.
  private mutating func takeDomain(of row: PrerequisitesRow) -> Bool {
    guard row.domain != PrerequisitesRow.noDomain else { return true }
    defer { isDomainTaken[Int(row.domain)] = true }
    return !isDomainTaken[Int(row.domain)]
  }

  // MARK: - One requirement

  /// The variant, among those of the tables, that the user has in what is required; nil for none.
  mutating func variant(givenFor requirement: RequirementRow, _ tables: Tables) -> Int? {
    let subject = Int(requirement.subject)
    guard let experiment = requirement.isFlag ? giver(ofFlag: subject, tables) : subject,
      let variant = variant(of: experiment)
    else { return nil }
    return Int(tables.experiments[experiment].firstVariant) + variant
  }

  /// Equal texts have one place in the tables, so names are compared by their places.
  func meets(_ requirement: RequirementRow, _ variant: Int?, _ tables: Tables) -> Bool {
    guard let variant else { return false }
    guard requirement.variants.count > 0 else { return true }
    let row = tables.variants[variant]
    let names = tables.requiredVariants
    for place in requirement.variants.range where names[place] == row.id || names[place] == row.key {
      return true
    }
    return false
  }

  /// The highest ranked experiment that drives the flag and has an assignment: looked for once per request,
  /// since many may require one flag.
  private mutating func giver(ofFlag flag: Int, _ tables: Tables) -> Int? {
    if flagGivers[flag] == Self.unknownGiver { flagGivers[flag] = findGiver(ofFlag: flag, tables) }
    return flagGivers[flag] == Self.noGiver ? nil : Int(flagGivers[flag])
  }

  private mutating func findGiver(ofFlag flag: Int, _ tables: Tables) -> UInt32 {
    let drivers = tables.flagDrivers
    for place in tables.flags[flag].drivers.range where variant(of: Int(drivers[place])) != nil {
      return drivers[place]
    }
    return Self.noGiver
  }
}
