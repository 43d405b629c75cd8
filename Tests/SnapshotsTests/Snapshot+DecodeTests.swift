import TestSupport
import Bytes
import Decisions
import JSON
import Snapshots
import Testing

/// A change of one part of a good document, and what must be said of it.
struct FaultRow: CustomTestStringConvertible {
  var name: String
  var value: String?
  /// Below the part that was changed; the member itself if nil.
  var place: String
  var message: String

  init(_ name: String, _ value: String?, _ message: String, at place: String? = nil) {
    self.name = name
    self.value = value
    self.place = place ?? name
    self.message = message
  }

  var testDescription: String { "\(name): \(value ?? "nothing")" }
}

struct SnapshotDecodeTests {
  @Test(arguments: [Sample.snapshot, Sample.full])
  func `a good document has no findings`(_ document: Object) {
    #expect(findings(document.json) == [])
  }

  @Test func `the file of the open platform loads as it is`() throws {
    let document = Vectors.contents("open-platform-prod.json")
    let snapshot = try VerifiedSnapshot(unsigned: document, environment: "prod")
    #expect(snapshot.findings == [])
    #expect(snapshot.version == 1)
    #expect(snapshot.environment == "prod")
    #expect(snapshot.publishedAt == "2026-03-02T23:18:46.000Z")
    #expect(snapshot.document == document)
  }

  @Test func `what is unknown or null counts as absent`() {
    var document = Sample.snapshot.with("unknown", "[{\"x\":1}]").with("flags", nil).with("layers", nil)
    document = document.with("holdouts", nil).with("publishedAt", "null").with(
      "maxExperimentsPerUser", "null")
    var experiment = Sample.experiment.with("unknown", "{}")
    for name in [
      "status", "startedAt", "flagKey", "layer", "conflictDomain", "priority", "hash", "exposureRate",
      "private",
    ] { experiment = experiment.with(name, "null") }
    #expect(findings(document.with("experiments", "[\(experiment.json)]").json) == [])
    for name in ["audienceRules", "targetingRules", "overrides", "allocations", "variants"] {
      experiment = experiment.with(name, nil)
    }
    #expect(findings(document.with("experiments", "[\(experiment.json)]").json) == [])
  }

  /// A rule list that was lost on the way must not read as "everyone".
  @Test(arguments: ["requires", "audienceRules", "targetingRules", "overrides", "variants", "allocations"])
  func `null is no list`(name: String) {
    let experiment = Sample.experiment.with(name, "null")
    let found = findings(Sample.snapshot.with("experiments", "[\(experiment.json)]").json)
    #expect(found.map(\.description) == ["experiments[0].\(name): is null, not an array"])
    #expect(found.map(\.severity) == [.quarantined])
  }

  // MARK: - Documents that are refused whole

  @Test(arguments: [
    FaultRow("version", nil, "is missing"), FaultRow("version", "null", "is null, not an integer"),
    FaultRow("version", "\"7\"", "is a string, not an integer"), FaultRow("version", "-1", "-1 is below 0"),
    FaultRow("version", "1.5", "is 1.5, not an integer"),
    FaultRow("version", "true", "is a boolean, not an integer"),
    FaultRow("version", "1e30", "is 1e30, not an integer"),
    FaultRow("environment", nil, "is missing"), FaultRow("environment", "\"\"", "is empty"),
    FaultRow("environment", "null", "is null, not a string"),
    FaultRow("environment", "1", "is a number, not a string"),
    FaultRow("publishedAt", "5", "is a number, not a string"),
    FaultRow("maxExperimentsPerUser", "-1", "-1 is below 0"),
    FaultRow("maxExperimentsPerUser", "2147483648", "2147483648 is above 2147483647"),
    FaultRow("maxExperimentsPerUser", "\"3\"", "is a string, not an integer"),
    FaultRow("experiments", nil, "is missing"), FaultRow("experiments", "null", "is null, not an array"),
    FaultRow("experiments", "{}", "is an object, not an array"),
    FaultRow("flags", "{}", "is an object, not an array"),
    FaultRow("layers", "\"l\"", "is a string, not an array"),
    FaultRow("holdouts", "true", "is a boolean, not an array"),
  ])
  func `a fault of the head refuses the document`(_ row: FaultRow) {
    let document = Sample.snapshot.with(row.name, row.value).json
    #expect(findings(document) == [Finding(.refused, row.place, row.message)])
  }

  @Test(arguments: ["", "{", "nul", "{\"version\":1,}", "[1] x", "\u{FEFF}{}", "{\"a\":1,\"a\":2}"])
  func `what is no JSON is refused`(_ text: String) throws {
    let finding = try #require(findings(text).first)
    #expect(finding.severity == .refused)
    #expect(finding.place == "")
    #expect(finding.message.hasPrefix("not a JSON document: "))
  }

  @Test(arguments: [("[]", "an array"), ("null", "null"), ("1", "a number"), ("\"{}\"", "a string")])
  func `a document is an object`(_ text: String, _ kind: String) {
    #expect(findings(text) == [Finding(.refused, "", "is \(kind), not an object")])
  }

  @Test func `an id or key that stands twice refuses the document`() {
    let experiment = Sample.experiment
    let list = [experiment.json, Sample.other.json]
    func twice(_ third: Object, _ place: String, _ message: String) {
      let document = Sample.snapshot.with("experiments", "[\((list + [third.json]).joined(separator: ","))]")
      #expect(findings(document.json) == [Finding(.refused, place, message)])
    }
    let third = experiment.with("id", "\"z\"").with("key", "\"zk\"")
    twice(third.with("id", "\"x\""), "experiments[2].id", "\"x\" is already that of experiments[0]")
    twice(third.with("key", "\"\\u0079k\""), "experiments[2].key", "\"yk\" is already that of experiments[1]")
    // Nobody can say which of the two is meant, even if one of them would be left out.
    twice(
      third.with("id", "\"x\"").with("salt", "1"), "experiments[2].id",
      "\"x\" is already that of experiments[0]")
    for (list, part) in [("flags", Sample.flag), ("layers", Sample.layer), ("holdouts", Sample.holdout)] {
      let document = Sample.snapshot.with(list, "[\(part.json),\(part.json)]")
      let key = part.members[0].value
      #expect(
        findings(document.json) == [
          Finding(.refused, "\(list)[1].key", "\(key) is already that of \(list)[0]")
        ])
    }
  }

  // MARK: - Experiments that are quarantined

  @Test(arguments: [
    FaultRow("id", nil, "is missing"), FaultRow("id", "\"\"", "is empty"),
    FaultRow("id", "1", "is a number, not a string"),
    FaultRow("key", nil, "is missing"), FaultRow("key", "\"\"", "is empty"),
    FaultRow("key", "null", "is null, not a string"),
    FaultRow("salt", nil, "is missing"), FaultRow("salt", "null", "is null, not a string"),
    FaultRow("status", "\"STOPPED\"", "\"STOPPED\" is neither RUNNING nor PAUSED"),
    FaultRow("status", "true", "is a boolean, not a string"),
    FaultRow("startedAt", "\"yesterday\"", "\"yesterday\" is no RFC 3339 time"),
    FaultRow("startedAt", "1767225600", "is a number, not a string"),
    FaultRow("priority", "1.5", "is 1.5, not an integer"),
    FaultRow("priority", "\"1\"", "is a string, not an integer"),
    FaultRow("priority", "2147483648", "2147483648 is above 2147483647"),
    FaultRow("hash", "\"md5\"", "\"md5\" is neither murmur3 nor sha256"),
    FaultRow("hash", "3", "is a number, not a string"),
    FaultRow("exposureRate", "1.01", "1.01 is outside 0...1"),
    FaultRow("exposureRate", "-0.5", "-0.5 is outside 0...1"),
    FaultRow("exposureRate", "\"1\"", "is a string, not a number"),
    FaultRow("private", "1", "is a number, not true or false"),
    FaultRow("layer", "\"m\"", "there is no layer \"m\""),
    FaultRow("layer", "{}", "is an object, not a string"),
    FaultRow("requires", "{}", "is an object, not an array"),
    FaultRow("requires", "[7]", "is a number, not an object", at: "requires[0]"),
    FaultRow("requires", "[{}]", "names neither an experiment nor a flag", at: "requires[0]"),
    FaultRow(
      "requires", "[{\"experiment\":\"y\"},{\"experiment\":\"y\",\"flag\":\"f\"}]",
      "names both an experiment and a flag", at: "requires[1]"),
    FaultRow(
      "requires", "[{\"experiment\":3}]", "is a number, not a string", at: "requires[0].experiment"),
    FaultRow("requires", "[{\"flag\":[]}]", "is an array, not a string", at: "requires[0].flag"),
    FaultRow(
      "requires", "[{\"experiment\":\"yk\"},{\"experiment\":\"z\"}]", "there is no experiment \"z\"",
      at: "requires[1].experiment"),
    FaultRow("requires", "[{\"flag\":\"g\"}]", "there is no flag \"g\"", at: "requires[0].flag"),
    FaultRow(
      "requires", "[{\"experiment\":\"y\",\"variants\":\"v\"}]", "is a string, not an array",
      at: "requires[0].variants"),
    FaultRow(
      "requires", "[{\"experiment\":\"y\",\"variants\":null}]", "is null, not an array",
      at: "requires[0].variants"),
    FaultRow(
      "requires", "[{\"experiment\":\"y\",\"variants\":[]}]", "is empty: leave it out for any variant",
      at: "requires[0].variants"),
    FaultRow(
      "requires", "[{\"experiment\":\"y\",\"variants\":[\"v\",1]}]", "is a number, not an id or key",
      at: "requires[0].variants[1]"),
    FaultRow(
      "requires",
      "[{\"experiment\":\"y\",\"variants\":[\(Array(repeating: "\"v\"", count: 255).joined(separator: ","))]}]",
      "255 are more than 254", at: "requires[0].variants"),
    FaultRow(
      "requires", "[\(Array(repeating: "{\"experiment\":\"y\"}", count: 65).joined(separator: ","))]",
      "65 are more than 64"),
    FaultRow("requires", "[{\"experiment\":\"xk\"}]", "\"xk\" requires \"xk\""),
    FaultRow("flagKey", "\"g\"", "there is no flag \"g\""),
    FaultRow("flagKey", "\"f\"", "is missing", at: "variants[0].value"),
    FaultRow("conflictDomain", "[]", "is an array, not a string"),
    FaultRow("audienceRules", "{}", "is an object, not an array"),
    FaultRow("audienceRules", "[1]", "is a number, not an object", at: "audienceRules[0]"),
    FaultRow("targetingRules", "[{}]", "is missing", at: "targetingRules[0].conditions"),
    FaultRow(
      "targetingRules", "[{\"conditions\":null}]", "is null, not an array", at: "targetingRules[0].conditions"
    ),
    FaultRow(
      "targetingRules", "[{\"conditions\":{}}]", "is an object, not an array",
      at: "targetingRules[0].conditions"),
    FaultRow(
      "audienceRules", "[{\"conditions\":[]},{\"conditions\":[7]}]", "is a number, not an object",
      at: "audienceRules[1].conditions[0]"),
    FaultRow("variants", "1", "is a number, not an array"),
    FaultRow("variants", "[[]]", "is an array, not an object", at: "variants[0]"),
    FaultRow("variants", "[{\"key\":\"k\"}]", "is missing", at: "variants[0].id"),
    FaultRow("variants", "[{\"id\":\"\",\"key\":\"k\"}]", "is empty", at: "variants[0].id"),
    FaultRow("variants", "[{\"id\":\"v\"}]", "is missing", at: "variants[0].key"),
    FaultRow(
      "variants", "[{\"id\":\"v\",\"key\":\"k\"},{\"id\":\"\\u0076\",\"key\":\"l\"}]",
      "another variant of the experiment has the same id", at: "variants[1].id"),
    FaultRow("overrides", "[{}]", "is missing", at: "overrides[0].userKey"),
    FaultRow("overrides", "[{\"userKey\":\"u\"}]", "is missing", at: "overrides[0].variantId"),
    FaultRow(
      "overrides", "[{\"userKey\":3,\"variantId\":\"v\"}]", "is a number, not a string",
      at: "overrides[0].userKey"),
    FaultRow("allocations", "[0]", "is a number, not an object", at: "allocations[0]"),
    FaultRow("allocations", "\"all\"", "is a string, not an array"),
  ])
  func `a fault of an experiment leaves it out and serves the others`(_ row: FaultRow) throws {
    let faulty = Sample.experiment.with(row.name, row.value).json
    let document = Sample.snapshot.with("experiments", "[\(Sample.other.json),\(faulty)]").json
    #expect(findings(document) == [Finding(.quarantined, "experiments[1].\(row.place)", row.message)])
    let snapshot = try VerifiedSnapshot(unsigned: Array(document.utf8), environment: "prod")
    let ids = snapshot.tables.withBytes { bytes in
      Tables(bytes).map { tables in
        (0..<tables.experiments.count).map { String(tables.text(tables.experimentNames[$0].id)) }
      }
    }
    #expect(ids == ["y"])
  }

  @Test(arguments: [
    FaultRow("rangeEnd", "10000", "10000 is above 9999"), FaultRow("rangeEnd", "-1", "-1 is below 0"),
    FaultRow("rangeEnd", "0.5", "is 0.5, not an integer"), FaultRow("rangeEnd", nil, "is missing"),
    FaultRow("rangeEnd", "null", "is null, not an integer"), FaultRow("rangeStart", "-1", "-1 is below 0"),
    FaultRow("rangeStart", "\"0\"", "is a string, not an integer"),
    FaultRow("rangeStart", "100", "99 is before rangeStart 100", at: "rangeEnd"),
    FaultRow("rangeStart", "1e4", "10000 is above 9999"), FaultRow("variantId", nil, "is missing"),
    FaultRow("variantId", "7", "is a number, not a string"),
  ])
  func `a fault of an allocation names it`(_ row: FaultRow) {
    let allocations = [Sample.allocation, Sample.allocation.with(row.name, row.value)]
    let experiment = Sample.experiment.with(
      "allocations", "[\(allocations.map(\.json).joined(separator: ","))]")
    let document = Sample.snapshot.with("experiments", "[\(Sample.other.json),\(experiment.json)]")
    #expect(
      findings(document.json) == [
        Finding(.quarantined, "experiments[1].allocations[1].\(row.place)", row.message)
      ])
  }

  @Test(arguments: [
    FaultRow("attribute", nil, "is missing"), FaultRow("attribute", "1", "is a number, not a string"),
    FaultRow("attribute", "\"\(String(repeating: ".", count: 64))\"", "has more than 64 parts"),
    FaultRow("operator", nil, "is missing"), FaultRow("operator", "\"like\"", "\"like\" is no operator"),
    FaultRow("operator", "\"EQ\"", "\"EQ\" is no operator"),
    FaultRow("operator", "\"\"", "\"\" is no operator"),
    FaultRow("value", nil, "is missing"),
  ])
  func `a fault of a condition names it`(_ row: FaultRow) {
    let condition = Sample.condition.with(row.name, row.value).json
    for list in ["audienceRules", "targetingRules"] {
      let experiment = Sample.experiment.with(list, "[{\"conditions\":[]},{\"conditions\":[\(condition)]}]")
      let document = Sample.snapshot.with("experiments", "[\(experiment.json)]")
      #expect(
        findings(document.json) == [
          Finding(.quarantined, "experiments[0].\(list)[1].conditions[0].\(row.place)", row.message)
        ])
    }
  }

  @Test(arguments: [
    ("semverEq", "1"), ("semverGt", "\"1.2\""), ("semverLt", "\"v1.2.3\""), ("semverGt", "null"),
    ("semverGt", "[\"1.2.3\"]"), ("before", "\"soon\""), ("after", "0"), ("before", "null"),
    ("after", "[\"2026-01-01\"]"),
  ])
  func `our own operators refuse a value they cannot compare with`(_ operation: String, _ value: String)
    throws
  {
    let condition = Sample.condition.with("operator", "\"\(operation)\"").with("value", value)
    let experiment = Sample.experiment.with("audienceRules", "[{\"conditions\":[\(condition.json)]}]")
    let found = findings(Sample.snapshot.with("experiments", "[\(experiment.json)]").json)
    #expect(found.map(\.severity) == [.quarantined])
    #expect(found.map(\.place) == ["experiments[0].audienceRules[0].conditions[0].value"])
  }

  @Test(arguments: [
    ("in", "\"US\"", "is a string, but in needs an array"),
    ("notIn", "null", "is null, but notIn needs an array"),
    ("gt", "\"1\"", "is a string, but gt needs a number"),
    ("lte", "[1]", "is an array, but lte needs a number"),
    ("contains", "1", "is a number, but contains needs a string"),
    ("startsWith", "{}", "is an object, but startsWith needs a string"),
    ("endsWith", "true", "is a boolean, but endsWith needs a string"),
  ])
  func `the open platform's operators only warn of it`(
    _ operation: String, _ value: String, _ message: String
  ) {
    let condition = Sample.condition.with("operator", "\"\(operation)\"").with("value", value)
    let experiment = Sample.experiment.with("targetingRules", "[{\"conditions\":[\(condition.json)]}]")
    #expect(
      findings(Sample.snapshot.with("experiments", "[\(experiment.json)]").json) == [
        Finding(
          .warning, "experiments[0].targetingRules[0].conditions[0].value",
          "\(message): the condition never holds")
      ])
  }

  @Test(arguments: [
    ("1", "is a number, not an object", ""), ("null", "is null, not an object", ""),
    ("\"x\"", "is a string, not an object", ""), ("[]", "is an array, not an object", ""),
    ("{}", "is missing", ".id"),
  ])
  func `an element that is no experiment is quarantined`(
    _ element: String, _ message: String, _ place: String
  ) {
    let document = Sample.snapshot.with("experiments", "[\(element),\(Sample.experiment.json)]")
    #expect(findings(document.json) == [Finding(.quarantined, "experiments[0]\(place)", message)])
  }

  /// SHA-256 mixes in the experiment, so what it gives are no shares of a layer's buckets.
  @Test func `an experiment of a layer is not hashed with SHA-256`() {
    let experiment = Sample.experiment.with("layer", "\"l\"").with("hash", "\"sha256\"")
    #expect(
      findings(Sample.snapshot.with("experiments", "[\(experiment.json)]").json) == [
        Finding(.quarantined, "experiments[0].hash", "an experiment of a layer is hashed with murmur3")
      ])
  }

  @Test func `an experiment has at most as many variants as a byte can tell apart`() {
    func variants(_ count: Int) -> String {
      "[\((0..<count).map { "{\"id\":\"v\($0)\",\"key\":\"k\"}" }.joined(separator: ","))]"
    }
    func document(_ count: Int) -> String {
      let experiment = Sample.experiment.with("variants", variants(count)).with("allocations", nil)
      return Sample.snapshot.with("experiments", "[\(experiment.json)]").json
    }
    #expect(findings(document(254)) == [])
    #expect(
      findings(document(255)) == [Finding(.quarantined, "experiments[0].variants", "255 are more than 254")])
  }

  // MARK: - Flags, layers and holdouts

  @Test(arguments: [
    ("flags", Sample.flag, FaultRow("key", nil, "is missing")),
    ("flags", Sample.flag, FaultRow("key", "\"\"", "is empty")),
    ("flags", Sample.flag, FaultRow("type", "\"bool\"", "\"bool\" is no type of a flag")),
    ("flags", Sample.flag, FaultRow("type", nil, "is missing")),
    ("flags", Sample.flag, FaultRow("default", nil, "is missing")),
    ("flags", Sample.flag, FaultRow("default", "null", "is null, but the flag's type is boolean")),
    (
      "flags", Sample.flag,
      FaultRow("type", "\"string\"", "is a boolean, but the flag's type is string", at: "default")
    ),
    (
      "flags", Sample.flag,
      FaultRow("requires", "[{}]", "names neither an experiment nor a flag", at: "requires[0]")
    ),
    (
      "flags", Sample.flag,
      FaultRow(
        "requires", "[{\"experiment\":\"z\"}]", "there is no experiment \"z\"", at: "requires[0].experiment")
    ),
    (
      "flags", Sample.flag,
      FaultRow("requires", "[{\"flag\":\"g\"}]", "there is no flag \"g\"", at: "requires[0].flag")
    ),
    ("layers", Sample.layer, FaultRow("key", "7", "is a number, not a string")),
    ("layers", Sample.layer, FaultRow("salt", nil, "is missing")),
    ("holdouts", Sample.holdout, FaultRow("key", nil, "is missing")),
    ("holdouts", Sample.holdout, FaultRow("salt", "null", "is null, not a string")),
    ("holdouts", Sample.holdout, FaultRow("share", "10001", "10001 is above 10000")),
    ("holdouts", Sample.holdout, FaultRow("share", "-1", "-1 is below 0")),
    ("holdouts", Sample.holdout, FaultRow("share", "0.1", "is 0.1, not an integer")),
    ("holdouts", Sample.holdout, FaultRow("experiments", "\"x\"", "is a string, not an array")),
    (
      "holdouts", Sample.holdout,
      FaultRow("experiments", "[\"x\",1]", "is a number, not an id or key", at: "experiments[1]")
    ),
  ])
  func `a fault of another part leaves that part out`(_ list: String, _ part: Object, _ row: FaultRow) {
    let document = Sample.snapshot.with(list, "[\(part.with(row.name, row.value).json)]")
    #expect(findings(document.json) == [Finding(.quarantined, "\(list)[0].\(row.place)", row.message)])
  }

  @Test func `what needs a quarantined part is quarantined with it`() {
    let experiment = Sample.experiment.with("layer", "\"l\"")
    let document = Sample.snapshot.with("layers", "[{\"key\":\"l\"}]")
      .with("experiments", "[\(experiment.json),\(Sample.other.json)]")
    #expect(
      findings(document.json) == [
        Finding(.quarantined, "layers[0].salt", "is missing"),
        Finding(.quarantined, "experiments[0].layer", "there is no layer \"l\""),
      ])
  }

  @Test(arguments: [
    ("boolean", ["true", "false"], ["1", "\"true\"", "null"]), ("string", ["\"\""], ["1", "null", "{}"]),
    ("integer", ["1", "1.0", "-3e2"], ["1.5", "\"1\"", "1e400", "true"]),
    ("number", ["1", "1.5", "-3e-2"], ["\"1\"", "null", "[]"]),
    ("object", ["{}", "{\"a\":1}"], ["[]", "null", "\"{}\""]),
  ])
  func `a flag's default and its variants' values are of its type`(
    _ type: String, _ good: [String], _ bad: [String]
  ) {
    func document(_ byDefault: String, _ value: String) -> [Severity] {
      let flag = Sample.flag.with("type", "\"\(type)\"").with("default", byDefault)
      let variant = Sample.variant.with("value", value)
      let experiment = Sample.experiment.with("flagKey", "\"f\"").with("variants", "[\(variant.json)]")
      return findings(
        Sample.snapshot.with("flags", "[\(flag.json)]").with("experiments", "[\(experiment.json)]").json
      ).map(\.severity)
    }
    for value in good {
      #expect(document(value, good[0]) == [])
      #expect(document(good[0], value) == [])
    }
    for value in bad {
      #expect(document(good[0], value) == [.quarantined])
      // Without its flag the experiment goes, too.
      #expect(document(value, good[0]) == [.quarantined, .quarantined])
    }
  }

  // MARK: - Warnings

  @Test func `an override or range of an unknown variant is a warning`() {
    let experiment = Sample.experiment
      .with("overrides", "[{\"userKey\":\"u\",\"variantId\":\"nobody\"}]")
      .with("allocations", "[{\"variantId\":\"nobody\",\"rangeStart\":0,\"rangeEnd\":9}]")
    #expect(
      findings(Sample.snapshot.with("experiments", "[\(experiment.json)]").json) == [
        Finding(.warning, "experiments[0].overrides[0].variantId", "the experiment has no such variant"),
        Finding(
          .warning, "experiments[0].allocations[0].variantId",
          "the experiment has no such variant; the range stays empty"),
      ])
  }

  @Test func `the first of two overrides of a user stays`() {
    let override = "{\"userKey\":\"u\",\"variantId\":\"v\"}"
    let experiment = Sample.experiment.with("overrides", "[\(override),\(override)]")
    #expect(
      findings(Sample.snapshot.with("experiments", "[\(experiment.json)]").json) == [
        Finding(.warning, "experiments[0].overrides[1].userKey", "the user has an override already; it stays")
      ])
  }

  // MARK: - Anything at all

  /// A document that somebody damaged is served, served in part, or refused; the process goes on.
  @Test func `no damage to a document traps`() {
    let original = Array(Sample.full.json.utf8)
    let pieces = [
      "null", "true", "-1", "1e999", "0.5", "18446744073709551616", "\"\"", "[]", "{}", "[[", "}", "]", ",",
      "\"x\"",
      "\"in\"", "\"sha256\"", "\"l\"", "\"\\ud800\"", "\"a.b\"", "9999", "10000", "\"2026-02-30\"",
    ].map { Array($0.utf8) }
    var random = Random(seed: 31)
    var outcomes: [Severity?: Int] = [:]
    for _ in 0..<5000 {
      var document = original
      for _ in 0..<(1 + random.below(2)) { damage(&document, pieces, &random) }
      let found = findings(document)
      outcomes[found.map(\.severity).first, default: 0] += 1
    }
    // The law is worth something only where damage went past the reader of JSON.
    for outcome in [nil, .refused, .quarantined, .warning] as [Severity?] {
      #expect(outcomes[outcome, default: 0] > 50, "\(outcomes)")
    }
  }

  private func damage(_ document: inout [UInt8], _ pieces: [[UInt8]], _ random: inout Random) {
    switch random.below(8) {
    case 0: document[random.below(document.count)] = UInt8(random.below(256))
    case 1: document.removeSubrange(cut(document, &random))
    case 2: document.insert(contentsOf: document[cut(document, &random)], at: random.below(document.count))
    default:
      // A whole token for another one: what still is JSON, and means something else.
      guard let tokens = try? tokens(document) else { return }
      let range = random.pick(tokens)
      document.replaceSubrange(
        range, with: random.below(2) == 0 ? random.pick(pieces) : Array(document[random.pick(tokens)]))
    }
  }

  private func cut(_ document: [UInt8], _ random: inout Random) -> Range<Int> {
    let start = random.below(document.count)
    return start..<min(document.count, start + 1 + random.below(20))
  }

  /// Where values, strings with their quotes, stand.
  private func tokens(_ document: [UInt8]) throws -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    func visit(_ element: Element) {
      let range = element.range.bounds
      ranges.append(element.kind == .string ? (range.lowerBound - 1)..<(range.upperBound + 1) : range)
      for member in element.members { visit(member.value) }
      for item in element.elements { visit(item) }
    }
    visit(try Document(document).root)
    return ranges
  }
}
