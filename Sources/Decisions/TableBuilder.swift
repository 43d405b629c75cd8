// Fills the layout of TablesLayout.swift: sections grow as arrays, then `write` lays them out in one region.
// Equal texts, bucket tables, salts, conditions, rules and rule lists are stored once.

package import Bytes

package struct TableBuilder {
  package var header = TablesHeader()
  package var experiments: [ExperimentRow] = []
  package var experimentNames: [ExperimentNames] = []
  package var variants: [VariantRow] = []
  /// Of each variant.
  package var assignments: [ByteRange] = []
  package var allocations: [AllocationRow] = []
  package var holdouts: [HoldoutRow] = []
  package var holdoutLists: [UInt32] = []
  package var flags: [FlagRow] = []
  package var flagDrivers: [UInt32] = []
  package var evaluations: [EvaluationRow] = []
  /// Experiments in the order in which prerequisites, conflicts and the cap are settled; may be left empty
  /// where there is neither a cap nor a requirement, and users keep nothing.
  package var ranking: [UInt32] = []
  /// Of every experiment, or of none where the snapshot has no requirement.
  package var prerequisites: [PrerequisitesRow] = []
  package var requirements: [RequirementRow] = []
  package var sampling: [SamplingRow] = []

  private var text: [UInt8] = []
  /// The runs of `text` that are stored once.
  private var names: [ByteRange] = []
  private var nameIndex = PlaceIndex()
  private var bucketTables: [UInt8] = []
  private var bucketTableIndex = PlaceIndex()
  private var uniformBucketTables: Set<UInt32> = []
  private var salts: [SaltRow] = []
  private var saltIndex = PlaceIndex()
  private var ruleLists: [Run] = [Run(first: 0, count: 0)]
  private var ruleListIndex = PlaceIndex()
  private var ruleSteps: [RuleStep] = []
  private var conditions: [ConditionRow] = []
  private var conditionIndex = PlaceIndex()
  private var operands: [OperandRow] = []
  private var attributes: [AttributeRow] = []
  private var attributeIndex = PlaceIndex()
  /// Nobody who writes a snapshot knows which texts will meet in an index.
  private let seed = UInt64.random(in: .min ... .max)
  private var domains: [Run] = []
  private var domainMembers: [UInt32] = []
  private var requiredVariants: [ByteRange] = []
  private var layerMembers: [UInt32] = []
  private var overridesByUser: [[UInt8]: [OverrideRow]] = [:]

  /// A builder of tables with about `textCapacity` bytes of text, so that it need not move while it grows.
  package init(textCapacity: Int = 0) {
    text.reserveCapacity(textCapacity)
  }

  // MARK: - Interned parts

  private func hash(_ bytes: ByteView) -> UInt64 { Fingerprint.of(bytes, seed: seed) }

  private func hash(_ numbers: some Sequence<UInt32>) -> UInt64 {
    numbers.reduce(seed) { Fingerprint.mix($0 ^ UInt64($1)) }
  }

  /// The place of `bytes` in the text section.
  package mutating func intern(_ bytes: [UInt8]) -> ByteRange { bytes.withBytes { intern($0) } }

  private mutating func intern(_ bytes: ByteView) -> ByteRange {
    let hash = hash(bytes)
    let known = text.withBytes { text in
      nameIndex.place(hash) { text.slice(names[$0]).equals(bytes) }
    }
    if let known { return names[known] }
    nameIndex.add(names.count, hash)
    names.append(append { $0.append(bytes) })
    return names.last!
  }

  /// The place of what `write` appends to the text section, for what is hardly ever there twice.
  package mutating func append(_ write: (inout [UInt8]) -> Void) -> ByteRange {
    let start = text.count
    write(&text)
    return ByteRange(from: start, to: text.count)
  }

  /// The index of a bucket table of ``BucketTable/bucketCount`` bytes.
  package mutating func internBucketTable(_ table: [UInt8]) -> UInt32 {
    precondition(table.count == BucketTable.bucketCount)
    return table.withBytes { bytes in
      let hash = hash(bytes)
      let known = bucketTables.withBytes { tables in
        bucketTableIndex.place(hash) { place in
          tables.slice(ByteRange(start: place * bytes.count, count: bytes.count)).equals(bytes)
        }
      }
      if let known { return UInt32(known) }
      let place = bucketTables.count / bytes.count
      bucketTableIndex.add(place, hash)
      bucketTables.append(bytes)
      if table.allSatisfy({ $0 == table[0] }) { uniformBucketTables.insert(UInt32(place)) }
      return UInt32(place)
    }
  }

  /// Whether all buckets of a table have the same variant, or none.
  package func isUniform(bucketTable place: UInt32) -> Bool { uniformBucketTables.contains(place) }

  /// The index of a murmur3 salt.
  package mutating func internSalt(_ salt: [UInt8]) -> UInt32 {
    let text = intern(salt)
    let hash = hash(CollectionOfOne(text.start))
    if let known = saltIndex.place(hash, where: { salts[$0].text == text }) { return UInt32(known) }
    var row = SaltRow()
    row.text = text
    saltIndex.add(salts.count, hash)
    salts.append(row)
    return UInt32(salts.count - 1)
  }

  /// The index of a SHA-256 salt, which belongs to one experiment.
  package mutating func addSHA256Salt(_ salt: [UInt8], experiment: [UInt8]) -> UInt32 {
    var row = SaltRow()
    row.text = intern(salt)
    row.experiment = intern(experiment)
    row.isSHA256 = true
    salts.append(row)
    return UInt32(salts.count - 1)
  }

  /// The slot of an attribute.
  package mutating func internAttribute(_ name: [UInt8]) -> UInt32 {
    let name = intern(name)
    let hash = hash(CollectionOfOne(name.start))
    if let known = attributeIndex.place(hash, where: { attributes[$0].name == name }) { return UInt32(known) }
    attributeIndex.add(attributes.count, hash)
    attributes.append(AttributeRow(name: name))
    return UInt32(attributes.count - 1)
  }

  /// A condition's value before it is laid out.
  package struct Operand {
    package var row: OperandRow
    package var text: [UInt8]

    package init(_ row: OperandRow, text: [UInt8] = []) {
      self.row = row
      self.text = text
    }
  }

  /// Lists longer than this are sorted by hash and searched by halves.
  package static var linearOperandMax: Int { 8 }

  /// The index of a condition; `source` is its value as JSON.
  package mutating func internCondition(
    attribute: [UInt8], operation: Operator, isList: Bool, operands values: [Operand], source: [UInt8]
  ) -> UInt32 {
    var row = ConditionRow()
    row.attribute = internAttribute(attribute)
    row.operation = operation
    row.source = intern(source)
    let hash = hash([row.attribute, UInt32(operation.rawValue), row.source.start])
    let known = conditionIndex.place(hash) {
      let other = conditions[$0]
      return other.attribute == row.attribute && other.operation == operation && other.source == row.source
    }
    if let known { return UInt32(known) }
    row.isList = isList
    row.isSorted = isList && values.count > Self.linearOperandMax
    row.firstOperand = UInt32(operands.count)
    row.operandCount = UInt32(values.count)
    var laidOut = values.map { value in
      var operand = value.row
      operand.text = intern(value.text)
      operand.hash =
        operand.kind == .number ? Hashing.hash(operand.number) : value.text.withBytes { Hashing.hash($0) }
      return operand
    }
    if row.isSorted { laidOut.sort { $0.hash < $1.hash } }
    operands += laidOut
    conditionIndex.add(conditions.count, hash)
    conditions.append(row)
    return UInt32(conditions.count - 1)
  }

  /// The index of a rule list, each rule a list of conditions.
  package mutating func internRuleList(_ list: [[UInt32]]) -> UInt32 {
    guard !list.isEmpty else { return 0 }
    // As if they stood at the start.
    var steps: [RuleStep] = []
    for rule in list {
      let conditions = rule.isEmpty ? [RuleStep.always] : rule
      let end = steps.count + conditions.count
      steps += conditions.map { RuleStep(condition: $0, ruleEnd: end) }
    }
    let hash = hash(steps.lazy.map { $0.condition ^ $0.ruleEnd << 16 })
    let known = ruleListIndex.place(hash) { place in
      let other = ruleLists[place]
      return ruleSteps[other.range].elementsEqual(steps) {
        $0.condition == $1.condition && $0.ruleEnd - other.first == $1.ruleEnd
      }
    }
    if let known { return UInt32(known) }
    let first = ruleSteps.count
    ruleListIndex.add(ruleLists.count, hash)
    ruleLists.append(Run(first: first, count: steps.count))
    ruleSteps += steps.map { RuleStep(condition: $0.condition, ruleEnd: first + Int($0.ruleEnd)) }
    return UInt32(ruleLists.count - 1)
  }

  /// Adds a conflict domain and returns its index; `members` are experiments, the highest ranked first.
  package mutating func addDomain(_ members: [UInt32]) -> UInt32 {
    defer { domainMembers += members }
    domains.append(Run(first: domainMembers.count, count: members.count))
    return UInt32(domains.count - 1)
  }

  /// The place of the ids and keys that meet a requirement.
  package mutating func addRequiredVariants(_ names: [[UInt8]]) -> Run {
    let first = requiredVariants.count
    for name in names { requiredVariants.append(intern(name)) }
    return Run(first: first, count: names.count)
  }

  /// Notes which experiments make up a layer.
  package mutating func addLayer(_ members: [UInt32]) {
    let run = Run(first: layerMembers.count, count: members.count)
    for member in members { experimentNames[Int(member)].layerMembers = run }
    layerMembers += members
  }

  package mutating func addOverride(user: [UInt8], experiment: Int, variant: Int) {
    overridesByUser[user, default: []].append(OverrideRow(experiment: experiment, variant: variant))
  }

  // MARK: - Hash tables

  /// A power of two with at least as many vacant places as taken ones.
  private static func capacity(for count: Int) -> Int {
    guard count > 0 else { return 0 }
    var capacity = 2
    while capacity < count * 2 { capacity *= 2 }
    return capacity
  }

  private mutating func overrideTables() -> (users: [OverrideUser], rows: [OverrideRow]) {
    let capacity = Self.capacity(for: overridesByUser.count)
    var users = Array(repeating: OverrideUser(), count: capacity)
    var rows: [OverrideRow] = []
    for (key, overrides) in overridesByUser.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
      var place = Int(key.withBytes { Hashing.hash($0) }) & (capacity - 1)
      while !users[place].isVacant { place = (place + 1) & (capacity - 1) }
      users[place].key = intern(key)
      users[place].overrides = Run(first: rows.count, count: overrides.count)
      rows += overrides
    }
    return (users, rows)
  }

  /// An open-addressed index over keys in the text section.
  private func index(of keys: [ByteRange]) -> [UInt32] {
    let capacity = Self.capacity(for: keys.count)
    var index = Array(repeating: UInt32.max, count: capacity)
    for (row, key) in keys.enumerated() {
      let hash = text.withBytes { Hashing.hash($0.slice(key)) }
      var place = Int(hash) & (capacity - 1)
      while index[place] != .max { place = (place + 1) & (capacity - 1) }
      index[place] = UInt32(row)
    }
    return index
  }

  /// Of experiments with one fingerprint the first one is found.
  private func experimentTable() -> [UInt32] {
    let capacity = Self.capacity(for: sampling.count)
    var index = Array(repeating: UInt32.max, count: capacity)
    for (experiment, row) in sampling.enumerated() {
      var place = Int(truncatingIfNeeded: row.fingerprint) & (capacity - 1)
      while index[place] != .max, sampling[Int(index[place])].fingerprint != row.fingerprint {
        place = (place + 1) & (capacity - 1)
      }
      if index[place] == .max { index[place] = UInt32(experiment) }
    }
    return index
  }

  /// An object some attribute's path goes through, before it is laid out.
  private final class PathStep {
    var members: [[UInt8]: PathStep] = [:]
    var exactSlot = AttributeNode.noSlot
    var pathSlot = AttributeNode.noSlot

    func member(_ name: [UInt8]) -> PathStep {
      if let step = members[name] { return step }
      let step = PathStep()
      members[name] = step
      return step
    }
  }

  /// The nodes of all attributes; the first one is the outermost object.
  private mutating func attributeTables() -> [AttributeNode] {
    let root = PathStep()
    for (slot, attribute) in attributes.enumerated() {
      let name = Array(text[attribute.name.bounds])
      let slot = UInt32(slot)
      root.member(name).exactSlot = slot
      var step = root
      for part in name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
        step = step.member(Array(part))
      }
      step.pathSlot = slot
    }
    var nodes = [AttributeNode()]
    layOut(root, at: 0, &nodes)
    return nodes
  }

  private mutating func layOut(_ step: PathStep, at index: Int, _ nodes: inout [AttributeNode]) {
    let capacity = Self.capacity(for: step.members.count)
    let first = nodes.count
    nodes[index].firstChild = UInt32(first)
    nodes[index].childCapacity = UInt32(capacity)
    nodes += Array(repeating: AttributeNode(), count: capacity)
    for (name, member) in step.members.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
      var place = Int(name.withBytes { Hashing.hash($0) }) & (capacity - 1)
      while nodes[first + place].name.start != AttributeNode.vacant { place = (place + 1) & (capacity - 1) }
      nodes[first + place].name = intern(name)
      nodes[first + place].exactSlot = member.exactSlot
      nodes[first + place].pathSlot = member.pathSlot
      layOut(member, at: first + place, &nodes)
    }
  }

  // MARK: - Salts

  /// Puts the salts into the order that they are hashed in, tells the others, and groups them.
  private mutating func groupSalts() -> (groups: [SaltGroup], words: [Murmur3.Lanes]) {
    let order = salts.indices.sorted { left, right in
      if salts[left].isSHA256 != salts[right].isSHA256 { return !salts[left].isSHA256 }
      let lengths = (salts[left].text.count, salts[right].text.count)
      return lengths.0 != lengths.1 ? lengths.0 < lengths.1 : left < right
    }
    var places = Array(repeating: UInt32(0), count: salts.count)
    for (place, salt) in order.enumerated() { places[salt] = UInt32(place) }
    for index in experiments.indices { experiments[index].salt = places[Int(experiments[index].salt)] }
    for index in holdouts.indices { holdouts[index].salt = places[Int(holdouts[index].salt)] }
    salts = order.map { salts[$0] }

    var groups: [SaltGroup] = []
    var words: [Murmur3.Lanes] = []
    var first = 0
    while first < salts.count, !salts[first].isSHA256 {
      let byteCount = salts[first].text.count
      var end = first + 1
      while end < salts.count, end - first < SaltGroup.laneCount, !salts[end].isSHA256,
        salts[end].text.count == byteCount
      { end += 1 }
      let stride = PremixedSalt.stride(saltCount: Int(byteCount))
      groups.append(
        SaltGroup(
          saltCount: UInt32(end - first), byteCount: byteCount, firstWord: UInt32(words.count),
          stride: UInt32(stride)))
      let lanes = salts[first..<end].map { salt in
        text.withBytes { PremixedSalt.words($0.slice(salt.text)) }
      }
      for word in 0..<4 * stride {
        var element = Murmur3.Lanes()
        for (lane, words) in lanes.enumerated() { element[lane] = words[word] }
        words.append(element)
      }
      first = end
    }
    return (groups, words)
  }

  // MARK: - Layout

  /// Lays everything out: the bytes of one region, to be copied into memory that is aligned to 64 bytes.
  package mutating func finish() -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: MemoryLayout<TablesHeader>.size)
    let (users, overrideRows) = overrideTables()
    let nodes = attributeTables()
    let (saltGroups, saltWords) = groupSalts()
    // Nearly all of it, so that it hardly moves while it grows.
    bytes.reserveCapacity(
      (text.count + bucketTables.count + saltWords.count * MemoryLayout<Murmur3.Lanes>.stride) * 9 / 8)
    header.experiments = append(experiments, to: &bytes)
    header.experimentNames = append(experimentNames, to: &bytes)
    header.variants = append(variants, to: &bytes)
    header.assignments = append(assignments, to: &bytes)
    header.allocations = append(allocations, to: &bytes)
    header.bucketTables = append(bucketTables, to: &bytes)
    header.salts = append(salts, to: &bytes)
    header.saltGroups = append(saltGroups, to: &bytes)
    header.saltWords = append(saltWords, to: &bytes)
    header.holdouts = append(holdouts, to: &bytes)
    header.holdoutLists = append(holdoutLists, to: &bytes)
    header.ruleLists = append(ruleLists, to: &bytes)
    header.ruleSteps = append(ruleSteps, to: &bytes)
    header.conditions = append(conditions, to: &bytes)
    header.operands = append(operands, to: &bytes)
    header.attributes = append(attributes, to: &bytes)
    header.attributeNodes = append(nodes, to: &bytes)
    header.overrideUsers = append(users, to: &bytes)
    header.overrides = append(overrideRows, to: &bytes)
    header.domains = append(domains, to: &bytes)
    header.domainMembers = append(domainMembers, to: &bytes)
    header.ranking = append(ranking, to: &bytes)
    header.prerequisites = append(prerequisites, to: &bytes)
    header.requirements = append(requirements, to: &bytes)
    header.requiredVariants = append(requiredVariants, to: &bytes)
    header.flags = append(flags, to: &bytes)
    header.flagIndex = append(index(of: flags.map(\.key)), to: &bytes)
    header.flagDrivers = append(flagDrivers, to: &bytes)
    header.evaluations = append(evaluations, to: &bytes)
    header.evaluationIndex = append(index(of: evaluations.map(\.key)), to: &bytes)
    header.sampling = append(sampling, to: &bytes)
    header.experimentIndex = append(experimentTable(), to: &bytes)
    header.layerMembers = append(layerMembers, to: &bytes)
    header.text = append(text, to: &bytes)
    header.byteCount = UInt32(bytes.count)
    unsafe withUnsafeBytes(of: header) { source in
      unsafe bytes.replaceSubrange(0..<source.count, with: source)
    }
    return bytes
  }

  private func append<Row: BitwiseCopyable>(_ rows: [Row], to bytes: inout [UInt8]) -> Section {
    bytes += Array(repeating: 0, count: (64 - bytes.count % 64) % 64)
    let start = bytes.count
    unsafe rows.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    return Section(start: UInt32(start), byteCount: UInt32(bytes.count - start))
  }
}
