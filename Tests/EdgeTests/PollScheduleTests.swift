import Edge
import Testing

struct PollScheduleTests {
  /// Seconds from each failure to the next try, one failure after the other.
  private func waits(
    _ schedule: inout PollSchedule, unreachable: Bool, retryAfter: Int? = nil, jitter: Double = 0.5,
    _ count: Int
  ) -> [Double] {
    (0..<count).map { _ in
      let now = schedule.next
      schedule.failed(now: now, isUnreachable: unreachable, retryAfter: retryAfter, jitter: jitter)
      return Double((schedule.next - now + 500_000) / 1_000_000) / 1000
    }
  }

  private func schedule(interval: Double = 5, most: Double = 60) -> PollSchedule {
    PollSchedule(interval: UInt64(interval * 1e9), backoffMax: UInt64(most * 1e9))
  }

  @Test func `who answers badly is asked after a time that doubles to a bound`() {
    var schedule = schedule()
    #expect(waits(&schedule, unreachable: false, 9) == [1, 2, 4, 8, 16, 32, 60, 60, 60])
    var low = self.schedule(most: 5)
    #expect(waits(&low, unreachable: false, 100).suffix(97) == Array(repeating: 5, count: 97)[...])
    schedule.succeeded(now: 0, holdsRequests: false, jitter: 0.5)
    #expect(schedule.next == 5_000_000_000)
    #expect(waits(&schedule, unreachable: false, 2) == [1, 2])
  }

  @Test func `where nobody answers it is asked as often as one that is well`() {
    var schedule = schedule()
    #expect(waits(&schedule, unreachable: true, 6) == [1, 2, 4, 5, 5, 5])
    // Never more often than once a second, nor less often than the bound.
    var quick = self.schedule(interval: 0.1)
    #expect(waits(&quick, unreachable: true, 3) == [1, 1, 1])
    var slow = self.schedule(interval: 3600)
    #expect(waits(&slow, unreachable: true, 8) == [1, 2, 4, 8, 16, 32, 60, 60])
  }

  @Test func `a new kind of failure begins anew`() {
    var schedule = schedule()
    #expect(waits(&schedule, unreachable: true, 50).last == 5)
    #expect(waits(&schedule, unreachable: false, 8) == [1, 2, 4, 8, 16, 32, 60, 60])
    #expect(waits(&schedule, unreachable: true, 2) == [1, 2])
  }

  @Test func `what the upstream asks for is obeyed if it is longer`() {
    var schedule = schedule()
    #expect(waits(&schedule, unreachable: false, retryAfter: 3, 4) == [3, 3, 4, 8])
    #expect(waits(&schedule, unreachable: false, retryAfter: 3600, 1) == [3600])
  }

  @Test func `times are spread so that edges drift apart`() {
    var (low, high) = (schedule(), schedule())
    #expect(waits(&low, unreachable: false, jitter: 0, 8) == [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 48, 48])
    #expect(waits(&high, unreachable: false, jitter: 1, 8) == [1.2, 2.4, 4.8, 9.6, 19.2, 38.4, 72, 72])
    low.succeeded(now: 0, holdsRequests: false, jitter: 0)
    high.succeeded(now: 0, holdsRequests: false, jitter: 1)
    #expect((low.next, high.next) == (4_500_000_000, 5_500_000_000))
    low.succeeded(now: 7, holdsRequests: true, jitter: 0)
    #expect(low.next == 50_000_007)
  }
}
