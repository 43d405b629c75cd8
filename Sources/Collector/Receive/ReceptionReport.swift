// What the receiver tells the other threads, four times a second: counts, and the state of every stream.

import Bytes
package import Exposures

/// What the receiver counted; datagrams, unless the name says records.
package struct ReceptionTally: Sendable {
  var received: UInt64 = 0
  /// With a wrong tag, or without one where there must be one.
  var forged: UInt64 = 0
  /// By reason; see `Malformation`.
  var malformed = [UInt64](repeating: 0, count: Malformation.allCases.count)
  var duplicates: UInt64 = 0
  var inconsistent: UInt64 = 0
  var stale: UInt64 = 0
  /// Left out because every block waited for a sink.
  var unhoused: UInt64 = 0
  var records: UInt64 = 0
  /// What the socket had no room for.
  var socketDrops: UInt64 = 0
  /// Resend requests that were sent.
  var requests: UInt64 = 0
  /// Times that reading paused because every block waited for a sink.
  var stalls: UInt64 = 0
}

package final class ReceptionReport: Sendable {
  package let tally: ReceptionTally
  package let streams: [Reception.Status]
  let forgotten: [String: Reception.Total]
  let forgottenOthers: Reception.Total
  let evictions: UInt64
  /// A datagram with records that came in a moment ago; empty if there was none yet.
  let latest: [UInt8]
  /// Monotonic nanoseconds.
  let moment: UInt64

  init(_ tally: ReceptionTally, _ reception: borrowing Reception, latest: [UInt8], at moment: UInt64) {
    self.tally = tally
    var streams: [Reception.Status] = []
    reception.forEachStream { streams.append($0) }
    self.streams = streams
    forgotten = reception.forgotten
    forgottenOthers = reception.forgottenOthers
    evictions = reception.evictions
    self.latest = latest
    self.moment = moment
  }
}
