// Names by their bytes: which part of a list has which name. Made once for a list and then asked by all who name
// a part, so that no look-up walks the list.

import Bytes
import Decisions

struct NameIndex: Sendable {
  private var names: [[UInt8]] = []
  private var index = PlaceIndex()
  private let seed = UInt64.random(in: .min ... .max)

  init() {}

  /// `names` differ.
  init(_ names: [[UInt8]]) {
    for name in names { _ = add(name) }
  }

  /// The place of `name`, or nil.
  subscript(_ name: [UInt8]) -> Int? { place(name, hash(name)) }

  /// Adds a name at the next place; the place where it stands already, or nil.
  mutating func add(_ name: [UInt8]) -> Int? {
    let hash = hash(name)
    if let place = place(name, hash) { return place }
    index.add(names.count, hash)
    names.append(name)
    return nil
  }

  private func place(_ name: [UInt8], _ hash: UInt64) -> Int? {
    index.place(hash) { names[$0] == name }
  }

  private func hash(_ name: [UInt8]) -> UInt64 { name.withBytes { Fingerprint.of($0, seed: seed) } }
}
