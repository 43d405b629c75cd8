// What these suites share: memory that shows when it is used after it was freed.

import Bytes
import Publication

/// Memory whose freed regions are overwritten and, so that looking at one is no fault of its own, kept. Used by
/// one thread.
final class PoisonedMemory {
  private(set) var freedCount = 0
  private(set) var allocatedCount = 0

  func allocate(_ byteCount: Int) -> ByteRegion {
    allocatedCount += 1
    let start = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
    unsafe start.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    return unsafe ByteRegion(start: start, count: byteCount)
  }

  func free(_ region: ByteRegion) {
    freedCount += 1
    for offset in 0..<region.count { region.store(0xDD, at: offset) }
  }
}

extension Publisher {
  /// Publishes a catalog of `count` entries that all have `version`, and whose tables say so too.
  mutating func publish(version: Int, count: Int = 3, _ memory: PoisonedMemory) {
    let tables = memory.allocate(8)
    for offset in 0..<8 { tables.store(UInt8(truncatingIfNeeded: version >> (8 * offset)), at: offset) }
    let entries = (0..<count).map { index in
      var entry = CatalogEntry(name: "environment-\(index)")
      entry.version = Int64(version)
      entry.tables = tables.bytes
      return entry
    }
    let region = memory.allocate(Publisher.byteCount(entries: entries.count))
    publish(entries, in: region) { memory.free(region) }
  }
}

extension Catalog {
  /// The version that all of the catalog says it has; nil if its parts disagree, as freed memory does.
  var version: Int? {
    guard entries.count > 0 else { return nil }
    let version = entries[0].version
    for index in 0..<entries.count {
      let entry = entries[index]
      guard entry.version == version, entry.tables.count == 8, entry.tables.word(at: 0) == UInt64(version),
        entry.name == "environment-\(index)"
      else { return nil }
    }
    return Int(version)
  }
}
