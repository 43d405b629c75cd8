// The same figure from several runs: what it is, and how far the runs agree.

package struct Runs {
  private let sorted: [Double]

  /// At least one value, in any order.
  package init(_ values: [Double]) {
    precondition(!values.isEmpty)
    sorted = values.sorted()
  }

  package var median: Double {
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }

  /// The distance between the highest and the lowest run, in percent of the median.
  package var spread: Double {
    median == 0 ? 0 : (sorted[sorted.count - 1] - sorted[0]) / median * 100
  }
}
