import Bytes
import Decisions
import Snapshots
import Testing

private func allocations(_ ranges: [(Int, Int)]) -> String {
  "[\(ranges.map { "{\"variantId\":\"v\",\"rangeStart\":\($0),\"rangeEnd\":\($1)}" }.joined(separator: ","))]"
}

private func tables<Result>(_ document: Object, _ body: (Tables) throws -> Result) throws -> Result {
  let snapshot = try VerifiedSnapshot(unsigned: Array(document.json.utf8), environment: nil)
  // Rows are looked at by their place, which has none where an experiment was left out.
  try #require(snapshot.findings == [])
  return try snapshot.tables.withBytes { try body(#require(Tables($0))) }
}

struct SnapshotCompileTests {
  @Test func `ranges that overlap are a warning that counts the buckets lost`() {
    let experiment = Sample.experiment.with(
      "allocations", allocations([(0, 99), (90, 199), (200, 300), (0, 9999)]))
    #expect(
      findings(Sample.snapshot.with("experiments", "[\(experiment.json)]").json) == [
        Finding(.warning, "experiments[0].allocations[1]", "10 of its buckets belong to an earlier range"),
        Finding(.warning, "experiments[0].allocations[3]", "301 of its buckets belong to an earlier range"),
      ])
  }

  @Test func `ranges overlap across a layer, and only there`() {
    let one = Sample.experiment.with("layer", "\"l\"").with("allocations", allocations([(0, 99)]))
    let other = Sample.other.with("allocations", allocations([(99, 120)]))
    func document(_ other: Object) -> String {
      Sample.snapshot.with("experiments", "[\(one.json),\(other.json)]").json
    }
    #expect(findings(document(other)) == [])
    #expect(
      findings(document(other.with("layer", "\"l\""))) == [
        Finding(.warning, "experiments[1].allocations[0]", "1 of its buckets belong to an earlier range")
      ])
  }

  @Test func `a holdout of an unknown experiment is a warning`() {
    let holdout = Sample.holdout.with("experiments", "[\"x\",\"xk\",\"nothing\"]")
    #expect(
      findings(Sample.snapshot.with("holdouts", "[\(holdout.json)]").json) == [
        Finding(.warning, "holdouts[0].experiments", "there is no experiment \"nothing\"")
      ])
  }

  @Test func `the head of the tables is the snapshot's`() throws {
    try tables(Sample.full) { tables in
      #expect(tables.header.version == 7)
      #expect(tables.header.participationCap == 3)
      #expect(tables.text(tables.header.environment).equals("prod"))
    }
    try tables(Sample.snapshot) { #expect($0.header.participationCap < 0) }
  }

  @Test func `payloads and values stand in answers as they were written, without blanks`() throws {
    try tables(Sample.full) { tables in
      let variant = tables.variants[0]
      #expect(
        String(tables.text(tables.assignments[0])) == """
          ,{"experiment_key":"xk","experiment_id":"x","variant_key":"vk","variant_id":"v","payload":{"a":[1,"b c"]}}
          """)
      #expect(String(tables.text(variant.flagHead)) == "{\"flagKey\":\"f\",\"value\":true,\"decisionId\":")
      #expect(
        String(tables.text(tables.flags[0].defaultDecision)) == """
          {"flagKey":"f","value":false,"decisionId":null,"reason":"FLAG_DEFAULT","experimentId":null,"variantId":null}
          """)
    }
  }

  @Test func `a variant without payload answers null`() throws {
    let experiment = Sample.experiment.with("variants", "[\(Sample.variant.with("payload", nil).json)]")
    try tables(Sample.snapshot.with("experiments", "[\(experiment.json)]")) { tables in
      #expect(String(tables.text(tables.assignments[0])).hasSuffix(",\"payload\":null}"))
    }
  }

  @Test func `more of a kind than a workspace holds refuses the document`() {
    func holdouts(_ count: Int) -> String {
      let list = (0..<count).map { Sample.holdout.with("key", "\"h\($0)\"").json }
      return Sample.snapshot.with("holdouts", "[\(list.joined(separator: ","))]").json
    }
    #expect(findings(holdouts(Capacity.holdouts)) == [])
    #expect(
      findings(holdouts(Capacity.holdouts + 1)) == [
        Finding(.refused, "", "the snapshot has 1025 holdouts, more than 1024")
      ])
  }
}
