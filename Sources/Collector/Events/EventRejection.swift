// Why an event, or a whole call, is refused: a stable code for programs, a sentence for people.

package import HTTP
package import JSON

/// What is wrong with one event of a call.
package enum EventRejection: Int, Error, CaseIterable, Sendable {
  case noObject
  case missingEventID
  case invalidEventID
  case missingEventType
  case invalidEventType
  case missingSubjectID
  case invalidSubjectID
  case missingTimestamp
  case invalidTimestamp
  case timestampInFuture
  case invalidValue
  case invalidProperties
  case propertiesTooLarge
  case invalidExperimentID
  case invalidDecisionID
  case decisionConflict

  package var code: StaticString {
    switch self {
    case .noObject: "INVALID_EVENT"
    case .missingEventID: "MISSING_EVENT_ID"
    case .invalidEventID: "INVALID_EVENT_ID"
    case .missingEventType: "MISSING_EVENT_TYPE"
    case .invalidEventType: "INVALID_EVENT_TYPE"
    case .missingSubjectID: "MISSING_SUBJECT_ID"
    case .invalidSubjectID: "INVALID_SUBJECT_ID"
    case .missingTimestamp: "MISSING_TIMESTAMP"
    case .invalidTimestamp: "INVALID_TIMESTAMP"
    case .timestampInFuture: "TIMESTAMP_IN_FUTURE"
    case .invalidValue: "INVALID_VALUE"
    case .invalidProperties: "INVALID_PROPERTIES"
    case .propertiesTooLarge: "PROPERTIES_TOO_LARGE"
    case .invalidExperimentID: "INVALID_EXPERIMENT_ID"
    case .invalidDecisionID: "INVALID_DECISION_ID"
    case .decisionConflict: "DECISION_CONFLICT"
    }
  }

  /// A sentence that says what to do.
  package var advice: StaticString {
    switch self {
    case .noObject: "Send each event as a JSON object."
    case .missingEventID: "Send eventId, a string that no other event has."
    case .invalidEventID: "Send eventId as a string of 1 to 128 bytes."
    case .missingEventType: "Send eventType, such as \"purchase\"."
    case .invalidEventType: "Send eventType as a string of 1 to 128 bytes."
    case .missingSubjectID: "Send subjectId, the user key that was decided for."
    case .invalidSubjectID: "Send subjectId as a string of 1 to 256 bytes."
    case .missingTimestamp: "Send timestamp, the moment the event happened."
    case .invalidTimestamp:
      "Send timestamp as an RFC 3339 string with a time and a zone, such as \"2026-03-02T23:18:46.000Z\"."
    case .timestampInFuture: "Check the sender's clock: the timestamp is more than 24 hours ahead."
    case .invalidValue: "Send value as a number that a double can hold, or leave it out."
    case .invalidProperties: "Send properties as a JSON object, or leave it out."
    case .propertiesTooLarge: "Send properties of at most 16 KiB without blanks."
    case .invalidExperimentID: "Send experimentId as a string of 1 to 256 bytes, or leave it out."
    case .invalidDecisionID:
      "Send decisionId as POST /api/v1/decide returned it for this subjectId, or leave it out."
    case .decisionConflict:
      "Send the experimentId that the decision was made for, or leave it out: decisionId says it."
    }
  }
}

/// What is wrong with a whole call, of which nothing is stored.
package enum EventCallFault: Equatable, Sendable {
  case notJSON(Fault)
  case noObject
  case noEvents
  case tooManyEvents

  package var status: Status { self == .tooManyEvents ? .bodyTooLarge : .badRequest }

  package var code: StaticString {
    switch self {
    case .notJSON, .noObject: "MALFORMED_BODY"
    case .noEvents: "MISSING_EVENTS"
    case .tooManyEvents: "TOO_MANY_EVENTS"
    }
  }

  package var message: String {
    switch self {
    case .notJSON(let fault): "The body is not valid JSON: send {\"events\":[...]} (\(fault))."
    case .noObject: "The body is no JSON object: send {\"events\":[...]}."
    case .noEvents: "The member events is missing or no array: send {\"events\":[...]}."
    case .tooManyEvents: "Send at most \(EventReader.eventMax) events in one call."
    }
  }
}
