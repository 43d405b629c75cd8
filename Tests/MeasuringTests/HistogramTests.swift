import Measuring
import Testing
import TestSupport

struct HistogramTests {
  @Test func `percentiles are those of the sorted values, to 1 part in 256`() {
    var random = Random(seed: 5)
    for bits in [1, 8, 9, 10, 20, 40, 64] {
      var histogram = Histogram()
      var values: [UInt64] = []
      for _ in 0..<5000 {
        let value = random.next() >> UInt64.random(in: UInt64(64 - bits)...63, using: &random)
        values.append(value)
        histogram.record(value)
      }
      values.sort()
      for percent in [0.0, 1, 50, 90, 99, 99.9, 99.99, 100] {
        let rank = max(1, Int((percent / 100 * 5000 - 1e-6).rounded(.up)))
        let exact = values[rank - 1]
        let found = histogram.percentile(percent)
        #expect(found >= exact && found - exact <= exact / 256, "\(percent) % of values of \(bits) bits")
      }
      #expect(histogram.maximum == values.last)
      #expect(histogram.count == 5000)
    }
  }

  @Test func `small values are counted exactly`() {
    var histogram = Histogram()
    for value in UInt64(1)...500 { histogram.record(value) }
    for percent in stride(from: 0.2, through: 100, by: 0.2) {
      #expect(histogram.percentile(percent) == UInt64((percent * 5).rounded()))
    }
  }

  @Test func `the ends of what a number can be have a place`() {
    var histogram = Histogram()
    histogram.record(0)
    #expect(histogram.percentile(100) == 0)
    histogram.record(.max)
    #expect(histogram.percentile(50) == 0)
    #expect(histogram.percentile(100) == .max)
  }

  @Test func `nothing has no percentiles`() {
    #expect(Histogram().percentile(50) == 0)
    #expect(Histogram().maximum == 0)
  }
}
