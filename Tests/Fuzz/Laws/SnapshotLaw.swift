// Documents as an upstream serves them: what is accepted compiles to the same each time, all that its tables name lies in
// them, its users have one decision each, and browsers that have only the public part come to the same.

import Bytes
import Decisions
import Dialects
import Kernel
import Snapshots

final class SnapshotLaw: Law {
  private let memory: Memory
  private var workspace: Workspace
  private let room: ByteRegion

  private static let contexts: [StaticString] = [
    "{}",
    """
    {"country":"US","plan":"pro","beta":true,"team":{"seats":7},"version":"1.10.0","since":"2025-12-31",\
    "n":4.5,"a":{"b":["US"]},"name":"zo\\u00eb","tags":["x","y"],"nothing":null}
    """,
  ]
  private static let users: [StaticString] = ["tester-1", "user-1", "user-36153", "u"]

  init() throws {
    memory = try Memory(byteCount: Workspace.byteCount + (4 << 20))
    var carver = Carver(memory.region)
    workspace = Workspace(carver.region(Workspace.byteCount))
    room = carver.region(3 << 20)
  }

  func check(_ input: ByteView) throws {
    let document = [UInt8](input)
    let verified: VerifiedSnapshot
    do throws(Refusal) {
      verified = try VerifiedSnapshot(unsigned: document, environment: nil)
    } catch {
      return try hold(error.reason == .document, "what is wrong with a document is the document")
    }
    let again = try VerifiedSnapshot(unsigned: document, environment: verified.environment)
    try hold(
      try meaning(of: again.tables) == meaning(of: verified.tables), "a document compiles to the same tables")
    try hold(again.findings == verified.findings, "a document has the same findings")
    let open = try VerifiedSnapshot(unsigned: verified.publicDocument, environment: verified.environment)
    try hold(open.version == verified.version, "the public part has the version of the whole")
    try hold(
      !open.findings.contains { $0.severity == .refused }, "the public part is no fault: \(open.findings)")
    try verified.tables.withBytes { tables in
      try open.tables.withBytes { openTables in
        guard let tables = Tables(tables), let openTables = Tables(openTables) else {
          throw Broken(description: "what compiles is tables")
        }
        try walk(tables)
        for user in Self.users {
          for context in Self.contexts {
            try decide(user.bytes, context.bytes, tables, openTables)
          }
        }
      }
    }
  }

  /// What a region says but for its rows, whose padding is whatever stood there before.
  private func meaning(of tables: [UInt8]) throws -> [[UInt8]] {
    try tables.withBytes { bytes in
      guard let tables = Tables(bytes) else { throw Broken(description: "what compiles is tables") }
      let buckets = (0..<tables.bucketTables.count).map { tables.bucketTables[$0] }
      return [[UInt8](tables.text), buckets, [UInt8](String(bytes.count).utf8)]
    }
  }

  /// Every name and fragment that a row holds, and every row that another one names.
  private func walk(_ tables: Tables) throws {
    let names: (ByteRange) throws -> Void = { range in
      try hold(UTF8Check.isValid(tables.text(range)), "a text of the tables is UTF-8")
    }
    for index in 0..<tables.experiments.count {
      let row = tables.experiments[index]
      let name = tables.experimentNames[index]
      for range in [name.id, name.key, name.layer, name.domain, name.flag] { try names(range) }
      try hold(Int(row.salt) < tables.salts.count, "a salt is there")
      try hold(Int(row.audience) < tables.ruleLists.count || row.audience == 0, "an audience is there")
      try hold(Int(row.targeting) < tables.ruleLists.count || row.targeting == 0, "targeting is there")
      let buckets = Int(row.bucketTable) * BucketTable.bucketCount
      for bucket in 0..<BucketTable.bucketCount {
        let owner = tables.bucketTables[buckets + bucket]
        try hold(
          owner == BucketTable.unallocated || owner < row.variantCount, "a bucket's owner is a variant")
      }
      for place in 0..<Int(row.variantCount) {
        let variant = tables.variants[Int(row.firstVariant) + place]
        for range in [
          variant.id, variant.key, variant.flagHead, variant.flagTail, variant.evaluationHead,
          variant.evaluationTail, tables.assignments[Int(row.firstVariant) + place],
        ] { try names(range) }
      }
      for place in 0..<Int(row.holdoutCount) {
        let holdout = Int(tables.holdoutLists[Int(row.firstHoldout) + place])
        try hold(holdout < tables.holdouts.count, "a holdout is there")
      }
      for place in 0..<Int(name.allocationCount) { _ = tables.allocations[Int(name.firstAllocation) + place] }
      try hold(Int(tables.ranking[Int(name.rank)]) == index, "each experiment has its rank")
      let sampling = tables.sampling[index]
      try hold((0...1).contains(sampling.rate), "a rate is a share")
    }
    for index in 0..<tables.conditions.count {
      let row = tables.conditions[index]
      try names(row.source)
      try names(tables.attributes[Int(row.attribute)].name)
      for place in 0..<Int(row.operandCount) {
        let operand = tables.operands[Int(row.firstOperand) + place]
        if case .string = operand.kind { try names(operand.text) }
      }
    }
    for index in 0..<tables.flags.count {
      let row = tables.flags[index]
      try names(row.defaultDecision)
      try hold(tables.flag(tables.text(row.key)) == index, "a flag is found by its key")
      for place in row.drivers.range {
        try hold(Int(tables.flagDrivers[place]) < tables.experiments.count, "a driver is an experiment")
      }
    }
    for index in 0..<tables.evaluations.count {
      let row = tables.evaluations[index]
      try names(row.fallback)
      try hold(tables.evaluation(tables.text(row.key)) == index, "an evaluation is found by its key")
    }
  }

  /// One user's outcome of one experiment.
  private struct Outcome: Equatable {
    var variant: [UInt8]?
    var reason: String
  }

  private func decide(_ user: ByteView, _ context: ByteView, _ tables: Tables, _ openTables: Tables) throws {
    let outcomes = try decide(user, context, tables)
    try hold(try decide(user, context, tables) == outcomes, "a user has one decision")
    try checkAnswers(user, context, tables)
    guard tables.overrides(of: user, hash: Hashing.hash(user)).count == 0 else { return }
    for (id, outcome) in try decide(user, context, openTables) {
      try hold(
        outcomes[id]?.variant == outcome.variant,
        "browsers come to the same: \(String(decoding: id, as: UTF8.self)) \(String(user)) \(outcome)")
    }
  }

  /// Every experiment's outcome by its id.
  private func decide(_ user: ByteView, _ context: ByteView, _ tables: Tables) throws -> [[UInt8]: Outcome] {
    workspace.clearStickies()
    workspace.clearAttributes(tables)
    try hold(workspace.readAttributes(context, tables) == nil, "a context is read")
    workspace.decide(tables, userKey: user, context: context)
    var outcomes: [[UInt8]: Outcome] = [:]
    var count = 0
    for index in 0..<tables.experiments.count {
      let row = tables.experiments[index]
      let reason = workspace.reason(of: index)
      let variant = workspace.variant(of: index)
      try hold(variant ?? 0 < max(Int(row.variantCount), 1), "a variant is one of the experiment's")
      if variant != nil, !reason.isOverride { count += 1 }
      outcomes[[UInt8](tables.text(tables.experimentNames[index].id))] = Outcome(
        variant: variant.map { [UInt8](tables.text(tables.variants[Int(row.firstVariant) + $0].key)) },
        reason: String(reason.name.bytes))
    }
    let cap = tables.header.participationCap
    try hold(cap < 0 || count <= Int(cap), "a user is in at most \(cap) experiments, not in \(count)")
    return outcomes
  }

  /// Answers are JSON, and one flag alone is answered as among all.
  private func checkAnswers(_ user: ByteView, _ context: ByteView, _ tables: Tables) throws {
    var question = Question()
    question.userKey = user
    question.context = context
    var output = Output(room)
    DecideAnswer.writeAssignments(question, tables, &workspace, to: &output)
    try hold(output.written.isJSON, "assignments are JSON: \(String(output.written))")
    output.rewind(to: 0)
    _ = EvaluationAnswer.writeAll(question, tables, &workspace, to: &output)
    try hold(output.written.isJSON, "evaluations are JSON: \(String(output.written))")
    let explanation = Explanation(question, tables, Explanation.Provenance(sha256: "", signers: []))
    if case .answer(let text) = explanation.answer(&workspace) {
      try hold(text.withBytes { $0.isJSON }, "an explanation is JSON")
    }
    for index in 0..<min(tables.evaluations.count, 4) {
      var answers: [[UInt8]] = []
      for drivers in [nil, tables.evaluations[index].drivers] {
        _ = question.decide(tables, &workspace, about: drivers)
        var counts = DecideAnswer.FlagCounts()
        output.rewind(to: 0)
        _ = EvaluationAnswer.write(index, question, tables, &workspace, &counts, to: &output)
        answers.append([UInt8](output.written))
      }
      try hold(answers[0] == answers[1], "a flag alone is answered as among all")
    }
  }
}
