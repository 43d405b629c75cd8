import Bytes
import Decisions
import Testing

struct SamplingTests {
  private static let count = 1_000_000

  private func fingerprint(_ text: String) -> UInt64 { Array(text.utf8).withBytes { Fingerprint.of($0) } }

  private func row(_ rate: Double, _ experiment: String = "checkout") -> SamplingRow {
    SamplingRow(fingerprint: fingerprint(experiment), rate: rate)
  }

  private func includes(_ user: UInt64, _ row: SamplingRow) -> Bool {
    Sampling.includes(Sampling.place(user: user, experiment: row.fingerprint), row)
  }

  @Test func `a rate of 0 includes nobody, a rate of 1 everybody`() {
    for user in 0..<UInt64(100_000) {
      let user = Fingerprint.mix(user)
      #expect(!includes(user, row(0)) && includes(user, row(1)))
    }
    // The last place of all.
    #expect(Sampling.includes(.max, row(1)) && !Sampling.includes(0, row(0)))
  }

  @Test(arguments: [0.5, 0.1, 0.01])
  func `the sample scaled by its rate tells how many users there are`(rate: Double) {
    let row = row(rate)
    let sampled = (0..<Self.count).count { includes(fingerprint("user-\($0)"), row) }
    // Five standard deviations of a binomial share; at a rate of 0.1 that is 1.5 %, and 1 % is what it keeps.
    let estimate = Double(sampled) / rate / Double(Self.count)
    let deviation = ((1 - rate) / rate / Double(Self.count)).squareRoot()
    #expect(abs(estimate - 1) < 5 * deviation, "estimated \(estimate)")
    if rate >= 0.1 { #expect(abs(estimate - 1) < 0.01) }
  }

  @Test func `a user who is in a small sample is in every larger one`() {
    let rows = [0.001, 0.01, 0.1, 0.5, 1].map { row($0) }
    for index in 0..<50_000 {
      let user = fingerprint("user-\(index)")
      let included = rows.map { includes(user, $0) }
      #expect(included == included.sorted { !$0 && $1 })
    }
  }

  @Test(arguments: [false, true])
  func `the sample says nothing about the bucket`(isSHA256: Bool) {
    // Ten parts of the buckets, each of which must be sampled alike: chi-square with 9 degrees of freedom
    // is above 33.7 once in 10,000 times.
    let row = row(0.1)
    var all = [Double](repeating: 0, count: 10)
    var sampled = all
    for index in 0..<200_000 {
      let user = "user-\(index)"
      let bucket = isSHA256 ? naiveSHA256Bucket("\(user):checkout") : naiveBucket(user, "checkout")
      all[bucket / 1000] += 1
      if includes(fingerprint(user), row) { sampled[bucket / 1000] += 1 }
    }
    let share = sampled.reduce(0, +) / all.reduce(0, +)
    let chiSquare = zip(all, sampled).reduce(0) { sum, part in
      let expected = part.0 * share
      return sum + (part.1 - expected) * (part.1 - expected) / (expected * (1 - share))
    }
    #expect(chiSquare < 33.7)
  }

  @Test func `the samples of two experiments are independent`() {
    let rows = [row(0.1, "one"), row(0.1, "two")]
    let both = (0..<Self.count).count { index in
      let user = fingerprint("user-\(index)")
      return rows.allSatisfy { includes(user, $0) }
    }
    // 10,000 expected, with a standard deviation of 99.5.
    #expect(abs(both - 10_000) < 500, "\(both) are in both")
  }
}
