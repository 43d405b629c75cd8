// The dialect of POST /api/v1/decide: a JSON object
// {"subjectId": 1...256 bytes, "attributes"?: object, "flagKeys"?: up to 128 strings, "environment"?: string,
// "track"?: bool}.
// Other members are ignored; of a member that stands twice the last one counts.

package import Bytes
package import Decisions
import JSON

package enum DecideBody {
  /// Bytes of a subject's id.
  package static var subjectMax: Int { 256 }
  /// Flags asked for by name.
  package static var flagMax: Int { 128 }

  /// Reads `body`; decoded strings go into the workspace's text, behind its first `kept` bytes. Unless it needs a
  /// user, the subject may be left out, and the question's user key is then empty.
  @_noAllocation @_noLocks
  package static func read(
    _ body: ByteView, keeping kept: Int = 0, _ workspace: inout Workspace, needsUser: Bool = true
  ) -> QuestionOutcome {
    workspace.text.rewind(to: kept)
    switch readMembers(body, isBatch: false, &workspace) {
    case .fault(let fault): return .fault(fault)
    case .members(let question, _):
      guard !question.userKey.isEmpty || !needsUser else {
        return .fault(
          ClientFault("MISSING_SUBJECT", "The member subjectId is missing: send it as a string."))
      }
      return .question(question)
    }
  }

  enum Reading {
    /// What an object says, and the array of subjects that a batch has.
    case members(Question, subjects: ByteView?)
    case fault(ClientFault)
  }

  /// Reads the members of an object that asks about one subject, or about a batch of them.
  static func readMembers(_ body: ByteView, isBatch: Bool, _ workspace: inout Workspace) -> Reading {
    var subjects: ByteView?
    var question = Question()
    var reader = Reader()
    let first = reader.next(body)
    if case .invalid(let fault) = first { return .fault(notJSON(fault)) }
    guard case .beginObject = first else {
      while true {
        switch reader.next(body) {
        case .invalid(let fault): return .fault(notJSON(fault))
        case .end:
          return .fault(
            ClientFault("MALFORMED_BODY", "The body is no JSON object: send {\\\"subjectId\\\":\\\"...\\\"}.")
          )
        default: continue
        }
      }
    }
    // What is wrong with each member that is read: of one that stands twice, the last is judged.
    var faults: [6 of ClientFault?] = .init(repeating: nil)
    while true {
      switch reader.next(body) {
      case .key(let name):
        let start = reader.offset
        let value = reader.next(body)
        guard reader.skip(body, after: value) else { return .fault(notJSON(reader.fault)) }
        let text = body.slice(start..<reader.offset)
        guard let member = member(name, body, isBatch: isBatch, workspace.text) else { continue }
        if case .subjects = member { subjects = text }
        faults[member.rawValue] = read(member, value, text, body, &question, &workspace)
      case .end:
        for index in 0..<6 {
          if let fault = faults[index] { return .fault(fault) }
        }
        return .members(question, subjects: subjects)
      case .invalid(let fault): return .fault(notJSON(fault))
      default: continue
      }
    }
  }

  private enum Member: Int { case subject, subjects, environment, attributes, flagKeys, track }

  private static func member(
    _ name: QuotedText, _ body: ByteView, isBatch: Bool, _ scratch: Output
  ) -> Member? {
    if isBatch {
      if name.equals(body, "subjects", scratch: scratch) { return .subjects }
    } else {
      if name.equals(body, "subjectId", scratch: scratch) { return .subject }
      if name.equals(body, "attributes", scratch: scratch) { return .attributes }
    }
    if name.equals(body, "environment", scratch: scratch) { return .environment }
    if name.equals(body, "flagKeys", scratch: scratch) { return .flagKeys }
    if name.equals(body, "track", scratch: scratch) { return .track }
    return nil
  }

  private static func read(
    _ member: Member, _ value: Token, _ text: ByteView, _ body: ByteView, _ question: inout Question,
    _ workspace: inout Workspace
  ) -> ClientFault? {
    switch member {
    case .subject:
      guard case .string(let quoted) = value else {
        return ClientFault(
          "INVALID_SUBJECT", "The member subjectId is no string: send one of 1 to 256 bytes.")
      }
      question.userKey = quoted.text(body, scratch: &workspace.text)
      guard !question.userKey.isEmpty, question.userKey.count <= subjectMax else {
        return ClientFault(
          "INVALID_SUBJECT", "The member subjectId is empty or too long: send 1 to 256 bytes.")
      }
    case .subjects:
      guard DecideBatch.isSubjectList(text) else {
        return ClientFault("INVALID_SUBJECTS", "The member subjects is no array of 1 to 128 objects.")
      }
    case .environment:
      guard case .string(let quoted) = value else {
        return ClientFault(
          "INVALID_ENVIRONMENT", "The member environment is no string: send a name or leave it out.")
      }
      question.environment = quoted.text(body, scratch: &workspace.text)
    case .attributes:
      guard case .beginObject = value else {
        return ClientFault("INVALID_CONTEXT", "The member attributes is no object: send one or leave it out.")
      }
      question.context = text
    case .flagKeys:
      guard case .beginArray = value, isFlagList(text) else {
        return ClientFault("INVALID_FLAG_KEYS", "The member flagKeys is no array of at most 128 strings.")
      }
      question.flagKeys = text
    case .track:
      guard case .bool(let tracks) = value else {
        return ClientFault(
          "INVALID_TRACK", "The member track is neither true nor false: send one or leave it out.")
      }
      question.tracks = tracks
    }
    return nil
  }

  private static func isFlagList(_ text: ByteView) -> Bool {
    var reader = Reader()
    _ = reader.next(text)
    var count = 0
    while true {
      switch reader.next(text) {
      case .string: count += 1
      case .endArray: return count <= flagMax
      default: return false
      }
    }
  }

  private static func notJSON(_ fault: Fault) -> ClientFault {
    ClientFault("MALFORMED_BODY", "The body is not valid JSON: send a JSON object.", fault: fault)
  }
}
