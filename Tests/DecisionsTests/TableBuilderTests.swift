import TestSupport
import Bytes
import Decisions
import Testing

struct TableBuilderTests {
  @Test func `equal parts are stored once`() throws {
    var random = Random(seed: 21)
    var experiment = ModelExperiment(id: "a", key: "a", salt: "s")
    experiment.targeting = (0..<3).map { _ in [random.condition(), random.condition()] }
    experiment.variants = ["v"]
    experiment.allocations = [("v", 0, 99)]
    let one = try Compiled(ModelSnapshot(experiments: [experiment]).json).tables
    let many = try Compiled(
      ModelSnapshot(
        experiments: (0..<5).map { index in
          var copy = experiment
          copy.id = "\(index)"
          copy.key = "\(index)"
          return copy
        }
      ).json
    ).tables
    #expect(many.experiments.count == 5)
    #expect(many.salts.count == one.salts.count)
    #expect(many.conditions.count == one.conditions.count)
    #expect(many.ruleSteps.count == one.ruleSteps.count)
    #expect(many.ruleLists.count == one.ruleLists.count)
    #expect(many.attributes.count == one.attributes.count)
    #expect(many.bucketTables.count == one.bucketTables.count)
  }

  @Test func `equal snapshots give equal tables`() throws {
    // What the rows say, not their bytes: between the fields of a row there is room that nobody sets.
    func rows<Row>(_ rows: Rows<Row>) -> [String] { (0..<rows.count).map { "\(rows[$0])" } }
    func described(_ document: String) throws -> [[String]] {
      let compiled = try Compiled(document)
      let tables = compiled.tables
      return [
        ["\(tables.header)"], rows(tables.experiments), rows(tables.experimentNames), rows(tables.variants),
        rows(tables.salts), rows(tables.conditions), rows(tables.operands), rows(tables.attributeNodes),
        rows(tables.overrideUsers), rows(tables.overrides), rows(tables.domains), rows(tables.ranking),
      ]
    }
    var random = Random(seed: 22)
    for _ in 0..<20 {
      let document = random.snapshot().json
      #expect(try described(document) == described(document))
    }
  }
}
