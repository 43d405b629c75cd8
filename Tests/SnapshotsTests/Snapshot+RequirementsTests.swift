import Bytes
import Decisions
import Snapshots
import Testing

/// An experiment with variants "v0" and "v1" of the keys "k0" and "k1".
private func experiment(_ id: String, requires: [String] = [], flag: String? = nil, domain: String? = nil)
  -> String
{
  var object = Object([("id", "\"\(id)\""), ("key", "\"key-\(id)\""), ("salt", "\"s\"")])
  object = object.with(
    "variants",
    "[{\"id\":\"v0\",\"key\":\"k0\",\"value\":true},{\"id\":\"v1\",\"key\":\"k1\",\"value\":true}]")
  if !requires.isEmpty { object = object.with("requires", "[\(requires.joined(separator: ","))]") }
  if let flag { object = object.with("flagKey", "\"\(flag)\"") }
  if let domain { object = object.with("conflictDomain", "\"\(domain)\"") }
  return object.json
}

private func flag(_ key: String, requires: [String] = []) -> String {
  Sample.flag.with("key", "\"\(key)\"").with("requires", "[\(requires.joined(separator: ","))]").json
}

private func needs(_ experiment: String, _ variants: String...) -> String {
  Object([("experiment", "\"\(experiment)\"")]).with(variants).json
}

private func needs(flag: String, _ variants: String...) -> String {
  Object([("flag", "\"\(flag)\"")]).with(variants).json
}

extension Object {
  fileprivate func with(_ variants: [String]) -> Object {
    variants.isEmpty
      ? self : with("variants", "[\(variants.map { "\"\($0)\"" }.joined(separator: ","))]")
  }
}

private func document(_ experiments: [String], flags: [String] = []) -> String {
  """
  {"version":1,"environment":"e","flags":[\(flags.joined(separator: ","))],
  "experiments":[\(experiments.joined(separator: ","))]}
  """
}

/// The ids that are served, and the findings, each with its place.
private func served(_ document: String) throws -> (ids: [String], findings: [String]) {
  let snapshot = try VerifiedSnapshot(unsigned: Array(document.utf8), environment: nil)
  let ids = try snapshot.tables.withBytes { bytes in
    let tables = try #require(Tables(bytes))
    return (0..<tables.experiments.count).map { String(tables.text(tables.experimentNames[$0].id)) }
  }
  #expect(Set(snapshot.findings.map(\.severity)).isSubset(of: [.quarantined]))
  return (ids, snapshot.findings.map(\.description))
}

struct SnapshotRequirementsTests {
  // MARK: - What is left out

  @Test func `what requires something quarantined is quarantined with it, and so on`() throws {
    let broken = Sample.experiment.with("id", "\"broken\"").with("key", "\"b\"").with("salt", "1").json
    let (ids, findings) = try served(
      document([
        experiment("a", requires: [needs("b")]), experiment("b", requires: [needs("d"), needs("key-c")]),
        experiment("c", requires: [needs("broken")]), broken, experiment("d"),
        experiment("e", requires: [needs("d"), needs("nowhere")]),
      ]))
    #expect(ids == ["d"])
    #expect(
      findings == [
        "experiments[3].salt: is a number, not a string",
        "experiments[0].requires[0].experiment: there is no experiment \"b\"",
        "experiments[1].requires[1].experiment: there is no experiment \"key-c\"",
        "experiments[2].requires[0].experiment: there is no experiment \"broken\"",
        "experiments[5].requires[1].experiment: there is no experiment \"nowhere\"",
      ])
  }

  @Test func `a flag that requires what is not there takes its drivers and its dependents with it`() throws {
    let (ids, findings) = try served(
      document(
        [
          experiment("driver", flag: "f"), experiment("dependent", requires: [needs(flag: "f")]),
          experiment("other", flag: "g"), experiment("free", flag: "h"),
          experiment("gone", requires: [needs("nowhere")]),
        ],
        flags: [
          flag("f", requires: [needs("gone")]), flag("g", requires: [needs(flag: "f")]), flag("h"),
        ]))
    #expect(ids == ["free"])
    #expect(
      findings == [
        "flags[0].requires[0].experiment: there is no experiment \"gone\"",
        "flags[1].requires[0].flag: there is no flag \"f\"",
        "experiments[0].flagKey: there is no flag \"f\"",
        "experiments[1].requires[0].flag: there is no flag \"f\"",
        "experiments[2].flagKey: there is no flag \"g\"",
        "experiments[4].requires[0].experiment: there is no experiment \"nowhere\"",
      ])
  }

  /// It still answers its default.
  @Test func `a flag stays without its drivers`() throws {
    let (ids, findings) = try served(
      document(
        [
          experiment("x", requires: [needs("nowhere")], flag: "f"),
          experiment("y", flag: "f"), experiment("z", requires: [needs(flag: "f")]),
        ], flags: [flag("f")]))
    #expect(ids == ["y", "z"])
    #expect(findings == ["experiments[0].requires[0].experiment: there is no experiment \"nowhere\""])
  }

  // MARK: - Cycles

  @Test func `experiments on a cycle are quarantined, and those that need them`() throws {
    let (ids, findings) = try served(
      document([
        experiment("a", requires: [needs("key-b")]), experiment("b", requires: [needs("free"), needs("a")]),
        experiment("self", requires: [needs("self")]), experiment("free"),
        experiment("after", requires: [needs("a")]), experiment("before"),
      ]))
    #expect(ids == ["free", "before"])
    #expect(
      findings == [
        "experiments[0].requires: \"key-a\" requires \"key-b\" requires \"key-a\"",
        "experiments[1].requires: \"key-b\" requires \"key-a\" requires \"key-b\"",
        "experiments[2].requires: \"key-self\" requires \"key-self\"",
        "experiments[4].requires[0].experiment: there is no experiment \"a\"",
      ])
  }

  @Test func `a cycle may lead through flags`() throws {
    let (ids, findings) = try served(
      document(
        [
          experiment("a", requires: [needs(flag: "f")]), experiment("b", requires: [needs("a")], flag: "f"),
          experiment("c", flag: "g"), experiment("self", requires: [needs(flag: "h")], flag: "h"),
          experiment("free", requires: [needs(flag: "f")]), experiment("driver", flag: "f"),
        ],
        flags: [flag("f"), flag("g", requires: [needs(flag: "g")]), flag("h")]))
    #expect(ids == ["free", "driver"])
    #expect(
      findings == [
        "experiments[0].requires: \"key-a\" requires flag \"f\" driven by \"key-b\" requires \"key-a\"",
        "experiments[1].requires: \"key-b\" requires \"key-a\" requires flag \"f\" driven by \"key-b\"",
        "experiments[2].flagKey: \"key-c\" drives flag \"g\" requires flag \"g\" driven by \"key-c\"",
        "experiments[3].requires: \"key-self\" requires flag \"h\" driven by \"key-self\"",
      ])
  }

  @Test func `cycles that share experiments are told one at a time`() throws {
    let (ids, findings) = try served(
      document([
        experiment("a", requires: [needs("b")]), experiment("b", requires: [needs("c"), needs("a")]),
        experiment("c", requires: [needs("b")]),
      ]))
    #expect(ids == [])
    #expect(
      findings == [
        "experiments[0].requires: \"key-a\" requires \"key-b\" requires \"key-c\" requires \"key-b\"",
        "experiments[1].requires: \"key-b\" requires \"key-c\" requires \"key-b\"",
        "experiments[2].requires: \"key-c\" requires \"key-b\" requires \"key-c\"",
      ])
  }

  @Test func `the longest chains are followed, closed and open`() throws {
    let count = 30_000
    func chain(_ last: [String]) -> String {
      document(
        (0..<count).map { index in
          experiment("\(index)", requires: index < count - 1 ? [needs("\(index + 1)")] : last)
        })
    }
    let open = try served(chain([]))
    #expect(open.ids.count == count)
    #expect(open.findings == [])

    let cut = try served(chain([needs("nowhere")]))
    #expect(cut.ids == [])
    #expect(cut.findings.count == count)
    #expect(cut.findings.first == "experiments[0].requires[0].experiment: there is no experiment \"1\"")

    let closed = try served(chain([needs("0")]))
    #expect(closed.ids == [])
    #expect(closed.findings.count == count)
    #expect(
      closed.findings.last == """
        experiments[29999].requires: "key-29999" requires "key-0" requires "key-1" requires "key-2" \
        requires "key-3" requires "key-4" requires "key-5" requires "key-6" requires "key-7" ...
        """)
  }

  /// As many edges as the document states, though each stands for all the drivers of the flag.
  @Test func `many may require a flag that many drive`() throws {
    let count = 15_000
    let (ids, findings) = try served(
      document(
        (0..<count).map { experiment("d\($0)", flag: "f") }
          + (0..<count).map { experiment("r\($0)", requires: [needs(flag: "f", "k0")]) }, flags: [flag("f")]))
    #expect(ids.count == 2 * count)
    #expect(findings == [])
  }

  // MARK: - Warnings

  @Test func `a requirement that is never met is a warning`() {
    let found = findings(
      document(
        [
          experiment("a", domain: "d"), experiment("b", flag: "f", domain: "d"),
          experiment("c", flag: "f", domain: "d"), experiment("p", flag: "g", domain: "d"),
          experiment("q", flag: "g"),
          experiment(
            "x", requires: [needs("a"), needs(flag: "f"), needs(flag: "g"), needs("q")], domain: "d"),
          experiment("y", requires: [needs(flag: "empty"), needs("a")], domain: "other"),
        ],
        flags: [flag("f", requires: [needs("a")]), flag("g"), flag("empty")]))
    #expect(Set(found.map(\.severity)) == [.warning])
    #expect(
      found.map(\.description) == [
        "flags[0].requires[0]: what \"key-b\" requires is of its own conflict domain \"d\": it is never assigned",
        "experiments[5].requires[0]: what \"key-x\" requires is of its own conflict domain \"d\": it is never assigned",
        "experiments[5].requires[1]: what \"key-x\" requires is of its own conflict domain \"d\": it is never assigned",
        "experiments[6].requires[0]: no experiment drives the flag: the requirement is never met",
      ])
  }

  @Test func `an unknown variant is a warning and never matches`() {
    let found = findings(
      document(
        [
          experiment("a", flag: "f"), experiment("b", requires: [needs("a", "v0", "k1", "v2", "a")]),
          experiment("c", requires: [needs(flag: "f", "k0", "k2")]),
        ], flags: [flag("f")]))
    #expect(
      found == [
        Finding(
          .warning, "experiments[1].requires[0].variants[2]", "there is no such variant to be required"),
        Finding(
          .warning, "experiments[1].requires[0].variants[3]", "there is no such variant to be required"),
        Finding(
          .warning, "experiments[2].requires[0].variants[1]", "there is no such variant to be required"),
      ])
  }

  // MARK: - Capacities

  @Test func `more requirements than a decision may take refuse the document`() throws {
    let perFlag = Array(repeating: needs("a"), count: 64)
    func drivers(_ count: Int) -> String {
      document(
        [experiment("a")] + (0..<count).map { experiment("d\($0)", flag: "f") },
        flags: [flag("f", requires: perFlag)])
    }
    #expect(findings(drivers(2048)) == [])
    #expect(
      findings(drivers(2049)) == [
        Finding(.refused, "", "the snapshot has 131136 requirements, more than 131072")
      ])
    // What stands in a flag's requirements is written once, however many drive it.
    let many = needs("a", "v0", "k0")
    let named = document(
      [experiment("a")] + (0..<1000).map { experiment("d\($0)", flag: "f") },
      flags: [flag("f", requires: Array(repeating: many, count: 64))])
    let snapshot = try VerifiedSnapshot(unsigned: Array(named.utf8), environment: nil)
    #expect(snapshot.tables.withBytes { Tables($0)?.requiredVariants.count } == 128)
  }
}
