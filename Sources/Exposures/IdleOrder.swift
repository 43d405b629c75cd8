// Which of the places 0, 1, 2, ... was used longest ago: a list threaded through two arrays, so that using one and
// finding the oldest cost the same however many there are.

struct IdleOrder: Sendable {
  private static var nobody: Int { -1 }

  /// Of each place the one used next before it, and next after it.
  private var older: [Int] = []
  private var newer: [Int] = []
  private var newest = nobody
  /// The place used longest ago, below 0 if there is none.
  private var first = nobody

  var oldest: Int? { first == Self.nobody ? nil : first }

  /// Takes in a place, as the one used last; it must not be in the order.
  mutating func insert(_ place: Int) {
    while older.count <= place {
      older.append(Self.nobody)
      newer.append(Self.nobody)
    }
    older[place] = newest
    newer[place] = Self.nobody
    if newest == Self.nobody { first = place } else { newer[newest] = place }
    newest = place
  }

  /// Takes a place out; it must be in the order.
  mutating func remove(_ place: Int) {
    if older[place] == Self.nobody { first = newer[place] } else { newer[older[place]] = newer[place] }
    if newer[place] == Self.nobody { newest = older[place] } else { older[newer[place]] = older[place] }
  }

  /// The place was used.
  mutating func use(_ place: Int) {
    guard place != newest else { return }
    remove(place)
    insert(place)
  }
}
