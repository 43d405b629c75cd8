// From the model to tables: the second half of what makes a document servable.

import Bytes
import Decisions
import JSON

extension Snapshot {
  /// The tables of everything that was not left out: bytes for ``Tables``, to stand in memory that is aligned
  /// to 64 bytes. Warnings about overlaps are added to `findings`.
  package mutating func compile() throws(Finding) -> [UInt8] {
    // Each may cover every experiment, so their number is checked before they are listed.
    try check("holdouts", holdouts.count, Capacity.holdouts)
    // Ready-made answers repeat what the document says once.
    var builder = TableBuilder(textCapacity: byteCount * 2)
    builder.header.version = Int64(version)
    builder.header.participationCap = Int64(participationCap ?? -1)
    builder.header.environment = builder.intern(Array(environment.utf8))
    builder.header.fingerprint = Array("\(environment)@\(version)".utf8).withBytes { Fingerprint.of($0) }
    builder.header.decideMiddle = builder.append(decideMiddle)
    let covering = add(holdouts: &builder)
    var buckets = BucketOwners()
    for index in experiments.indices { add(experiment: index, covering[index], &buckets, &builder) }
    let ranked = ranking()
    add(layers: &builder)
    let domains = add(domains: ranked, &builder)
    add(flags: ranked, &builder)
    add(evaluations: &builder)
    builder.ranking = ranked.map { UInt32($0) }
    if graph.hasRequirements { add(requirements: ranked, domains, &builder) }
    for (rank, index) in builder.ranking.enumerated() {
      builder.experimentNames[Int(index)].rank = UInt32(rank)
    }
    let tables = builder.finish()
    try checkCapacity(tables)
    return tables
  }

  private func checkCapacity(_ bytes: [UInt8]) throws(Finding) {
    let counts = bytes.withBytes { view in
      Tables(view).map {
        [
          ("different salts", $0.salts.count, Capacity.salts),
          ("different conditions", $0.conditions.count, Capacity.conditions),
          ("different rule lists", $0.ruleLists.count, Capacity.ruleLists),
          ("different attributes", $0.attributes.count, Capacity.attributes),
          ("flags", $0.flags.count, Capacity.flags),
          ("requirements", $0.requirements.count, Capacity.requirements),
          ("required variants", $0.requiredVariants.count, Capacity.requiredVariants),
        ]
      }
    }
    for (name, count, capacity) in counts ?? [] { try check(name, count, capacity) }
  }

  private func check(_ name: String, _ count: Int, _ capacity: Int) throws(Finding) {
    guard count <= capacity else {
      throw Finding(.refused, "", "the snapshot has \(count) \(name), more than \(capacity)")
    }
  }

  // MARK: - Parts

  private func decideMiddle(_ text: inout [UInt8]) {
    text.append(",\"environment\":")
    append(Array(environment.utf8), to: &text)
    text.append(",\"config_version\":")
    text += Array(String(version).utf8)
    text.append(",\"assignments\":[")
  }

  /// Of each experiment the holdouts that name it or all, in their order.
  private mutating func add(holdouts builder: inout TableBuilder) -> [[UInt32]] {
    let ids = NameIndex(experiments.map(\.id))
    let keys = NameIndex(experiments.map(\.key))
    var covering: [[UInt32]] = Array(repeating: [], count: experiments.count)
    for (place, holdout) in holdouts.enumerated() {
      var row = HoldoutRow()
      row.key = builder.intern(holdout.key)
      row.salt = builder.internSalt(holdout.salt)
      row.share = UInt32(holdout.share)
      builder.holdouts.append(row)
      guard let names = holdout.experiments else {
        for index in experiments.indices { covering[index].append(UInt32(place)) }
        continue
      }
      for name in names {
        // An id of one experiment may be the key of another.
        let named = [ids[name], keys[name]].compactMap(\.self)
        for index in named where covering[index].last != UInt32(place) {
          covering[index].append(UInt32(place))
        }
        guard named.isEmpty else { continue }
        findings.append(
          Finding(
            .warning, holdout.place.member("experiments"), "there is no experiment \(quoted(name))"))
      }
    }
    return covering
  }

  private mutating func add(
    experiment index: Int, _ holdouts: [UInt32], _ buckets: inout BucketOwners, _ builder: inout TableBuilder
  ) {
    let experiment = experiments[index]
    var row = ExperimentRow()
    row.isPaused = experiment.isPaused
    row.hasRivals = experiment.conflictDomain != nil
    row.salt =
      switch experiment.hash {
      case .murmur3: builder.internSalt(experiment.salt)
      case .sha256: builder.addSHA256Salt(experiment.salt, experiment: experiment.id)
      }
    row.audience = ruleList(experiment.audienceRules, &builder)
    row.targeting = ruleList(experiment.targetingRules, &builder)
    row.firstHoldout = UInt32(builder.holdoutLists.count)
    row.holdoutCount = UInt32(holdouts.count)
    builder.holdoutLists += holdouts
    row.firstVariant = UInt32(builder.variants.count)
    row.variantCount = UInt8(experiment.variants.count)
    for variant in experiment.variants { add(variant, of: experiment, &builder) }
    row.bucketTable = bucketTable(experiment, &buckets, &builder)
    if row.holdoutCount > 0 || !builder.isUniform(bucketTable: row.bucketTable) {
      row.dependence = .buckets
    } else if participationCap != nil || experiment.conflictDomain != nil {
      row.dependence = .others
    }
    for override in experiment.overrides {
      builder.addOverride(user: override.userKey, experiment: index, variant: override.variant)
    }
    builder.experiments.append(row)
    builder.sampling.append(
      SamplingRow(
        fingerprint: experiment.id.withBytes { Fingerprint.of($0) }, rate: experiment.exposureRate))
    builder.experimentNames.append(names(experiment, &builder))
  }

  private func ruleList(_ rules: [[Condition]], _ builder: inout TableBuilder) -> UInt32 {
    var list: [[UInt32]] = []
    for rule in rules {
      var conditions: [UInt32] = []
      for condition in rule {
        conditions.append(
          builder.internCondition(
            attribute: condition.attribute, operation: condition.operation, isList: condition.isList,
            operands: condition.operands, source: condition.source))
      }
      list.append(conditions)
    }
    return builder.internRuleList(list)
  }

  private func names(_ experiment: Experiment, _ builder: inout TableBuilder) -> ExperimentNames {
    var names = ExperimentNames()
    names.id = builder.intern(experiment.id)
    names.key = builder.intern(experiment.key)
    names.layer = builder.intern(experiment.layer ?? [])
    names.domain = builder.intern(experiment.conflictDomain ?? [])
    names.flag = builder.intern(experiment.flagKey ?? [])
    names.priority = Int64(experiment.priority)
    names.firstAllocation = UInt32(builder.allocations.count)
    for allocation in experiment.allocations {
      builder.allocations.append(
        AllocationRow(
          variant: allocation.variant ?? Int(BucketTable.unallocated),
          rangeStart: allocation.range.lowerBound,
          rangeEnd: allocation.range.upperBound))
    }
    names.allocationCount = UInt32(experiment.allocations.count)
    return names
  }

  /// What is known of buckets while the tables are made.
  private struct BucketOwners {
    /// The buckets of each layer that are taken.
    var layers: [[UInt8]: [Bool]] = [:]
    /// The tables of the allocations seen so far, outside layers and without overlaps: most experiments of a
    /// snapshot are allocated alike.
    var tables: [[Int]: UInt32] = [:]
  }

  /// The index of the table that says who owns which bucket: the first range in list order, across a layer too.
  private mutating func bucketTable(
    _ experiment: Experiment, _ owners: inout BucketOwners, _ builder: inout TableBuilder
  ) -> UInt32 {
    let allocations = experiment.allocations.flatMap {
      [$0.variant ?? -1, $0.range.lowerBound, $0.range.upperBound]
    }
    if experiment.layer == nil, let known = owners.tables[allocations] { return known }
    let vacant = Array(repeating: false, count: BucketTable.bucketCount)
    var isOwned = experiment.layer.flatMap { owners.layers[$0] } ?? vacant
    var table = Array(repeating: BucketTable.unallocated, count: BucketTable.bucketCount)
    var hasOverlaps = false
    for (index, allocation) in experiment.allocations.enumerated() {
      var overlaps = 0
      for bucket in allocation.range {
        if isOwned[bucket] {
          overlaps += 1
        } else {
          isOwned[bucket] = true
          if let variant = allocation.variant { table[bucket] = UInt8(variant) }
        }
      }
      guard overlaps > 0 else { continue }
      hasOverlaps = true
      findings.append(
        Finding(
          .warning, experiment.place.element("allocations", index),
          "\(overlaps) of its buckets belong to an earlier range"))
    }
    let place = builder.internBucketTable(table)
    if let layer = experiment.layer {
      owners.layers[layer] = isOwned
    } else if !hasOverlaps {
      owners.tables[allocations] = place
    }
    return place
  }

  private func add(_ variant: Variant, of experiment: Experiment, _ builder: inout TableBuilder) {
    var row = VariantRow()
    row.id = builder.intern(variant.id)
    row.key = builder.intern(variant.key)
    row.fingerprint = UInt32(truncatingIfNeeded: variant.id.withBytes { Fingerprint.of($0) } >> 32)
    let assignment = builder.append { text in
      text.append(",{\"experiment_key\":")
      append(experiment.key, to: &text)
      text.append(",\"experiment_id\":")
      append(experiment.id, to: &text)
      text.append(",\"variant_key\":")
      append(variant.key, to: &text)
      text.append(",\"variant_id\":")
      append(variant.id, to: &text)
      text.append(",\"payload\":")
      text += variant.payload
      text.append("}")
    }
    builder.assignments.append(assignment)
    if let flag = experiment.flagKey, let value = variant.value {
      row.flagHead = builder.append { appendDecisionHead(flag: flag, value: value, to: &$0) }
      row.flagTail = builder.append { text in
        text.append("\",\"experimentId\":")
        append(experiment.id, to: &text)
        text.append(",\"variantId\":")
        append(variant.id, to: &text)
        text.append("}")
      }
    }
    addEvaluation(of: variant, of: experiment, to: &row, &builder)
    builder.variants.append(row)
  }

  func append(_ bytes: [UInt8], to text: inout [UInt8]) {
    bytes.withBytes { text.append(jsonString: $0) }
  }

  /// `{"flagKey":"k","value":v,"decisionId":`
  private func appendDecisionHead(flag: [UInt8], value: [UInt8], to text: inout [UInt8]) {
    text.append("{\"flagKey\":")
    append(flag, to: &text)
    text.append(",\"value\":")
    text += value
    text.append(",\"decisionId\":")
  }

  // MARK: - Across experiments

  /// Experiments by priority, then by start, then by id.
  private func ranking() -> [Int] {
    experiments.indices.sorted { left, right in
      let left = experiments[left]
      let right = experiments[right]
      if left.priority != right.priority { return left.priority > right.priority }
      if left.startedAt != right.startedAt { return left.startedAt < right.startedAt }
      return left.id.lexicographicallyPrecedes(right.id)
    }
  }

  /// The indices of the domains that have at least two members.
  private func add(domains ranked: [Int], _ builder: inout TableBuilder) -> [[UInt8]: UInt32] {
    var members: [[UInt8]: [UInt32]] = [:]
    var order: [[UInt8]] = []
    for index in ranked {
      guard let domain = experiments[index].conflictDomain else { continue }
      if members[domain] == nil { order.append(domain) }
      members[domain, default: []].append(UInt32(index))
    }
    var places: [[UInt8]: UInt32] = [:]
    for domain in order where members[domain]!.count > 1 {
      places[domain] = builder.addDomain(members[domain]!)
    }
    return places
  }

  /// What has to be met in each experiment, by its own `requires` and its flag's, and in which order it is found
  /// out. What stands in a flag's `requires` is written once.
  private func add(
    requirements ranked: [Int], _ domains: [[UInt8]: UInt32], _ builder: inout TableBuilder
  ) {
    let ofFlags = flags.enumerated().map { index, flag in
      rows(flag.requires, graph.needs[graph.index(ofRequirements: index)], &builder)
    }
    for (index, experiment) in experiments.enumerated() {
      let first = builder.requirements.count
      builder.requirements += rows(experiment.requires, graph.needs[index], &builder)
      if let last = graph.needs[index].last, case .requirements(let flag)? = last.map(graph.node) {
        builder.requirements += ofFlags[flag]
      }
      var row = PrerequisitesRow()
      row.requirements = Run(first: first, count: builder.requirements.count - first)
      if let domain = experiment.conflictDomain.flatMap({ domains[$0] }) { row.domain = domain }
      builder.prerequisites.append(row)
      if row.requirements.count > 0, builder.experiments[index].dependence == .rules {
        builder.experiments[index].dependence = .others
      }
    }
    builder.ranking = graph.order(ranked).map { UInt32($0) }
  }

  private func rows(
    _ requires: [Requirement], _ needs: [Int?], _ builder: inout TableBuilder
  ) -> [RequirementRow] {
    zip(requires, needs).map { requirement, need in
      let variants = builder.addRequiredVariants(requirement.variants ?? [])
      return switch graph.node(need!) {
      case .value(let flag): RequirementRow(subject: flag, isFlag: true, variants: variants)
      case .experiment(let index): RequirementRow(subject: index, isFlag: false, variants: variants)
      case .requirements: preconditionFailure("nobody can require what a flag requires")
      }
    }
  }

  private func add(layers builder: inout TableBuilder) {
    var members: [[UInt8]: [UInt32]] = [:]
    for (index, experiment) in experiments.enumerated() {
      if let layer = experiment.layer { members[layer, default: []].append(UInt32(index)) }
    }
    for layer in layers where members[layer.key] != nil { builder.addLayer(members[layer.key]!) }
  }

  private func add(flags ranked: [Int], _ builder: inout TableBuilder) {
    var drivers: [[UInt8]: [UInt32]] = [:]
    for index in ranked {
      if let flag = experiments[index].flagKey { drivers[flag, default: []].append(UInt32(index)) }
    }
    for flag in flags {
      var row = FlagRow()
      row.key = builder.intern(flag.key)
      row.type = flag.type
      row.defaultDecision = builder.append { text in
        appendDecisionHead(flag: flag.key, value: flag.defaultValue, to: &text)
        text.append("null,\"reason\":\"FLAG_DEFAULT\",\"experimentId\":null,\"variantId\":null}")
      }
      let list = drivers[flag.key] ?? []
      row.drivers = Run(first: builder.flagDrivers.count, count: list.count)
      builder.flagDrivers += list
      builder.flags.append(row)
    }
  }
}
