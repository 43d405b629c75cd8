// A page of the collector's HTTP port, fetched by the smallest client that can: one GET, one connection.

import Arguments
import Bytes
import HTTP
import Kernel

struct CollectorPage {
  static let option = Option(
    "collector", "ADDRESS", "the collector's HTTP port: HOST:PORT or unix:PATH; default 127.0.0.1:7074")

  /// Seconds for each step.
  private static let timeout = 5
  /// Bytes of an answer.
  private static let answerMax = 64 << 20

  private let endpoint: Endpoint

  init(_ invocation: Invocation) throws(UsageFault) {
    let text = invocation["collector"] ?? "127.0.0.1:7074"
    guard let endpoint = Endpoint(text), endpoint.isUsable else {
      throw UsageFault("--collector: \"\(text)\" is neither HOST:PORT nor unix:PATH")
    }
    self.endpoint = endpoint
  }

  func get(_ target: String) throws -> [UInt8] {
    let host = if case .unix = endpoint { "localhost" } else { "\(endpoint)" }
    let stream = try BlockingStream(to: endpoint, timeout: Self.timeout)
    try stream.send(Array("GET \(target) HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\r\n".utf8))
    var answer: [UInt8] = []
    while true {
      let bytes = try stream.receive()
      answer += bytes
      if let body = try body(of: answer, isEnded: bytes.isEmpty) { return body }
    }
  }

  /// The body, once it is whole.
  private func body(of answer: [UInt8], isEnded: Bool) throws(Refused) -> [UInt8]? {
    let response: Response?
    do {
      response = try answer.withBytes { (bytes) throws(Response.Malformed) in try Response.parse(bytes) }
    } catch {
      throw Refused("\(endpoint) does not speak HTTP/1.1")
    }
    guard let response, answer.count <= Self.answerMax else {
      guard !isEnded, answer.count <= Self.answerMax else {
        throw Refused("\(endpoint) answers with no page")
      }
      return nil
    }
    guard response.status == 200 else { throw Refused("\(endpoint) answers with \(response.status)") }
    let body = answer.dropFirst(response.headCount)
    switch response.framing {
    case .length(let length) where body.count >= length: return Array(body.prefix(length))
    case nil where isEnded: return Array(body)
    case .length where !isEnded, nil: return nil
    default: throw Refused("\(endpoint) answers with no whole page")
    }
  }
}
