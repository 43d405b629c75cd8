// What goes wrong in one run, and how often. Each run draws its own selection: a fault that is everywhere hides what only
// shows without it.

package import TestSupport

package struct Faults {
  /// Once in so many times; 0 for never.
  package var shortReads = 0
  package var shortWrites = 0
  package var resets = 0
  package var acceptFailures = 0
  package var endedMultishots = 0
  package var overflows = 0
  package var sendFailures = 0
  package var upstreamFailures = 0
  package var lostDatagrams = 0
  package var doubledDatagrams = 0
  package var slowReaders = 0
  package var rudeClients = 0
  /// How many times.
  package var clockJumps = 0
  package var kills = 0
  /// Nanoseconds that bytes and completions may take.
  package var transit: UInt64 = 50_000
  package var completion: UInt64 = 20_000
  /// Nanoseconds that a datagram may be late.
  package var lateness: UInt64 = 100_000
  /// Receive buffers of a worker, and bytes of each.
  package var buffers = 64
  package var bufferSize = 4096
  /// Bytes that a connection holds on its way.
  package var window = 65_536
  /// Whether the kernel cuts trains of datagrams.
  package var segments = true

  package init(_ random: inout Random) {
    func some(_ place: WritableKeyPath<Faults, Int>, _ rates: [Int]) {
      if random.oneIn(2) { self[keyPath: place] = random.pick(rates) }
    }
    some(\.shortReads, [2, 5, 20])
    some(\.shortWrites, [2, 5, 20])
    some(\.resets, [50, 200, 1000])
    some(\.acceptFailures, [3, 10])
    some(\.endedMultishots, [2, 10, 50])
    some(\.overflows, [3, 20])
    some(\.sendFailures, [5, 50])
    some(\.upstreamFailures, [2, 4, 10])
    some(\.lostDatagrams, [2, 10, 100])
    some(\.doubledDatagrams, [3, 20])
    some(\.slowReaders, [2, 5])
    some(\.rudeClients, [3, 8])
    some(\.clockJumps, [3])
    some(\.kills, [1, 3])
    if random.oneIn(2) { transit = random.pick([0, 1_000, 5_000_000, 100_000_000]) }
    if random.oneIn(2) { completion = random.pick([0, 1_000_000, 10_000_000]) }
    if random.oneIn(2) { lateness = random.pick([0, 5_000_000, 60_000_000]) }
    if random.oneIn(2) { buffers = random.pick([1, 2, 8]) }
    if random.oneIn(2) { bufferSize = random.pick([64, 256, 1024]) }
    if random.oneIn(2) { window = random.pick([16, 100, 2000]) }
    if random.oneIn(4) { segments = false }
  }
}
