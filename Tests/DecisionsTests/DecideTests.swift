import TestSupport
import Bytes
import Decisions
import Snapshots
import Testing

private func reasons(_ snapshot: ModelSnapshot, user: String = "user") throws -> [String] {
  let compiled = try Compiled(snapshot.json)
  let quarantined = compiled.findings.filter { $0.severity != .warning }
  #expect(quarantined.isEmpty)
  return try compiled.decide(user).map(\.reason)
}

private func everyone(_ experiments: [String]? = nil) -> (String, String, Int, [String]?) {
  ("holdout", "h", 10_000, experiments)
}

private let nobody = [[ModelCondition(attribute: "a", operation: "exists", value: .null)]]

struct DecideTests {
  /// Each experiment has every later fault as well, so that the earliest step must be the one that answers.
  @Test func `the first step that decides gives the reason`() throws {
    var steps: [(ModelExperiment, String)] = []
    var later = experiment("0")
    later.domain = "domain"
    steps.append((later, "EXPERIMENT_CONFLICT"))
    later.allocations = []
    steps.append((later, "NOT_IN_AUDIENCE"))
    later.targeting = nobody
    steps.append((later, "TARGETING_NOT_MATCHED"))
    later.targeting = []
    later.audience = nobody
    steps.append((later, "TARGETING_NOT_MATCHED"))
    var held = later
    held.key = "held"
    steps.append((held, "HOLDOUT"))
    held.overrides = [("user", "0-w")]
    steps.append((held, "OVERRIDE"))
    held.isPaused = true
    steps.append((held, "EXPERIMENT_PAUSED"))
    for (experiment, reason) in steps {
      var snapshot = ModelSnapshot(experiments: [experiment])
      snapshot.cap = 1
      snapshot.holdouts = [everyone(["held"])]
      let winner = DecisionsTests.experiment("9") {
        $0.domain = "domain"
        $0.priority = 1
      }
      snapshot.experiments.append(winner)
      #expect(try reasons(snapshot)[0] == reason)
    }
  }

  @Test func `the first range in list order owns a bucket`() throws {
    let bucket = naiveBucket("user", "s")
    let ranges = [(bucket + 1, 9999), (bucket, bucket), (0, 9999), (0, bucket)]
    let model = ModelSnapshot(experiments: [
      experiment("x") { experiment in
        experiment.variants = ["v0", "v1", "v2", "v3"]
        experiment.allocations = ranges.enumerated().map { ("v\($0)", $1.0, $1.1) }
      }
    ])
    #expect(try Compiled(model.json).decide("user")[0].variant == "v1")
  }

  @Test func `both ends of a range belong to it`() throws {
    let bucket = naiveBucket("user", "s")
    for (start, end, isIn) in [
      (bucket, bucket, true), (0, bucket, true), (bucket, 9999, true), (0, bucket - 1, false),
      (bucket + 1, 9999, false),
    ] {
      let model = ModelSnapshot(experiments: [experiment("x") { $0.allocations = [("x-v", start, end)] }])
      #expect(try reasons(model) == [isIn ? "EXPERIMENT_ASSIGNED" : "NOT_IN_AUDIENCE"], "\(start)...\(end)")
    }
  }

  @Test func `a range of an unknown variant keeps its buckets empty`() throws {
    let model = ModelSnapshot(experiments: [
      experiment("x") { $0.allocations = [("nobody", 0, 9999), ("x-v", 0, 9999)] }
    ])
    #expect(try reasons(model) == ["NOT_IN_AUDIENCE"])
  }

  @Test func `experiments of a layer share its salt and own disjoint buckets`() throws {
    var model = ModelSnapshot()
    model.layers = [("l", "layer-salt"), ("m", "s")]
    let bucket = naiveBucket("user", "layer-salt")
    model.experiments = [
      experiment("before") {
        $0.layer = "l"
        $0.allocations = [("before-v", bucket + 1, 9999)]
      },
      experiment("owner") {
        $0.layer = "l"
        $0.allocations = [("owner-v", bucket, bucket)]
      },
      experiment("late") { $0.layer = "l" },
      experiment("elsewhere") { $0.layer = "m" },
      experiment("alone"),
    ]
    #expect(
      try reasons(model) == [
        "NOT_IN_AUDIENCE", "EXPERIMENT_ASSIGNED", "NOT_IN_AUDIENCE", "EXPERIMENT_ASSIGNED",
        "EXPERIMENT_ASSIGNED",
      ])
  }

  /// A paused experiment of a layer keeps its buckets: pausing one must not move users into another.
  @Test func `a paused experiment keeps its share of the layer`() throws {
    var model = ModelSnapshot()
    model.layers = [("l", "layer-salt")]
    model.experiments = [
      experiment("paused") {
        $0.layer = "l"
        $0.isPaused = true
      },
      experiment("late") { $0.layer = "l" },
    ]
    #expect(try reasons(model) == ["EXPERIMENT_PAUSED", "NOT_IN_AUDIENCE"])
  }

  @Test func `a holdout without a list keeps users out of everything, one with a list out of what it names`()
    throws
  {
    var model = ModelSnapshot(experiments: ["x", "y", "z"].map { experiment($0) })
    model.holdouts = [everyone()]
    #expect(try reasons(model) == ["HOLDOUT", "HOLDOUT", "HOLDOUT"])
    model.holdouts = [everyone([])]
    #expect(try reasons(model) == Array(repeating: "EXPERIMENT_ASSIGNED", count: 3))
    model.holdouts = [everyone(["x", "key-z", "unknown"])]
    #expect(try reasons(model) == ["HOLDOUT", "EXPERIMENT_ASSIGNED", "HOLDOUT"])
  }

  @Test func `a holdout's share is counted in buckets from 0`() throws {
    let bucket = naiveBucket("user", "h")
    for (share, isHeldOut) in [(0, false), (bucket, false), (bucket + 1, true), (10_000, true)] {
      var model = ModelSnapshot(experiments: [experiment("x")])
      model.holdouts = [("holdout", "h", share, nil)]
      #expect(try reasons(model) == [isHeldOut ? "HOLDOUT" : "EXPERIMENT_ASSIGNED"], "\(share)")
    }
  }

  @Test func `in a conflict domain priority comes first, then the earlier start, then the lower id`() throws {
    func winner(_ change: (inout ModelExperiment, Int) -> Void) throws -> Int? {
      let model = ModelSnapshot(
        experiments: ["c", "b", "a"].enumerated().map { index, id in
          experiment(id) {
            $0.domain = "domain"
            change(&$0, index)
          }
        })
      let outcomes = try reasons(model)
      #expect(outcomes.count { $0 == "EXPERIMENT_CONFLICT" } == 2)
      return outcomes.firstIndex(of: "EXPERIMENT_ASSIGNED")
    }
    let starts = [("2026-01-03", 3), ("2026-01-01T00:00:00-12:00", 2), ("2026-01-01T11:59:59Z", 1)]
    #expect(try winner { _, _ in } == 2)
    #expect(try winner { $0.priority = [0, 2, 1][$1] } == 1)
    #expect(try winner { $0.priority = [nil, -1, -2][$1] } == 0)
    #expect(try winner { $0.startedAt = starts[$1] } == 2)
    #expect(try winner { $0.startedAt = [nil, starts[0], starts[1]][$1] } == 2)
    #expect(try winner { $0.startedAt = [starts[0], nil, nil][$1] } == 0)
    #expect(
      try winner { (experiment, index) in
        experiment.priority = [0, 0, -1][index]
        experiment.startedAt = starts[index]
      } == 1)
  }

  @Test func `who is not touched by a winner of higher rank is free for the next`() throws {
    for change in [
      { $0.isPaused = true }, { $0.targeting = nobody }, { $0.allocations = [] },
    ] as [(inout ModelExperiment) -> Void] {
      let model = ModelSnapshot(experiments: [
        experiment("first") {
          $0.domain = "domain"
          $0.priority = 9
          change(&$0)
        },
        experiment("second") { $0.domain = "domain" },
        experiment("other") { $0.domain = "another domain" },
      ])
      #expect(try reasons(model).dropFirst() == ["EXPERIMENT_ASSIGNED", "EXPERIMENT_ASSIGNED"])
    }
  }

  @Test func `an override stands whatever its rank and holds its conflict domain`() throws {
    let model = ModelSnapshot(experiments: [
      experiment("high") {
        $0.domain = "domain"
        $0.priority = 9
      },
      experiment("forced") {
        $0.domain = "domain"
        $0.overrides = [("user", "forced-w")]
      },
      experiment("also") {
        $0.domain = "domain"
        $0.overrides = [("user", "also-w"), ("other", "also-v")]
      },
    ])
    let compiled = try Compiled(model.json)
    #expect(
      try compiled.decide("user") == [
        Outcome(experiment: "high", reason: "EXPERIMENT_CONFLICT"),
        Outcome(experiment: "forced", reason: "OVERRIDE", variant: "forced-w"),
        Outcome(experiment: "also", reason: "OVERRIDE", variant: "also-w"),
      ])
    #expect(
      try compiled.decide("other").map(\.reason) == [
        "EXPERIMENT_CONFLICT", "EXPERIMENT_CONFLICT", "OVERRIDE",
      ])
    #expect(try compiled.decide("someone").map(\.variant) == ["high-v", nil, nil])
  }

  @Test(arguments: [
    (0, ["OVERRIDE", "-", "-", "-"]), (1, ["OVERRIDE", "-", "-", "-"]), (2, ["OVERRIDE", "-", "-", "+"]),
    (3, ["OVERRIDE", "-", "+", "+"]), (4, ["OVERRIDE", "+", "+", "+"]), (5, ["OVERRIDE", "+", "+", "+"]),
  ])
  func `the cap counts overrides first and then fills by rank`(_ cap: Int, _ expected: [String]) throws {
    var model = ModelSnapshot(experiments: [
      experiment("forced") {
        $0.overrides = [("user", "forced-v")]
        $0.priority = -5
      },
      experiment("low") { $0.priority = -1 },
      experiment("middle"),
      experiment("high") { $0.priority = 1 },
    ])
    model.cap = cap
    let names = ["+": "EXPERIMENT_ASSIGNED", "-": "PARTICIPATION_LIMIT_EXCEEDED"]
    #expect(try reasons(model) == expected.map { names[$0] ?? $0 })
  }

  @Test func `what lost a conflict takes no place under the cap`() throws {
    var model = ModelSnapshot(experiments: [
      experiment("a") { $0.domain = "domain" },
      experiment("b") { $0.domain = "domain" },
      experiment("c") { $0.priority = -1 },
    ])
    model.cap = 2
    #expect(try reasons(model) == ["EXPERIMENT_ASSIGNED", "EXPERIMENT_CONFLICT", "EXPERIMENT_ASSIGNED"])
  }

  /// Two user keys of one murmur3 hash, which the table of overrides is looked up by.
  @Test func `overrides are of a user, not of a hash`() throws {
    let model = ModelSnapshot(experiments: [
      experiment("x") { $0.overrides = [("user-36153", "x-w"), ("", "x-w"), ("\u{0}", "x-w")] },
      experiment("y") { $0.overrides = [("user-226846", "y-w"), ("user-36153", "y-v")] },
    ])
    let compiled = try Compiled(model.json)
    #expect(try compiled.decide("user-36153").map(\.reason) == ["OVERRIDE", "OVERRIDE"])
    #expect(try compiled.decide("user-226846").map(\.reason) == ["EXPERIMENT_ASSIGNED", "OVERRIDE"])
    #expect(try compiled.decide("\u{0}").map(\.reason) == ["OVERRIDE", "EXPERIMENT_ASSIGNED"])
    #expect(try compiled.decide("user-1").map(\.reason) == ["EXPERIMENT_ASSIGNED", "EXPERIMENT_ASSIGNED"])
  }

  @Test func `a snapshot without experiments decides nothing`() throws {
    #expect(try Compiled(ModelSnapshot().json).decide("user") == [])
  }

  /// One workspace serves all, in any order, as a worker's does: nothing of a request may reach the next one,
  /// nor anything of tables that were replaced.
  @Test(arguments: [11, 12, 13, 14])
  func `any snapshot decides as the naive oracle does`(_ seed: UInt64) throws {
    var random = Random(seed: seed)
    var seen: [String: Int] = [:]
    for round in 0..<250 {
      let model = random.snapshot()
      let compiled = try Compiled(model.json)
      let quarantined = compiled.findings.filter { $0.severity != .warning }
      #expect(quarantined.isEmpty, "\(model.json)")
      for _ in 0..<12 {
        let user = random.pick(Random.users)
        let context = random.context(3)
        let outcomes = try compiled.decide(user, context.json)
        for outcome in outcomes { seen[outcome.reason, default: 0] += 1 }
        #expect(
          outcomes == model.decide(user, context), "round \(round): \(user) \(context.json) in \(model.json)")
        var counts: [Int] = []
        for index in 0..<Reason.count { counts.append(Int(compiled.workspace.reasonCounts[index])) }
        #expect(
          counts
            == Reason.allCases.map { reason in
              outcomes.count { $0.reason == String(reason.name.bytes) }
            })
      }
    }
    // A law that never meets a step says nothing of it. Prerequisites have a law of their own: SettleTests.
    for reason in Reason.allCases.filter({ $0 != .prerequisite }) {
      #expect(seen[String(reason.name.bytes), default: 0] > 10, "\(seen)")
    }
  }

  @Test func `one workspace serves tables of any size in turn`() throws {
    var random = Random(seed: 15)
    let models = (0..<12).map { _ in random.snapshot() }
    let all = try models.map { try Compiled($0.json) }
    var workspace = Workspace(Memory.kept(byteCount: Workspace.byteCount))
    for _ in 0..<600 {
      let index = random.below(models.count)
      let user = random.pick(Random.users)
      let context = random.context(3)
      swap(&all[index].workspace, &workspace)
      #expect(try all[index].decide(user, context.json) == models[index].decide(user, context))
      swap(&all[index].workspace, &workspace)
    }
  }
}
