// Who needs whom, among experiments and flags: found out once from names, then asked for cycles and for an
// order in which everyone comes after what they need. A flag is two nodes, so that the edges are no more than
// what the document states: its value needs its drivers, and its drivers need its requirements. Nothing here
// recurses, since a document may hold a chain as long as all its experiments.

struct RequirementGraph: Sendable {
  enum Node {
    case experiment(Int)
    /// Whoever requires a flag needs its value.
    case value(ofFlag: Int)
    /// Whoever drives a flag with `requires` needs what stands there.
    case requirements(ofFlag: Int)
  }

  /// Of each node the nodes it needs, in the order of its `requires`; nil where there is no such part.
  let needs: [[Int?]]
  let hasRequirements: Bool
  private let experimentCount: Int
  private let flagCount: Int

  init(_ experiments: [Experiment], _ flags: [Flag]) {
    experimentCount = experiments.count
    flagCount = flags.count
    let (values, conditions) = (experiments.count, experiments.count + flags.count)
    let ids = NameIndex(experiments.map(\.id))
    let keys = NameIndex(experiments.map(\.key))
    let flagKeys = NameIndex(flags.map(\.key))
    func node(_ subject: Requirement.Subject) -> Int? {
      switch subject {
      case .experiment(let name): ids[name] ?? keys[name]
      case .flag(let key): flagKeys[key].map { values + $0 }
      }
    }
    var needs: [[Int?]] = experiments.map { $0.requires.map { node($0.subject) } }
    var drivers: [[Int?]] = Array(repeating: [], count: flags.count)
    for (index, experiment) in experiments.enumerated() {
      guard let flag = experiment.flagKey.flatMap({ flagKeys[$0] }) else { continue }
      drivers[flag].append(index)
      if !flags[flag].requires.isEmpty { needs[index].append(conditions + flag) }
    }
    hasRequirements =
      !experiments.allSatisfy(\.requires.isEmpty) || !flags.allSatisfy(\.requires.isEmpty)
    self.needs = needs + drivers + flags.map { $0.requires.map { node($0.subject) } }
  }

  func node(_ index: Int) -> Node {
    if index < experimentCount { return .experiment(index) }
    if index < experimentCount + flagCount { return .value(ofFlag: index - experimentCount) }
    return .requirements(ofFlag: index - experimentCount - flagCount)
  }

  func index(ofValue flag: Int) -> Int { experimentCount + flag }
  func index(ofRequirements flag: Int) -> Int { experimentCount + flagCount + flag }

  /// Of each node the nodes that need it.
  func dependents() -> [[Int]] {
    var dependents: [[Int]] = Array(repeating: [], count: needs.count)
    for (index, list) in needs.enumerated() {
      for case let need? in list { dependents[need].append(index) }
    }
    return dependents
  }

  // MARK: - Cycles

  /// Steps of a cycle that ``cycles()`` tells.
  static let shownSteps = 8

  /// For each experiment on a cycle a way that leads from it around one: the last node stood there before,
  /// unless the way was cut off after ``shownSteps``.
  func cycles() -> [(experiment: Int, way: [Int])] {
    let components = components()
    func next(_ node: Int) -> Int? {
      needs[node].lazy.compactMap(\.self).first { components[$0] == components[node] }
    }
    return (0..<experimentCount).compactMap { experiment in
      // A component of one node has a need within itself only if it is its own.
      guard var step = next(experiment) else { return nil }
      var way = [experiment]
      while !way.contains(step), way.count < Self.shownSteps {
        way.append(step)
        step = next(step)!
      }
      return (experiment, way + [step])
    }
  }

  /// The strongly connected component of each node, by Tarjan's algorithm with a stack of its own.
  private func components() -> [Int] {
    var components = Array(repeating: -1, count: needs.count)
    var numbers = components
    var lowest = components
    var (numbered, completed) = (0, 0)
    var open: [Int] = []
    var path: [(node: Int, nextNeed: Int)] = []
    for root in needs.indices where numbers[root] < 0 {
      path.append((root, 0))
      while let (node, nextNeed) = path.last {
        if nextNeed == 0 {
          numbers[node] = numbered
          lowest[node] = numbered
          numbered += 1
          open.append(node)
        }
        if nextNeed < needs[node].count {
          path[path.count - 1].nextNeed += 1
          guard let need = needs[node][nextNeed] else { continue }
          if numbers[need] < 0 {
            path.append((need, 0))
          } else if components[need] < 0 {
            lowest[node] = min(lowest[node], numbers[need])
          }
          continue
        }
        path.removeLast()
        if let parent = path.last?.node { lowest[parent] = min(lowest[parent], lowest[node]) }
        guard lowest[node] == numbers[node] else { continue }
        while let member = open.popLast() {
          components[member] = completed
          if member == node { break }
        }
        completed += 1
      }
    }
    return components
  }

  // MARK: - Order

  /// The effective ranking: again and again the first of `ranked` all of whose needs were taken. There must be
  /// no cycle and nothing missing.
  func order(_ ranked: [Int]) -> [Int] {
    let dependents = dependents()
    var openNeeds = needs.map(\.count)
    var ranks = Array(repeating: 0, count: ranked.count)
    for (rank, experiment) in ranked.enumerated() { ranks[experiment] = rank }
    var ready = RankSet(count: ranked.count)
    var taken: [Int] = []
    func release(_ node: Int) {
      if node < experimentCount { ready.insert(ranks[node]) } else { taken.append(node) }
    }
    for node in needs.indices where needs[node].isEmpty { release(node) }
    var order: [Int] = []
    while true {
      while let node = taken.popLast() {
        for dependent in dependents[node] {
          openNeeds[dependent] -= 1
          if openNeeds[dependent] == 0 { release(dependent) }
        }
      }
      guard let rank = ready.popFirst() else { break }
      order.append(ranked[rank])
      taken.append(ranked[rank])
    }
    precondition(order.count == ranked.count)
    return order
  }

  /// Ranks of which the lowest is taken out first, a bit for each.
  private struct RankSet {
    private var words: [UInt64]
    private var first = 0

    init(count: Int) { words = Array(repeating: 0, count: (count + 63) / 64) }

    mutating func insert(_ rank: Int) {
      words[rank / 64] |= 1 << UInt64(rank % 64)
      first = min(first, rank / 64)
    }

    mutating func popFirst() -> Int? {
      while first < words.count {
        let word = words[first]
        if word != 0 {
          words[first] = word & (word - 1)
          return first * 64 + word.trailingZeroBitCount
        }
        first += 1
      }
      return nil
    }
  }
}
