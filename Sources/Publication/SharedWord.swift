// A number one thread sets and others read, such as "the process is ending".

import Synchronization

package final class SharedWord: Sendable {
  private let word: Atomic<UInt64>

  package init(_ value: UInt64 = 0) {
    word = Atomic(value)
  }

  package var value: UInt64 {
    get { word.load(ordering: .acquiring) }
    set { word.store(newValue, ordering: .releasing) }
  }

  package func increment() { word.add(1, ordering: .acquiringAndReleasing) }
  package func decrement() { word.subtract(1, ordering: .acquiringAndReleasing) }
}
