// What is known of one environment, and when its upstream is asked again.

import Kernel
import Snapshots

final class Follower {
  enum Phase {
    case idle
    /// The manifest, or without signatures the snapshot itself, is being fetched.
    case manifest
    /// The trust file of that number is being fetched, before this answer with a manifest is judged.
    case trust(Int, before: Fetch.Answer)
    /// The snapshot of this verified manifest is being fetched.
    case snapshot(Manifest, envelope: [UInt8], signers: [String], etag: String?)
  }

  let environment: String
  /// Configured ones stay; those asked for by requests go when the upstream has nothing.
  let isConfigured: Bool
  /// Its place among the words that tell its age.
  let index: Int

  var phase = Phase.idle
  var accepted: Accepted?
  var edition: Edition?
  /// What could not be kept on the disk; tried again whenever the upstream answers.
  var unkept: StateStore.Generation?
  var isFromDisk = false
  var isExpired = false
  /// Until when the upstream is known to have nothing; monotonic.
  var absentUntil: UInt64?
  /// Of what is served, never of what was refused: the upstream may say "not modified" only to that.
  var etag: String?
  var longPoll: Int?
  var nextPoll: UInt64 = 0
  private(set) var failures = 0

  init(_ environment: String, isConfigured: Bool, index: Int) {
    self.environment = environment
    self.isConfigured = isConfigured
    self.index = index
  }

  /// Whether what is being fetched was asked for only if it is not what is served already.
  var isConditional: Bool { if case .manifest = phase { edition != nil && etag != nil } else { false } }

  var isFetching: Bool { if case .idle = phase { false } else { true } }

  /// Nanoseconds between the first two tries after a failure, and the most there can be.
  private static let backoffMin: UInt64 = 1_000_000_000
  private static let backoffMax: UInt64 = 60_000_000_000

  /// The upstream answered: it is asked again after the interval, or at once if it holds requests itself.
  func succeeded(now: UInt64, interval: UInt64, jitter: Double) {
    failures = 0
    nextPoll = longPoll == nil ? now + Self.spread(interval, by: 0.1, jitter) : now + 50_000_000
  }

  /// It did not: it is asked again after a time that doubles, or after what it said itself.
  func failed(now: UInt64, retryAfter: Int?, jitter: Double) {
    let backoff = min(Self.backoffMin << UInt64(min(failures, 6)), Self.backoffMax)
    failures += 1
    let asked = UInt64(retryAfter ?? 0) * 1_000_000_000
    nextPoll = now + max(Self.spread(backoff, by: 0.2, jitter), asked)
    longPoll = nil
  }

  /// `time` changed by at most `share` either way; `jitter` is in 0..<1.
  private static func spread(_ time: UInt64, by share: Double, _ jitter: Double) -> UInt64 {
    UInt64(Double(time) * (1 - share + 2 * share * jitter))
  }
}
