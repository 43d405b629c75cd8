// The body of an evaluation request (OFREP 0.3.0): {"context"?: object}, and in it "targetingKey"?: string, the
// user. Other members are ignored; of a member that stands twice the last one counts. No body is an empty one.

package import Bytes
package import Decisions
import JSON

package enum EvaluationBody {
  package enum Outcome {
    /// `digest` tells the context from others.
    case question(Question, digest: UInt64)
    case fault(ClientFault)
  }

  /// Reads `body`; a decoded targeting key goes into the workspace's text.
  @_noAllocation @_noLocks
  package static func read(_ body: ByteView, _ workspace: inout Workspace) -> Outcome {
    workspace.text.rewind(to: 0)
    var question = Question()
    guard !body.isEmpty else { return .question(question, digest: 0) }
    var reader = Reader()
    let first = reader.next(body)
    guard case .beginObject = first else { return .fault(noObject(first, &reader, body)) }
    var digest: UInt64 = 0
    var fault: ClientFault?
    while true {
      switch reader.next(body) {
      case .key(let name):
        guard name.equals(body, "context", scratch: workspace.text) else {
          let value = reader.next(body)
          guard reader.skip(body, after: value) else { return .fault(notJSON(reader.fault)) }
          continue
        }
        question = Question()
        digest = 0
        fault = nil
        let value = reader.next(body)
        guard case .beginObject = value else {
          guard reader.skip(body, after: value) else { return .fault(notJSON(reader.fault)) }
          fault = ClientFault(
            "INVALID_CONTEXT",
            "The member context is no object: send one, such as {\\\"targetingKey\\\":\\\"...\\\"}.")
          continue
        }
        let start = reader.offset - 1
        guard let context = ContextDigest(&reader, body, &workspace.text) else {
          return .fault(notJSON(reader.fault))
        }
        question.context = body.slice(start..<reader.offset)
        digest = context.value
        fault = readUser(context.targetingKey, body, &question, &workspace)
      case .end:
        if let fault { return .fault(fault) }
        return .question(question, digest: digest)
      case .invalid(let fault): return .fault(notJSON(fault))
      default: continue
      }
    }
  }

  private static func readUser(
    _ token: Token?, _ body: ByteView, _ question: inout Question, _ workspace: inout Workspace
  ) -> ClientFault? {
    guard let token else { return nil }
    guard case .string(let quoted) = token else {
      return ClientFault("INVALID_CONTEXT", "The targetingKey is no string: send one or leave it out.")
    }
    question.userKey = quoted.text(body, scratch: &workspace.text)
    return nil
  }

  /// The text may be no object, or no JSON at all; the client learns the first that holds.
  private static func noObject(_ first: Token, _ reader: inout Reader, _ body: ByteView) -> ClientFault {
    guard reader.skip(body, after: first) else { return notJSON(reader.fault) }
    if case .invalid(let fault) = reader.next(body) { return notJSON(fault) }
    return ClientFault("PARSE_ERROR", "The body is no JSON object: send {\\\"context\\\":{...}}.")
  }

  private static func notJSON(_ fault: Fault) -> ClientFault {
    ClientFault("PARSE_ERROR", "The body is not valid JSON: send {\\\"context\\\":{...}}.", fault: fault)
  }
}
