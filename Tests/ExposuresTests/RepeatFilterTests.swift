import Bytes
import Exposures
import TestSupport
import Testing

struct RepeatFilterTests {
  private func withFilter(window: UInt64, _ body: (RepeatFilter) -> Void) {
    GuardedBytes(zeroCount: RepeatFilter.byteCount).withRegion { region in
      body(RepeatFilter(region, window: window))
    }
  }

  @Test func `an exposure is remembered for the window and no longer`() {
    withFilter(window: 100) { filter in
      #expect(!filter.contains(7, now: 1000))
      filter.remember(7, now: 1000)
      #expect(filter.contains(7, now: 1000) && filter.contains(7, now: 1099))
      #expect(!filter.contains(7, now: 1100))
      #expect(!filter.contains(8, now: 1000))
    }
  }

  @Test func `without a window nothing is remembered, not even nothing`() {
    withFilter(window: 0) { filter in
      filter.remember(7, now: 1000)
      #expect(!filter.contains(7, now: 1000))
    }
    withFilter(window: 100) { #expect(!$0.contains(0, now: 0)) }
  }

  @Test func `of two in one slot the newer one is remembered`() {
    withFilter(window: 100) { filter in
      let other = 7 + UInt64(RepeatFilter.capacity)
      filter.remember(7, now: 1000)
      filter.remember(other, now: 1000)
      #expect(!filter.contains(7, now: 1001) && filter.contains(other, now: 1001))
      filter.remember(8, now: 1000)
      #expect(filter.contains(other, now: 1001))
    }
  }

  @Test func `nothing that was not remembered is taken for a repeat`() {
    withFilter(window: 1_000_000) { filter in
      var random = Random(seed: 5)
      var remembered: Set<UInt64> = []
      for now in UInt64(1)...100_000 {
        let fingerprint = random.next()
        #expect(!filter.contains(fingerprint, now: now) || remembered.contains(fingerprint))
        filter.remember(fingerprint, now: now)
        remembered.insert(fingerprint)
        #expect(filter.contains(fingerprint, now: now))
      }
    }
  }
}
