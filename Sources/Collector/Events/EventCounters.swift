// What the events' side counted since it began, for the metrics page.

package struct EventCounters: Equatable, Sendable {
  /// Events on the disk.
  package var accepted: UInt64 = 0
  /// Events that were there already.
  package var duplicates: UInt64 = 0
  /// Calls of which nothing was read.
  package var refusedCalls: UInt64 = 0
  /// Transactions that the disk did not take.
  package var storageFailures: UInt64 = 0
  /// Whether the last transaction failed.
  package var isFailing = false
  /// By ``EventRejection``.
  private var rejections = [UInt64](repeating: 0, count: EventRejection.allCases.count)

  package init() {}

  package func rejected(_ rejection: EventRejection) -> UInt64 { rejections[rejection.rawValue] }

  /// Rejected events, whatever the reason.
  package var rejected: UInt64 { rejections.reduce(0, +) }

  mutating func count(_ rejection: EventRejection) { rejections[rejection.rawValue] += 1 }

  /// Adds what was counted elsewhere.
  mutating func add(_ other: EventCounters) {
    accepted += other.accepted
    duplicates += other.duplicates
    refusedCalls += other.refusedCalls
    storageFailures += other.storageFailures
    for index in rejections.indices { rejections[index] += other.rejections[index] }
  }
}
