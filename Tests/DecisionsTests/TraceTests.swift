import TestSupport
import Bytes
import Decisions
import Testing

struct TraceTests {
  @Test func `what is explained is what was decided`() throws {
    var random = Random(seed: 23)
    for _ in 0..<60 {
      let model = random.snapshot()
      let compiled = try Compiled(model.json)
      for _ in 0..<10 {
        let user = random.pick(Random.users)
        let context = random.context(3)
        let outcomes = try compiled.decide(user, context.json)
        // Explaining looks at conditions the decision never reached; it must not change the outcome by that.
        Array(context.json.utf8).withBytes { bytes in
          let tables = compiled.tables
          for index in 0..<tables.conditions.count {
            _ = compiled.workspace.explain(condition: index, tables, bytes)
          }
          for (index, experiment) in model.experiments.enumerated() {
            let row = tables.experiments[index]
            for (rules, list) in [(experiment.audience, row.audience), (experiment.targeting, row.targeting)]
            {
              let holds = rules.isEmpty || rules.contains { $0.allSatisfy { $0.holds(context) } }
              #expect(compiled.workspace.explain(ruleList: Int(list), tables, bytes) == holds)
              #expect(tables.rules(of: Int(list)).count == rules.count)
              for (steps, rule) in zip(tables.rules(of: Int(list)), rules) {
                let holds = rule.allSatisfy { $0.holds(context) }
                #expect(compiled.workspace.explain(rule: steps, tables, bytes) == holds)
              }
            }
            if !experiment.isSHA256, experiment.layer == nil {
              #expect(compiled.workspace.bucket(of: Int(row.salt)) == naiveBucket(user, experiment.salt))
            }
          }
          for (index, holdout) in model.holdouts.enumerated() {
            #expect(compiled.workspace.isHeldOut(index) == (naiveBucket(user, holdout.salt) < holdout.share))
          }
        }
        #expect(compiled.outcomes() == outcomes)
      }
    }
  }
}
