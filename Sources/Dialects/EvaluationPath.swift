// The key in the path of an evaluation: percent-encoded, and it may hold "/". A dot segment is refused, since
// what stands between would have taken it for a step in the path (RFC 3986 section 5.2.4).

package import Bytes

package enum EvaluationPath {
  package enum Outcome {
    case key(ByteView)
    case fault(ClientFault)
  }

  /// The key that `path` encodes, decoded into `text`.
  @_noAllocation @_noLocks
  package static func read(_ path: ByteView, into text: inout Output) -> Outcome {
    let start = text.count
    guard Percent.decode(path, plusIsSpace: false, into: &text), !text.isOverflowing else {
      return .fault(malformed)
    }
    let key = text.written.dropping(start)
    guard UTF8Check.isValid(key) else { return .fault(malformed) }
    var segment = 0
    while segment <= key.count {
      let end = key.firstOffset(of: UInt8(ascii: "/"), from: segment) ?? key.count
      let part = key.slice(segment..<end)
      if part.equals(".") || part.equals("..") {
        return .fault(
          ClientFault(
            "PARSE_ERROR", "The key has a dot segment: name the flag without \\\".\\\" and \\\"..\\\"."))
      }
      segment = end + 1
    }
    return .key(key)
  }

  private static var malformed: ClientFault {
    ClientFault("PARSE_ERROR", "The key is not percent-encoded UTF-8: encode it.")
  }
}
