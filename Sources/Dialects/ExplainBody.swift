// The dialect of POST /explain: the object of POST /api/v1/decide, with the experiments that are asked about,
// "experiments"?: up to 128 keys or ids. Off the hot path: it allocates.

package import Bytes
package import Decisions
import JSON

package enum ExplainBody {
  /// Experiments asked for by name.
  package static var experimentMax: Int { 128 }

  package enum Outcome {
    /// Without a selection every experiment is asked about.
    case question(Question, selection: [[UInt8]]?)
    case fault(ClientFault)
  }

  /// Reads `body`; decoded strings of the question go into the workspace's text.
  package static func read(_ body: ByteView, _ workspace: inout Workspace) -> Outcome {
    switch DecideBody.read(body, &workspace) {
    case .fault(let fault): return .fault(fault)
    case .question(let question):
      var selection: [[UInt8]]?
      var isList = true
      // The body is an object: the question was read from it.
      var reader = Reader()
      _ = reader.next(body)
      while case .key(let name) = reader.next(body) {
        let value = reader.next(body)
        guard decoded(name, body).elementsEqual("experiments".utf8) else {
          _ = reader.skip(body, after: value)
          continue
        }
        selection = names(value, &reader, body)
        isList = selection.map { $0.count <= experimentMax } ?? false
      }
      guard isList else {
        return .fault(
          ClientFault("INVALID_EXPERIMENTS", "The member experiments is no array of at most 128 strings."))
      }
      return .question(question, selection: selection)
    }
  }

  /// The strings of an array, read to its end; nil for any other value.
  private static func names(_ first: Token, _ reader: inout Reader, _ body: ByteView) -> [[UInt8]]? {
    guard case .beginArray = first else {
      _ = reader.skip(body, after: first)
      return nil
    }
    var names: [[UInt8]]? = []
    while true {
      switch reader.next(body) {
      case .endArray: return names
      case .string(let quoted): names?.append(decoded(quoted, body))
      case let other:
        _ = reader.skip(body, after: other)
        names = nil
      }
    }
  }

  private static func decoded(_ quoted: QuotedText, _ body: ByteView) -> [UInt8] {
    [UInt8](capacity: Int(quoted.range.count)) { quoted.decode(body, into: &$0) }
  }
}
