// The query of an evaluation request: ?env=...&track=false&flagConfigEtag=...; of one
// that stands twice the last one counts.

package import Bytes
import HTTP

package struct EvaluationQuery {
  /// Empty for none.
  package private(set) var environment = ByteView.empty
  package private(set) var tracks = true
  /// The configuration that a stream of events announced; nil if the request does not follow from an event.
  package private(set) var announced: ByteView?

  package enum Outcome {
    case query(EvaluationQuery)
    case fault(ClientFault)
  }

  /// Reads the query at `range` of `bytes`; decoded values go into `text`.
  @_noAllocation @_noLocks
  package static func read(_ bytes: ByteView, _ range: ByteRange, into text: inout Output) -> Outcome {
    var result = EvaluationQuery()
    var query = Query(range)
    while let field = query.next(bytes) {
      let name = bytes.slice(field.name)
      let start = text.count
      guard name.equals("env") || name.equals("track") || name.equals("flagConfigEtag") else { continue }
      guard Percent.decode(bytes.slice(field.value), plusIsSpace: true, into: &text), !text.isOverflowing
      else {
        return .fault(ClientFault("PARSE_ERROR", "A parameter is not percent-encoded: encode it."))
      }
      let value = text.written.dropping(start)
      if name.equals("env") {
        result.environment = value
      } else if name.equals("flagConfigEtag") {
        result.announced = value
      } else if let tracks = DecideQuery.tracks(value) {
        result.tracks = tracks
      } else {
        return .fault(
          ClientFault(
            "PARSE_ERROR", "The parameter track is neither true nor false: send one or leave it out."))
      }
    }
    return .query(result)
  }

  private init() {}
}
