// What the collector asked for again and was not sent yet: few runs, and only so many datagrams a second, so that
// nobody makes an edge flood the collector.

import Bytes

struct ResendQueue {
  /// Runs that wait.
  private static var runMax: Int { 128 }
  private static var interval: UInt64 { 1_000_000_000 }

  private struct Run: BitwiseCopyable {
    var first: UInt64 = 0
    var end: UInt64 = 0
  }

  private var runs: [128 of Run] = .init(repeating: Run())
  private var start = 0
  private var count = 0
  /// Datagrams taken since `intervalStart`.
  private var taken = 0
  private var intervalStart: UInt64 = 0

  /// Puts a run in line; false if there is no room, and the collector will ask again.
  mutating func add(_ range: Range<UInt64>) -> Bool {
    guard !range.isEmpty else { return true }
    guard count < Self.runMax else { return false }
    runs[(start + count) % Self.runMax] = Run(first: range.lowerBound, end: range.upperBound)
    count += 1
    return true
  }

  /// The next sequence number to send again, at most `max` in a second.
  mutating func next(now: UInt64, max: Int) -> UInt64? {
    guard count > 0 else { return nil }
    if now &- intervalStart >= Self.interval {
      intervalStart = now
      taken = 0
    }
    guard taken < max else { return nil }
    taken += 1
    let sequence = runs[start].first
    runs[start].first += 1
    if runs[start].first >= runs[start].end {
      start = (start + 1) % Self.runMax
      count -= 1
    }
    return sequence
  }
}
