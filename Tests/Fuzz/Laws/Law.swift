// What must hold whatever the bytes are. A law takes any bytes at all and throws where it was broken; a crash, a trap
// and what the address sanitizer sees break it as well. The fuzzer looks for bytes that break one, and the tests hold
// every file of Tests/Fuzz/Corpus against them.

package import Bytes
import JSON

package protocol Law: AnyObject {
  /// Holds `input`, which may be used until this returns, against the law.
  func check(_ input: ByteView) throws
}

/// A law that was broken.
package struct Broken: Error, CustomStringConvertible {
  package let description: String
}

/// What is fuzzed: each has a law, and a folder of the corpus with its name.
package enum Target: String, CaseIterable, Sendable {
  case bodies, cookies, datagram, events, json, reception, request, response, snapshot, text, trust

  /// A law with memory of its own.
  package func law() throws -> any Law {
    switch self {
    case .bodies: try BodiesLaw()
    case .cookies: try CookiesLaw()
    case .datagram: try DatagramLaw()
    case .events: EventsLaw()
    case .json: JSONLaw()
    case .reception: ReceptionLaw()
    case .request: try RequestLaw()
    case .response: try ResponseLaw()
    case .snapshot: try SnapshotLaw()
    case .text: try TextLaw()
    case .trust: try TrustLaw()
    }
  }
}

/// Throws unless `condition` holds; `law` is the sentence that it stands for.
func hold(_ condition: Bool, _ law: @autoclosure () -> String) throws(Broken) {
  if !condition { throw Broken(description: law()) }
}

extension ByteView {
  /// One of 0...`limit` that follows from the bytes: where to cut them in two, for instance. So one input is one case.
  func chance(_ limit: Int, _ salt: UInt64 = 0) -> Int {
    Int(Fingerprint.of(self, seed: salt) % UInt64(limit + 1))
  }

  /// The parts between separators, as a program without a thought for speed finds them.
  func split(_ separator: UInt8) -> [[UInt8]] {
    [UInt8](self).split(separator: separator, omittingEmptySubsequences: false).map(Array.init)
  }

  /// Whether the bytes are one JSON text.
  var isJSON: Bool {
    var reader = Reader()
    let first = reader.next(self)
    guard reader.skip(self, after: first), case .end = reader.next(self) else { return false }
    return true
  }
}
