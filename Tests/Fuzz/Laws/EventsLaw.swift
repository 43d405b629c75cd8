// Events as clients send them: each event of a call is answered in its place, what is taken is within its limits, and
// sent again as it was understood it is understood the same. A decision's token is taken apart into what it was made of.

import Bytes
import Collector
import Exposures
import JSON
import Trust

final class EventsLaw: Law {
  /// 2024-11-21T09:00:00Z, in milliseconds.
  private static let now = 1_732_179_600_000
  private static let key = MessageKey(Array("a key".utf8))

  func check(_ input: ByteView) throws {
    try checkToken(input)
    guard case .events(let entries) = EventReader(key: nil).read(input, now: Self.now) else { return }
    let document = try Document([UInt8](input))
    try hold(document.root["events"]?.elements.count == entries.count, "each event has its answer")
    try hold(entries.count <= EventReader.eventMax, "events are bounded")
    guard case .events(let checked) = EventReader(key: Self.key).read(input, now: Self.now) else {
      throw Broken(description: "a key changes nothing about a call")
    }
    for (open, keyed) in zip(entries, checked) {
      guard case .event(let event) = open else {
        if case .rejected(_, let id?) = open { try hold((1...128).contains(id.count), "an id has a length") }
        continue
      }
      try checkEvent(event)
      if event.decision == nil { try hold(keyed == open, "only decisions need a key") }
      if case .event(let event) = keyed, let decision = event.decision {
        try hold(decision.isVerified, "with a key, what is taken is verified")
      }
    }
  }

  private func checkEvent(_ event: Event) throws {
    try hold((1...128).contains(event.id.count), "an id has a length")
    try hold((1...256).contains(event.subject.count), "a subject has a length")
    try hold(event.occurredAt <= Self.now + EventReader.futureMax, "an event is not of the far future")
    try hold(event.value?.isFinite ?? true, "a value is a number")
    try hold(event.properties?.count ?? 0 <= EventReader.propertiesMax, "properties are bounded")
    // A zone can lead out of the years that have a text.
    guard event.occurredAt >= -62_167_219_200_000 else { return }
    let text = write(event)
    guard case .events(let again) = text.withBytes({ EventReader(key: nil).read($0, now: Self.now) }) else {
      throw Broken(description: "an event is one: \(String(decoding: text, as: UTF8.self))")
    }
    try hold(again == [.event(event)], "an event is understood as it was: \(again) \(event)")
  }

  private func write(_ event: Event) -> [UInt8] {
    var writer = Writer()
    func string(_ key: StaticString, _ bytes: [UInt8]?, _ writer: inout Writer) {
      guard let bytes else { return }
      writer.key(key)
      bytes.withBytes { writer.string($0) }
    }
    writer.object { writer in
      writer.key("events")
      writer.array { writer in
        writer.object { writer in
          string("eventId", event.id, &writer)
          string("eventType", event.type, &writer)
          string("subjectId", event.subject, &writer)
          string("experimentId", event.experiment, &writer)
          string("decisionId", event.decision?.id, &writer)
          string("timestamp", Array(Timestamp.text(milliseconds: Double(event.occurredAt)).utf8), &writer)
          if let value = event.value {
            writer.key("value")
            writer.number(value)
          }
          if let properties = event.properties {
            writer.key("properties")
            properties.withBytes { writer.raw($0) }
          }
        }
      }
    }
    return writer.text
  }

  private func checkToken(_ input: ByteView) throws {
    guard let parts = DecisionToken.parse(input) else { return }
    let token = parts.token
    let environment = Array(token.environment.utf8)
    let experiment = Array(token.experiment.utf8)
    let variant = Array(token.variant.utf8)
    let fields = [UInt8](capacity: parts.signed.count) { output in
      environment.withBytes { environment in
        experiment.withBytes { experiment in
          variant.withBytes { variant in
            DecisionToken.write(
              decidedAt: token.decidedAt, serial: token.serial, version: token.version,
              environment: environment, experiment: experiment, variant: variant, to: &output)
          }
        }
      }
    }
    try hold(fields == parts.signed, "a token is what it was made of")
    try hold(parts.tag.count == DecisionToken.tagCount, "a tag has its length")
  }
}
