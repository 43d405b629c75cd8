import TestSupport
import Bytes
import Decisions
import Testing

struct DecideAloneTests {
  @Test func `what is decided alone is what is decided among all, or it is not decided alone`() throws {
    var random = Random(seed: 37)
    var alone = 0
    var together = 0
    for round in 0..<300 {
      var model = random.snapshot()
      // Half of the snapshots have nothing in which one experiment has a say in another.
      if round.isMultiple(of: 2) {
        model.cap = nil
        for index in model.experiments.indices { model.experiments[index].domain = nil }
      }
      let compiled = try Compiled(model.json)
      let tables = compiled.tables
      for _ in 0..<4 {
        let user = random.pick(Random.users)
        let context = random.context(3).json
        let all = try compiled.decide(user, context)
        for index in 0..<tables.evaluations.count {
          let drivers = tables.evaluations[index].drivers
          // A decision about somebody else stands in between, so that nothing of this user's is left.
          _ = try compiled.decide("somebody else", "{}")
          guard try compiled.decide(user, context, about: drivers) else {
            together += 1
            continue
          }
          alone += 1
          let outcomes = compiled.outcomes()
          for place in drivers.range {
            let experiment = Int(tables.flagDrivers[place])
            #expect(outcomes[experiment] == all[experiment])
          }
          let counted = (0..<Reason.count).reduce(0) { $0 + Int(compiled.workspace.reasonCounts[$1]) }
          #expect(counted == Set(drivers.range.map { tables.flagDrivers[$0] }).count)
        }
      }
    }
    #expect(alone > 1_000 && together > 1_000, "\(alone) alone, \(together) together")
  }

  @Test func `whom others can displace, and who keeps a variant, is not decided alone`() throws {
    var experiment = ModelExperiment(id: "a", key: "a", salt: "s")
    experiment.variants = ["v"]
    experiment.allocations = [("v", 0, 9_999)]
    func isAlone(_ change: (inout ModelSnapshot) -> Void, kept: Bool = false) throws -> Bool {
      var model = ModelSnapshot(experiments: [experiment])
      change(&model)
      let compiled = try Compiled(model.json)
      compiled.workspace.clearStickies()
      if kept { compiled.workspace.stick(StickyName("a", "v"), compiled.tables) }
      return try compiled.decide("u", "{}", about: compiled.tables.evaluations[0].drivers)
    }
    #expect(try isAlone { _ in })
    #expect(try !isAlone { $0.cap = 1 })
    #expect(try !isAlone { $0.experiments[0].domain = "d" })
    #expect(try !isAlone({ _ in }, kept: true))
  }
}

extension Compiled {
  /// Decides about the experiments of a run of flag drivers, if they can be decided alone.
  fileprivate func decide(_ user: String, _ context: String, about drivers: Run) throws -> Bool {
    try Array(user.utf8).withBytes { user in
      try Array(context.utf8).withBytes { context in
        workspace.text.rewind(to: 0)
        workspace.clearAttributes(tables)
        if let fault = workspace.readAttributes(context, tables) { throw fault }
        return workspace.decide(tables, about: drivers, userKey: user, context: context)
      }
    }
  }
}
