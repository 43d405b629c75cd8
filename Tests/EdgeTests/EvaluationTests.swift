// The evaluation protocol (docs/ofrep.md) as a client of the real edge sees it: statuses, head lines, conditional
// requests, environments.

import Bytes
import JSON
import ProgramSupport
import Snapshots
import Testing

private let all = "/ofrep/v1/evaluate/flags"

@Suite struct EvaluationTests {
  private func post(
    _ client: RawClient, _ target: String, _ body: String, _ lines: [String] = []
  ) throws -> Answer {
    let lines = (["Host: edge", "Content-Length: \(body.utf8.count)"] + lines).joined(separator: "\r\n")
    return try client.ask("POST \(target) HTTP/1.1\r\n\(lines)\r\n\r\n\(body)")
  }

  @Test func `one key and all keys are answered`() throws {
    let edge = try House().edge
    let client = try edge.client()
    let one = try client.post("\(all)/banner", #"{"context":{"targetingKey":"u1"}}"#)
    #expect(one.status == 200)
    #expect(one["Content-Type"] == "application/json")
    let json = try one.json()
    #expect(json["key"]?.text == "banner")
    #expect(["blue", "green"].contains(json["value"]?.text))
    #expect(json["reason"]?.text == "SPLIT")
    #expect(["control", "treatment"].contains(json["variant"]?.text))
    #expect(json["metadata"]?["experimentKey"]?.text == "color")

    let bulk = try client.post(all, #"{"context":{"targetingKey":"u1"}}"#)
    #expect(bulk.status == 200)
    let flags = try Array(#require(bulk.json()["flags"]).elements)
    #expect(flags.map { $0["key"]?.text } == ["banner", "limit"])
    #expect(flags[0]["value"]?.text == json["value"]?.text)
    #expect(try edge.metric("turnout_http_requests_total{route=\"\(all)\",status=\"200\"}") == 1)
    #expect(try edge.metric("turnout_http_requests_total{route=\"\(all)/{key}\",status=\"200\"}") == 1)
  }

  @Test func `without a user a flag that does not split is answered, one that does is not`() throws {
    let client = try House().edge.client()
    for body in ["", "{}", "{\"context\":{}}"] {
      let limit = try client.post("\(all)/limit", body)
      #expect(limit.status == 200)
      #expect(try limit.json()["value"]?.integer == 10)
      #expect(try limit.json()["reason"]?.text == "STATIC")
      let banner = try client.post("\(all)/banner", body)
      #expect(banner.status == 400)
      #expect(try banner.json()["errorCode"]?.text == "TARGETING_KEY_MISSING")
      let flags = try Array(#require(client.post(all, body).json()["flags"]).elements)
      #expect(flags.map { $0["errorCode"]?.text } == ["TARGETING_KEY_MISSING", nil])
    }
  }

  @Test func `refusals have the protocol's form`() throws {
    let client = try House().edge.client()
    let rows: [(String, String, Int, String)] = [
      ("\(all)/none", "{}", 404, "FLAG_NOT_FOUND"), ("\(all)/", "{}", 404, "FLAG_NOT_FOUND"),
      ("\(all)/banner", "{", 400, "PARSE_ERROR"), ("\(all)/banner", "[]", 400, "PARSE_ERROR"),
      ("\(all)/banner", "{\"context\":3}", 400, "INVALID_CONTEXT"),
      ("\(all)/a/../b", "{}", 400, "PARSE_ERROR"), ("\(all)/%zz", "{}", 400, "PARSE_ERROR"),
      ("\(all)?track=maybe", "{}", 400, "PARSE_ERROR"), ("\(all)?env=%2", "{}", 400, "PARSE_ERROR"),
      (all, "{\"context\":null}", 400, "INVALID_CONTEXT"),
      ("\(all)?env=nowhere", "{}", 503, "NO_SNAPSHOT"),
      ("\(all)/banner?env=nowhere", "{}", 503, "NO_SNAPSHOT"),
    ]
    for (target, body, status, code) in rows {
      let answer = try client.post(target, body)
      #expect(answer.status == status, "\(target) \(body)")
      let json = try answer.json()
      #expect(json["errorCode"]?.text == code)
      #expect((json["errorDetails"]?.text ?? "").count > 20)
      #expect((json["key"] != nil) == target.hasPrefix("\(all)/"))
      #expect((answer["Retry-After"] != nil) == (status == 503))
    }
    #expect(try client.get(all).status == 405)
    #expect(try client.get("\(all)/banner")["Allow"] == "POST, OPTIONS")
    #expect(try client.post("/ofrep/v1/evaluate/flagsx", "{}").status == 404)
  }

  @Test func `an unchanged answer is not sent again`() throws {
    let house = try House()
    let client = try house.edge.client()
    let body = #"{"context":{"targetingKey":"u1","plan":"pro"}}"#
    let other = #"{ "context" : {"plan":"\u0070ro", "targetingKey":"u1"}}"#
    let first = try post(client, all, body)
    let tag = try #require(first["ETag"])
    #expect(tag.hasPrefix("\"") && tag.hasSuffix("\""))
    for (again, lines) in [
      (body, "If-None-Match: \(tag)"), (other, "If-None-Match: \"x\", \(tag)"),
      (body, "If-None-Match: W/\(tag)"),
      (body, "If-None-Match: *"),
    ] {
      let answer = try post(client, all, again, [lines])
      #expect(answer.status == 304, "\(lines)")
      #expect(answer["ETag"] == tag)
      #expect(answer.body.isEmpty)
    }
    // Another user, another context, another configuration: another answer.
    let changed = [
      #"{"context":{"targetingKey":"u2","plan":"pro"}}"#, #"{"context":{"targetingKey":"u1","plan":"free"}}"#,
      "{}",
    ]
    for body in changed { #expect(try post(client, all, body, ["If-None-Match: \(tag)"]).status == 200) }
    try house.site.publish("prod", 2)
    try house.edge.wait(forVersion: 2)
    let second = try post(client, all, body, ["If-None-Match: \(tag)"])
    #expect(second.status == 200)
    #expect(second["ETag"] != tag)
    #expect(try second.json()["metadata"]?["configVersion"]?.integer == 2)
  }

  @Test func `who heard of another configuration is not told that nothing changed`() throws {
    let client = try House().edge.client()
    let body = #"{"context":{"targetingKey":"u1"}}"#
    let tag = try #require(try post(client, all, body)["ETag"])
    let configuration = tag.dropFirst().prefix(16)
    let rows = [
      ("%22\(configuration)%22", 304), ("\(configuration)", 304), ("%22other%22", 200), ("", 200),
      ("%22", 200),
    ]
    for (announced, status) in rows {
      let target = "\(all)?flagConfigEtag=\(announced)&flagConfigLastModified=1771622898"
      #expect(try post(client, target, body, ["If-None-Match: \(tag)"]).status == status, "\(announced)")
    }
  }

  @Test func `the environment is the query's, or else the header's, or else the first`() throws {
    let site = try Site()
    for name in ["prod", "staging"] { try site.publish(name, name == "prod" ? 1 : 2) }
    let upstream = try ScriptedUpstream(site)
    let edge = try EdgeProcess(EdgeSettings(upstream, site, environments: ["prod", "staging"]))
    let client = try edge.client()
    let rows: [(String, [String], Int)] = [
      ("", [], 1), ("?env=staging", [], 2), ("", ["X-Turnout-Environment: staging"], 2),
      ("?env=prod", ["X-Turnout-Environment: staging"], 1), ("?env=", ["X-Turnout-Environment: staging"], 2),
    ]
    for (query, lines, version) in rows {
      let answer = try post(client, "\(all)/limit\(query)", "{}", lines)
      #expect(try answer.json()["metadata"]?["configVersion"]?.integer == version, "\(query) \(lines)")
      #expect(
        try post(client, "\(all)\(query)", "{}", lines).json()["metadata"]?["configVersion"]?.integer
          == version)
    }
  }

  @Test func `a batch is answered whole however large it is`() throws {
    let house = try House()
    let client = try house.edge.client()
    let keys = (0..<128).map { _ in "\"banner\"" }.joined(separator: ",")
    let subjects = (0..<128).map { "{\"subjectId\":\"user-\($0)\"}" }.joined(separator: ",")
    let answer = try client.post(
      "/api/v1/decide/batch", "{\"flagKeys\":[\(keys)],\"subjects\":[\(subjects)]}")
    #expect(answer.status == 200)
    let answers = try Array(#require(answer.json()["answers"]).elements)
    #expect(answers.count == 128)
    #expect(answers.allSatisfy { ($0["decisions"]?.elements).map { Array($0).count == 128 } ?? false })
    #expect(answer.body.count > 1_000_000)
  }

  @Test func `where the room for a batch ends its answers end in refusals`() throws {
    let house = try House { $0.limits = ["\"answer\": 131072"] }
    let client = try house.edge.client()
    let keys = (0..<20).map { _ in "\"banner\"" }.joined(separator: ",")
    let subjects = (0..<128).map { "{\"subjectId\":\"user-\($0)\"}" }.joined(separator: ",")
    let answer = try client.post(
      "/api/v1/decide/batch", "{\"flagKeys\":[\(keys)],\"subjects\":[\(subjects)]}")
    #expect(answer.status == 200)
    let answers = try Array(#require(answer.json()["answers"]).elements)
    #expect(answers.count == 128)
    let refused = answers.filter { $0["errorCode"]?.text == "ANSWER_TOO_LARGE" }.count
    #expect((1..<128).contains(refused))
    #expect(answers.prefix(128 - refused).allSatisfy { $0["decisions"] != nil })
    // What was refused was not decided for the metrics.
    #expect(
      try house.edge.metric("turnout_decisions_total{reason=\"EXPERIMENT_ASSIGNED\"}") == 128 - refused)
  }
}
