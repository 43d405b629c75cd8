// The dialect of GET /decide: ?user_key=...&env=...&context={...}, percent-encoded, "+" for a blank.

package import Bytes
package import Decisions
import HTTP

package enum DecideQuery {
  /// Reads the query at `range` of `bytes`; decoded values go into the workspace's text.
  @_noAllocation @_noLocks
  package static func read(
    _ bytes: ByteView, _ range: ByteRange, _ workspace: inout Workspace
  ) -> QuestionOutcome {
    workspace.text.rewind(to: 0)
    var question = Question()
    var query = Query(range)
    var seen: (user: Bool, environment: Bool, context: Bool) = (false, false, false)
    while let field = query.next(bytes) {
      let name = bytes.slice(field.name)
      let isRepeated: Bool
      if name.equals("user_key") {
        isRepeated = seen.user
        seen.user = true
      } else if name.equals("env") {
        isRepeated = seen.environment
        seen.environment = true
      } else if name.equals("context") {
        isRepeated = seen.context
        seen.context = true
      } else {
        continue
      }
      guard !isRepeated else {
        return .fault(
          ClientFault(
            "MALFORMED_QUERY", "A parameter is given twice: send user_key, env and context once each."))
      }
      guard let value = decoded(bytes.slice(field.value), &workspace.text) else {
        return .fault(
          ClientFault(
            "MALFORMED_QUERY", "A parameter is not percent-encoded UTF-8: encode user_key, env and context."))
      }
      if name.equals("user_key") {
        question.userKey = value
      } else if name.equals("env") {
        question.environment = value
      } else {
        question.context = value
      }
    }
    guard !question.userKey.isEmpty else {
      return .fault(
        ClientFault("MISSING_USER_KEY", "The parameter user_key is missing or empty: add ?user_key=..."))
    }
    return .question(question)
  }

  /// The decoded value; where nothing is encoded, the request's own bytes.
  private static func decoded(_ value: ByteView, _ text: inout Output) -> ByteView? {
    let start = text.count
    guard Percent.decode(value, plusIsSpace: true, into: &text), !text.isOverflowing else { return nil }
    let decoded = text.written.dropping(start)
    return UTF8Check.isValid(decoded) ? decoded : nil
  }
}
