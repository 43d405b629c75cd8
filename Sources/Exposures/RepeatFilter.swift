// "Seen a short time ago": a table of fixed size in which a newer exposure takes the place of an older one with
// the same slot. Forgetting too early only sends a record twice; a false match of 64 bits does not happen.

package import Bytes

package struct RepeatFilter {
  private struct Entry: BitwiseCopyable {
    var fingerprint: UInt64 = 0
    /// Monotonic nanoseconds.
    var until: UInt64 = 0
  }

  /// Exposures that can be remembered, a power of two.
  package static var capacity: Int { 65_536 }
  package static var byteCount: Int { capacity * MemoryLayout<Entry>.stride }

  private let entries: Cells<Entry>
  /// Nanoseconds; 0 remembers nothing.
  private let window: UInt64

  /// A filter in `region`, zeroed memory of ``byteCount`` bytes.
  package init(_ region: ByteRegion, window: UInt64) {
    entries = Cells(region, count: Self.capacity)
    self.window = window
  }

  /// Whether the exposure was remembered less than the window ago.
  @_noAllocation @_noLocks
  package func contains(_ fingerprint: UInt64, now: UInt64) -> Bool {
    guard window > 0 else { return false }
    let entry = entries[place(of: fingerprint)]
    return entry.fingerprint == fingerprint && entry.until > now
  }

  @_noAllocation @_noLocks
  package func remember(_ fingerprint: UInt64, now: UInt64) {
    guard window > 0 else { return }
    entries[place(of: fingerprint)] = Entry(fingerprint: fingerprint, until: now &+ window)
  }

  private func place(of fingerprint: UInt64) -> Int {
    Int(truncatingIfNeeded: fingerprint) & (Self.capacity - 1)
  }
}
