// The world of one run: its time, its chance and what is going to happen in it. Everything follows from the seed; nothing
// happens between two events, and nobody waits.

package import TestSupport

package final class World {
  package var random: Random
  package let faults: Faults
  /// Monotonic nanoseconds.
  package private(set) var now: UInt64 = 1_000_000_000
  /// Nanoseconds since 1970 at the moment 0, which a jump of the wall clock changes.
  private var wallAtZero: Int64 = Int64(Fixture.publishedAt) * 1_000_000
  private var events: [Event] = []
  private var eventCount: UInt64 = 0
  /// What went wrong first.
  package private(set) var failure: String?
  /// Versions of the snapshot that the upstream may serve.
  package var published = 0
  /// The newest version that anybody was answered: whoever connects from then on is answered none before it, not even by
  /// an edge that starts in place of one that was killed.
  package var newest = 0
  /// How often the edge was killed: whoever was connected to it then is told nothing more.
  package var kills = 0
  /// Whether the edge is ending: whoever asks from now on may be told nothing.
  package var mayRefuse = false
  /// Hears of what happens; nil for nobody.
  package var teller: ((String) -> Void)?

  private struct Event {
    var at: UInt64
    /// Of events of one moment the one that was planned first comes first.
    var number: UInt64
    var body: () -> Void

    func isBefore(_ other: Event) -> Bool { (at, number) < (other.at, other.number) }
  }

  package init(seed: UInt64) {
    var random = Random(seed: seed)
    faults = Faults(&random)
    self.random = random
  }

  /// Nanoseconds since 1970.
  package var wall: UInt64 { UInt64(max(0, wallAtZero + Int64(now))) }

  package func jump(seconds: Int) {
    tell("the wall clock jumps by \(seconds) s")
    wallAtZero += Int64(seconds) * 1_000_000_000
  }

  package func fail(_ text: @autoclosure () -> String) {
    guard failure == nil else { return }
    failure = text()
    tell("FAILED: \(failure!)")
  }

  package func check(_ condition: Bool, _ text: @autoclosure () -> String) {
    if !condition { fail(text()) }
  }

  package func tell(_ text: @autoclosure () -> String) {
    teller?("\(Double(now) / 1e9) \(text())")
  }

  // MARK: - Chance

  /// Once in `count` times; never for 0.
  package func oneIn(_ count: Int) -> Bool { count > 0 && random.oneIn(count) }

  /// Up to `most` nanoseconds, mostly far less.
  package func delay(upTo most: UInt64) -> UInt64 {
    guard most > 0 else { return 0 }
    let part = most >> UInt64(random.below(12))
    return part == 0 ? 0 : UInt64(random.below(Int(part)))
  }

  // MARK: - Events

  package func at(_ moment: UInt64, _ body: @escaping () -> Void) {
    events.append(Event(at: max(moment, now), number: eventCount, body: body))
    eventCount += 1
    var place = events.count - 1
    while place > 0, events[place].isBefore(events[(place - 1) / 2]) {
      events.swapAt(place, (place - 1) / 2)
      place = (place - 1) / 2
    }
  }

  package func after(_ delay: UInt64, _ body: @escaping () -> Void) { at(now + delay, body) }

  /// When something happens next.
  package var nextEvent: UInt64? { events.first?.at }

  /// Lets everything happen that is due at `moment`, which is now from then on.
  package func advance(to moment: UInt64) {
    now = max(now, moment)
    while let first = events.first, first.at <= now {
      takeFirst()
      first.body()
    }
  }

  private func takeFirst() {
    events.swapAt(0, events.count - 1)
    events.removeLast()
    var place = 0
    while true {
      var least = place
      for child in [2 * place + 1, 2 * place + 2] where child < events.count {
        if events[child].isBefore(events[least]) { least = child }
      }
      guard least != place else { return }
      events.swapAt(place, least)
      place = least
    }
  }
}
