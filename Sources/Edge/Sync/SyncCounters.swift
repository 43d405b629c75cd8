// Where the counts of the thread that follows the upstream stand among its words.

import Snapshots

enum SyncCounters {
  static let fetches = 0
  static let publications = 1
  static let environmentsRefused = 2
  /// The number of the trust file that holds, a value.
  static let trustNumber = 3
  private static let refusals = 4
  private static let trustRefusals = refusals + Refusal.Reason.allCases.count
  private static let confirmations = trustRefusals + Refusal.Reason.allCases.count
  static let count = confirmations + 64

  static func refusal(_ reason: Refusal.Reason) -> Int { refusals + index(reason) }

  /// Refusals of trust files.
  static func trustRefusal(_ reason: Refusal.Reason) -> Int { trustRefusals + index(reason) }

  private static func index(_ reason: Refusal.Reason) -> Int {
    Refusal.Reason.allCases.firstIndex(of: reason)!
  }

  /// When the upstream last said that the snapshot is current, in milliseconds since 1970; 0 for never.
  static func confirmedAt(_ follower: Int) -> Int { confirmations + follower }
}
