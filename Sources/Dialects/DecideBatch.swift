// The dialect of POST /api/v1/decide/batch: {"subjects": 1 to 128 objects, each as POST /api/v1/decide takes it,
// "environment"?, "flagKeys"?, "track"?}. What stands beside the subjects holds for those that do not say it
// themselves, and all are decided in one environment, by one snapshot.

package import Bytes
package import Decisions
import JSON

package struct DecideBatch {
  /// Subjects of one request.
  package static var subjectMax: Int { 128 }

  /// What holds for all subjects.
  private let common: Question
  /// The array, and how far it was read.
  private let subjects: ByteView
  private var reader = Reader()
  /// Bytes of the workspace's text that must stay.
  private let textCount: Int

  package enum Outcome {
    case batch(DecideBatch)
    case fault(ClientFault)
  }

  /// Reads `body`; its decoded strings go into the workspace's text.
  @_noAllocation @_noLocks
  package static func read(_ body: ByteView, _ workspace: inout Workspace) -> Outcome {
    workspace.text.rewind(to: 0)
    switch DecideBody.readMembers(body, isBatch: true, &workspace) {
    case .fault(let fault): return .fault(fault)
    case .members(_, nil):
      return .fault(
        ClientFault("INVALID_SUBJECTS", "The member subjects is missing: send an array of 1 to 128 objects."))
    case .members(let common, let subjects?):
      return .batch(DecideBatch(common, subjects, textCount: workspace.text.count))
    }
  }

  private init(_ common: Question, _ subjects: ByteView, textCount: Int) {
    self.common = common
    self.subjects = subjects
    self.textCount = textCount
    _ = reader.next(subjects)
  }

  /// Empty for the first configured one.
  package var environment: ByteView { @_noAllocation @_noLocks get { common.environment } }

  /// What is asked about the next subject, or what is wrong with it; nil behind the last one.
  @_noAllocation @_noLocks
  package mutating func next(_ workspace: inout Workspace) -> QuestionOutcome? {
    let token = reader.next(subjects)
    if case .endArray = token { return nil }
    guard case .beginObject = token else {
      _ = reader.skip(subjects, after: token)
      return .fault(
        ClientFault("INVALID_SUBJECT", "The subject is no object: send {\\\"subjectId\\\":\\\"...\\\"}."))
    }
    let start = reader.offset - 1
    _ = reader.skip(subjects, after: token)
    let outcome = DecideBody.read(
      subjects.slice(start..<reader.offset), keeping: textCount, &workspace)
    guard case .question(var question) = outcome else { return outcome }
    question.environment = common.environment
    question.tracks = question.tracks && common.tracks
    if case nil = question.flagKeys { question.flagKeys = common.flagKeys }
    return .question(question)
  }

  /// Whether a value is what the member subjects may be.
  static func isSubjectList(_ text: ByteView) -> Bool {
    var reader = Reader()
    guard case .beginArray = reader.next(text) else { return false }
    var count = 0
    while true {
      let token = reader.next(text)
      if case .endArray = token { return count > 0 && count <= subjectMax }
      guard reader.skip(text, after: token) else { return false }
      count += 1
    }
  }
}
