// Cuts one region into the arrays of a fixed arena, each aligned to a cache line.

package struct Carver {
  private let region: ByteRegion
  private var offset = 0

  package init(_ region: ByteRegion) {
    self.region = region
  }

  /// The next `byteCount` bytes; traps when the region is too small.
  package mutating func region(_ byteCount: Int) -> ByteRegion {
    offset = (offset + 63) & ~63
    defer { offset += byteCount }
    return region.part(from: offset, count: byteCount)
  }

  /// The next array of `count` elements.
  package mutating func cells<Element: BitwiseCopyable>(_ count: Int) -> Cells<Element> {
    Cells(region(count * MemoryLayout<Element>.stride), count: count)
  }
}
