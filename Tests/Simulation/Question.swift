// What simulated clients ask, and what they must be answered.

import TestSupport

package struct Question {
  package let bytes: [UInt8]
  package let expectation: Expectation
  /// Whether the server may end the connection behind the answer.
  package let isLast: Bool

  package enum Expectation {
    /// 200 with the assignments of a user, or 503 while there is no snapshot.
    case assignments(user: String)
    /// The same without a body.
    case head
    /// 200 with the whole snapshot, or 404 or 503.
    case document
    /// 200 with the value of the flag, or 503.
    case flag(user: String)
    case status(Int)
  }

  init(_ text: String, _ expectation: Expectation, isLast: Bool = false) {
    bytes = Array(text.utf8)
    self.expectation = expectation
    self.isLast = isLast
  }

  /// Whether an answer of 200 to it leaves an exposure.
  package var isShown: Bool {
    switch expectation {
    case .assignments, .flag: true
    case .head, .document, .status: false
    }
  }

  /// One question in a few is none.
  static func any(_ random: inout Random) -> Question {
    let user = "user-\(random.below(40))"
    switch random.below(18) {
    case 0...6:
      return Question("GET /decide?user_key=\(user) HTTP/1.1\r\nHost: e\r\n\r\n", .assignments(user: user))
    case 7:
      return Question("HEAD /decide?user_key=\(user) HTTP/1.1\r\nHost: e\r\n\r\n", .head)
    case 8, 9: return flag(user, random.oneIn(2))
    case 10: return Question("GET /health HTTP/1.1\r\nHost: e\r\n\r\n", .status(200))
    case 11: return Question("GET /nowhere HTTP/1.1\r\nHost: e\r\n\r\n", .status(404))
    case 12: return Question("DELETE /decide HTTP/1.1\r\nHost: e\r\n\r\n", .status(405))
    case 13:
      return Question("GET /decide?user_key= HTTP/1.1\r\nHost: e\r\n\r\n", .status(400))
    case 14:
      return Question(
        "GET /decide?user_key=\(user) HTTP/1.1\r\nHost: e\r\nConnection: close\r\n\r\n",
        .assignments(user: user),
        isLast: true)
    case 15, 16:
      return Question("GET /configs/prod/snapshots/latest.json HTTP/1.1\r\nHost: e\r\n\r\n", .document)
    default:
      let broken = random.pick([
        "GET /decide\r\n\r\n", "GET  /decide HTTP/1.1\r\n\r\n", "GET /health HTTP/1.1\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost: e\r\nContent-Length: x\r\n\r\n",
        "POST /api/v1/decide HTTP/1.1\r\nHost: e\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n",
      ])
      return Question(broken, .status(400), isLast: true)
    }
  }

  private static func flag(_ user: String, _ isChunked: Bool) -> Question {
    let body = #"{"context":{"targetingKey":"\#(user)"}}"#
    let half = body.utf8.count / 2
    let framing =
      isChunked
      ? "Transfer-Encoding: chunked\r\n\r\n\(String(half, radix: 16))\r\n\(body.prefix(half))\r\n"
        + "\(String(body.utf8.count - half, radix: 16));x=y\r\n\(body.dropFirst(half))\r\n0\r\nT: z\r\n\r\n"
      : "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    return Question(
      "POST /ofrep/v1/evaluate/flags/banner HTTP/1.1\r\nHost: e\r\n\(framing)", .flag(user: user))
  }
}
