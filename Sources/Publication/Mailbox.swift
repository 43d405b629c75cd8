// The newest value that one thread has for another. A value that was not taken yet is replaced; one that was taken
// belongs to its taker.

import Synchronization

package final class Mailbox<Value: AnyObject & Sendable>: Sendable {
  /// An unbalanced reference to the value, or 0.
  private let word = Atomic<UInt>(0)

  package init() {}

  deinit { _ = take() }

  package func put(_ value: Value) {
    let new = unsafe UInt(bitPattern: Unmanaged.passRetained(value).toOpaque())
    Self.release(word.exchange(new, ordering: .acquiringAndReleasing))
  }

  package func take() -> Value? {
    // Looked at in every turn of a loop: to read is cheaper than to exchange.
    guard word.load(ordering: .relaxed) != 0 else { return nil }
    let address = word.exchange(0, ordering: .acquiringAndReleasing)
    guard let pointer = unsafe UnsafeRawPointer(bitPattern: address) else { return nil }
    return unsafe Unmanaged<Value>.fromOpaque(pointer).takeRetainedValue()
  }

  private static func release(_ address: UInt) {
    guard let pointer = unsafe UnsafeRawPointer(bitPattern: address) else { return }
    unsafe Unmanaged<Value>.fromOpaque(pointer).release()
  }
}
