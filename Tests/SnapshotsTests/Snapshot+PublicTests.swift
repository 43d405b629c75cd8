import Bytes
import Decisions
import JSON
import Snapshots
import TestSupport
import Testing

/// Tables in memory of their own, asked for one user after the other.
@safe private final class Decider {
  let snapshot: VerifiedSnapshot
  private let memory: [ByteRegion]
  private let tables: Tables
  private var workspace: Workspace

  init(_ document: [UInt8]) throws {
    snapshot = try VerifiedSnapshot(unsigned: document, environment: nil)
    memory = [snapshot.tables.count, Workspace.byteCount].map { count in
      let start = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 4096)
      unsafe start.initializeMemory(as: UInt8.self, repeating: 0xA5, count: count)
      return unsafe ByteRegion(start: start, count: count)
    }
    snapshot.tables.withBytes { [region = memory[0]] in region.copy($0, to: 0) }
    tables = Tables(memory[0].bytes)!
    workspace = Workspace(memory[1])
  }

  // Safe because no method lets a view of the memory out.
  deinit {
    for region in memory { unsafe region.start.deallocate() }
  }

  /// What one user gets, as the answers would say it: by the experiments' keys, then by the flags'.
  func decide(_ user: String, _ context: String) -> (experiments: [String: String], flags: [String: String]) {
    Array(user.utf8).withBytes { user in
      Array(context.utf8).withBytes { context in
        workspace.text.rewind(to: 0)
        workspace.clearAttributes(tables)
        precondition(workspace.readAttributes(context, tables) == nil)
        workspace.decide(tables, userKey: user, context: context)
      }
    }
    var experiments: [String: String] = [:]
    for index in 0..<tables.experiments.count {
      let key = String(tables.text(tables.experimentNames[index].key))
      experiments[key] = variant(index).map { String(tables.text(tables.assignments[$0])) } ?? "none"
    }
    var flags: [String: String] = [:]
    for index in 0..<tables.flags.count {
      let flag = tables.flags[index]
      let giver = flag.drivers.range.lazy.compactMap { [self] in variant(Int(tables.flagDrivers[$0])) }.first
      flags[String(tables.text(flag.key))] = String(
        tables.text(giver.map { tables.variants[$0].flagHead } ?? flag.defaultDecision))
    }
    return (experiments, flags)
  }

  /// The index of the user's variant among all variants.
  private func variant(_ index: Int) -> Int? {
    workspace.variant(of: index).map { Int(tables.experiments[index].firstVariant) + $0 }
  }
}

/// A snapshot as a test makes it up. Everything of a private experiment holds the word "secret".
private struct Draft {
  /// An element of `requires`; experiments are named by their keys here, and by key or id in the document.
  struct Need {
    var name: String
    var isFlag: Bool
    var json: String
  }

  struct Experiment {
    var key: String
    var isPrivate = false
    var isBroken = false
    var priority = 0
    /// An index into ``Draft/starts``.
    var start = 3
    var domain: String?
    var flag: String?
    var needs: [Need] = []
    var members: [String] = []

    var id: String { "id of \(key)" }
  }

  /// Earlier first; two are nearer to each other than milliseconds tell, and the last is none.
  static let starts = ["2025-12-31", "2026-01-01T00:00:00.0001Z", "2026-01-01T01:00:00.0002+01:00", nil]

  var cap: Int?
  var experiments: [Experiment]
  var flagNeeds: [String: [Need]] = [:]
  /// Users who have an override somewhere.
  var forced: Set<String> = []

  init(_ random: inout Random) {
    cap = random.oneIn(3) ? random.below(4) : nil
    experiments = []
    for index in 0..<8 {
      let isPrivate = random.oneIn(6)
      var experiment = Experiment(key: isPrivate ? "secret \(index)" : "é\" \(index)", isPrivate: isPrivate)
      experiment.isBroken = random.oneIn(12)
      experiment.priority = random.below(3) - 1
      experiment.start = random.below(4)
      if random.oneIn(2) { experiment.domain = "domain \(random.below(3))" }
      if random.oneIn(2) { experiment.flag = "flag \(random.below(4))" }
      experiment.members = members(&random, index, isPrivate: isPrivate)
      // Of earlier ones only, whose rank is any: so circles are few.
      if random.oneIn(3) { experiment.needs = needs(&random) }
      experiments.append(experiment)
    }
    if random.oneIn(3) { flagNeeds["flag \(random.below(4))"] = needs(&random) }
  }

  private func needs(_ random: inout Random) -> [Need] {
    (0..<(1 + random.below(2))).compactMap { _ in
      if random.oneIn(3) {
        let name = "flag \(random.below(5))"
        return Need(name: name, isFlag: true, json: "{\"flag\":\(name.quoted)}")
      }
      guard !experiments.isEmpty else { return nil }
      let other = random.pick(experiments)
      let variants = other.isPrivate ? ["secret A"] : random.pick([["open A", "b"], ["open b"], ["b"]])
      let list = random.oneIn(2) ? "" : ",\"variants\":[\(variants.map(\.quoted).joined(separator: ","))]"
      let name = random.oneIn(2) ? other.key : other.id
      return Need(name: other.key, isFlag: false, json: "{\"experiment\":\(name.quoted)\(list)}")
    }
  }

  private func json(_ needs: [Need]) -> String {
    "\"requires\":[\(needs.map(\.json).joined(separator: ","))]"
  }

  private mutating func members(_ random: inout Random, _ index: Int, isPrivate: Bool) -> [String] {
    let mark = isPrivate ? "secret" : "open"
    var members: [String] = []
    if isPrivate {
      members.append("\"private\":true")
    } else if random.oneIn(2) {
      members.append("\"private\":false")
    }
    if random.oneIn(6) { members.append("\"status\":\"PAUSED\"") }
    if random.oneIn(2) {
      members.append("\"layer\":\"layer \(isPrivate && random.oneIn(2) ? "secret" : "open")\"")
    } else if random.oneIn(3) {
      members.append("\"hash\":\"sha256\"")
    }
    if random.oneIn(2) {
      let user = "user-\(random.below(6))"
      forced.insert(user)
      members.append("\"overrides\":[{\"userKey\":\"\(user)\",\"variantId\":\"\(mark) a\"}]")
    }
    if random.oneIn(2) {
      let operation = random.pick(["eq", "neq", "in", "exists", "notExists", "gt"])
      let value = ["in": "[\"US\", \"\(mark)\", null]", "gt": "3"][operation] ?? "\"\(mark)\""
      members.append(
        """
        "\(random.pick(["audienceRules", "targetingRules"]))":[{"conditions":[{"attribute":"a","operator":"\(operation)",
        "value":\(value)}]},{"conditions":[{"attribute":"\(mark)","operator":"exists"},
        {"attribute":"n","operator":"gt","value":1.50}]}]
        """)
    }
    members.append(
      """
      "variants":[{"id":"\(mark) a","key":"\(mark) A","payload":{"of": "\(mark) \(index)"},"value":"\(mark) \(index)"},
      {"id":"\(mark) b","key":"b","value":"b","note":"secret"}],"note":{"secret":[]}
      """)
    let ranges = (0..<(1 + random.below(3))).map { _ in
      let start = random.below(10_000)
      let end = start + random.below(10_000 - start)
      let variant = random.pick(["\(mark) a", "b", "\(mark) b", "nobody"])
      return "{\"variantId\":\"\(variant)\",\"rangeStart\":\(start),\"rangeEnd\":\(end)}"
    }
    members.append("\"allocations\":[\(ranges.joined(separator: ","))]")
    return members
  }

  var document: [UInt8] {
    let list = experiments.map { experiment -> String in
      let word = experiment.isPrivate ? "secret" : "salt"
      var members = [
        "\"id\":\(experiment.id.quoted)", "\"key\":\(experiment.key.quoted)",
        "\"salt\":\"\(word) \(experiment.key.utf8.count)\"", "\"priority\":\(experiment.priority)",
      ]
      if let start = Self.starts[experiment.start] { members.append("\"startedAt\":\"\(start)\"") }
      if let domain = experiment.domain { members.append("\"conflictDomain\":\"\(domain)\"") }
      if let flag = experiment.flag { members.append("\"flagKey\":\"\(flag)\"") }
      if !experiment.needs.isEmpty { members.append(json(experiment.needs)) }
      if experiment.isBroken { members.append("\"exposureRate\":2") }
      return "{\((members + experiment.members).joined(separator: ","))}"
    }
    let flags = (0..<5).map { index in
      let needs = flagNeeds["flag \(index)"].map { "," + json($0) } ?? ""
      return
        "{\"key\":\"flag \(index)\",\"type\":\"string\",\"default\":\"d\(index)\",\"note\":\"secret\"\(needs)}"
    }
    let some = experiments.filter { $0.priority >= 0 }.map { ($0.start > 1 ? $0.key : $0.id).quoted }
    let secret = experiments.filter(\.isPrivate).map(\.key.quoted)
    return Array(
      """
      {"version":7,"environment":"prod","publishedAt":"today","note":"secret"\(cap.map { ",\"maxExperimentsPerUser\":\($0)" } ?? ""),
      "flags":[\(flags.joined(separator: ","))],
      "layers":[{"key":"layer open","salt":"shared"},{"key":"layer secret","salt":"secret"}],
      "holdouts":[{"key":"all","salt":"h1","share":900},{"key":"some","salt":"h2","share":3000,"experiments":[\(some.joined(separator: ","))]},
      {"key":"secret","salt":"secret","share":3000,"experiments":[\(secret.joined(separator: ","))]},
      {"key":"none","salt":"h3","share":3000,"experiments":[]}],
      "experiments":[\(list.joined(separator: ","))]}
      """.utf8)
  }

  /// The keys of what is left out of these experiments, private ones included, and of these flags: found out
  /// naively, from the rules as they are told.
  func omitted(of experiments: [Experiment], flags: [String]) -> (
    experiments: Set<String>, flags: Set<String>
  ) {
    let settled = settled(experiments)
    let place = Dictionary(uniqueKeysWithValues: settled.enumerated().map { ($1.key, $0) })
    var omitted = (experiments: Set(experiments.filter(\.isPrivate).map(\.key)), flags: Set<String>())
    func isGone(_ need: Need) -> Bool {
      (need.isFlag ? omitted.flags : omitted.experiments).contains(need.name)
    }
    while true {
      let before = omitted
      for flag in flags {
        let isDriven = experiments.contains { $0.flag == flag && omitted.experiments.contains($0.key) }
        if isDriven || (flagNeeds[flag] ?? []).contains(where: isGone) { omitted.flags.insert(flag) }
      }
      for experiment in experiments {
        let isDisplaced = experiments.contains { other in
          omitted.experiments.contains(other.key) && place[other.key]! < place[experiment.key]!
            && (cap != nil || (other.domain != nil && other.domain == experiment.domain))
        }
        let losesNeeds =
          experiment.flag.map { omitted.flags.contains($0) && !(flagNeeds[$0] ?? []).isEmpty } ?? false
        if isDisplaced || losesNeeds || experiment.needs.contains(where: isGone) {
          omitted.experiments.insert(experiment.key)
        }
      }
      if omitted == before { return omitted }
    }
  }

  /// The order in which experiments are settled: by rank, but what is required first.
  private func settled(_ experiments: [Experiment]) -> [Experiment] {
    var left = experiments.sorted { left, right in
      if left.priority != right.priority { return left.priority > right.priority }
      if left.start != right.start { return left.start < right.start }
      return Array(left.id.utf8).lexicographicallyPrecedes(Array(right.id.utf8))
    }
    var settled: [Experiment] = []
    while let next = left.firstIndex(where: { experiment in
      let needs = experiment.needs + (experiment.flag.flatMap { flagNeeds[$0] } ?? [])
      return !needs.contains { need in
        left.contains { need.isFlag ? $0.flag == need.name : $0.key == need.name }
      }
    }) { settled.append(left.remove(at: next)) }
    precondition(left.isEmpty)
    return settled
  }
}

struct SnapshotPublicTests {
  /// A draft of which something is left out, and something is not.
  @Test(arguments: 1...6)
  func `the public part decides as the whole does, and leaves out what it cannot`(seed: UInt64) throws {
    var random = Random(seed: seed)
    var (shown, kept, flagsShown, flagsKept, required) = (0, 0, 0, 0, 0)
    for _ in 0..<100 {
      let draft = Draft(&random)
      let whole = try Decider(draft.document)
      let text = whole.snapshot.publicDocument
      let part = try Decider(text)
      let json = try Document(text).root

      // A fault, such as a circle, costs what it costs: what is public is about what is served.
      let everybody = whole.decide("user-99", "{}")
      let present = draft.experiments.filter { everybody.experiments[$0.key] != nil }
      let allFlags = (0..<5).map { "flag \($0)" }.filter { everybody.flags[$0] != nil }
      let (omitted, omittedFlags) = draft.omitted(of: present, flags: allFlags)
      let serverOnly = present.filter { omitted.contains($0.key) && !$0.isPrivate }.map(\.key)
      #expect(json["serverOnly"]?.elements.map(\.text) == serverOnly)
      let keys = present.map(\.key).filter { !omitted.contains($0) }
      #expect(json["experiments"]?.elements.map { $0["key"]?.text } == keys)
      #expect(json["serverOnlyFlags"]?.elements.map(\.text) == allFlags.filter(omittedFlags.contains))
      let keptFlags = allFlags.filter { !omittedFlags.contains($0) }
      #expect(json["flags"]?.elements.map { $0["key"]?.text } == keptFlags)

      #expect(!String(decoding: text, as: UTF8.self).contains("secret"), "seed \(seed)")
      #expect(!String(decoding: text, as: UTF8.self).contains("overrides"))
      #expect(
        part.snapshot.findings.filter { $0.severity != .warning || !$0.place.contains("requires") } == [])
      #expect(part.snapshot.version == 7)
      #expect(part.snapshot.publishedAt == "today")
      required += String(decoding: text, as: UTF8.self).contains("\"requires\":") ? 1 : 0

      for _ in 0..<40 {
        let user = "user-\(random.below(60))"
        guard !draft.forced.contains(user) else { continue }
        let context = random.pick([
          "{}", "{\"a\":\"US\",\"n\":2}", "{\"a\":\"open\",\"open\":0,\"n\":9}", "{\"a\":4,\"secret\":1}",
        ])
        let expected = whole.decide(user, context)
        let actual = part.decide(user, context)
        #expect(
          actual.experiments == expected.experiments.filter { keys.contains($0.key) }, "\(user) \(context)")
        #expect(actual.flags == expected.flags.filter { keptFlags.contains($0.key) }, "\(user) \(context)")
      }
      shown += keys.count
      kept += serverOnly.count
      flagsShown += keptFlags.count
      flagsKept += omittedFlags.count
    }
    #expect(shown > 60 && kept > 30 && flagsShown > 30 && flagsKept > 15 && required > 10)
  }

  @Test(arguments: [21, 22])
  func `the public part of a public part is the same`(_ seed: UInt64) throws {
    var random = Random(seed: seed)
    for _ in 0..<40 {
      let once = try VerifiedSnapshot(unsigned: Draft(&random).document, environment: nil).publicDocument
      let twice = try VerifiedSnapshot(unsigned: once, environment: nil).publicDocument
      func body(_ text: [UInt8]) throws -> Substring {
        let text = String(decoding: text, as: UTF8.self)
        return text[..<(try #require(text.firstRange(of: ",\"serverOnly\":")).lowerBound)]
      }
      #expect(try body(twice) == body(once))
      #expect(String(decoding: twice, as: UTF8.self).hasSuffix(",\"serverOnly\":[],\"serverOnlyFlags\":[]}"))
    }
  }

  /// The public document of experiments like the sample's.
  private func document(_ experiments: [Object], _ change: (Object) -> Object = { $0 }) throws -> String {
    let list = experiments.map(\.json).joined(separator: ",")
    let document = change(Sample.snapshot.with("experiments", "[\(list)]")).json
    return try String(
      decoding: VerifiedSnapshot(unsigned: Array(document.utf8), environment: nil).publicDocument,
      as: UTF8.self)
  }

  @Test func `a public document as it is written`() throws {
    let text = try document([
      Sample.experiment.with("layer", "\"l\"").with("flagKey", "\"f\"").with(
        "startedAt", "\"2026-01-01T00:00:00.1234Z\""
      )
      .with("variants", "[\(Sample.variant.with("value", " true ").json)]").with("exposureRate", "0.00005")
      .with("targetingRules", "[{\"conditions\":[{\"attribute\":\"a\",\"operator\":\"exists\"}]}]"),
      Sample.other.with("status", "\"PAUSED\"").with("hash", "\"sha256\"").with("conflictDomain", "\"d\""),
    ])
    #expect(
      text == """
        {"version":7,"environment":"prod","publishedAt":"2026-03-02T23:18:46.000Z",\
        "flags":[{"key":"f","type":"boolean","default":false}],"layers":[{"key":"l","salt":"ls"}],\
        "holdouts":[{"key":"h","salt":"hs","share":100}],"experiments":[\
        {"id":"x","key":"xk","startedAt":"2026-01-01T00:00:00.1234Z","flagKey":"f","layer":"l","priority":0,\
        "hash":"murmur3","exposureRate":5e-05,"audienceRules":[],\
        "targetingRules":[{"conditions":[{"attribute":"a","operator":"exists","value":null}]}],\
        "variants":[{"id":"v","key":"vk","payload":{"a":[1,"b c"]},"value":true}],\
        "allocations":[{"variantId":"v","rangeStart":0,"rangeEnd":99}]},\
        {"id":"y","key":"yk","status":"PAUSED","salt":"s","conflictDomain":"d","priority":0,\
        "hash":"sha256","exposureRate":1,"audienceRules":[],"targetingRules":[],\
        "variants":[{"id":"v","key":"vk","payload":{"a":[1,"b c"]}}],\
        "allocations":[{"variantId":"v","rangeStart":0,"rangeEnd":99}]}],"serverOnly":[],"serverOnlyFlags":[]}
        """)
  }

  @Test func `a private experiment takes its buckets of a layer with it`() throws {
    func range(_ start: Int, _ end: Int) -> String {
      "[{\"variantId\":\"v\",\"rangeStart\":\(start),\"rangeEnd\":\(end)}]"
    }
    let text = try document([
      Sample.experiment.with("private", "true").with("layer", "\"l\"").with("allocations", range(10, 19))
        .with("status", "\"PAUSED\""),
      Sample.other.with("layer", "\"l\"").with("allocations", range(0, 29)),
    ])
    #expect(
      text.contains(
        """
        "allocations":[{"variantId":"v","rangeStart":0,"rangeEnd":9},{"variantId":"v","rangeStart":20,"rangeEnd":29}]
        """))
    #expect(text.hasSuffix("\"serverOnly\":[],\"serverOnlyFlags\":[]}"))
  }

  @Test func `holdouts name only experiments that are there, and go when they name none`() throws {
    let text = try document([Sample.experiment, Sample.other.with("private", "true")]) {
      $0.with(
        "holdouts",
        """
        [{"key":"one","salt":"1","share":1,"experiments":["xk","y","yk","nothing","x"]},
        {"key":"two","salt":"2","share":2,"experiments":["yk"]},{"key":"three","salt":"3","share":3}]
        """)
    }
    #expect(
      text.contains(
        """
        "holdouts":[{"key":"one","salt":"1","share":1,"experiments":["xk","x"]},{"key":"three","salt":"3","share":3}]
        """))
  }
}
