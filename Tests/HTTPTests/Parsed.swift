import Bytes
import HTTP
import TestSupport

/// What a text is to the parser, with the request where it is one.
enum Parsed: Equatable {
  case incomplete
  case invalid(Rejection)
  case head(Request)

  init(_ text: some Collection<UInt8>, _ parser: RequestParser = RequestParser()) {
    var request = Request()
    self =
      switch GuardedBytes(text).withBytes({ parser.parse($0, into: &request) }) {
      case .incomplete: .incomplete
      case .invalid(let rejection): .invalid(rejection)
      case .head: .head(request)
      }
  }
}
