// A line of numbers from one thread to one other, of fixed length: whoever puts and whoever takes never wait for
// each other.

import Synchronization

package final class HandoffQueue: Sendable {
  private let slots: [SharedWord]
  /// Numbers ever taken, and ever put.
  private let taken = Atomic<Int>(0)
  private let put = Atomic<Int>(0)

  package init(capacity: Int) {
    slots = (0..<capacity).map { _ in SharedWord() }
  }

  /// Appends a number; false if the line is full. For one thread.
  package func append(_ number: Int) -> Bool {
    let end = put.load(ordering: .relaxed)
    guard end - taken.load(ordering: .acquiring) < slots.count else { return false }
    slots[end % slots.count].value = UInt64(number)
    put.store(end + 1, ordering: .releasing)
    return true
  }

  /// The first number, or nil. For one other thread.
  package func popFirst() -> Int? {
    let start = taken.load(ordering: .relaxed)
    guard start < put.load(ordering: .acquiring) else { return nil }
    let number = Int(slots[start % slots.count].value)
    taken.store(start + 1, ordering: .releasing)
    return number
  }

  /// How many are in line, as it was a moment ago.
  package var count: Int { put.load(ordering: .acquiring) - taken.load(ordering: .acquiring) }
}
