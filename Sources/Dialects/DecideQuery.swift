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
    var values: [3 of ByteView?] = .init(repeating: nil)
    var query = Query(range)
    while let field = query.next(bytes) {
      guard let parameter = parameter(bytes.slice(field.name)) else { continue }
      guard case nil = values[parameter.rawValue] else {
        return .fault(
          ClientFault(
            "MALFORMED_QUERY", "A parameter is given twice: send user_key, env and context once each."))
      }
      guard let value = decoded(bytes.slice(field.value), &workspace.text) else {
        return .fault(
          ClientFault(
            "MALFORMED_QUERY", "A parameter is not percent-encoded UTF-8: encode user_key, env and context."))
      }
      values[parameter.rawValue] = value
    }
    var question = Question()
    question.userKey = values[Parameter.userKey.rawValue] ?? .empty
    question.environment = values[Parameter.environment.rawValue] ?? .empty
    question.context = values[Parameter.context.rawValue] ?? .empty
    guard !question.userKey.isEmpty else {
      return .fault(
        ClientFault("MISSING_USER_KEY", "The parameter user_key is missing or empty: add ?user_key=..."))
    }
    return .question(question)
  }

  private enum Parameter: Int { case userKey, environment, context }

  private static func parameter(_ name: ByteView) -> Parameter? {
    if name.equals("user_key") { return .userKey }
    if name.equals("env") { return .environment }
    if name.equals("context") { return .context }
    return nil
  }

  /// The decoded value, in `text`; nil if it is not percent-encoded UTF-8.
  private static func decoded(_ value: ByteView, _ text: inout Output) -> ByteView? {
    let start = text.count
    guard Percent.decode(value, plusIsSpace: true, into: &text), !text.isOverflowing else { return nil }
    let decoded = text.written.dropping(start)
    return UTF8Check.isValid(decoded) ? decoded : nil
  }
}
