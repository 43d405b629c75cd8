// The answers of the evaluation protocol (OFREP 0.3.0; docs/ofrep.md), put together from fragments that were
// serialized when the tables were built. Nothing here decides: it copies what the workspace holds.

package import Bytes
package import Decisions
import JSON

package enum EvaluationAnswer {
  package enum Outcome {
    case answered
    /// The user is needed to tell, and the request names none.
    case needsUser
  }

  /// Appends the answer under one key; nothing if the user is needed and missing.
  @_noAllocation @_noLocks
  package static func write(
    _ index: Int, _ question: Question, _ tables: Tables, _ workspace: inout Workspace,
    _ counts: inout DecideAnswer.FlagCounts, to output: inout Output
  ) -> Outcome {
    let evaluation = tables.evaluations[index]
    let experiments = tables.experiments
    let drivers = tables.flagDrivers
    for place in evaluation.drivers.range {
      let experiment = Int(drivers[place])
      let row = experiments[experiment]
      if question.userKey.isEmpty, needsUser(row, question, tables, &workspace) { return .needsUser }
      guard let variant = workspace.variant(of: experiment) else { continue }
      let fragments = tables.variants[Int(row.firstVariant) + variant]
      output.append(tables.text(fragments.evaluationHead))
      output.append(
        reason(
          row, isOverride: workspace.reason(of: experiment).isOverride,
          isSticky: workspace.isSticky(experiment, tables)))
      output.append(tables.text(fragments.evaluationTail))
      workspace.show(experiment)
      return .answered
    }
    counts.defaults += 1
    output.append(tables.text(evaluation.fallback))
    return .answered
  }

  /// Appends the answers under all keys, those that lack the user as failures.
  @_noAllocation @_noLocks
  package static func writeAll(
    _ question: Question, _ tables: Tables, _ workspace: inout Workspace, to output: inout Output
  ) -> DecideAnswer.FlagCounts {
    var counts = DecideAnswer.FlagCounts()
    output.append("{\"flags\":[")
    let evaluations = tables.evaluations
    for index in 0..<evaluations.count {
      if index > 0 { output.append(",") }
      if case .needsUser = write(index, question, tables, &workspace, &counts, to: &output) {
        userMissing.writeEvaluation(key: tables.text(evaluations[index].key), to: &output)
      }
    }
    output.append(tables.text(tables.header.evaluationsEnd))
    return counts
  }

  /// The fault of a request that names no user where one is needed.
  package static var userMissing: ClientFault {
    @_noAllocation @_noLocks
    get {
      ClientFault(
        "TARGETING_KEY_MISSING", "The flag is split by user: send the user as context.targetingKey, a string."
      )
    }
  }

  /// Whether more than the rules says what an experiment gives a user who is not known.
  private static func needsUser(
    _ row: ExperimentRow, _ question: Question, _ tables: Tables, _ workspace: inout Workspace
  ) -> Bool {
    if case .rules = row.dependence { return false }
    return !row.isPaused
      && workspace.explain(ruleList: Int(row.audience), tables, question.context)
      && workspace.explain(ruleList: Int(row.targeting), tables, question.context)
  }

  /// Why a user has a variant, in the words of OpenFeature's specification (types, resolution reason).
  private static func reason(_ row: ExperimentRow, isOverride: Bool, isSticky: Bool) -> StaticString {
    if isOverride { return "TARGETING_MATCH" }
    // Of one user alone, as a bucket would be.
    if isSticky { return "SPLIT" }
    if case .buckets = row.dependence { return "SPLIT" }
    if row.audience != 0 || row.targeting != 0 { return "TARGETING_MATCH" }
    if case .rules = row.dependence { return "STATIC" }
    return "SPLIT"
  }
}
