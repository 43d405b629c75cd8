// The contract told a second time, as plainly as it can be: no tables, no memo, no premixed salt, no order of
// work but the one of DESIGN 4.4. What Workspace.decide answers must be what this answers.

import TestSupport
import Bytes
import Trust

/// A JSON value of a model.
indirect enum Value {
  case null, composite
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([Value])
  case object([(name: String, value: Value)])

  var json: String {
    switch self {
    case .null: "null"
    case .composite: "{}"
    case .bool(let value): "\(value)"
    case .number(let value): "\(value)"
    case .string(let value): value.quoted
    case .array(let items): "[\(items.map(\.json).joined(separator: ","))]"
    case .object(let members):
      "{\(members.map { "\($0.name.quoted): \($0.value.json)" }.joined(separator: " ,"))}"
    }
  }

  /// Strict equality; composite values equal nothing, not even themselves.
  func equals(_ other: Value) -> Bool {
    switch (self, other) {
    case (.null, .null): true
    case (.bool(let left), .bool(let right)): left == right
    case (.number(let left), .number(let right)): left == right
    // Not ==, which is equality of what is seen: the contract compares bytes.
    case (.string(let left), .string(let right)): left.utf8.elementsEqual(right.utf8)
    default: false
    }
  }

  /// An attribute of a context: the member of exactly that name, or else what its dotted path leads to.
  func attribute(_ name: String) -> Value? {
    if let exact = member(name) { return exact }
    var value: Value? = self
    for part in name.split(separator: ".", omittingEmptySubsequences: false) {
      value = value?.member(String(part))
    }
    return value
  }

  /// An own property as JavaScript has it; of members of one name the last one.
  private func member(_ name: String) -> Value? {
    switch self {
    case .object(let members): members.last { $0.name == name }?.value
    case .array(let items):
      if name == "length" {
        .number(Double(items.count))
      } else {
        items.indices.first { "\($0)" == name }.map { items[$0] }
      }
    default: nil
    }
  }
}

struct ModelCondition {
  var attribute: String
  var operation: String
  var value: Value

  /// Versions and moments that values are drawn from, in ascending order.
  static let versions = ["0.9.0", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta", "1.0.0", "1.2.0", "1.10.0"]
  static let moments = ["2025-12-31", "2026-01-01", "2026-01-01T00:00:00.001Z", "2026-01-01T02:00:00+01:00"]

  var json: String {
    "{\"attribute\":\(attribute.quoted),\"operator\":\(operation.quoted),\"value\":\(value.json)}"
  }

  func holds(_ context: Value) -> Bool {
    let actual = context.attribute(attribute)
    switch operation {
    case "exists": return actual != nil
    case "notExists": return actual == nil
    case "eq": return actual.map { $0.equals(value) } ?? false
    case "neq": return !(actual.map { $0.equals(value) } ?? false)
    case "in", "notIn":
      guard case .array(let items) = value else { return false }
      let isAmong = items.contains { item in actual.map { $0.equals(item) } ?? false }
      return isAmong == (operation == "in")
    case "gt", "lt", "gte", "lte":
      guard case .number(let left)? = actual, case .number(let right) = value else { return false }
      return switch operation {
      case "gt": left > right
      case "lt": left < right
      case "gte": left >= right
      default: left <= right
      }
    default:
      guard case .string(let left)? = actual, case .string(let right) = value else { return false }
      return holds(left, right)
    }
  }

  private func holds(_ left: String, _ right: String) -> Bool {
    func order(_ list: [String], _ isWanted: (Int, Int) -> Bool) -> Bool {
      guard let left = list.firstIndex(of: left), let right = list.firstIndex(of: right) else { return false }
      return isWanted(left, right)
    }
    switch operation {
    // On bytes, since String's own look at whole characters.
    case "contains":
      return (0...left.utf8.count).contains { left.utf8.dropFirst($0).starts(with: right.utf8) }
    case "startsWith": return left.utf8.starts(with: right.utf8)
    case "endsWith": return left.utf8.reversed().starts(with: right.utf8.reversed())
    case "semverEq": return order(Self.versions, ==)
    case "semverGt": return order(Self.versions, >)
    case "semverLt": return order(Self.versions, <)
    case "before": return order(Self.moments, <)
    case "after": return order(Self.moments, >)
    default: fatalError("no operator \(operation)")
    }
  }
}

struct ModelRequirement {
  var experiment: String?
  var flag: String?
  /// Ids or keys; nil for any.
  var variants: [String]?

  var json: String {
    var members: [String] = []
    if let experiment { members.append("\"experiment\":\(experiment.quoted)") }
    if let flag { members.append("\"flag\":\(flag.quoted)") }
    if let variants { members.append("\"variants\":\(list(variants, \.quoted))") }
    return "{\(members.joined(separator: ","))}"
  }
}

struct ModelExperiment {
  var id: String
  var key: String
  var salt: String
  var isPaused = false
  /// The text and what it means.
  var startedAt: (text: String, moment: Int)?
  var priority: Int?
  var layer: String?
  var domain: String?
  var flag: String?
  var requires: [ModelRequirement] = []
  var isSHA256 = false
  var audience: [[ModelCondition]] = []
  var targeting: [[ModelCondition]] = []
  var overrides: [(user: String, variant: String)] = []
  var variants: [String] = []
  var allocations: [(variant: String, start: Int, end: Int)] = []

  var json: String {
    var members = ["\"id\":\(id.quoted)", "\"key\":\(key.quoted)", "\"salt\":\(salt.quoted)"]
    if isPaused { members.append("\"status\":\"PAUSED\"") }
    if let startedAt { members.append("\"startedAt\":\(startedAt.text.quoted)") }
    if let priority { members.append("\"priority\":\(priority)") }
    if let layer { members.append("\"layer\":\(layer.quoted)") }
    if let domain { members.append("\"conflictDomain\":\(domain.quoted)") }
    if let flag { members.append("\"flagKey\":\(flag.quoted)") }
    if !requires.isEmpty { members.append("\"requires\":\(list(requires, \.json))") }
    if isSHA256 { members.append("\"hash\":\"sha256\"") }
    members.append("\"audienceRules\":\(Self.json(audience))")
    members.append("\"targetingRules\":\(Self.json(targeting))")
    members.append(
      "\"overrides\":"
        + list(overrides) { "{\"userKey\":\($0.user.quoted),\"variantId\":\($0.variant.quoted)}" })
    members.append(
      "\"variants\":"
        + list(Array(variants.enumerated())) { index, id in
          "{\"id\":\(id.quoted),\"key\":\"k\(index)\",\"value\":true}"
        })
    members.append(
      "\"allocations\":"
        + list(allocations) {
          "{\"variantId\":\($0.variant.quoted),\"rangeStart\":\($0.start),\"rangeEnd\":\($0.end)}"
        })
    return "{\(members.joined(separator: ","))}"
  }

  private static func json(_ rules: [[ModelCondition]]) -> String {
    list(rules) { rule in "{\"conditions\":\(list(rule, \.json))}" }
  }
}

struct ModelSnapshot {
  var cap: Int?
  var layers: [(key: String, salt: String)] = []
  var flags: [(key: String, requires: [ModelRequirement])] = []
  var holdouts: [(key: String, salt: String, share: Int, experiments: [String]?)] = []
  var experiments: [ModelExperiment] = []

  var json: String {
    var members = ["\"version\":1", "\"environment\":\"test\""]
    if let cap { members.append("\"maxExperimentsPerUser\":\(cap)") }
    members.append(
      "\"flags\":"
        + list(flags) {
          "{\"key\":\($0.key.quoted),\"type\":\"boolean\",\"default\":false,"
            + "\"requires\":\(list($0.requires, \.json))}"
        })
    members.append("\"layers\":" + list(layers) { "{\"key\":\($0.key.quoted),\"salt\":\($0.salt.quoted)}" })
    members.append(
      "\"holdouts\":"
        + list(holdouts) { holdout in
          let names = holdout.experiments.map { ",\"experiments\":" + list($0, \.quoted) } ?? ""
          return "{\"key\":\(holdout.key.quoted),\"salt\":\(holdout.salt.quoted),"
            + "\"share\":\(holdout.share)\(names)}"
        })
    members.append("\"experiments\":" + list(experiments, \.json))
    return "{\(members.joined(separator: ","))}"
  }
}

func list<Item>(_ items: [Item], _ json: (Item) -> String) -> String {
  "[\(items.map(json).joined(separator: ","))]"
}

// MARK: - Deciding

/// murmur3_x86_32 with seed 0, as its author wrote it: block by block, then the tail, then the finish.
func naiveMurmur3(_ bytes: [UInt8]) -> UInt32 {
  func rotate(_ word: UInt32, _ count: UInt32) -> UInt32 { word << count | word >> (32 - count) }
  func mixed(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    let block = bytes.reversed().reduce(0 as UInt32) { $0 << 8 | UInt32($1) }
    return rotate(block &* 0xcc9e_2d51, 15) &* 0x1b87_3593
  }
  var hash: UInt32 = 0
  var rest = bytes[...]
  while rest.count >= 4 {
    hash = rotate(hash ^ mixed(rest.prefix(4)), 13) &* 5 &+ 0xe654_6b64
    rest = rest.dropFirst(4)
  }
  hash ^= mixed(rest)
  hash ^= UInt32(bytes.count)
  hash = (hash ^ hash >> 16) &* 0x85eb_ca6b
  hash = (hash ^ hash >> 13) &* 0xc2b2_ae35
  return hash ^ hash >> 16
}

/// The bucket by SHA-256, from OpenSSL's digest rather than our own.
func naiveSHA256Bucket(_ text: String) -> Int {
  let digest = Array(text.utf8).withBytes { Digest.sha256($0) }
  return Int(digest.prefix(8).reduce(0 as UInt64) { $0 << 8 | UInt64($1) } % 10_000)
}

func naiveBucket(_ user: String, _ salt: String) -> Int {
  Int(naiveMurmur3(Array("\(user):\(salt)".utf8)) % 10_000)
}

extension ModelSnapshot {
  /// `kept` are variants by experiment, which the user keeps whatever the bucket says.
  func decide(_ user: String, _ context: Value, kept: [String: String] = [:]) -> [Outcome] {
    var outcomes = outcomesAlone(user, context)
    keep(kept, &outcomes)
    guard !hasRequirements else { return settled(outcomes) }
    resolveConflicts(&outcomes)
    limitParticipation(&outcomes)
    return outcomes
  }

  func outcomesAlone(_ user: String, _ context: Value) -> [Outcome] {
    experiments.map { alone($0, user, context) }
  }

  /// Steps 1 to 5.
  private func alone(_ experiment: ModelExperiment, _ user: String, _ context: Value) -> Outcome {
    func outcome(_ reason: String, _ variant: String? = nil) -> Outcome {
      Outcome(experiment: experiment.id, reason: reason, variant: variant)
    }
    if experiment.isPaused { return outcome("EXPERIMENT_PAUSED") }
    let known = experiment.overrides.filter { experiment.variants.contains($0.variant) }
    if let forced = known.first(where: { $0.user == user }) { return outcome("OVERRIDE", forced.variant) }
    for holdout in holdouts
    where holdout.experiments?.contains(where: { $0 == experiment.id || $0 == experiment.key }) ?? true {
      if naiveBucket(user, holdout.salt) < holdout.share { return outcome("HOLDOUT") }
    }
    for rules in [experiment.audience, experiment.targeting] where !rules.isEmpty {
      guard rules.contains(where: { $0.allSatisfy { $0.holds(context) } }) else {
        return outcome("TARGETING_NOT_MATCHED")
      }
    }
    guard let variant = owner(of: experiment, user) else { return outcome("NOT_IN_AUDIENCE") }
    return outcome("EXPERIMENT_ASSIGNED", variant)
  }

  /// The variant whose range owns the user's bucket: the first one in list order, across the layer.
  private func owner(of experiment: ModelExperiment, _ user: String) -> String? {
    let layer = layers.first { $0.key == experiment.layer }
    let bucket =
      experiment.isSHA256
      ? naiveSHA256Bucket("\(user):\(experiment.id):\(experiment.salt)")
      : naiveBucket(user, layer?.salt ?? experiment.salt)
    for other in layer == nil ? [experiment] : experiments.filter({ $0.layer == experiment.layer }) {
      for range in other.allocations where range.start <= bucket && bucket <= range.end {
        return other.id == experiment.id && experiment.variants.contains(range.variant) ? range.variant : nil
      }
    }
    return nil
  }

  /// Whether the experiment at `left` ranks before the one at `right`.
  private func ranksBefore(_ left: Int, _ right: Int) -> Bool {
    let (left, right) = (experiments[left], experiments[right])
    if left.priority ?? 0 != right.priority ?? 0 { return left.priority ?? 0 > right.priority ?? 0 }
    let (leftStart, rightStart) = (left.startedAt?.moment ?? .max, right.startedAt?.moment ?? .max)
    if leftStart != rightStart { return leftStart < rightStart }
    return Array(left.id.utf8).lexicographicallyPrecedes(Array(right.id.utf8))
  }

  /// Instead of step 5: of several in a layer the highest ranked one that came through stays alone.
  private func keep(_ kept: [String: String], _ outcomes: inout [Outcome]) {
    var takenLayers: Set<String> = []
    for index in effectiveRanking() {
      let experiment = experiments[index]
      guard let variant = kept[experiment.id], experiment.variants.contains(variant),
        ["EXPERIMENT_ASSIGNED", "NOT_IN_AUDIENCE"].contains(outcomes[index].reason)
      else { continue }
      if let layer = experiment.layer {
        guard takenLayers.insert(layer).inserted else { continue }
        for other in outcomes.indices
        where experiments[other].layer == layer && outcomes[other].reason == "EXPERIMENT_ASSIGNED" {
          outcomes[other].reason = "NOT_IN_AUDIENCE"
          outcomes[other].variant = nil
        }
      }
      outcomes[index].reason = "EXPERIMENT_ASSIGNED"
      outcomes[index].variant = variant
    }
  }

  /// What a visitor keeps after `outcomes`, by rank: every assignment but overrides, and what was kept before of
  /// experiments and variants that exist.
  func settle(_ outcomes: [Outcome], kept: [String: String]) -> [(experiment: String, variant: String)] {
    effectiveRanking().compactMap { index in
      let experiment = experiments[index]
      if outcomes[index].reason == "EXPERIMENT_ASSIGNED" { return (experiment.id, outcomes[index].variant!) }
      guard let variant = kept[experiment.id], experiment.variants.contains(variant) else { return nil }
      return (experiment.id, variant)
    }
  }

  /// Step 7: an assigned one loses to an overridden one of its domain, and to a higher ranked assigned one.
  private func resolveConflicts(_ outcomes: inout [Outcome]) {
    let before = outcomes
    for index in outcomes.indices where before[index].reason == "EXPERIMENT_ASSIGNED" {
      guard let domain = experiments[index].domain else { continue }
      let hasLost = outcomes.indices.contains { other in
        guard other != index, experiments[other].domain == domain else { return false }
        return before[other].reason == "OVERRIDE"
          || before[other].reason == "EXPERIMENT_ASSIGNED" && ranksBefore(other, index)
      }
      if hasLost {
        outcomes[index].reason = "EXPERIMENT_CONFLICT"
        outcomes[index].variant = nil
      }
    }
  }

  /// Step 8: overrides count first and always stay, then the highest ranked fill what is left.
  private func limitParticipation(_ outcomes: inout [Outcome]) {
    guard let cap else { return }
    let overridden = outcomes.count { $0.reason == "OVERRIDE" }
    let assigned = outcomes.indices.filter { outcomes[$0].reason == "EXPERIMENT_ASSIGNED" }
    for index in assigned.sorted(by: ranksBefore).dropFirst(max(0, cap - overridden)) {
      outcomes[index].reason = "PARTICIPATION_LIMIT_EXCEEDED"
      outcomes[index].variant = nil
    }
  }
}

// MARK: - Prerequisites

extension ModelSnapshot {
  var hasRequirements: Bool { experiments.contains { !requires(of: $0).isEmpty } }

  /// Its own, and those of the flag it drives.
  func requires(of experiment: ModelExperiment) -> [ModelRequirement] {
    experiment.requires + flags.filter { $0.key == experiment.flag }.flatMap(\.requires)
  }

  /// The experiments that must be settled before a requirement can be looked at.
  private func givers(_ requirement: ModelRequirement) -> [Int] {
    if let flag = requirement.flag { return experiments.indices.filter { experiments[$0].flag == flag } }
    let byID = experiments.firstIndex { $0.id == requirement.experiment }
    return [byID ?? experiments.firstIndex { $0.key == requirement.experiment }!]
  }

  /// Again and again the highest ranked one whose prerequisites were taken; shorter than all if some never are.
  func effectiveRanking() -> [Int] {
    var order: [Int] = []
    while true {
      let free = experiments.indices.filter { index in
        !order.contains(index)
          && requires(of: experiments[index]).flatMap(givers).allSatisfy { order.contains($0) }
      }
      guard let next = free.min(by: ranksBefore) else { return order }
      order.append(next)
    }
  }

  /// Steps 6 to 8 by one walk down the effective ranking.
  func settled(_ alone: [Outcome]) -> [Outcome] {
    var outcomes = alone
    let forced = alone.indices.filter { alone[$0].reason == "OVERRIDE" }
    var takenDomains = Set(forced.compactMap { experiments[$0].domain })
    var places = (cap ?? .max) - forced.count
    for index in effectiveRanking() where alone[index].reason == "EXPERIMENT_ASSIGNED" {
      let experiment = experiments[index]
      if !requires(of: experiment).allSatisfy({ isMet($0, outcomes) }) {
        outcomes[index].reason = "PREREQUISITE_NOT_MET"
      } else if experiment.domain.map({ !takenDomains.insert($0).inserted }) ?? false {
        outcomes[index].reason = "EXPERIMENT_CONFLICT"
      } else if places <= 0 {
        outcomes[index].reason = "PARTICIPATION_LIMIT_EXCEEDED"
      } else {
        places -= 1
        continue
      }
      outcomes[index].variant = nil
    }
    return outcomes
  }

  private func isMet(_ requirement: ModelRequirement, _ outcomes: [Outcome]) -> Bool {
    let given = givers(requirement).filter { outcomes[$0].variant != nil }
    guard let giver = given.min(by: ranksBefore), let variant = outcomes[giver].variant else { return false }
    guard let names = requirement.variants else { return true }
    let place = experiments[giver].variants.firstIndex(of: variant)!
    return names.contains(variant) || names.contains("k\(place)")
  }

  func withoutRequirements() -> ModelSnapshot {
    var snapshot = self
    for index in snapshot.experiments.indices { snapshot.experiments[index].requires = [] }
    for index in snapshot.flags.indices { snapshot.flags[index].requires = [] }
    return snapshot
  }

  /// This snapshot with flags, and with requirements that lead in no circle.
  func withRequirements(_ random: inout Random) -> ModelSnapshot {
    var snapshot = self
    snapshot.flags = (0..<(1 + random.below(3))).map { ("flag-\($0)", []) }
    for index in experiments.indices where random.oneIn(2) {
      snapshot.experiments[index].flag = random.pick(snapshot.flags).key
    }
    for _ in 0..<random.below(2 * experiments.count + 1) {
      var changed = snapshot
      let requirement = snapshot.requirement(&random)
      if random.oneIn(4) {
        changed.flags[random.below(changed.flags.count)].requires.append(requirement)
      } else {
        changed.experiments[random.below(experiments.count)].requires.append(requirement)
      }
      if changed.effectiveRanking().count == experiments.count { snapshot = changed }
    }
    return snapshot
  }

  private func requirement(_ random: inout Random) -> ModelRequirement {
    var requirement = ModelRequirement()
    let subject = random.pick(experiments)
    if random.oneIn(3) {
      requirement.flag = random.pick(flags).key
    } else {
      requirement.experiment = random.oneIn(2) ? subject.id : subject.key
    }
    if random.oneIn(2) {
      let names = subject.variants + ["k0", "k1", "nobody"]
      requirement.variants = (0..<(1 + random.below(3))).map { _ in random.pick(names) }
    }
    return requirement
  }
}

// MARK: - Random models

extension Random {
  static let users = (0..<24).map { "user-\($0)" }

  mutating func scalar() -> Value {
    switch below(10) {
    case 0: .null
    case 1: .bool(oneIn(2))
    case 2, 3: .number(Double(below(7)) - 3)
    case 4: .number([0.5, -0.0, 1e21, 1e-7][below(4)])
    case 5: .string(pick(ModelCondition.versions))
    case 6: .string(pick(ModelCondition.moments))
    default: .string(pick(["", "US", "CA", "pro", "p", "a\"\\\n", "é", "e\u{301}", "e"]))
    }
  }

  /// A value, at most `depth` levels deep.
  mutating func value(_ depth: Int) -> Value {
    guard depth > 0, oneIn(3) else { return scalar() }
    if oneIn(2) { return .array((0..<below(4)).map { _ in value(depth - 1) }) }
    return context(depth)
  }

  /// An object whose names collide often, with each other and with the steps of paths.
  mutating func context(_ depth: Int) -> Value {
    let names = ["a", "b", "c", "a.b", "a.b.c", "0", "1", "length", "", "a.", ".a", "toString", "é"]
    return .object((0..<below(5)).map { _ in (pick(names), value(depth - 1)) })
  }

  static let attributes = [
    "a", "b", "c", "a.b", "a.b.c", "a.c", "a.0", "a.1.b", "a.length", "a.b.length", "", "a.", ".a", "..", "0",
    "b.00", "toString", "a.toString", "é", "length",
  ]

  mutating func condition() -> ModelCondition {
    let operations = [
      "eq", "neq", "in", "notIn", "contains", "gt", "lt", "gte", "lte", "startsWith", "endsWith", "exists",
      "notExists", "semverEq", "semverGt", "semverLt", "before", "after",
    ]
    let operation = pick(operations)
    let value: Value =
      switch operation {
      case "semverEq", "semverGt", "semverLt": .string(pick(ModelCondition.versions))
      case "before", "after": .string(pick(ModelCondition.moments))
      case "in", "notIn": oneIn(8) ? scalar() : .array((0..<below(14)).map { _ in scalar() })
      default: oneIn(8) ? .array([scalar()]) : scalar()
      }
    return ModelCondition(attribute: pick(Self.attributes), operation: operation, value: value)
  }

  mutating func rules() -> [[ModelCondition]] {
    guard oneIn(2) else { return [] }
    return (0..<(1 + below(3))).map { _ in (0..<below(3)).map { _ in condition() } }
  }

  mutating func snapshot() -> ModelSnapshot {
    var snapshot = ModelSnapshot()
    snapshot.cap = oneIn(2) ? below(4) : nil
    snapshot.layers = (0..<below(3)).map { ("layer-\($0)", "layer-salt-\($0)") }
    let count = below(8)
    // Ids in no order of theirs, so that ranking by id is not ranking by place.
    let ids = (0..<count).map { "\("éxZa09Ab".split(separator: "")[$0])-id" }.shuffled(using: &self)
    snapshot.experiments = ids.enumerated().map { experiment($1, "key-\($0)", snapshot) }
    snapshot.holdouts = (0..<below(3)).map { index in
      let names = snapshot.experiments.flatMap { [$0.id, $0.key] }
      let some = names.isEmpty ? [] : (0..<below(4)).map { _ in pick(names) }
      return (
        "holdout-\(index)", "salt-\(below(3))", [0, 1500, 4000, 10_000][below(4)], oneIn(3) ? nil : some
      )
    }
    return snapshot
  }

  private mutating func experiment(_ id: String, _ key: String, _ snapshot: ModelSnapshot) -> ModelExperiment
  {
    var experiment = ModelExperiment(id: id, key: key, salt: "salt-\(below(3))")
    experiment.isPaused = oneIn(8)
    let hour = 3_600_000
    experiment.startedAt = pick([
      nil, ("2026-01-01", 0), ("2026-01-01T01:00:00+01:00", 0), ("2026-01-01T01:00:00Z", hour),
      ("2025-12-31T23:59:59.999Z", -1),
    ])
    experiment.priority = pick([nil, 0, 1, -1])
    experiment.layer = snapshot.layers.isEmpty || oneIn(2) ? nil : pick(snapshot.layers).key
    experiment.domain = pick([nil, nil, "domain-0", "domain-1"])
    experiment.isSHA256 = experiment.layer == nil && oneIn(4)
    experiment.audience = rules()
    experiment.targeting = rules()
    experiment.variants = (0..<below(4)).map { "\(id)-v\($0)" }
    let named = experiment.variants + ["nobody"]
    experiment.overrides = (0..<below(4)).map { _ in (pick(Self.users), pick(named)) }
    experiment.allocations = (0..<below(4)).map { _ in
      let (one, other) = (below(10_000), below(10_000))
      return (pick(named), min(one, other), max(one, other))
    }
    return experiment
  }
}
