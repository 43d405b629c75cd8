// Which users' exposures of an experiment are recorded: by a fingerprint of user key and experiment id, so that a
// user is in the sample of an experiment always or never, on every edge, and independently of the bucket.

import Bytes

package enum Sampling {
  /// What a rate is divided into.
  package static var parts: Double { 4_294_967_296 }

  /// The user's place in the sampling of one experiment; of equal experiments and users it is equal.
  @inline(always) @_noAllocation @_noLocks
  package static func place(user: UInt64, experiment: UInt64) -> UInt64 {
    Fingerprint.mix(user ^ experiment)
  }

  /// Whether a user of that place is in the sample.
  @inline(always) @_noAllocation @_noLocks
  package static func includes(_ place: UInt64, _ row: SamplingRow) -> Bool {
    place >> 32 < row.threshold
  }
}
