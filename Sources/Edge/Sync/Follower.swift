// What is known of one environment.

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
  var schedule: PollSchedule

  init(_ environment: String, isConfigured: Bool, index: Int, schedule: PollSchedule) {
    self.environment = environment
    self.schedule = schedule
    self.isConfigured = isConfigured
    self.index = index
  }

  /// Whether what is being fetched was asked for only if it is not what is served already.
  var isConditional: Bool { if case .manifest = phase { edition != nil && etag != nil } else { false } }

  var isFetching: Bool { if case .idle = phase { false } else { true } }
}
