import TestSupport
import Bytes
import Decisions
import JSON
import Snapshots
import Testing

/// A snapshot of one experiment for everyone whom the rules match.
private func snapshot(_ rules: String) throws -> Compiled {
  let compiled = try Compiled(
    """
    {"version": 1, "environment": "test", "experiments": [{"id": "x", "key": "x", "salt": "s",
    "targetingRules": \(rules), "variants": [{"id": "v", "key": "v"}],
    "allocations": [{"variantId": "v", "rangeStart": 0, "rangeEnd": 9999}]}]}
    """)
  // A rule that is quarantined matches nobody, which would make half of these rows pass for nothing.
  #expect(compiled.findings.allSatisfy { $0.severity == .warning }, "\(compiled.findings)")
  return compiled
}

private func matches(_ rules: String, _ context: String) throws -> Bool {
  try snapshot(rules).decide("user", context) == [
    Outcome(experiment: "x", reason: "EXPERIMENT_ASSIGNED", variant: "v")
  ]
}

private func condition(_ operation: String, _ value: String, attribute: String = "a") -> String {
  "{\"attribute\":\(attribute.quoted),\"operator\":\"\(operation)\",\"value\":\(value)}"
}

private func holds(_ operation: String, _ value: String, _ context: String) throws -> Bool {
  try matches("[{\"conditions\":[\(condition(operation, value))]}]", context)
}

/// An operator, its value, and for contexts whether it holds.
struct OperatorRow: CustomTestStringConvertible {
  var operation: String
  var value: String
  var contexts: [(String, Bool)]

  init(_ operation: String, _ value: String, yes: [String], no: [String]) {
    self.operation = operation
    self.value = value
    contexts = yes.map { ("{\"a\":\($0)}", true) } + no.map { ("{\"a\":\($0)}", false) }
  }

  var testDescription: String { "\(operation) \(value)" }
}

struct ConditionsTests {
  @Test func `the golden vectors of targeting`() throws {
    let lines = Vectors.elements("targeting.jsonl")
    #expect(lines.count == 17)
    for line in lines {
      let rules = try #require(line["rules"])
      let context = try #require(line["context_raw"]?.text)
      let name = line["desc"]?.text ?? ""
      let text = String(decoding: rules.source, as: UTF8.self)
      if let isEligible = line["eligible"]?.bool {
        #expect(try matches(text, context) == isEligible, "\(name)")
      } else {
        #expect(throws: ContextFault.self, "\(name)") { try matches(text, context) }
      }
    }
  }

  private static let composites = ["[]", "{}", "[1]", "{\"a\":1}"]
  private static let versions = ["\"1.2.3\"", "\"1.2.3-rc.1\"", "\"1.10.0\"", "\"1.2.3+b\""]

  @Test(
    arguments: [
      OperatorRow(
        "eq", "\"US\"", yes: ["\"US\"", "\"\\u0055S\""],
        no: ["\"us\"", "\"U\"", "\"USA\"", "\"\"", "1", "true", "null", "[\"US\"]"]),
      OperatorRow("eq", "\"\"", yes: ["\"\""], no: ["null", "0", "false", "\" \""] + composites),
      OperatorRow(
        "eq", "1", yes: ["1", "1.0", "1e0", "10e-1", "1.0000000000000000001"],
        no: ["\"1\"", "true", "1.0000001", "-1"]),
      OperatorRow(
        "eq", "0", yes: ["0", "-0", "0.0", "1e-999"], no: ["null", "false", "\"\"", "\"0\"", "1e-300"]),
      OperatorRow("eq", "0.1", yes: ["0.1", "0.10000000000000000555"], no: ["0.10000000000000002"]),
      OperatorRow("eq", "true", yes: ["true"], no: ["false", "1", "\"true\"", "null"]),
      OperatorRow("eq", "false", yes: ["false"], no: ["true", "0", "\"\"", "null"]),
      OperatorRow("eq", "null", yes: ["null"], no: ["0", "false", "\"\"", "\"null\""] + composites),
      OperatorRow("eq", "[]", yes: [], no: composites + ["null", "1"]),
      OperatorRow("eq", "{}", yes: [], no: composites + ["null", "1"]),
      OperatorRow("eq", "[1]", yes: [], no: composites + ["1"]),
      OperatorRow("neq", "1", yes: ["2", "\"1\"", "true", "null"] + composites, no: ["1", "1.0"]),
      OperatorRow("neq", "null", yes: ["0", "\"\""] + composites, no: ["null"]),
      OperatorRow("neq", "{}", yes: composites + ["null", "1"], no: []),
      OperatorRow("neq", "[1]", yes: composites + ["null", "1"], no: []),
      OperatorRow(
        "in", "[\"US\", 1, null, true]", yes: ["\"US\"", "1", "1.0", "null", "true"],
        no: ["\"CA\"", "\"1\"", "false", "0", "[\"US\"]", "[1]"] + composites),
      OperatorRow("in", "[]", yes: [], no: ["1", "null", "\"\""] + composites),
      OperatorRow("in", "[[1], {}, []]", yes: [], no: composites + ["1"]),
      OperatorRow("in", "\"US\"", yes: [], no: ["\"US\"", "\"U\"", "\"DE\""]),
      OperatorRow("in", "{\"a\":1}", yes: [], no: ["\"a\"", "1"]),
      OperatorRow(
        "notIn", "[\"US\", 1]", yes: ["\"CA\"", "\"1\"", "null", "true"] + composites, no: ["\"US\"", "1"]),
      OperatorRow("notIn", "[]", yes: ["1", "null"] + composites, no: []),
      OperatorRow("notIn", "\"US\"", yes: [], no: ["\"US\"", "\"DE\"", "null"]),
      OperatorRow(
        "gt", "3", yes: ["4", "3.0001", "1e999"], no: ["3", "2", "-4", "\"4\"", "true", "null"] + composites),
      OperatorRow(
        "lt", "3", yes: ["2", "-1e999", "2.999"], no: ["3", "4", "\"2\"", "false", "null"] + composites),
      OperatorRow("gte", "3", yes: ["3", "3.0", "4"], no: ["2.999", "\"3\"", "null"] + composites),
      OperatorRow("lte", "3", yes: ["3", "2"], no: ["3.001", "\"3\"", "null", "false"] + composites),
      OperatorRow("gte", "\"3\"", yes: [], no: ["3", "4", "\"3\"", "\"4\""]),
      OperatorRow("lt", "[3]", yes: [], no: ["1", "\"1\""]),
      OperatorRow(
        "contains", "\"@example.\"", yes: ["\"me@example.org\"", "\"@example.\"", "\"@@example.\""],
        no: ["\"@example\"", "\"@EXAMPLE.\"", "\"\"", "null", "1"] + composites + ["[\"@example.\"]"]),
      OperatorRow("contains", "\"\"", yes: ["\"\"", "\"x\""], no: ["null", "0", "[]"]),
      OperatorRow(
        "contains", "\"a\\nb\"", yes: ["\"xa\\nb\"", "\"a\\u000Ab\""], no: ["\"anb\"", "\"a\\\\nb\""]),
      OperatorRow("contains", "1", yes: [], no: ["\"1\"", "[1]", "1"]),
      OperatorRow(
        "startsWith", "\"ab\"", yes: ["\"ab\"", "\"abc\"", "\"\\u0061b\""],
        no: ["\"a\"", "\"bab\"", "\"\"", "null", "[\"ab\"]"]),
      OperatorRow("startsWith", "\"\"", yes: ["\"\"", "\"x\""], no: ["null", "[]"]),
      OperatorRow("endsWith", "\"ab\"", yes: ["\"ab\"", "\"cab\""], no: ["\"b\"", "\"abc\"", "\"\"", "1"]),
      // e with an accent of its own ends in another byte than e followed by an accent.
      OperatorRow("endsWith", "\"\u{301}\"", yes: ["\"e\u{301}\""], no: ["\"\u{E9}\""]),
      OperatorRow("exists", "1", yes: ["1", "null", "\"\"", "false"] + composites, no: []),
      OperatorRow("notExists", "1", yes: [], no: ["1", "null", "\"\"", "false"] + composites),
      OperatorRow(
        "semverEq", "\"1.2.3\"", yes: ["\"1.2.3\"", "\"1.2.3+build\""],
        no: ["\"1.2.3-rc\"", "\"1.2\"", "\"v1.2.3\"", "1", "null", "\"\""]),
      OperatorRow(
        "semverGt", "\"1.2.3\"", yes: ["\"1.2.4\"", "\"1.10.0\"", "\"2.0.0-a\""],
        no: ["\"1.2.3\"", "\"1.2.3-rc\"", "\"1.2.3+b\"", "\"9\"", "9", "null"]),
      OperatorRow(
        "semverLt", "\"1.2.3\"", yes: ["\"1.2.2\"", "\"1.2.3-rc\""],
        no: ["\"1.2.3\"", "\"1.10.0\"", "\"\"", "\"0\"", "0", "null"] + composites),
      OperatorRow(
        "before", "\"2026-01-01T00:00:00Z\"",
        yes: ["\"2025-12-31\"", "\"2025-12-31T23:59:59.999Z\"", "\"2026-01-01T00:30:00+01:00\""],
        no: ["\"2026-01-01\"", "\"2026-01-01T00:00:00Z\"", "\"soon\"", "0", "null", "\"\""] + composites),
      OperatorRow(
        "after", "\"2026-01-01T00:00:00+01:00\"",
        yes: ["\"2026-01-01\"", "\"2025-12-31T23:00:00.001Z\""],
        no: ["\"2025-12-31T23:00:00Z\"", "\"2025-12-31\"", "\"9999\"", "9e15", "null"]),
    ])
  func `an operator compares strictly`(_ row: OperatorRow) throws {
    for (context, isExpected) in row.contexts {
      #expect(try holds(row.operation, row.value, context) == isExpected, "\(context)")
    }
  }

  @Test(arguments: [
    ("eq", "null", false), ("neq", "1", true), ("neq", "null", true), ("in", "[null]", false),
    ("notIn", "[null]", true), ("gt", "0", false), ("lt", "0", false), ("gte", "0", false),
    ("lte", "0", false),
    ("contains", "\"\"", false), ("startsWith", "\"\"", false), ("endsWith", "\"\"", false),
    ("exists", "null", false), ("notExists", "null", true), ("semverEq", "\"0.0.0\"", false),
    ("semverGt", "\"0.0.0\"", false), ("semverLt", "\"0.0.0\"", false), ("before", "\"9999-01-01\"", false),
    ("after", "\"0001-01-01\"", false),
  ])
  func `a missing attribute equals nothing`(_ operation: String, _ value: String, _ isExpected: Bool) throws {
    for context in ["{}", "{\"b\":1}", "{\"A\":1}", "{\"x\":{\"a\":0}}"] {
      #expect(try holds(operation, value, context) == isExpected, "\(context)")
    }
  }

  @Test func `any rule of a list and all conditions of a rule`() throws {
    func rule(_ conditions: String...) -> String { "{\"conditions\":[\(conditions.joined(separator: ","))]}" }
    let yes = condition("eq", "1")
    let no = condition("eq", "2")
    for (rules, isExpected) in [
      ([], true), ([rule()], true), ([rule(yes)], true), ([rule(no)], false), ([rule(yes, no)], false),
      ([rule(no, yes)], false), ([rule(no), rule(yes)], true), ([rule(yes), rule(no)], true),
      ([rule(no), rule(no)], false), ([rule(no), rule()], true), ([rule(yes, yes), rule(no, no)], true),
    ] as [([String], Bool)] {
      let text = "[\(rules.joined(separator: ","))]"
      #expect(try matches(text, "{\"a\":1}") == isExpected, "\(text)")
    }
  }

  /// Long lists are sorted by a hash and searched by halves. Both strings of the second pair have the murmur3
  /// hash e904a32c, so that equal hashes alone must not be taken for equality.
  @Test func `a long list is searched as a short one is`() throws {
    var random = Random(seed: 2)
    let pair = ["user-36153", "user-226846"]
    func item() -> Value {
      switch random.below(8) {
      case 0, 1: .string(random.pick(pair + ["other"]))
      case 2: .composite
      case 3: .array([random.scalar()])
      default: random.scalar()
      }
    }
    for _ in 0..<40 {
      let lists = (0..<12).map { _ in (0..<random.below(40)).map { _ in item() } }
      let experiments = lists.indices.flatMap { index in
        ["in", "notIn"].map { operation in
          var experiment = ModelExperiment(
            id: "\(operation)-\(index)", key: "\(operation)-\(index)", salt: "s")
          experiment.targeting = [
            [ModelCondition(attribute: "a", operation: operation, value: .array(lists[index]))]
          ]
          return experiment
        }
      }
      let model = ModelSnapshot(experiments: experiments)
      let compiled = try Compiled(model.json)
      for _ in 0..<20 {
        let context = Value.object(random.oneIn(8) ? [] : [("a", item())])
        let outcomes = try compiled.decide("user", context.json)
        for (index, items) in lists.enumerated() {
          let isAmong = items.contains { context.attribute("a")?.equals($0) ?? false }
          let wanted = ["NOT_IN_AUDIENCE", "TARGETING_NOT_MATCHED"]
          #expect(outcomes[2 * index].reason == wanted[isAmong ? 0 : 1], "\(items) \(context)")
          #expect(outcomes[2 * index + 1].reason == wanted[isAmong ? 1 : 0], "\(items) \(context)")
        }
      }
    }
  }

  @Test func `strings of one hash are told apart in a sorted list`() throws {
    let filler = (0..<12).map { "\"filler-\($0)\"" }.joined(separator: ",")
    #expect(try holds("in", "[\(filler),\"user-36153\"]", "{\"a\":\"user-36153\"}"))
    #expect(try !holds("in", "[\(filler),\"user-36153\"]", "{\"a\":\"user-226846\"}"))
    #expect(try holds("in", "[\(filler),\"user-36153\",\"user-226846\"]", "{\"a\":\"user-226846\"}"))
    #expect(try holds("in", "[\(filler),\"user-226846\",\"user-36153\"]", "{\"a\":\"user-226846\"}"))
  }

  /// Conditions are stored once and their answers remembered for a request, but not for the next one.
  @Test func `what is remembered is forgotten with the request`() throws {
    let compiled = try snapshot("[{\"conditions\":[\(condition("eq", "\"\\u0061\\\"\""))]}]")
    for _ in 0..<3 {
      #expect(try compiled.decide("user", "{\"a\":\"a\\\"\"}")[0].variant == "v")
      #expect(try compiled.decide("user", "{\"a\":\"b\"}")[0].variant == nil)
      #expect(try compiled.decide("user", "{}")[0].variant == nil)
    }
  }
}
