import Bytes
import Collector
import JSON
import Testing
import Trust

struct EventReaderTests {
  private static let key = MessageKey(Array("a key".utf8))

  private func read(_ body: [UInt8], key: MessageKey? = nil) -> EventReader.Outcome {
    body.withBytes { EventReader(key: key).read($0, now: now) }
  }

  private func entries(_ events: [String], key: MessageKey? = nil) throws -> [EventReader.Entry] {
    guard case .events(let entries) = read(body(events), key: key) else {
      Issue.record("the call was refused")
      return []
    }
    return entries
  }

  private func single(_ event: String, key: MessageKey? = nil) throws -> Event {
    guard case .event(let event) = try #require(try entries([event], key: key).first) else {
      Issue.record("rejected: \(event)")
      throw CancellationError()
    }
    return event
  }

  private func rejection(_ event: String, key: MessageKey? = nil) throws -> EventRejection? {
    guard case .rejected(let rejection, _) = try #require(try entries([event], key: key).first) else {
      return nil
    }
    return rejection
  }

  @Test func `an event is read with everything it says`() throws {
    let event = try single(
      event(
        "e-1",
        [
          "experimentId": "\"checkout\"", "value": "12.5", "unknown": "[1]",
          "properties": "{ \"a b\" : [ 1 , \"x y\" ] }", "subjectId": "\"zo\\u00eb\"",
        ]))
    #expect(event.id == Array("e-1".utf8))
    #expect(event.type == Array("purchase".utf8))
    #expect(event.subject == Array("zoë".utf8))
    #expect(event.experiment == Array("checkout".utf8))
    #expect(event.value == 12.5)
    #expect(event.properties == Array("{\"a b\":[1,\"x y\"]}".utf8))
    #expect(event.occurredAt == now - 59_750)
    #expect(event.decision == nil)
  }

  @Test func `what may be left out may also be null`() throws {
    let event = try single(
      event(
        "e-1", ["experimentId": "null", "value": "null", "properties": "null", "decisionId": "null"]))
    #expect(event.experiment == nil && event.value == nil && event.properties == nil && event.decision == nil)
  }

  @Test(arguments: [
    ("7", EventRejection.noObject),
    (event("e", ["eventId": nil]), .missingEventID),
    (event("e", ["eventId": "null"]), .missingEventID),
    (event(""), .invalidEventID),
    (event("e", ["eventId": "7"]), .invalidEventID),
    (event(String(repeating: "x", count: 129)), .invalidEventID),
    (event("e", ["eventType": nil]), .missingEventType),
    (event("e", ["eventType": "\"\""]), .invalidEventType),
    (event("e", ["eventType": "\"\(String(repeating: "x", count: 129))\""]), .invalidEventType),
    (event("e", ["subjectId": nil]), .missingSubjectID),
    (event("e", ["subjectId": "[]"]), .invalidSubjectID),
    (event("e", ["subjectId": "\"\(String(repeating: "x", count: 257))\""]), .invalidSubjectID),
    (event("e", ["timestamp": nil]), .missingTimestamp),
    (event("e", ["timestamp": "1732179600000"]), .invalidTimestamp),
    (event("e", ["timestamp": "\"2024-11-21\""]), .invalidTimestamp),
    (event("e", ["timestamp": "\"2024-11-21T09:00:00\""]), .invalidTimestamp),
    (event("e", ["timestamp": "\"2024-11-22T09:00:00.001Z\""]), .timestampInFuture),
    (event("e", ["value": "\"12\""]), .invalidValue),
    (event("e", ["value": "1e999"]), .invalidValue),
    (event("e", ["properties": "[]"]), .invalidProperties),
    (event("e", ["properties": "{\"a\":\"\(String(repeating: "x", count: 16_377))\"}"]), .propertiesTooLarge),
    (event("e", ["experimentId": "\"\""]), .invalidExperimentID),
    (event("e", ["experimentId": "1"]), .invalidExperimentID),
    (event("e", ["decisionId": "7"]), .invalidDecisionID),
    (event("e", ["decisionId": "\"no token\""]), .invalidDecisionID),
  ])
  func `an event that is not right is rejected with the reason`(_ event: String, _ reason: EventRejection)
    throws
  {
    #expect(try rejection(event) == reason)
  }

  @Test(arguments: [
    event(String(repeating: "x", count: 128)),
    event("e", ["subjectId": "\"\(String(repeating: "x", count: 256))\""]),
    event("e", ["timestamp": "\"2024-11-22T09:00:00.000Z\""]),
    event("e", ["timestamp": "\"2024-11-21T10:00:00+01:00\""]),
    event("e", ["properties": "{\"a\":\"\(String(repeating: "x", count: 16_376))\"}"]),
  ])
  func `the largest that is allowed is taken`(_ event: String) throws {
    #expect(try rejection(event) == nil)
  }

  @Test func `a rejected event leaves the others alone and is named`() throws {
    let entries = try entries([event("e-1"), event("e-2", ["value": "true"]), "{}", event("e-4")])
    #expect(entries.count == 4)
    guard case .event = entries[0], case .event = entries[3] else {
      Issue.record("good events were rejected")
      return
    }
    #expect(entries[1] == .rejected(.invalidValue, id: Array("e-2".utf8)))
    #expect(entries[2] == .rejected(.missingEventID, id: nil))
  }

  @Test func `a decision of this subject says experiment, variant and version`() throws {
    let id = token(Self.key, subject: "user-1")
    let event = try single(event("e", ["decisionId": "\"\(id)\""]), key: Self.key)
    let decision = try #require(event.decision)
    #expect(event.experiment == Array("e1".utf8))
    #expect(decision.id == Array(id.utf8))
    #expect(decision.environment == "prod" && decision.variant == "v1" && decision.version == 42)
    #expect(decision.isVerified)
  }

  @Test func `a decision of another subject or another key is rejected alike`() throws {
    let others = token(Self.key, subject: "user-2")
    let forged = token(MessageKey(Array("no key".utf8)), subject: "user-1")
    #expect(try rejection(event("e", ["decisionId": "\"\(others)\""]), key: Self.key) == .invalidDecisionID)
    #expect(try rejection(event("e", ["decisionId": "\"\(forged)\""]), key: Self.key) == .invalidDecisionID)
  }

  @Test func `without a key a decision is taken as not verified`() throws {
    let forged = token(MessageKey(Array("no key".utf8)), subject: "user-1")
    let event = try single(event("e", ["decisionId": "\"\(forged)\""]))
    #expect(event.experiment == Array("e1".utf8))
    #expect(event.decision?.isVerified == false)
  }

  @Test func `the experiment of an event is that of its decision`() throws {
    let id = token(Self.key, subject: "user-1")
    let same = event("e", ["decisionId": "\"\(id)\"", "experimentId": "\"e1\""])
    let other = event("e", ["decisionId": "\"\(id)\"", "experimentId": "\"e2\""])
    #expect(try rejection(same, key: Self.key) == nil)
    #expect(try rejection(other, key: Self.key) == .decisionConflict)
  }

  @Test func `a body that holds no events is refused as a whole`() {
    #expect(read(Array("{\"events\":[".utf8)) == .fault(.notJSON(Fault(.unexpectedEnd, at: 11))))
    #expect(read(Array("[]".utf8)) == .fault(.noObject))
    #expect(read(Array("{}".utf8)) == .fault(.noEvents))
    #expect(read(Array("{\"events\":{}}".utf8)) == .fault(.noEvents))
    #expect(read([]) == .fault(.notJSON(Fault(.unexpectedEnd, at: 0))))
  }

  @Test func `a call has at most 1,000 events`() throws {
    #expect(try entries((0..<1000).map { event("e-\($0)") }).count == 1000)
    #expect(read(body((0...1000).map { event("e-\($0)") })) == .fault(.tooManyEvents))
  }

  @Test func `every rejection has a code of its own`() {
    let codes = EventRejection.allCases.map { String($0.code.bytes) }
    #expect(Set(codes).count == codes.count)
    #expect(codes.allSatisfy { $0.allSatisfy { $0.isUppercase || $0 == "_" } })
  }
}
