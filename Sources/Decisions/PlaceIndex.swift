// Where things of one kind stand that are stored once: an open-addressed hash table of places. What stands there
// is its owner's, who says how to hash it and whether two are the same; so a text, a rule and a bucket table are
// found in one way. Only for work off the hot path: it grows.

package struct PlaceIndex: Sendable {
  private struct Slot {
    var hash: UInt32
    /// ``vacant`` where there is none.
    var place: UInt32
  }

  private static let vacant = UInt32.max

  /// A power of two of them, with at least as many vacant as taken.
  private var slots: [Slot] = []
  private var count = 0

  package init() {}

  /// The place of what has `hash` and `isSame`, or nil.
  @inline(always)
  package func place(_ hash: UInt64, where isSame: (Int) -> Bool) -> Int? {
    guard !slots.isEmpty else { return nil }
    let wanted = UInt32(truncatingIfNeeded: hash >> 32)
    var slot = Int(wanted) & (slots.count - 1)
    while slots[slot].place != Self.vacant {
      if slots[slot].hash == wanted, isSame(Int(slots[slot].place)) { return Int(slots[slot].place) }
      slot = (slot + 1) & (slots.count - 1)
    }
    return nil
  }

  /// Notes that something with `hash` stands at `place`.
  package mutating func add(_ place: Int, _ hash: UInt64) {
    if slots.count < (count + 1) * 2 { grow() }
    count += 1
    insert(Slot(hash: UInt32(truncatingIfNeeded: hash >> 32), place: UInt32(place)))
  }

  private mutating func insert(_ taken: Slot) {
    var slot = Int(taken.hash) & (slots.count - 1)
    while slots[slot].place != Self.vacant { slot = (slot + 1) & (slots.count - 1) }
    slots[slot] = taken
  }

  private mutating func grow() {
    let former = slots
    slots = Array(repeating: Slot(hash: 0, place: Self.vacant), count: max(16, former.count * 2))
    for slot in former where slot.place != Self.vacant { insert(slot) }
  }
}
