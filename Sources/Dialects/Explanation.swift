// "Why": every step of every experiment for one user, as JSON, read back from the workspace that decided.
// Off the hot path: it allocates.

import Bytes
package import Decisions
import JSON

package struct Explanation {
  private let question: Question
  private let tables: Tables

  package init(_ question: Question, _ tables: Tables) {
    self.question = question
    self.tables = tables
  }

  /// The explanation of the decision that `workspace` made last, for the same question and tables.
  /// Without its context it holds nothing that a client wrote but the user key.
  package func json(_ workspace: inout Workspace, withContext: Bool = true) -> [UInt8] {
    var writer = Writer()
    writer.object { writer in
      writer.key("user_key")
      writer.string(question.userKey)
      writer.key("environment")
      writer.string(tables.text(tables.header.environment))
      writer.key("config_version")
      writer.integer(Int(tables.header.version))
      if withContext {
        writer.key("context")
        writer.raw(question.context.isEmpty ? ("{}" as StaticString).bytes : question.context)
      }
      writer.key("experiments")
      writer.array { writer in
        for index in 0..<tables.experiments.count { explain(index, &workspace, &writer) }
      }
    }
    return writer.text
  }

  private func explain(_ index: Int, _ workspace: inout Workspace, _ writer: inout Writer) {
    let row = tables.experiments[index]
    let names = tables.experimentNames[index]
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

  private func holdout(_ index: Int, _ workspace: Workspace, _ writer: inout Writer) {
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
        for rule in tables.ruleLists[list].range {
          writer.object { writer in
            writer.key("matched")
            writer.bool(workspace.explain(rule: rule, tables, question.context))
            writer.key("conditions")
            writer.array { writer in
              for place in tables.rules[rule].range {
                condition(Int(tables.ruleConditions[place]), &workspace, &writer)
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
    _ row: ExperimentRow, _ names: ExperimentNames, _ workspace: Workspace, _ writer: inout Writer
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
