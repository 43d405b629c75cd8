// The requests that are sent, written out before the first one leaves: some thousand different ones, one behind the
// other, so that sending the next ten is handing over one piece of memory.

import Bytes
package import Kernel

package struct Requests: Sendable {
  private let memory: SharedMemory
  /// Different requests.
  package let count: Int
  /// Bytes of each.
  package let size: Int

  /// `count` requests for `target`, or with a body POSTs; `{user}` in either becomes another key of one length in each.
  package init(target: String, body: String? = nil, count: Int = 4096) throws(SystemFailure) {
    let texts = (0..<count).map { Array(Self.text(target, body, user: Self.user($0)).utf8) }
    self.count = count
    size = texts[0].count
    // The first ones stand at the end once more, so that no piece is cut in two.
    memory = try SharedMemory(byteCount: size * (count + Load.pipelineMax))
    for place in 0..<count + Load.pipelineMax {
      texts[place % count].withBytes { memory.region.copy($0, to: place * size) }
    }
  }

  /// The user key of the request with this number.
  package static func user(_ number: Int) -> String {
    // Numbers that are spread evenly, none of them twice.
    let digits = String(number &* 48_271 % 99_999_989)
    return "user-" + String(repeating: "0", count: max(0, 8 - digits.count)) + digits
  }

  private static func text(_ target: String, _ body: String?, user: String) -> String {
    let target = target.replacing("{user}", with: user)
    guard let body = body?.replacing("{user}", with: user) else {
      return "GET \(target) HTTP/1.1\r\nHost: bench\r\n\r\n"
    }
    return """
      POST \(target) HTTP/1.1\r
      Host: bench\r
      Content-Type: application/json\r
      Content-Length: \(body.utf8.count)\r
      \r
      \(body)
      """
  }

  /// The request with this number.
  package func request(_ number: Int) -> [UInt8] { Array(bytes(from: number, count: 1)) }

  /// The request with this number and those that follow it, `count` in all, at most ``Load/pipelineMax``.
  func bytes(from number: Int, count: Int) -> ByteView {
    memory.region.bytes.slice(number * size..<(number + count) * size)
  }
}

extension String {
  /// The standard library has this only with regular expressions.
  fileprivate func replacing(_ word: String, with other: String) -> String {
    var result = ""
    var rest = self[...]
    while let place = rest.indices.first(where: { rest[$0...].hasPrefix(word) }) {
      result += rest[..<place] + other
      rest = rest[place...].dropFirst(word.count)
    }
    return result + rest
  }
}
