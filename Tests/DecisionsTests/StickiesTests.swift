import TestSupport
import Bytes
import Decisions
import Snapshots
import Testing

private let nobody = [[ModelCondition(attribute: "a", operation: "exists", value: .null)]]

struct StickiesTests {
  private func decide(
    _ model: ModelSnapshot, _ kept: [(experiment: String, variant: String)]
  ) throws -> (outcomes: [Outcome], settled: [StickyName]) {
    let compiled = try Compiled(model.json)
    let outcomes = try compiled.decide("user", kept: kept)
    #expect(
      outcomes == model.decide("user", .object([]), kept: Dictionary(kept, uniquingKeysWith: { $1 })))
    return (outcomes, compiled.settled())
  }

  @Test func `a sticky takes the place of the bucket`() throws {
    for allocations in [[("x-v", 0, 9999)], [("x-w", 0, 9999)], [], [("nobody", 0, 9999)]] {
      let model = ModelSnapshot(experiments: [experiment("x") { $0.allocations = allocations }])
      let (outcomes, settled) = try decide(model, [("x", "x-w")])
      #expect(outcomes == [Outcome(experiment: "x", reason: "EXPERIMENT_ASSIGNED", variant: "x-w")])
      #expect(settled == [StickyName("x", "x-w")])
    }
  }

  @Test func `it takes the place of no other step, and is kept until that step lets it through again`() throws
  {
    let steps: [(reason: String, change: (inout ModelExperiment) -> Void)] = [
      ("EXPERIMENT_PAUSED", { $0.isPaused = true }), ("TARGETING_NOT_MATCHED", { $0.audience = nobody }),
      ("TARGETING_NOT_MATCHED", { $0.targeting = nobody }), ("HOLDOUT", { $0.key = "held" }),
      ("OVERRIDE", { $0.overrides = [("user", "x-v")] }),
      ("EXPERIMENT_CONFLICT", { $0.domain = "domain" }),
      ("PARTICIPATION_LIMIT_EXCEEDED", { $0.priority = -1 }),
    ]
    for (reason, change) in steps {
      var model = ModelSnapshot(experiments: [
        experiment("x", change),
        experiment("9") {
          $0.domain = "domain"
          $0.priority = 1
        },
      ])
      if reason.hasPrefix("PART") { model.cap = 1 }
      model.holdouts = [("holdout", "h", 10_000, ["held"])]
      let (outcomes, settled) = try decide(model, [("x", "x-w")])
      #expect(outcomes[0].reason == reason)
      #expect(outcomes[0].variant == (reason == "OVERRIDE" ? "x-v" : nil))
      #expect(settled == [StickyName("9", "9-v"), StickyName("x", "x-w")], "\(reason)")
    }
  }

  @Test func `a sticky that stands takes part in conflicts and the cap`() throws {
    var model = ModelSnapshot(experiments: [
      experiment("high") {
        $0.domain = "domain"
        $0.priority = 1
        $0.allocations = []
      },
      experiment("low") { $0.domain = "domain" },
      experiment("last") { $0.priority = -1 },
    ])
    model.cap = 1
    #expect(
      try decide(model, []).outcomes.map(\.reason) == [
        "NOT_IN_AUDIENCE", "EXPERIMENT_ASSIGNED", "PARTICIPATION_LIMIT_EXCEEDED",
      ])
    #expect(
      try decide(model, [("high", "high-v")]).outcomes.map(\.reason) == [
        "EXPERIMENT_ASSIGNED", "EXPERIMENT_CONFLICT", "PARTICIPATION_LIMIT_EXCEEDED",
      ])
  }

  @Test func `what no longer exists is dropped, and the bucket decides`() throws {
    let model = ModelSnapshot(experiments: [experiment("x"), experiment("y") { $0.allocations = [] }])
    let (outcomes, settled) = try decide(model, [("gone", "x-w"), ("x", "y-v"), ("y", "gone")])
    #expect(outcomes.map(\.variant) == ["x-v", nil])
    #expect(settled == [StickyName("x", "x-v")])
  }

  @Test func `who keeps an experiment of a layer is in no other of it`() throws {
    var model = ModelSnapshot()
    model.layers = [("l", "layer-salt"), ("m", "layer-salt")]
    let bucket = naiveBucket("user", "layer-salt")
    model.experiments = [
      experiment("former") {
        $0.layer = "l"
        $0.allocations = []
      },
      experiment("owner") {
        $0.layer = "l"
        $0.allocations = [("owner-v", bucket, bucket)]
      },
      experiment("third") {
        $0.layer = "l"
        $0.allocations = []
        $0.priority = -1
      },
      experiment("elsewhere") { $0.layer = "m" },
      experiment("alone") { $0.salt = "layer-salt" },
    ]
    let rest = ["EXPERIMENT_ASSIGNED", "EXPERIMENT_ASSIGNED"]
    #expect(
      try decide(model, [("former", "former-w")]).outcomes.map(\.reason)
        == ["EXPERIMENT_ASSIGNED", "NOT_IN_AUDIENCE", "NOT_IN_AUDIENCE"] + rest)
    // Of two that were kept, the higher ranked one, whatever their order; the other is kept all the same.
    for kept in [
      [("third", "third-v"), ("former", "former-v")], [("former", "former-v"), ("third", "third-v")],
    ] {
      let (outcomes, settled) = try decide(model, kept)
      #expect(
        outcomes.map(\.reason) == ["EXPERIMENT_ASSIGNED", "NOT_IN_AUDIENCE", "NOT_IN_AUDIENCE"] + rest)
      #expect(settled.contains(StickyName("third", "third-v")))
    }
    // A paused one holds nothing.
    model.experiments[0].isPaused = true
    #expect(
      try decide(model, [("former", "former-w")]).outcomes.map(\.reason)
        == ["EXPERIMENT_PAUSED", "EXPERIMENT_ASSIGNED", "NOT_IN_AUDIENCE"] + rest)
  }

  @Test func `one request's stickies are not the next one's`() throws {
    let compiled = try Compiled(ModelSnapshot(experiments: [experiment("x")]).json)
    #expect(try compiled.decide("user", kept: [("x", "x-w")])[0].variant == "x-w")
    #expect(try compiled.decide("user")[0].variant == "x-v")
    #expect(compiled.settled() == [StickyName("x", "x-v")])
  }

  @Test func `as many as there is room for are kept, the highest ranked ones`() throws {
    let count = Capacity.stickies + 40
    let ids = (0..<count).map { "id-\(1000 + $0)" }
    let model = ModelSnapshot(experiments: ids.reversed().map { experiment($0) })
    let compiled = try Compiled(model.json)
    let outcomes = try compiled.decide("user", kept: ids.reversed().map { ($0, "\($0)-w") })
    #expect(compiled.settled().map(\.experiment) == ids.prefix(128).map { StickyName($0, "").experiment })
    #expect(outcomes.count { $0.variant?.hasSuffix("-w") == true } == 128)
    #expect(outcomes.count { $0.variant?.hasSuffix("-v") == true } == 40)
  }

  /// Two ids with one fingerprint: what mixes the first eight bytes into the state can be taken back by the next.
  private static func collision() -> (String, String) {
    let first = Array("experiment-00000".utf8)
    let state = first.withBytes { Fingerprint.mix($0.word(at: 0)) ^ $0.word(at: 8) }
    var number = 0
    while true {
      number += 1
      let head = Array((String(repeating: "0", count: 8) + "\(number)").utf8.suffix(8))
      let word = state ^ head.withBytes { Fingerprint.mix($0.word(at: 0)) }
      let tail = (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) }
      let isText = tail.allSatisfy { (0x20...0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C }
      if isText {
        return (String(decoding: first, as: UTF8.self), String(decoding: head + tail, as: UTF8.self))
      }
    }
  }

  @Test
  func `of two experiments or variants with one fingerprint the first is kept, and the second does no harm`()
    throws
  {
    let (one, other) = Self.collision()
    #expect(one != other)
    #expect(StickyName(one, "").experiment == StickyName(other, "").experiment)
    let compiled = try Compiled(
      ModelSnapshot(experiments: [experiment(one), experiment(other)]).json)
    #expect(try compiled.decide("user").map(\.reason) == ["EXPERIMENT_ASSIGNED", "EXPERIMENT_ASSIGNED"])
    #expect(compiled.settled() == [StickyName(one, "\(one)-v")])
    let kept = try compiled.decide("user", kept: [(other, "\(other)-w"), (one, "\(one)-w")])
    #expect(kept.map(\.variant) == ["\(one)-w", "\(other)-v"])
    #expect(compiled.settled() == [StickyName(one, "\(one)-w")])

    let variants = try Compiled(
      ModelSnapshot(experiments: [
        experiment("x") {
          $0.variants = [one, other]
          $0.allocations = [(other, 0, 9999)]
        }
      ]).json)
    #expect(try variants.decide("user")[0].variant == other)
    #expect(variants.settled() == [])
    #expect(try variants.decide("user", kept: [("x", other)])[0].variant == one)
  }

  /// Users with what they kept of earlier snapshots, real and made up, against the oracle.
  @Test(arguments: [31, 32, 33])
  func `any snapshot decides as the naive oracle does for users who keep variants`(_ seed: UInt64) throws {
    var random = Random(seed: seed)
    var moved = 0
    for round in 0..<200 {
      var model = random.snapshot()
      if random.oneIn(2) { model = model.withRequirements(&random) }
      let compiled = try Compiled(model.json)
      for _ in 0..<10 {
        let user = random.pick(Random.users)
        let context = random.context(3)
        var kept: [(experiment: String, variant: String)] = []
        for experiment in model.experiments.shuffled(using: &random) where random.oneIn(2) {
          kept.append((experiment.id, "\(experiment.id)-v\(random.below(4))"))
          if random.oneIn(8) { kept.append(("gone", "v")) }
        }
        let known = Dictionary(kept, uniquingKeysWith: { first, _ in first })
        let outcomes = try compiled.decide(user, context.json, kept: kept)
        #expect(
          outcomes == model.decide(user, context, kept: known),
          "round \(round): \(user) \(context.json) \(kept) in \(model.json)")
        let settled = model.settle(outcomes, kept: known)
        #expect(compiled.settled() == settled.map { StickyName($0.experiment, $0.variant) })
        if outcomes != model.decide(user, context) { moved += 1 }
        // What is kept now changes nothing the next time.
        #expect(try compiled.decide(user, context.json, kept: settled) == outcomes)
        #expect(compiled.settled() == settled.map { StickyName($0.experiment, $0.variant) })
      }
    }
    #expect(moved > 100)
  }
}
