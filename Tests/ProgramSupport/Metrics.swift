// A /metrics page as it was answered.

extension Answer {
  /// The value of a series, such as `name{label="value"}`.
  package func metric(_ series: String) throws -> Int {
    for line in text.split(separator: "\n") where line.hasPrefix(series + " ") {
      return Int(Double(line.dropFirst(series.count + 1)) ?? -1)
    }
    throw Failure("there is no series \(series)")
  }
}
