// What every dialect asks the one engine: who, in which environment, with which attributes.

package import Bytes
package import Decisions

/// The views are into the request or the workspace's text, and hold until the next request.
package struct Question {
  package var userKey = ByteView.empty
  /// Empty for the first configured one.
  package var environment = ByteView.empty
  /// A JSON object, or empty for none.
  package var context = ByteView.empty
  /// A JSON array of flag keys in the request, as it stands there; nil for every flag.
  package var flagKeys: ByteView?
  /// Whether what is shown becomes exposures.
  package var tracks = true

  @_noAllocation @_noLocks
  package init() {}

  /// Decides: afterwards `workspace` holds the outcome of every experiment of `tables`, or at least of those that drive
  /// what is asked for, a run of flag drivers.
  @_noAllocation @_noLocks
  package func decide(
    _ tables: Tables, _ workspace: inout Workspace, about drivers: Run? = nil
  ) -> ClientFault? {
    workspace.clearAttributes(tables)
    if !context.isEmpty {
      switch workspace.readAttributes(context, tables) {
      case nil: break
      case .notAnObject:
        return ClientFault(
          "INVALID_CONTEXT", "The context is no JSON object: send one, such as {\\\"country\\\":\\\"US\\\"}.")
      case .notJSON(let fault):
        return ClientFault(
          "INVALID_CONTEXT", "The context is not valid JSON: send a JSON object.", fault: fault)
      }
    }
    if let drivers, workspace.decide(tables, about: drivers, userKey: userKey, context: context) {
      return nil
    }
    workspace.decide(tables, userKey: userKey, context: context)
    return nil
  }
}

/// What became of reading a question.
package enum QuestionOutcome {
  case question(Question)
  case fault(ClientFault)
}
