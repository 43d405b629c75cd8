// What a call of POST /api/v1/events is answered.

import Bytes
package import HTTP
import JSON

package struct EventAnswer: Equatable, Sendable {
  package var status: Status
  /// JSON.
  package var body: [UInt8]

  /// What became of each event; those that were rejected are named.
  init(_ call: EventCounters, _ entries: [EventReader.Entry]) {
    var writer = Writer()
    writer.object { writer in
      writer.key("accepted")
      writer.integer(Int(call.accepted))
      writer.key("duplicates")
      writer.integer(Int(call.duplicates))
      writer.key("rejected")
      writer.integer(Int(call.rejected))
      writer.key("errors")
      writer.array { writer in
        for (index, entry) in entries.enumerated() {
          guard case .rejected(let rejection, let id) = entry else { continue }
          Self.write(rejection, index, id, to: &writer)
        }
      }
    }
    status = .ok
    body = writer.text
  }

  private static func write(
    _ rejection: EventRejection, _ index: Int, _ id: [UInt8]?, to writer: inout Writer
  ) {
    writer.object { writer in
      writer.key("index")
      writer.integer(index)
      writer.key("eventId")
      if let id { id.withBytes { writer.string($0) } } else { writer.null() }
      writer.key("code")
      writer.string(rejection.code)
      writer.key("message")
      writer.string(rejection.advice)
    }
  }

  init(_ fault: EventCallFault) {
    self.init(fault.status, fault.code, fault.message)
  }

  /// A refusal.
  init(_ status: Status, _ code: StaticString, _ message: String) {
    var writer = Writer()
    writer.object { writer in
      writer.key("error")
      writer.string(message)
      writer.key("errorCode")
      writer.string(code)
    }
    self.status = status
    body = writer.text
  }

  static var storageFull: EventAnswer {
    EventAnswer(
      .unavailable, "STORAGE_FULL", "The disk is full, nothing was stored: send the same events again later.")
  }

  static var storageUnavailable: EventAnswer {
    EventAnswer(
      .unavailable, "STORAGE_UNAVAILABLE",
      "The database did not take the events, nothing was stored: send the same events again later.")
  }
}
