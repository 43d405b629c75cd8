import Measuring
import Testing

struct RunsTests {
  @Test(arguments: [
    ([3.0], 3.0, 0.0), ([5, 1, 2], 2, 200), ([4, 1, 3, 2], 2.5, 120), ([0, 0], 0, 0),
  ])
  func `the middle of the runs is the figure and their distance is its spread`(
    values: [Double], median: Double, spread: Double
  ) {
    #expect(Runs(values).median == median)
    #expect(Runs(values).spread == spread)
  }
}
