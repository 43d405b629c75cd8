// What the servers are made of: a folder with a signed snapshot of one experiment and another of 350 flags, and the
// edge's own answers, whose size the servers that decide nothing send.

import Glibc
import Kernel
import LoadGenerator
import Measuring

final class Fixture {
  private let site: SignedSite
  let port: UInt16
  let adminPort: UInt16
  private(set) var requests: [Question: Requests] = [:]
  private(set) var answers: [Question: Answer] = [:]
  /// The bodies that make the answers of nginx and haproxy, whose heads are longer or shorter, as large as the edge's.
  private(set) var bodies: [Server: String] = [:]

  var folder: String { site.folder }

  /// Signs the snapshots, and asks each of `servers` what it answers.
  init(for servers: [Server], processor: Int) throws {
    site = try SignedSite(for: "serve")
    port = try ChildProcess.freePort(from: 20_000 + UInt16(getpid() % 10_000))
    adminPort = try ChildProcess.freePort(from: port + 1)
    for text in [Self.oneExperiment, Self.manyFlags] { try site.sign(Array(text.utf8)) }
    for question in Question.allCases { requests[question] = try question.requests() }
    do {
      let edge = try start(.edge, .decide, .tcp, processor: processor)
      for question in Question.allCases {
        answers[question] = try Answer(of: edge.endpoint(.tcp), to: requests[question]!.request(0))
      }
      if servers.contains(.lua), Server.lua.program != nil { try compare(edge, processor) }
    }
    for server in servers where server.program != nil && !server.decides && server != .responder {
      try fit(server, processor)
    }
  }

  /// Makes the body of a fixed answer as much longer or shorter as the server's head is shorter or longer.
  private func fit(_ server: Server, _ processor: Int) throws {
    let wanted = answers[.decide]!
    bodies[server] = wanted.body
    let running = try start(server, .decide, .tcp, processor: processor)
    let found = try Answer(of: running.endpoint(.tcp), to: requests[.decide]!.request(0))
    let count = wanted.body.utf8.count + wanted.bytes.count - found.bytes.count
    bodies[server] =
      String(decoding: wanted.body.utf8.prefix(count), as: UTF8.self)
      + String(repeating: " ", count: max(0, count - wanted.body.utf8.count))
  }

  /// Holds nginx with Lua to the edge's decisions.
  private func compare(_ edge: RunningServer, _ processor: Int) throws {
    let requests = requests[.decide]!
    let expected = try (0..<64).map { try Answer(of: edge.endpoint(.unix), to: requests.request($0)).body }
    edge.process.end()
    let lua = try start(.lua, .decide, .tcp, processor: processor)
    for number in 0..<64 {
      let body = try Answer(of: lua.endpoint(.tcp), to: requests.request(number)).body
      guard body == expected[number] else {
        throw UnexpectedAnswer("nginx with Lua answers \(body), the edge \(expected[number])")
      }
    }
  }

  private static let oneExperiment = """
    {"version": 1, "environment": "prod", "experiments": [{
      "id": "7b1f3c52-1111-4aaa-9bbb-000000000001", "key": "new-checkout", "salt": "new-checkout-2026-10",
      "variants": [{"id": "7b1f3c52-1111-4aaa-9bbb-00000000000a", "key": "control"},
        {"id": "7b1f3c52-1111-4aaa-9bbb-00000000000b", "key": "treatment"}],
      "allocations": [
        {"variantId": "7b1f3c52-1111-4aaa-9bbb-00000000000a", "rangeStart": 0, "rangeEnd": 4999},
        {"variantId": "7b1f3c52-1111-4aaa-9bbb-00000000000b", "rangeStart": 5000, "rangeEnd": 9999}]}]}
    """

  /// Every other flag is driven by an experiment, and every other of these has a rule.
  private static let manyFlags: String = {
    let flags = (0..<350).map { #"{"key": "flag-\#($0)", "type": "boolean", "default": false}"# }
    let rule = #"[{"conditions": [{"attribute": "plan", "operator": "eq", "value": "pro"}]}]"#
    let experiments = (0..<175).map { number in
      """
      {"id": "exp-\(number)", "key": "experiment-\(number)", "salt": "salt-\(number)",
       "flagKey": "flag-\(2 * number)", "targetingRules": \(number % 2 == 0 ? "[]" : rule),
       "variants": [{"id": "exp-\(number)-a", "key": "off", "value": false},
         {"id": "exp-\(number)-b", "key": "on", "value": true}],
       "allocations": [{"variantId": "exp-\(number)-a", "rangeStart": 0, "rangeEnd": 4999},
         {"variantId": "exp-\(number)-b", "rangeStart": 5000, "rangeEnd": 9999}]}
      """
    }
    return """
      {"version": 1, "environment": "flags", "flags": [\(flags.joined(separator: ", "))],
       "experiments": [\(experiments.joined(separator: ",\n"))]}
      """
  }()
}
