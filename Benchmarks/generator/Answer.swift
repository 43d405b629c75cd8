// One question and its whole answer, for what is asked before and after a load.

internal import Bytes
internal import HTTP
package import Kernel

package struct Answer {
  package let bytes: [UInt8]
  private let headCount: Int

  /// The answer at the beginning of `bytes`; nil while it is incomplete.
  package init?(_ bytes: [UInt8]) throws {
    guard let response = try bytes.withBytes({ try HTTP.Response.parse($0) }) else { return nil }
    guard response.status == 200, case .length(let length) = response.framing else {
      throw UnexpectedAnswer("an answer of status \(response.status) instead of 200 with its length")
    }
    guard bytes.count >= response.headCount + length else { return nil }
    self.bytes = bytes
    headCount = response.headCount
  }

  /// What a server answers to one request.
  package init(of endpoint: Endpoint, to request: [UInt8]) throws {
    let stream = try BlockingStream(to: endpoint, timeout: 2)
    try stream.send(request)
    var bytes: [UInt8] = []
    while true {
      let more = try stream.receive()
      guard !more.isEmpty else { throw UnexpectedAnswer("\(endpoint) ended the connection") }
      bytes += more
      guard let answer = try Answer(bytes) else { continue }
      self = answer
      return
    }
  }

  package var body: String { String(decoding: bytes[headCount...], as: UTF8.self) }
}

package struct UnexpectedAnswer: Error, CustomStringConvertible {
  package let description: String

  package init(_ description: String) { self.description = description }
}
