// What these suites share: randomness that repeats, files of Tests/Vectors, and documents to spoil.

import TestSupport
import Bytes
import JSON
import Snapshots

/// A JSON object whose members can be replaced, added and, with nil, removed.
struct Object {
  var members: [(name: String, value: String)]

  init(_ members: [(String, String)]) { self.members = members.map { ($0.0, $0.1) } }

  func with(_ name: String, _ value: String?) -> Object {
    var copy = self
    copy.members.removeAll { $0.name == name }
    if let value { copy.members.append((name, value)) }
    return copy
  }

  var json: String { "{\(members.map { "\"\($0.name)\":\($0.value)" }.joined(separator: ","))}" }
}

enum Sample {
  static let flag = Object([("key", "\"f\""), ("type", "\"boolean\""), ("default", "false")])
  static let layer = Object([("key", "\"l\""), ("salt", "\"ls\"")])
  static let holdout = Object([("key", "\"h\""), ("salt", "\"hs\""), ("share", "100")])
  static let variant = Object([("id", "\"v\""), ("key", "\"vk\""), ("payload", "{\"a\": [1, \"b c\"]}")])
  static let allocation = Object([("variantId", "\"v\""), ("rangeStart", "0"), ("rangeEnd", "99")])
  static let condition = Object([("attribute", "\"a\""), ("operator", "\"eq\""), ("value", "1")])

  static let experiment = Object([
    ("id", "\"x\""), ("key", "\"xk\""), ("salt", "\"s\""), ("audienceRules", "[]"), ("targetingRules", "[]"),
    ("overrides", "[]"), ("variants", "[\(variant.json)]"), ("allocations", "[\(allocation.json)]"),
  ])

  static let other = experiment.with("id", "\"y\"").with("key", "\"yk\"")

  static let snapshot = Object([
    ("version", "7"), ("environment", "\"prod\""), ("publishedAt", "\"2026-03-02T23:18:46.000Z\""),
    ("flags", "[\(flag.json)]"), ("layers", "[\(layer.json)]"), ("holdouts", "[\(holdout.json)]"),
    ("experiments", "[\(experiment.json)]"),
  ])

  /// A snapshot that uses about everything, without a finding.
  static let full =
    snapshot
    .with("maxExperimentsPerUser", "3")
    .with(
      "experiments",
      "["
        + [
          experiment.with("flagKey", "\"f\"").with("layer", "\"l\"").with("conflictDomain", "\"d\"")
            .with("priority", "-2").with("startedAt", "\"2026-01-01T00:00:00Z\"").with("exposureRate", "0.5")
            .with("private", "true").with("hash", "\"murmur3\"").with("status", "\"RUNNING\"")
            .with("variants", "[\(variant.with("value", "true").json)]")
            .with("overrides", "[{\"userKey\":\"u\",\"variantId\":\"v\"}]"),
          other.with("hash", "\"sha256\"").with("status", "\"PAUSED\"")
            .with("requires", "[{\"experiment\":\"x\",\"variants\":[\"vk\"]},{\"flag\":\"f\"}]").with(
              "targetingRules",
              """
              [{"conditions":[{"attribute":"a.b","operator":"in","value":["x","\\u00e9",3,null]},
              {"attribute":"v","operator":"semverGt","value":"1.0.0"},
              {"attribute":"t","operator":"before","value":"2026-01-01"},
              {"attribute":"n","operator":"notExists"}]},{"conditions":[]}]
              """),
        ].map(\.json).joined(separator: ",") + "]")
}

/// What becomes of a document: its findings, or the one for which it is refused.
func findings(_ document: String) -> [Finding] { findings(Array(document.utf8)) }

func findings(_ document: [UInt8]) -> [Finding] {
  do throws(Finding) {
    var snapshot = try Snapshot(decoding: document)
    _ = try snapshot.compile()
    return snapshot.findings
  } catch {
    return [error]
  }
}

extension String {
  /// The string as JSON.
  var quoted: String {
    var text: [UInt8] = []
    Array(utf8).withBytes { text.append(jsonString: $0) }
    return String(decoding: text, as: UTF8.self)
  }
}
