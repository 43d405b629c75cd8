// Where the counts of the thread that follows the upstream stand among its words.

import Snapshots

enum SyncCounters {
  static let fetches = 0
  static let publications = 1
  static let environmentsRefused = 2
  private static let refusals = 3
  private static let confirmations = 3 + Refusal.Reason.allCases.count
  static let count = confirmations + 64

  static func refusal(_ reason: Refusal.Reason) -> Int {
    refusals + Refusal.Reason.allCases.firstIndex(of: reason)!
  }

  /// When the upstream last said that the snapshot is current, in milliseconds since 1970; 0 for never.
  static func confirmedAt(_ follower: Int) -> Int { confirmations + follower }
}
