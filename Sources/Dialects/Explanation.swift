// "Why": every step of every experiment for one user, as JSON, read back from the workspace that decided. The
// answer states all that it follows from, so that it can be given again elsewhere, and its length has a bound.
// Off the hot path: it allocates.

import Bytes
package import Decisions
import HTTP
import JSON

package struct Explanation {
  /// Bytes of an answer.
  package static var byteCountMax: Int { 1 << 20 }

  /// What is known of the snapshot beside its tables.
  package struct Provenance: Equatable {
    /// Of the snapshot as it was published, in lower-case hexadecimal.
    package var sha256: String
    /// The ids of the trusted keys that signed it; none if nobody did.
    package var signers: [String]

    package init(sha256: String, signers: [String]) {
      self.sha256 = sha256
      self.signers = signers
    }
  }

  package enum Outcome {
    case answer([UInt8])
    case fault(ClientFault)
  }

  private let question: Question
  private let tables: Tables
  private let provenance: Provenance
  private let selection: [[UInt8]]?
  /// Bytes of an answer, and of one experiment in it.
  private let limit: Int
  /// The experiments that are explained, in the order of the snapshot.
  package let experiments: [Int]
  /// What was selected and is neither key nor id of an experiment, in the order of the request.
  package let unknown: [[UInt8]]

  /// The explanation of `question` for `tables`; with a selection only of the experiments with these keys or ids.
  package init(
    _ question: Question, _ tables: Tables, _ provenance: Provenance, selection: [[UInt8]]? = nil,
    limit: Int = byteCountMax
  ) {
    self.question = question
    self.tables = tables
    self.provenance = provenance
    self.selection = selection
    self.limit = limit
    guard let selection else {
      experiments = Array(0..<tables.experiments.count)
      unknown = []
      return
    }
    let wanted = Set(selection)
    var found = Set<[UInt8]>()
    experiments = (0..<tables.experiments.count).filter { index in
      let names = tables.experimentNames[index]
      let named = [[UInt8](tables.text(names.key)), [UInt8](tables.text(names.id))].filter(wanted.contains)
      found.formUnion(named)
      return !named.isEmpty
    }
    unknown = selection.filter { !found.contains($0) }
  }

  /// The whole answer about the decision that `workspace` made last, for the same question and tables. What
  /// would make it longer than the limit is counted instead.
  package func answer(_ workspace: inout Workspace) -> Outcome {
    guard let context = Self.object(question.context) else {
      return .fault(
        ClientFault("INVALID_CONTEXT", "The context is nested too deep to be explained: send a flatter one."))
    }
    var writer = Writer()
    writer.object { writer in
      inputs(context, &writer)
      writer.key("experiments")
      var left = experiments[...]
      writer.array { writer in
        while let index = left.first {
          let text = experiment(index, &workspace)
          guard writer.text.count + text.count + Self.tailMax <= limit else { break }
          text.withBytes { writer.raw($0) }
          left.removeFirst()
        }
      }
      writer.key("omitted")
      writer.integer(left.count)
    }
    guard writer.text.count <= limit else {
      return .fault(
        ClientFault(
          "EXPLANATION_TOO_LARGE",
          "User and context alone make the explanation longer than 1 MiB: send less of them.",
          status: .bodyTooLarge))
    }
    return .answer(writer.text)
  }

  /// Bytes that may follow the last experiment: `,` before it, and `],"omitted":32768}`.
  private static var tailMax: Int { 32 }

  /// The object that `context` is, without blanks around it; nil if it is nested so deep that no JSON text that
  /// holds it can be read.
  private static func object(_ context: ByteView) -> ByteView? {
    guard !context.isEmpty else { return ("{}" as StaticString).bytes }
    var reader = Reader()
    _ = reader.next(context)
    let start = reader.offset - 1
    while reader.depth > 0 {
      guard reader.depth < Reader.depthMax else { return nil }
      _ = reader.next(context)
    }
    return context.slice(start..<reader.offset)
  }

  /// Everything that the outcome follows from.
  private func inputs(_ context: ByteView, _ writer: inout Writer) {
    writer.key("user_key")
    writer.string(question.userKey)
    writer.key("environment")
    writer.string(tables.text(tables.header.environment))
    writer.key("config_version")
    writer.integer(Int(tables.header.version))
    writer.key("snapshot")
    writer.string(provenance.sha256)
    writer.key("signed_by")
    writer.array(provenance.signers) { $0.string($1) }
    writer.key("context")
    writer.raw(context)
    guard let selection else { return }
    writer.key("selected")
    writer.array(selection) { writer, name in name.withBytes { writer.string($0) } }
    writer.key("unknown")
    writer.array(unknown) { writer, name in name.withBytes { writer.string($0) } }
  }

  /// One experiment of the answer. It ends early, and is no whole explanation, where it is above the limit.
  package func experiment(_ index: Int, _ workspace: inout Workspace) -> [UInt8] {
    let row = tables.experiments[index]
    let names = tables.experimentNames[index]
    var writer = Writer()
    writer.object { writer in
      writer.key("experiment_key")
      writer.string(tables.text(names.key))
      writer.key("experiment_id")
      writer.string(tables.text(names.id))
      writer.key("reason")
      writer.string(workspace.reason(of: index).name)
      let variant = workspace.variant(of: index).map { tables.variants[Int(row.firstVariant) + $0] }
      writer.key("variant_key")
      write(variant?.key, &writer)
      writer.key("variant_id")
      write(variant?.id, &writer)
      writer.key("steps")
      writer.array { steps(index, row, names, &workspace, &$0) }
    }
    return writer.text
  }

  private func write(_ range: ByteRange?, _ writer: inout Writer) {
    guard let range else { return writer.null() }
    writer.string(tables.text(range))
  }

  // MARK: - Steps, in the order of evaluation, up to the one that decided

  private func steps(
    _ index: Int, _ row: ExperimentRow, _ names: ExperimentNames, _ workspace: inout Workspace,
    _ writer: inout Writer
  ) {
    let reason = workspace.reason(of: index)
    step("status", &writer) { writer in
      writer.key("paused")
      writer.bool(row.isPaused)
    }
    guard reason != .paused else { return }
    step("override", &writer) { writer in
      writer.key("forced")
      writer.bool(reason == .override)
    }
    guard reason != .override else { return }
    for place in Int(row.firstHoldout)..<Int(row.firstHoldout + row.holdoutCount) {
      holdout(Int(tables.holdoutLists[place]), workspace, &writer)
    }
    guard reason != .holdout else { return }
    rules("audience", Int(row.audience), &workspace, &writer)
    rules("targeting", Int(row.targeting), &workspace, &writer)
    guard reason != .targetingNotMatched else { return }
    bucket(row, names, workspace, &writer)
    guard reason != .notInAudience else { return }
    if tables.prerequisites.count > 0 {
      prerequisites(tables.prerequisites[index].requirements, reason, &workspace, &writer)
    }
    guard reason != .prerequisite else { return }
    if names.domain.count > 0 {
      step("conflict", &writer) { writer in
        writer.key("domain")
        writer.string(tables.text(names.domain))
        writer.key("priority")
        writer.integer(Int(names.priority))
        writer.key("lost")
        writer.bool(reason == .conflict)
      }
    }
    guard reason != .conflict, tables.header.participationCap >= 0 else { return }
    step("participation", &writer) { writer in
      writer.key("limit")
      writer.integer(Int(tables.header.participationCap))
      writer.key("exceeded")
      writer.bool(reason == .participationLimit)
    }
  }

  private func step(_ name: StaticString, _ writer: inout Writer, _ body: (inout Writer) -> Void) {
    writer.object { writer in
      writer.key("step")
      writer.string(name)
      body(&writer)
    }
  }

  private func holdout(_ index: Int, _ workspace: borrowing Workspace, _ writer: inout Writer) {
    let holdout = tables.holdouts[index]
    step("holdout", &writer) { writer in
      writer.key("holdout")
      writer.string(tables.text(holdout.key))
      writer.key("salt")
      writer.string(tables.text(tables.salts[Int(holdout.salt)].text))
      writer.key("bucket")
      writer.integer(workspace.bucket(of: Int(holdout.salt)))
      writer.key("share")
      writer.integer(Int(holdout.share))
      writer.key("held_out")
      writer.bool(workspace.isHeldOut(index))
    }
  }

  private func rules(
    _ name: StaticString, _ list: Int, _ workspace: inout Workspace, _ writer: inout Writer
  ) {
    step(name, &writer) { writer in
      writer.key("matched")
      writer.bool(workspace.explain(ruleList: list, tables, question.context))
      writer.key("rules")
      writer.array { writer in
        for rule in tables.rules(of: list) where writer.text.count <= limit {
          writer.object { writer in
            writer.key("matched")
            writer.bool(workspace.explain(rule: rule, tables, question.context))
            writer.key("conditions")
            writer.array { writer in
              for place in rule where writer.text.count <= limit {
                let index = tables.ruleSteps[place].condition
                if index != RuleStep.always { condition(Int(index), &workspace, &writer) }
              }
            }
          }
        }
      }
    }
  }

  private func condition(_ index: Int, _ workspace: inout Workspace, _ writer: inout Writer) {
    let condition = tables.conditions[index]
    let holds = workspace.explain(condition: index, tables, question.context)
    writer.object { writer in
      writer.key("attribute")
      writer.string(tables.text(tables.attributes[Int(condition.attribute)].name))
      writer.key("operator")
      writer.string(condition.operation.name)
      writer.key("value")
      writer.raw(tables.text(condition.source))
      switch workspace.describe(attribute: Int(condition.attribute), question.context) {
      case .missing: break
      case .null: actual(&writer) { $0.null() }
      case .bool(let value): actual(&writer) { $0.bool(value) }
      case .number(let value): actual(&writer) { $0.number(value) }
      case .string(let value): actual(&writer) { $0.string(value) }
      case .composite: actual(&writer) { $0.string("(an object or array)") }
      }
      writer.key("matched")
      writer.bool(holds)
    }
  }

  /// The attribute's value; the member is left out where the attribute is missing.
  private func actual(_ writer: inout Writer, _ value: (inout Writer) -> Void) {
    writer.key("actual")
    value(&writer)
  }

  private func bucket(
    _ row: ExperimentRow, _ names: ExperimentNames, _ workspace: borrowing Workspace, _ writer: inout Writer
  ) {
    let salt = tables.salts[Int(row.salt)]
    let bucket = workspace.bucket(of: Int(row.salt))
    let owner = tables.bucketTables[Int(row.bucketTable) * BucketTable.bucketCount + bucket]
    step("bucket", &writer) { writer in
      writer.key("hash")
      writer.string(salt.isSHA256 ? "sha256" : "murmur3")
      writer.key("salt")
      writer.string(tables.text(salt.text))
      if names.layer.count > 0 {
        writer.key("layer")
        writer.string(tables.text(names.layer))
      }
      writer.key("bucket")
      writer.integer(bucket)
      writer.key("ranges")
      writer.array { writer in
        let first = Int(names.firstAllocation)
        for place in first..<(first + Int(names.allocationCount)) {
          allocation(tables.allocations[place], row, bucket, &writer)
        }
      }
      writer.key("variant")
      if owner == BucketTable.unallocated {
        writer.null()
      } else {
        writer.string(tables.text(tables.variants[Int(row.firstVariant) + Int(owner)].key))
      }
    }
  }

  private func allocation(
    _ allocation: AllocationRow, _ row: ExperimentRow, _ bucket: Int, _ writer: inout Writer
  ) {
    writer.object { writer in
      writer.key("start")
      writer.integer(Int(allocation.rangeStart))
      writer.key("end")
      writer.integer(Int(allocation.rangeEnd))
      writer.key("variant")
      if allocation.variant < UInt32(row.variantCount) {
        writer.string(tables.text(tables.variants[Int(row.firstVariant) + Int(allocation.variant)].key))
      } else {
        writer.null()
      }
      writer.key("contains")
      writer.bool(Int(allocation.rangeStart) <= bucket && bucket <= Int(allocation.rangeEnd))
    }
  }

  private func prerequisites(
    _ requirements: Run, _ reason: Reason, _ workspace: inout Workspace, _ writer: inout Writer
  ) {
    guard requirements.count > 0 else { return }
    step("prerequisites", &writer) { writer in
      writer.key("required")
      writer.array { writer in
        for place in requirements.range { requirement(tables.requirements[place], &workspace, &writer) }
      }
      writer.key("met")
      writer.bool(reason != .prerequisite)
    }
  }

  private func requirement(
    _ requirement: RequirementRow, _ workspace: inout Workspace, _ writer: inout Writer
  ) {
    let (variant, isMet) = workspace.explain(requirement: requirement, tables)
    let subject = Int(requirement.subject)
    writer.object { writer in
      writer.key(requirement.isFlag ? "flag" : "experiment")
      writer.string(
        tables.text(requirement.isFlag ? tables.flags[subject].key : tables.experimentNames[subject].key))
      if requirement.variants.count > 0 {
        writer.key("variants")
        writer.array { writer in
          for place in requirement.variants.range {
            writer.string(tables.text(tables.requiredVariants[place]))
          }
        }
      }
      writer.key("actual")
      write(variant?.key, &writer)
      writer.key("met")
      writer.bool(isMet)
    }
  }
}
