// What the servers are asked, and what they answered.

import Bytes
import HTTP
import Kernel
import LoadGenerator

enum Question: String, CaseIterable {
  /// GET /decide with one experiment.
  case decide
  /// All of 350 flags, by OFREP.
  case evaluate = "evaluate-350"
  /// All of 350 flags, by POST /api/v1/decide.
  case decideAll = "decide-350"

  func requests() throws -> Requests {
    switch self {
    case .decide: try Requests(target: "/decide?user_key={user}")
    case .evaluate:
      try Requests(
        target: "/ofrep/v1/evaluate/flags?env=flags",
        body: #"{"context":{"targetingKey":"{user}","country":"US","plan":"pro"}}"#)
    case .decideAll:
      try Requests(
        target: "/api/v1/decide",
        body: #"{"subjectId":"{user}","environment":"flags","attributes":{"country":"US","plan":"pro"}}"#)
    }
  }
}

struct Answer {
  let bytes: [UInt8]
  private let headCount: Int

  /// The answer at the beginning of `bytes`; nil while it is incomplete.
  init?(_ bytes: [UInt8]) throws {
    guard let response = try bytes.withBytes({ try HTTP.Response.parse($0) }) else { return nil }
    guard response.status == 200, case .length(let length) = response.framing else {
      throw UnexpectedAnswer("an answer of status \(response.status) instead of 200 with its length")
    }
    guard bytes.count >= response.headCount + length else { return nil }
    self.bytes = bytes
    headCount = response.headCount
  }

  /// What a server answers to one request.
  init(of endpoint: Endpoint, to request: [UInt8]) throws {
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

  var body: String { String(decoding: bytes[headCount...], as: UTF8.self) }
}

struct UnexpectedAnswer: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
