// What these suites share: randomness that repeats, and a desk that answers questions as a worker does.

import TestSupport
import Bytes
import Decisions
import Dialects
import JSON
import Snapshots
import Trust

/// What came back.
enum Reply: Equatable {
  case answer(String)
  case fault(code: String, text: String)

  var text: String {
    switch self {
    case .answer(let text): text
    case .fault(_, let text): text
    }
  }

  /// The fault's code, or nil.
  var code: String? {
    guard case .fault(let code, _) = self else { return nil }
    return code
  }

  func json() throws -> Element { try Document(Array(text.utf8)).root }
}

/// Tables, a workspace and room for an answer, which are used for one question after another.
@safe final class Desk {
  let findings: [Finding]
  private let memory: [ByteRegion]
  private let tables: Tables
  private var workspace: Workspace
  private var ids: DecisionIDs
  static let tokenKey = MessageKey(Array("tokens".utf8))
  private let room: ByteRegion
  /// The environment that the last question named.
  private(set) var environment = ""
  private(set) var userKey = ""
  /// Of the last evaluation's context.
  private(set) var digest: UInt64 = 0
  /// Whether each subject of a batch was tracked.
  private(set) var tracked: [Bool] = []
  private(set) var counts = DecideAnswer.FlagCounts()

  init(_ document: String) throws {
    let snapshot = try VerifiedSnapshot(unsigned: Array(document.utf8), environment: nil)
    findings = snapshot.findings
    memory = [snapshot.tables.count, Workspace.byteCount, 1 << 20, DecisionIDs.byteCount].map(Self.memory)
    snapshot.tables.withBytes { [region = memory[0]] in region.copy($0, to: 0) }
    tables = Tables(memory[0].bytes)!
    workspace = Workspace(memory[1])
    room = memory[2]
    ids = DecisionIDs(key: Self.tokenKey, scratch: memory[3], seed: 0xABC)
    ids.now = 1_800_000_000_000
  }

  // Safe because no method lets a view of the memory out.
  deinit {
    for region in memory { unsafe region.start.deallocate() }
  }

  /// Memory aligned to a page and filled with a pattern, so that reading before writing shows.
  private static func memory(byteCount: Int) -> ByteRegion {
    let start = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 4096)
    unsafe start.initializeMemory(as: UInt8.self, repeating: 0xA5, count: byteCount)
    return unsafe ByteRegion(start: start, count: byteCount)
  }

  /// What GET /decide answers to a query.
  func get(_ query: [UInt8], needsUser: Bool = true) -> Reply {
    query.withBytes { bytes in
      let range = ByteRange(start: 0, count: bytes.count)
      return reply(DecideQuery.read(bytes, range, &workspace, needsUser: needsUser)) { question, output in
        DecideAnswer.writeAssignments(question, tables, &workspace, to: &output)
      }
    }
  }

  func get(_ query: String, needsUser: Bool = true) -> Reply {
    get(Array(query.utf8), needsUser: needsUser)
  }

  /// What POST /api/v1/decide answers to a body.
  func post(_ body: [UInt8], needsUser: Bool = true) -> Reply {
    body.withBytes { bytes in
      reply(DecideBody.read(bytes, &workspace, needsUser: needsUser)) { question, output in
        counts = DecideAnswer.writeDecisions(question, tables, &workspace, &ids, to: &output)
      }
    }
  }

  func post(_ body: String, needsUser: Bool = true) -> Reply {
    post(Array(body.utf8), needsUser: needsUser)
  }

  /// What POST /api/v1/decide/batch answers to a body.
  func batch(_ body: String) -> Reply {
    Array(body.utf8).withBytes { bytes in
      var output = Output(room)
      switch DecideBatch.read(bytes, &workspace) {
      case .fault(let fault): return refuse(fault, &output)
      case .batch(var batch):
        environment = String(batch.environment)
        var answers: [String] = []
        while let outcome = batch.next(&workspace) {
          answers.append(
            reply(outcome) { question, output in
              tracked.append(question.tracks)
              counts = DecideAnswer.writeDecisions(question, tables, &workspace, &ids, to: &output)
            }.text)
        }
        return .answer("[\(answers.joined(separator: ","))]")
      }
    }
  }

  /// What OFREP answers under a key, or with nil under all of them.
  func evaluate(_ path: String?, _ body: String) -> Reply {
    Array((path ?? "").utf8).withBytes { path_ in
      Array(body.utf8).withBytes { body in
        var output = Output(room)
        let outcome = EvaluationBody.read(body, &workspace)
        var key: ByteView?
        if path != nil {
          switch EvaluationPath.read(path_, into: &workspace.text) {
          case .fault(let fault): return refuse(fault, key: path_, &output)
          case .key(let found): key = found
          }
        }
        guard case .question(let question, let digest) = outcome else {
          guard case .fault(let fault) = outcome else { preconditionFailure() }
          return refuse(fault, key: key, &output)
        }
        self.digest = digest
        userKey = String(question.userKey)
        if let fault = question.decide(tables, &workspace) { return refuse(fault, key: key, &output) }
        counts = DecideAnswer.FlagCounts()
        guard let key else {
          counts = EvaluationAnswer.writeAll(question, tables, &workspace, to: &output)
          return .answer(String(output.written))
        }
        guard let index = tables.evaluation(key) else { return .answer("none") }
        if case .needsUser = EvaluationAnswer.write(
          index, question, tables, &workspace, &counts, to: &output)
        {
          precondition(output.count == 0)
          return refuse(EvaluationAnswer.userMissing, key: key, &output)
        }
        return .answer(String(output.written))
      }
    }
  }

  private func refuse(_ fault: ClientFault, key: ByteView?, _ output: inout Output) -> Reply {
    fault.writeEvaluation(key: key, to: &output)
    return .fault(code: String(fault.code.bytes), text: String(output.written))
  }

  /// What /explain answers to a user and a context.
  func explain(_ user: String, _ context: String) throws -> Element {
    try explain(user, context, selection: nil).json()
  }

  func explain(
    _ user: String, _ context: String, selection: [String]?, limit: Int = Explanation.byteCountMax
  ) -> Reply {
    Array(user.utf8).withBytes { user in
      Array(context.utf8).withBytes { context in
        var question = Question()
        question.userKey = user
        question.context = context
        workspace.text.rewind(to: 0)
        precondition(question.decide(tables, &workspace) == nil)
        return explain(question, selection?.map { Array($0.utf8) }, Self.provenance, limit: limit)
      }
    }
  }

  static let provenance = Explanation.Provenance(
    sha256: String(repeating: "0a", count: 32), signers: ["key 1", "key 2"])

  /// What POST /explain answers to a body.
  func explain(_ body: String) -> Reply {
    Array(body.utf8).withBytes { bytes in
      var output = Output(room)
      switch ExplainBody.read(bytes, &workspace) {
      case .fault(let fault): return refuse(fault, &output)
      case .question(let question, let selection):
        environment = String(question.environment)
        if let fault = question.decide(tables, &workspace) { return refuse(fault, &output) }
        return explain(question, selection, Self.provenance)
      }
    }
  }

  /// The answer to what a saved answer says of itself.
  func replay(_ text: String) throws -> Reply {
    guard let saved = SavedExplanation(Array(text.utf8)) else { throw Unreadable() }
    return saved.userKey.withBytes { user in
      saved.context.withBytes { context in
        var question = Question()
        question.userKey = user
        question.context = context
        precondition(question.decide(tables, &workspace) == nil)
        return explain(question, saved.selection, saved.provenance)
      }
    }
  }

  struct Unreadable: Error {}

  private func explain(
    _ question: Question, _ selection: [[UInt8]]?, _ provenance: Explanation.Provenance,
    limit: Int = Explanation.byteCountMax
  ) -> Reply {
    var output = Output(room)
    let explanation = Explanation(question, tables, provenance, selection: selection, limit: limit)
    switch explanation.answer(&workspace) {
    case .answer(let text): return .answer(String(decoding: text, as: UTF8.self))
    case .fault(let fault): return refuse(fault, &output)
    }
  }

  private func reply(_ outcome: QuestionOutcome, _ write: (Question, inout Output) -> Void) -> Reply {
    var output = Output(room)
    switch outcome {
    case .fault(let fault): return refuse(fault, &output)
    case .question(let question):
      environment = String(question.environment)
      userKey = String(question.userKey)
      if let fault = question.decide(tables, &workspace) { return refuse(fault, &output) }
      write(question, &output)
      precondition(!output.isOverflowing)
      return .answer(String(output.written))
    }
  }

  private func refuse(_ fault: ClientFault, _ output: inout Output) -> Reply {
    fault.write(to: &output)
    return .fault(code: String(fault.code.bytes), text: String(output.written))
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

enum Sample {
  static let flags = ["bool", "text", "odd \"\\\u{1}é", "unused", "user-36153", "user-226846"]

  static func document(flags: [String] = flags, cap: Int? = nil, experiments: [String]) -> String {
    let flags = flags.map {
      "{\"key\":\($0.quoted),\"type\":\"string\",\"default\":\("default of \($0)".quoted)}"
    }
    let cap = cap.map { ",\"maxExperimentsPerUser\":\($0)" } ?? ""
    return """
      {"version":7,"environment":"prod"\(cap),"flags":[\(flags.joined(separator: ","))],
      "layers":[{"key":"l","salt":"ls"}],
      "holdouts":[{"key":"h","salt":"hs","share":1500,"experiments":["x1","k2","x3"]},
      {"key":"all","salt":"all","share":300}],
      "experiments":[\(experiments.joined(separator: ","))]}
      """
  }

  /// Experiments of every kind: some drive flags, several the same one.
  static func experiments(_ random: inout Random, withRequirements: Bool = false) -> [String] {
    (0..<6).map { index in
      var members = ["\"id\":\"x\(index)\"", "\"key\":\"k\(index)\"", "\"salt\":\"s\(random.below(3))\""]
      if random.oneIn(8) { members.append("\"status\":\"PAUSED\"") }
      if random.oneIn(2) { members.append("\"flagKey\":\(random.pick(flags).quoted)") }
      if random.oneIn(3) { members.append("\"conflictDomain\":\"d\"") }
      if random.oneIn(3) { members.append("\"layer\":\"l\"") }
      if random.oneIn(2) { members.append("\"priority\":\(random.below(3))") }
      if random.oneIn(2) {
        let operation = random.pick(["eq", "neq", "in", "contains", "exists", "before"])
        let value = ["in": "[\"US\",1,null]", "before": "\"2026-01-01\"", "contains": "\"U\\u0053\""]
        members.append(
          """
          "\(random.pick(["audienceRules", "targetingRules"]))":[{"conditions":[
          {"attribute":"\(random.pick(["a", "b", "a.b", "c.0"]))","operator":"\(operation)",
          "value":\(value[operation] ?? "\"US\"")}]},{"conditions":[
          {"attribute":"n","operator":"gt","value":3},{"attribute":"a","operator":"notExists"}]}]
          """)
      }
      if random.oneIn(3) {
        members.append("\"overrides\":[{\"userKey\":\"user-\(random.below(8))\",\"variantId\":\"v\"}]")
      }
      // Of later ones only, so that no circle comes about.
      if withRequirements, index < 5, random.oneIn(2) {
        let variants = random.oneIn(2) ? ",\"variants\":[\"v\"]" : ""
        members.append("\"requires\":[{\"experiment\":\"k\(index + 1)\"\(variants)}]")
      }
      members.append(
        """
        "variants":[{"id":"v","key":"vk \\"\\u00e9","payload":{"n": 1.50},"value":"value v of x\(index)"},
        {"id":"w","key":"wk","value":"w"}],
        "allocations":[{"variantId":"v","rangeStart":0,"rangeEnd":\(random.below(9000))},
        {"variantId":"w","rangeStart":9000,"rangeEnd":9999}]
        """)
      return "{\(members.joined(separator: ","))}"
    }
  }

  static func context(_ random: inout Random) -> String {
    let values = [
      "\"US\"", "\"\\u0055S\"", "1", "null", "{\"b\":\"US\"}", "[\"US\"]", "\"2025-12-31\"", "4.5", "true",
    ]
    let members = ["a", "b", "c", "n", "z"].filter { _ in random.oneIn(2) }
    return "{\(members.map { "\"\($0)\" : \(random.pick(values))" }.joined(separator: ", "))}"
  }
}
