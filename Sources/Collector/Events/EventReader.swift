// From the body of POST /api/v1/events to events: each one stands alone, so that what is wrong with one is said of
// that one and the others are taken.

package import Bytes
import Exposures
import JSON
package import Trust

package struct EventReader: Sendable {
  /// Events in one call.
  package static var eventMax: Int { 1000 }
  /// Bytes of an event's properties.
  package static var propertiesMax: Int { 16 * 1024 }
  /// How far ahead of this machine's clock an event may be; milliseconds.
  package static var futureMax: Int { 24 * 3_600_000 }

  private let key: MessageKey?

  /// With `key` a decision is taken only if its tag is right; without, every one is taken as not verified.
  package init(key: MessageKey?) {
    self.key = key
  }

  /// One event of a call, in the place it has there.
  package enum Entry: Equatable, Sendable {
    case event(Event)
    /// With the event's id, if it has a usable one.
    case rejected(EventRejection, id: [UInt8]?)
  }

  package enum Outcome: Equatable, Sendable {
    case events([Entry])
    case fault(EventCallFault)
  }

  /// Reads a body; `now` is in milliseconds since 1970.
  package func read(_ body: ByteView, now: Int) -> Outcome {
    let document: Document
    do throws(Fault) {
      document = try Document([UInt8](body))
    } catch {
      return .fault(.notJSON(error))
    }
    guard document.root.kind == .object else { return .fault(.noObject) }
    guard let events = document.root["events"], events.kind == .array else { return .fault(.noEvents) }
    let elements = Array(events.elements.prefix(Self.eventMax + 1))
    guard elements.count <= Self.eventMax else { return .fault(.tooManyEvents) }
    return .events(elements.map { entry($0, now) })
  }

  private func entry(_ element: Element, _ now: Int) -> Entry {
    do throws(EventRejection) {
      return .event(try event(element, now))
    } catch {
      let id = element["eventId"]?.string
      return .rejected(error, id: id.flatMap { Self.idLength.contains($0.count) ? $0 : nil })
    }
  }

  private static var idLength: ClosedRange<Int> { 1...128 }

  private func event(_ element: Element, _ now: Int) throws(EventRejection) -> Event {
    guard element.kind == .object else { throw .noObject }
    var event = Event(
      id: try text(element["eventId"], Self.idLength, missing: .missingEventID, invalid: .invalidEventID),
      type: try text(element["eventType"], 1...128, missing: .missingEventType, invalid: .invalidEventType),
      subject: try text(
        element["subjectId"], 1...256, missing: .missingSubjectID, invalid: .invalidSubjectID),
      occurredAt: try moment(element["timestamp"], now))
    if let value = given(element["value"]) {
      guard let number = value.number, number.isFinite else { throw .invalidValue }
      event.value = number
    }
    if let properties = given(element["properties"]) {
      guard properties.kind == .object else { throw .invalidProperties }
      let text = properties.compacted()
      guard text.count <= Self.propertiesMax else { throw .propertiesTooLarge }
      event.properties = text
    }
    if let experiment = given(element["experimentId"]) {
      event.experiment = try text(
        experiment, 1...256, missing: .invalidExperimentID, invalid: .invalidExperimentID)
    }
    if let decision = given(element["decisionId"]) { try credit(&event, to: decision) }
    return event
  }

  /// A member that may be left out: null means that it is.
  private func given(_ element: Element?) -> Element? {
    element.flatMap { $0.isNull ? nil : $0 }
  }

  private func text(
    _ element: Element?, _ length: ClosedRange<Int>, missing: EventRejection, invalid: EventRejection
  ) throws(EventRejection) -> [UInt8] {
    guard let element = given(element) else { throw missing }
    guard let text = element.string, length.contains(text.count) else { throw invalid }
    return text
  }

  private func moment(_ element: Element?, _ now: Int) throws(EventRejection) -> Int {
    guard let element = given(element) else { throw .missingTimestamp }
    // A date alone is a moment elsewhere, but nothing happens at a date.
    guard let text = element.string, text.count > 10,
      let milliseconds = text.withBytes({ Timestamp.milliseconds($0) })
    else { throw .invalidTimestamp }
    guard Int(milliseconds) <= now + Self.futureMax else { throw .timestampInFuture }
    return Int(milliseconds)
  }

  /// A forged token and that of another subject are one rejection: which it was is nobody's business.
  private func credit(_ event: inout Event, to element: Element) throws(EventRejection) {
    guard let id = element.string, let parts = id.withBytes({ DecisionToken.parse($0) }) else {
      throw .invalidDecisionID
    }
    guard accepts(parts, event.subject) else { throw .invalidDecisionID }
    let experiment = Array(parts.token.experiment.utf8)
    guard event.experiment == nil || event.experiment == experiment else { throw .decisionConflict }
    event.experiment = experiment
    event.decision = Event.Decision(
      id: id, environment: parts.token.environment, variant: parts.token.variant,
      version: Int(parts.token.version), isVerified: key != nil)
  }

  private func accepts(_ parts: DecisionToken.Parts, _ subject: [UInt8]) -> Bool {
    guard let key else { return true }
    return parts.tag.withBytes { tag in
      parts.signed.withBytes { signed in
        subject.withBytes { key.accepts(tag, of: signed, $0) }
      }
    }
  }
}
