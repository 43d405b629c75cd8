// What only the whole snapshot can say of `requires`: names that nobody has, cycles, and requirements that
// never hold. A part that is left out is missing for those that need it, until no more are.

extension Snapshot {
  /// Notes in `graph` who needs whom once what cannot be met is left out.
  mutating func checkRequirements() {
    graph = RequirementGraph(experiments, flags)
    guard graph.hasRequirements else { return }
    quarantineRequirements()
    warnOfRequirements()
  }

  // MARK: - Faults

  private mutating func quarantineRequirements() {
    var faults: [Finding?] = Array(repeating: nil, count: graph.needs.count)
    for (experiment, way) in graph.cycles() { faults[experiment] = fault(way) }
    cascade(&faults)
    let flagFaults = flags.indices.map { faults[graph.index(ofRequirements: $0)] }
    let experimentFaults = faults[..<experiments.count]
    guard faults.contains(where: { $0 != nil }) else { return }
    findings += flagFaults.compactMap(\.self) + experimentFaults.compactMap(\.self)
    flags = zip(flags, flagFaults).compactMap { $1 == nil ? $0 : nil }
    experiments = zip(experiments, experimentFaults).compactMap { $1 == nil ? $0 : nil }
    graph = RequirementGraph(experiments, flags)
  }

  /// Gives a fault to each experiment, and to the requirements of each flag, that need something that is not
  /// there or has a fault itself. A flag whose drivers are gone still has its default.
  private func cascade(_ faults: inout [Finding?]) {
    let dependents = graph.dependents()
    var looked = Array(graph.needs.indices)
    while let index = looked.popLast() {
      guard faults[index] == nil else { continue }
      let missing = graph.needs[index].firstIndex { need in
        guard let need else { return true }
        // A flag is left out for what it requires.
        if case .value(let flag) = graph.node(need) {
          return faults[graph.index(ofRequirements: flag)] != nil
        }
        return faults[need] != nil
      }
      guard let missing else { continue }
      switch graph.node(index) {
      case .value: continue
      case .experiment(let place): faults[index] = experiments[place].fault(ofNeed: missing)
      case .requirements(let flag):
        faults[index] = flags[flag].requires[missing].missing
        looked += dependents[graph.index(ofValue: flag)]
      }
      looked += dependents[index]
    }
  }

  /// The cycle that an experiment stands on, told from there.
  private func fault(_ way: [Int]) -> Finding {
    guard case .experiment(let first) = graph.node(way[0]) else { preconditionFailure("no experiment") }
    var text = quoted(experiments[first].key)
    for (from, to) in zip(way, way.dropFirst()) {
      switch (graph.node(from), graph.node(to)) {
      case (.value, .experiment(let index)): text += " driven by \(quoted(experiments[index].key))"
      case (_, .experiment(let index)): text += " requires \(quoted(experiments[index].key))"
      case (_, .value(let flag)): text += " requires flag \(quoted(flags[flag].key))"
      case (_, .requirements(let flag)): text += " drives flag \(quoted(flags[flag].key))"
      }
    }
    if !way.dropLast().contains(way.last!) { text += " ..." }
    var isOfFlag = false
    if case .requirements = graph.node(way[1]) { isOfFlag = true }
    return Finding(.quarantined, experiments[first].place.member(isOfFlag ? "flagKey" : "requires"), text)
  }

  // MARK: - Warnings

  private mutating func warnOfRequirements() {
    var known: [Int: Givers] = [:]
    func givers(_ need: Int) -> Givers {
      if let givers = known[need] { return givers }
      let givers =
        switch graph.node(need) {
        case .experiment(let index): Givers([experiments[index]])
        default: Givers(graph.needs[need].map { experiments[$0!] })
        }
      known[need] = givers
      return givers
    }
    var warnings: [Finding] = []
    for (index, flag) in flags.enumerated() where !flag.requires.isEmpty {
      let drivers = graph.needs[graph.index(ofValue: index)].map { experiments[$0!] }
      for (requirement, need) in zip(flag.requires, graph.needs[graph.index(ofRequirements: index)]) {
        warnings += requirement.warnings(givers(need!), of: drivers)
      }
    }
    for (index, experiment) in experiments.enumerated() {
      for (requirement, need) in zip(experiment.requires, graph.needs[index]) {
        warnings += requirement.warnings(givers(need!), of: [experiment])
      }
    }
    findings += warnings
  }
}

extension Experiment {
  /// That the part is missing that is needed at `place`: behind its own requirements stands its flag.
  fileprivate func fault(ofNeed place: Int) -> Finding {
    if place < requires.count { return requires[place].missing }
    return Finding(.quarantined, self.place.member("flagKey"), "there is no flag \(quoted(flagKey ?? []))")
  }
}

extension Requirement {
  /// What looks wrong where `holders` have this requirement.
  fileprivate func warnings(_ givers: Givers, of holders: [Experiment]) -> [Finding] {
    guard !givers.isEmpty else {
      return holders.isEmpty
        ? [] : [Finding(.warning, place, "no experiment drives the flag: the requirement is never met")]
    }
    var warnings: [Finding] = []
    for (index, name) in (variants ?? []).enumerated() where !givers.variants.contains(name) {
      warnings.append(
        Finding(.warning, place.element("variants", index), "there is no such variant to be required"))
    }
    if let domain = givers.domain, let holder = holders.first(where: { $0.conflictDomain == domain }) {
      warnings.append(
        Finding(
          .warning, place,
          "what \(quoted(holder.key)) requires is of its own conflict domain \(quoted(domain)): it is never assigned"
        ))
    }
    return warnings
  }
}

/// The experiments that may meet a requirement: one, or all that drive a flag.
private struct Givers {
  /// Ids and keys of their variants.
  var variants: Set<[UInt8]> = []
  /// The conflict domain of every one of them.
  var domain: [UInt8]?
  var isEmpty: Bool

  init(_ experiments: [Experiment]) {
    isEmpty = experiments.isEmpty
    domain = experiments.first?.conflictDomain
    for experiment in experiments {
      if experiment.conflictDomain != domain { domain = nil }
      for variant in experiment.variants { variants.formUnion([variant.id, variant.key]) }
    }
  }
}
