// When an upstream is asked again. Whoever answers badly is spared by a time that doubles; where nobody answers there is
// nobody to spare, and no reason to ask less often than an upstream that is well (decision 0045).

package struct PollSchedule: Sendable {
  /// When it is asked, in monotonic nanoseconds.
  package private(set) var next: UInt64 = 0
  /// In nanoseconds.
  private let interval: UInt64
  private let backoffMax: UInt64
  private var failures = 0
  private var wasUnreachable = false

  /// Nanoseconds between the first two tries after a failure.
  private static let backoffMin: UInt64 = 1_000_000_000
  /// Nanoseconds until an upstream that holds requests itself is asked again.
  private static let pause: UInt64 = 50_000_000

  package init(interval: UInt64, backoffMax: UInt64) {
    self.interval = interval
    self.backoffMax = backoffMax
  }

  /// The upstream answered: it is asked again after the interval, or at once if it holds requests itself. `jitter` is
  /// in 0..<1.
  package mutating func succeeded(now: UInt64, holdsRequests: Bool, jitter: Double) {
    failures = 0
    next = now + (holdsRequests ? Self.pause : Self.spread(interval, by: 0.1, jitter))
  }

  /// It did not: it is asked again after the time that doubles, or after the seconds it said itself.
  package mutating func failed(now: UInt64, isUnreachable: Bool, retryAfter: Int?, jitter: Double) {
    if isUnreachable != wasUnreachable { failures = 0 }
    wasUnreachable = isUnreachable
    let bound = isUnreachable ? min(max(interval, Self.backoffMin), backoffMax) : backoffMax
    let backoff = min(Self.backoffMin << UInt64(min(failures, 16)), bound)
    failures += 1
    let asked = UInt64(retryAfter ?? 0) * 1_000_000_000
    next = now + max(Self.spread(backoff, by: 0.2, jitter), asked)
  }

  /// `time` changed by at most `share` either way.
  private static func spread(_ time: UInt64, by share: Double, _ jitter: Double) -> UInt64 {
    UInt64(Double(time) * (1 - share + 2 * share * jitter))
  }
}
