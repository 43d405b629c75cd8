// The answers of the two decide routes, put together from fragments that were serialized when the tables
// were built. Nothing here decides: it copies what the workspace holds.

package import Bytes
package import Decisions
import JSON

package enum DecideAnswer {
  /// Appends the answer of GET /decide.
  @_noAllocation @_noLocks
  package static func writeAssignments(
    _ question: Question, _ tables: Tables, _ workspace: inout Workspace, to output: inout Output
  ) {
    output.append("{\"user_key\":")
    output.append(jsonString: question.userKey)
    output.append(tables.text(tables.header.decideMiddle))
    let experiments = tables.experiments
    let assignments = tables.assignments
    let fragments = tables.text
    let outcomes = workspace.outcomes
    var isFirst = true
    for index in 0..<experiments.count {
      guard let variant = outcomes.variant(of: index) else { continue }
      let fragment = fragments.slice(assignments[Int(experiments[index].firstVariant) &+ variant])
      output.append(isFirst ? fragment.dropping(1) : fragment)
      isFirst = false
      workspace.show(index)
    }
    output.append("]}")
  }

  /// How many flags of an answer had no experiment's value.
  package struct FlagCounts {
    package var defaults = 0
    package var notFound = 0

    @_noAllocation @_noLocks
    package init() {}
  }

  /// Appends the answer of POST /api/v1/decide, in the order of the request or, without one, of the snapshot.
  @_noAllocation @_noLocks
  package static func writeDecisions(
    _ question: Question, _ tables: Tables, _ workspace: inout Workspace, _ ids: inout DecisionIDs,
    to output: inout Output
  ) -> FlagCounts {
    var counts = FlagCounts()
    output.append("{\"decisions\":[")
    if let flagKeys = question.flagKeys {
      var reader = Reader()
      _ = reader.next(flagKeys)
      var isFirst = true
      while case .string(let quoted) = reader.next(flagKeys) {
        if !isFirst { output.append(",") }
        isFirst = false
        let mark = workspace.text.count
        quoted.decode(flagKeys, into: &workspace.text)
        let key = workspace.text.written.dropping(mark)
        if let flag = tables.flag(key) {
          write(flag: flag, question, tables, &workspace, &ids, &counts, to: &output)
        } else {
          counts.notFound += 1
          output.append("{\"flagKey\":")
          output.append(jsonString: key)
          output.append(
            ",\"value\":null,\"decisionId\":null,\"reason\":\"FLAG_NOT_FOUND\",\"experimentId\":null,\"variantId\":null}"
          )
        }
        workspace.text.rewind(to: mark)
      }
    } else {
      for flag in 0..<tables.flags.count {
        if flag > 0 { output.append(",") }
        write(flag: flag, question, tables, &workspace, &ids, &counts, to: &output)
      }
    }
    output.append("]}")
    return counts
  }

  private static func write(
    flag index: Int, _ question: Question, _ tables: Tables, _ workspace: inout Workspace,
    _ ids: inout DecisionIDs,
    _ counts: inout FlagCounts, to output: inout Output
  ) {
    let flag = tables.flags[index]
    let drivers = tables.flagDrivers
    for place in flag.drivers.range {
      let experiment = Int(drivers[place])
      guard let variant = workspace.variant(of: experiment) else { continue }
      let row = tables.variants[Int(tables.experiments[experiment].firstVariant) + variant]
      output.append(tables.text(row.flagHead))
      ids.write(question, tables, experiment: experiment, row, to: &output)
      output.append(",\"reason\":\"")
      output.append(workspace.reason(of: experiment).name)
      output.append(tables.text(row.flagTail))
      return workspace.show(experiment)
    }
    counts.defaults += 1
    output.append(tables.text(flag.defaultDecision))
  }
}
