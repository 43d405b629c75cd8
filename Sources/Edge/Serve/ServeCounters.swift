// Where a worker's counts stand among its words. All series exist from the start: nothing a client sends can
// make a new one.

import Decisions
import HTTP
import Server

enum ServeCounters {
  static var requests: Int { 0 }
  static var reasons: Int { requests + Route.allCases.count * statuses.count }
  static var flagDefaults: Int { reasons + Reason.allCases.count }
  static var flagsNotFound: Int { flagDefaults + 1 }
  static var turns: Int { flagsNotFound + 1 }
  static var wantsDropped: Int { turns + 1 }
  static var latencySum: Int { wantsDropped + 1 }
  static var latencies: Int { latencySum + 1 }
  static var tally: Int { latencies + latencyBuckets + 1 }
  static var rejections: Int { tally + 18 }
  static var connections: Int { rejections + Rejection.allCases.count }
  static var streams: Int { connections + 1 }
  static var streamsRefused: Int { streams + 1 }
  static var eventsSent: Int { streamsRefused + 1 }
  static var visitors: Int { eventsSent + 1 }
  static var stickiesRead: Int { visitors + Visitors.Outcome.allCases.count }
  static var stickiesWritten: Int { stickiesRead + 1 }
  static var stickiesMalformed: Int { stickiesWritten + 1 }
  static var stickiesTampered: Int { stickiesMalformed + 1 }
  static var report: Int { stickiesTampered + 1 }
  // Of the report's counts, which stand in the order in which the reporter stores them.
  static var sentRecords: Int { report + 6 }
  static var sentDatagrams: Int { report + 7 }
  static var refusedDatagrams: Int { report + 8 }
  static var gate: Int { report + 14 }
  static var gateEvictions: Int { gate + GateEvent.count }
  static var count: Int { gateEvictions + 1 }

  /// Upper bounds 1 us, 2 us, 4 us ... 2^19 us, about half a second; one more beyond.
  static var latencyBuckets: Int { 20 }

  /// The statuses that routes answer with, in the order of the counters.
  static var statuses: [Status] {
    [
      .ok, .noContent, .notModified, .badRequest, .unauthorized, .forbidden, .notFound, .methodNotAllowed,
      .tooManyRequests, .unavailable,
    ]
  }

  static func request(_ route: Route, _ status: Status) -> Int {
    let place =
      switch status {
      case .ok: 0
      case .noContent: 1
      case .notModified: 2
      case .badRequest: 3
      case .unauthorized: 4
      case .forbidden: 5
      case .notFound: 6
      case .methodNotAllowed: 7
      case .tooManyRequests: 8
      default: 9
      }
    return requests + route.rawValue * 10 + place
  }

  static func visitor(_ outcome: Visitors.Outcome) -> Int { visitors + outcome.rawValue }

  static func reason(_ reason: Reason) -> Int { reasons + Int(reason.rawValue) }

  /// The bucket of a time in nanoseconds: 0 up to 1 us, 1 up to 2 us, and so on.
  static func latency(_ nanoseconds: UInt64) -> Int {
    let microseconds = (nanoseconds + 999) / 1000
    guard microseconds > 1 else { return latencies }
    let bits = 64 - (microseconds - 1).leadingZeroBitCount
    return latencies + min(bits, latencyBuckets)
  }
}
