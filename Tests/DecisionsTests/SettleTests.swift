import TestSupport
import Bytes
import Decisions
import Snapshots
import Testing

private func requires(_ experiment: String, _ variants: [String]? = nil) -> [ModelRequirement] {
  [ModelRequirement(experiment: experiment, variants: variants)]
}

private func requires(flag: String, _ variants: [String]? = nil) -> [ModelRequirement] {
  [ModelRequirement(flag: flag, variants: variants)]
}

private let marks = [
  "EXPERIMENT_ASSIGNED": "+", "OVERRIDE": "!", "PREREQUISITE_NOT_MET": "?", "EXPERIMENT_CONFLICT": "x",
  "PARTICIPATION_LIMIT_EXCEEDED": ">", "EXPERIMENT_PAUSED": "-", "NOT_IN_AUDIENCE": "0",
]

/// What becomes of the user in each experiment, a mark for each.
private func outcome(_ experiments: [ModelExperiment], cap: Int? = nil, flags: [String] = []) throws -> String
{
  var snapshot = ModelSnapshot(experiments: experiments)
  snapshot.cap = cap
  snapshot.flags = flags.map { ($0, []) }
  return try outcome(snapshot)
}

private func outcome(_ snapshot: ModelSnapshot) throws -> String {
  let compiled = try Compiled(snapshot.json)
  let quarantined = compiled.findings.filter { $0.severity != .warning }
  #expect(quarantined.isEmpty)
  return try compiled.decide("user").map { marks[$0.reason] ?? $0.reason }.joined()
}

struct SettleTests {
  @Test func `an experiment is required by its id or key, its variant by its id or key`() throws {
    for name in ["a", "key-a"] {
      for (variants, mark) in [
        (nil, "+"), (["a-v"], "+"), (["k0"], "+"), (["nobody", "k0"], "+"), (["a-w", "k1"], "?"),
        (["nobody"], "?"),
      ] as [([String]?, String)] {
        let experiments = [experiment("a"), experiment("b") { $0.requires = requires(name, variants) }]
        #expect(try outcome(experiments) == "+\(mark)", "\(name) \(variants ?? [])")
      }
    }
  }

  @Test func `all requirements must be met, of whatever rank the required are`() throws {
    func both(_ change: @escaping (inout ModelExperiment) -> Void) throws -> String {
      try outcome([
        experiment("c") {
          $0.requires = requires("a") + requires("b")
          $0.priority = 9
        },
        experiment("a"), experiment("b", change),
      ])
    }
    #expect(try both { _ in } == "+++")
    #expect(try both { $0.isPaused = true } == "?+-")
    #expect(try both { $0.allocations = [] } == "?+0")
  }

  @Test func `what requires something that was not met is not met either`() throws {
    let chain = [
      experiment("d") { $0.requires = requires("c") }, experiment("c") { $0.requires = requires("b") },
      experiment("b") { $0.requires = requires("a") }, experiment("a"),
    ]
    #expect(try outcome(chain) == "++++")
    #expect(try outcome(chain.dropLast() + [experiment("a") { $0.isPaused = true }]) == "???-")
  }

  @Test func `an override meets a requirement, and stands whatever it requires`() throws {
    let forced = experiment("a") {
      $0.allocations = []
      $0.overrides = [("user", "a-w")]
    }
    #expect(try outcome([forced, experiment("b") { $0.requires = requires("a", ["a-w"]) }]) == "!+")
    #expect(try outcome([forced, experiment("b") { $0.requires = requires("a", ["a-v"]) }]) == "!?")
    let tester = experiment("b") {
      $0.requires = requires("a")
      $0.overrides = [("user", "b-v")]
    }
    #expect(try outcome([experiment("a") { $0.isPaused = true }, tester]) == "-!")
  }

  @Test func `what was not met leaves its conflict domain and its place under the cap to others`() throws {
    let paused = experiment("p") { $0.isPaused = true }
    let unmet = experiment("a") {
      $0.requires = requires("p")
      $0.domain = "d"
      $0.priority = 9
    }
    let next = experiment("b") { $0.domain = "d" }
    #expect(try outcome([paused, unmet, next, experiment("c")], cap: 2) == "-?++")
  }

  @Test func `who lost a conflict or found no place meets no requirement`() throws {
    let winner = experiment("a") {
      $0.domain = "d"
      $0.priority = 1
    }
    let loser = experiment("b") { $0.domain = "d" }
    #expect(try outcome([winner, loser, experiment("c") { $0.requires = requires("b") }]) == "+x?")
    let full = [experiment("a"), experiment("b"), experiment("c") { $0.requires = requires("b") }]
    #expect(try outcome(full, cap: 1) == "+>?")
  }

  @Test func `without room the domain stays taken`() throws {
    let experiments = [
      experiment("a") { $0.priority = 2 },
      experiment("b") {
        $0.domain = "d"
        $0.priority = 1
      },
      experiment("c") {
        $0.domain = "d"
        $0.requires = requires("a")
      },
    ]
    #expect(try outcome(experiments, cap: 1) == "+>x")
  }

  @Test func `overrides take domains and places first`() throws {
    let forced = experiment("z") {
      $0.domain = "d"
      $0.priority = -9
      $0.overrides = [("user", "z-v")]
    }
    let experiments = [
      forced, experiment("a") { $0.domain = "d" }, experiment("b"),
      experiment("c") { $0.requires = requires("b") },
    ]
    #expect(try outcome(experiments, cap: 2) == "!x+>")
    #expect(try outcome(experiments, cap: 1) == "!x>?")
    #expect(try outcome(experiments, cap: 0) == "!x>?")
  }

  /// The required one is settled first, and then who comes next is a matter of rank again.
  @Test func `the effective ranking settles the required one first and keeps the rank of all others`() throws
  {
    let experiments = [
      experiment("high") {
        $0.priority = 9
        $0.requires = requires("low")
      },
      experiment("middle") { $0.priority = 5 },
      experiment("low"),
    ]
    #expect(try outcome(experiments, cap: 1) == "?+>")
    #expect(try outcome(experiments, cap: 2) == ">++")
    #expect(try outcome(experiments, cap: 3) == "+++")
  }

  @Test func `a flag is given by the highest ranked driver with an assignment`() throws {
    let high = experiment("a") {
      $0.flag = "f"
      $0.priority = 9
    }
    let low = experiment("b") { $0.flag = "f" }
    func with(_ change: (inout ModelExperiment) -> Void, _ variants: [String]?) throws -> String {
      var first = high
      change(&first)
      let last = experiment("c") { $0.requires = requires(flag: "f", variants) }
      return try outcome([first, low, last], flags: ["f"])
    }
    #expect(try with({ _ in }, nil) == "+++")
    #expect(try with({ _ in }, ["a-v"]) == "+++")
    #expect(try with({ _ in }, ["b-v"]) == "++?")
    #expect(try with({ $0.isPaused = true }, ["b-v"]) == "-++")
    // Settled last for what it requires itself, and still the highest ranked one of its flag.
    #expect(try with({ $0.requires = requires("b") }, ["a-v"]) == "+++")
  }

  @Test func `a flag that answers its default meets nothing`() throws {
    let driver = experiment("a") {
      $0.flag = "f"
      $0.isPaused = true
    }
    let dependent = experiment("b") { $0.requires = requires(flag: "f") }
    #expect(try outcome([driver, dependent], flags: ["f", "g"]) == "-?")
    #expect(try outcome([experiment("b") { $0.requires = requires(flag: "g") }], flags: ["g"]) == "?")
  }

  @Test func `what a flag requires holds for each of its drivers`() throws {
    var snapshot = ModelSnapshot(experiments: [
      experiment("a"),
      experiment("b") {
        $0.flag = "f"
        $0.requires = requires("c")
      },
      experiment("c"), experiment("d") { $0.flag = "f" },
      experiment("e") {
        $0.flag = "f"
        $0.overrides = [("user", "e-v")]
      },
    ])
    snapshot.flags = [("f", requires("a"))]
    #expect(try outcome(snapshot) == "++++!")
    snapshot.experiments[0].isPaused = true
    #expect(try outcome(snapshot) == "-?+?!")
    snapshot.experiments[0].isPaused = false
    snapshot.experiments[2].isPaused = true
    #expect(try outcome(snapshot) == "+?-+!")
    // Nobody drives it: what it requires concerns nobody.
    let alone = ModelSnapshot(flags: [("f", requires("a"))], experiments: [experiment("a")])
    #expect(try outcome(alone) == "+")
  }

  @Test(arguments: [21, 22, 23, 24])
  func `any snapshot with requirements decides as the naive oracle does`(_ seed: UInt64) throws {
    var random = Random(seed: seed)
    var seen: [String: Int] = [:]
    var reordered = 0
    for round in 0..<1000 {
      var base = random.snapshot()
      guard !base.experiments.isEmpty else { continue }
      for index in base.experiments.indices where random.oneIn(2) {
        // More assignments than chance would give, so that the steps after the bucket have something to do.
        base.experiments[index].audience = []
        base.experiments[index].targeting = []
        if let variant = base.experiments[index].variants.last, base.experiments[index].layer == nil {
          base.experiments[index].allocations.append((variant, 0, 9999))
        }
      }
      let model = base.withRequirements(&random)
      let compiled = try Compiled(model.json)
      let quarantined = compiled.findings.filter { $0.severity != .warning }
      #expect(quarantined.isEmpty, "\(model.json)")
      let ranking = model.effectiveRanking()
      if ranking != model.withoutRequirements().effectiveRanking() { reordered += 1 }
      for _ in 0..<6 {
        let user = random.pick(Random.users)
        let context = random.context(2)
        let outcomes = try compiled.decide(user, context.json)
        #expect(
          outcomes == model.decide(user, context), "round \(round): \(user) \(context.json) in \(model.json)")
        for outcome in outcomes { seen[outcome.reason, default: 0] += 1 }
        for reason in Reason.allCases {
          let count = outcomes.count { $0.reason == String(reason.name.bytes) }
          #expect(Int(compiled.workspace.reasonCounts[Int(reason.rawValue)]) == count)
        }
        // Where nothing is required, the walk down the ranking is the passes of the contract.
        let free = model.withoutRequirements()
        #expect(free.settled(free.outcomesAlone(user, context)) == free.decide(user, context))
      }
    }
    for reason in Reason.allCases { #expect(seen[String(reason.name.bytes), default: 0] > 50, "\(seen)") }
    #expect(reordered > 50)
  }
}
