import Bytes
import Collector
import Exposures
import JSON
import Testing

struct ExposureLineTests {
  private func lines(_ exposures: [Shown]) throws -> [String] {
    var line = ExposureLine()
    var lines: [String] = []
    try block(exposures).forEach { datagram in
      line.begin(datagram)
      var records = RecordReader(datagram)
      while let record = records.next() {
        let text = [UInt8](capacity: ExposureLine.byteMax) { line.append(record, to: &$0) }
        lines.append(String(decoding: text, as: UTF8.self))
      }
    }
    return lines
  }

  @Test func `a line says everything of a record and where it came from`() throws {
    let exposures = [
      Shown(user: "u1", rate: 0.1, occurredAt: 1_732_179_600_123_999),
      Shown(
        user: "u2", experiment: "e2", variant: "v2", environment: "dev", version: 8, isOverride: true,
        occurredAt: 1_732_179_601_000_000),
    ]
    #expect(
      try lines(exposures) == [
        #"{"occurredAt":"2024-11-21T09:00:00.123Z","environment":"prod","experimentId":"e1","variantId":"v1","#
          + #""configVersion":7,"userKey":"u1","rate":0.1,"override":false,"edge":"web-1","#
          + #""boot":"00abcdef01234567","worker":3,"sequence":0}"#,
        #"{"occurredAt":"2024-11-21T09:00:01.000Z","environment":"dev","experimentId":"e2","variantId":"v2","#
          + #""configVersion":8,"userKey":"u2","rate":1,"override":true,"edge":"web-1","#
          + #""boot":"00abcdef01234567","worker":3,"sequence":0}"#,
      ])
  }

  @Test func `each line names the datagram that brought it`() throws {
    let sequences = try lines((0..<400).map { Shown(user: "user-\($0)") })
      .map { try #require(try Document(Array($0.utf8)).root["sequence"]?.integer) }
    #expect(sequences.count == 400)
    #expect(sequences == sequences.sorted())
    #expect(Set(sequences).count > 3)
  }

  @Test func `whatever stands in a text, a line is one line of JSON`() throws {
    let user = "a\"\\\n\u{1}é\u{1F600}"
    let lines = try lines([Shown(user: user, environment: "")])
    #expect(!lines[0].contains("\n"))
    let root = try Document(Array(lines[0].utf8)).root
    #expect(root["userKey"]?.text == user)
    #expect(root["environment"]?.text == "")
  }

  @Test func `the longest texts that fit a datagram fit a line`() throws {
    let user = String(repeating: "\u{1}", count: 1200)
    #expect(try Document(Array(try lines([Shown(user: user)])[0].utf8)).root["userKey"]?.text == user)
  }

  @Test func `a moment far away is no fault`() throws {
    let lines = try lines([Shown(user: "u", occurredAt: .max), Shown(user: "u", occurredAt: 0)])
    #expect(lines[1].hasPrefix(#"{"occurredAt":"1970-01-01T00:00:00.000Z""#))
    #expect(try Document(Array(lines[0].utf8)).root["occurredAt"]?.text == "9999-12-31T23:59:59.999Z")
  }
}
