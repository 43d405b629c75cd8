// Counts of whole numbers, in the manner of an HDR histogram: each octave is cut into equal cells, so that a value is
// known to 1 part in 256 at most, from a nanosecond to the end of UInt64, and recording it is a shift and an addition.

package struct Histogram: Sendable {
  private var counts: [UInt64]
  package private(set) var count: UInt64 = 0
  /// Exact; 0 as long as nothing was recorded.
  package private(set) var maximum: UInt64 = 0

  private static var cellBits: Int { 8 }

  package init() {
    counts = Array(repeating: 0, count: Self.cell(of: .max) + 1)
  }

  package mutating func record(_ value: UInt64) {
    counts[Self.cell(of: value)] &+= 1
    count &+= 1
    if value > maximum { maximum = value }
  }

  /// The smallest value that at least `percent` of the recorded ones do not exceed, rounded up to the end of its cell;
  /// 0 if there are none.
  package func percentile(_ percent: Double) -> UInt64 {
    guard count > 0 else { return 0 }
    // What binary fractions add, as in 99.9 % of 1000, must not ask for one more.
    let rank = max(1, UInt64((percent / 100 * Double(count) - 1e-6).rounded(.up)))
    var sum: UInt64 = 0
    for cell in counts.indices {
      sum += counts[cell]
      if sum >= rank { return min(Self.last(in: cell), maximum) }
    }
    return maximum
  }

  /// Values below 2^9 have a cell each; above, the eight bits behind the highest one name the cell of its octave.
  private static func cell(of value: UInt64) -> Int {
    let octave = max(0, 63 - cellBits - value.leadingZeroBitCount)
    return octave << cellBits + Int(value >> UInt64(octave))
  }

  /// The largest value that falls into `cell`.
  private static func last(in cell: Int) -> UInt64 {
    let octave = max(0, cell >> cellBits - 1)
    let next = UInt64(cell - octave << cellBits) + 1
    // The last cell of all ends where UInt64 does.
    return next << UInt64(octave) &- 1
  }
}
