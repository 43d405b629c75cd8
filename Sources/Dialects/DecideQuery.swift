// The dialect of GET /decide: ?user_key=...&env=...&context={...}&track=false, percent-encoded, "+" for a blank.

package import Bytes
package import Decisions
import HTTP

package enum DecideQuery {
  /// Reads the query at `range` of `bytes`; decoded values go into the workspace's text. Unless it needs a user,
  /// one may be left out, and the question's is then empty.
  @_noAllocation @_noLocks
  package static func read(
    _ bytes: ByteView, _ range: ByteRange, _ workspace: inout Workspace, needsUser: Bool = true
  ) -> QuestionOutcome {
    var values: [4 of ByteView?] = .init(repeating: nil)
    if let fault = readValues(bytes, range, &values, &workspace) { return .fault(fault) }
    var question = Question()
    let user = values[Parameter.userKey.rawValue]
    question.userKey = user ?? .empty
    question.environment = values[Parameter.environment.rawValue] ?? .empty
    question.context = values[Parameter.context.rawValue] ?? .empty
    guard !question.userKey.isEmpty || !needsUser && user == nil else {
      return .fault(
        ClientFault("MISSING_USER_KEY", "The parameter user_key is missing or empty: add ?user_key=..."))
    }
    if let track = values[Parameter.track.rawValue] {
      guard let tracks = tracks(track) else { return .fault(invalidTrack) }
      question.tracks = tracks
    }
    return .question(question)
  }

  /// Reads the query of a route that asks for an environment alone.
  @_noAllocation @_noLocks
  package static func readEnvironment(
    _ bytes: ByteView, _ range: ByteRange, _ workspace: inout Workspace
  ) -> QuestionOutcome {
    var values: [4 of ByteView?] = .init(repeating: nil)
    if let fault = readValues(bytes, range, &values, &workspace) { return .fault(fault) }
    var question = Question()
    question.environment = values[Parameter.environment.rawValue] ?? .empty
    return .question(question)
  }

  /// Decodes what the parameters are set to; what is wrong with them, or nil.
  private static func readValues(
    _ bytes: ByteView, _ range: ByteRange, _ values: inout [4 of ByteView?], _ workspace: inout Workspace
  ) -> ClientFault? {
    workspace.text.rewind(to: 0)
    var query = Query(range)
    while let field = query.next(bytes) {
      guard let parameter = parameter(bytes.slice(field.name)) else { continue }
      guard case nil = values[parameter.rawValue] else {
        return ClientFault(
          "MALFORMED_QUERY", "A parameter is given twice: send user_key, env, context and track once each.")
      }
      guard let value = decoded(bytes.slice(field.value), &workspace.text) else {
        return ClientFault(
          "MALFORMED_QUERY",
          "A parameter is not percent-encoded UTF-8: encode user_key, env, context and track.")
      }
      values[parameter.rawValue] = value
    }
    return nil
  }

  /// What the query of a route that asks in its body says of tracking: nil if it says nothing that is understood.
  @_noAllocation @_noLocks
  package static func readTrack(_ bytes: ByteView, _ range: ByteRange) -> Bool? {
    var query = Query(range)
    var result: Bool? = true
    while let field = query.next(bytes) {
      if parameter(bytes.slice(field.name)) == .track { result = tracks(bytes.slice(field.value)) }
    }
    return result
  }

  package static var invalidTrack: ClientFault {
    @_noAllocation @_noLocks
    get {
      ClientFault(
        "INVALID_TRACK", "The parameter track is neither true nor false: send track=false or leave it out.")
    }
  }

  static func tracks(_ value: ByteView) -> Bool? {
    if value.equals("true") { return true }
    return value.equals("false") ? false : nil
  }

  private enum Parameter: Int { case userKey, environment, context, track }

  private static func parameter(_ name: ByteView) -> Parameter? {
    if name.equals("user_key") { return .userKey }
    if name.equals("env") { return .environment }
    if name.equals("context") { return .context }
    if name.equals("track") { return .track }
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
