// How often a client may ask: a bucket of tokens for each, in a table of fixed size. A bucket is stored as the moment
// at which it will be full again, so it needs no refilling, and a full bucket is the same as none: its place is free.

package import Bytes

/// Who takes tokens.
package struct Client: BitwiseCopyable, Equatable, Sendable {
  private let high: UInt64
  private let low: UInt64

  private init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// Of IPv6 the first 64 bits count: one customer has all the addresses below them.
  @_noAllocation @_noLocks
  package static func address(_ address: IPAddress) -> Client {
    Client(high: address.high, low: address.isV4 ? address.low : 0)
  }

  @_noAllocation @_noLocks
  package static func key(_ index: Int) -> Client { Client(high: .max, low: UInt64(index)) }

  /// Whoever comes over a Unix socket.
  package static var local: Client { @_noAllocation @_noLocks get { Client(high: 0, low: 1) } }

  func hash(_ seed: UInt64) -> UInt64 {
    Fingerprint.mix(Fingerprint.mix(high ^ seed) &+ seed ^ low)
  }
}

package struct TokenBuckets: Sendable {
  package struct Settings: Sendable {
    /// Tokens a second that a client gets from all tables together.
    package var rate = 1
    /// Tokens that a client can save up in all tables together.
    package var burst = 1
    /// Clients known to all tables together.
    package var clients = 65_536
    /// Tables that divide the above.
    package var shares = 1

    package init() {}

    /// Buckets of one table.
    var count: Int { sets * TokenBuckets.setSize }
    var sets: Int { max(1, (clients + shares * setSize - 1) / (shares * setSize)) }
  }

  package enum Outcome: Equatable, Sendable {
    case taken
    /// No token will be there for so many nanoseconds.
    case wait(UInt64)
  }

  private struct Bucket: BitwiseCopyable {
    var client: Client
    /// Monotonic nanoseconds.
    var fullAt: UInt64
  }

  /// Buckets in which a client's one may be.
  fileprivate static var setSize: Int { 8 }

  private let buckets: Cells<Bucket>
  private let setCount: UInt64
  private let seed: UInt64
  /// Nanoseconds in which one token comes.
  private let interval: UInt64
  /// Nanoseconds in which an empty bucket becomes full.
  private let depth: UInt64
  /// The bucket that a token was taken from last.
  private var last = 0
  /// Buckets that were not full and had to make room.
  package private(set) var evictions: UInt64 = 0

  package static func byteCount(_ settings: Settings) -> Int {
    settings.count * MemoryLayout<Bucket>.stride + 64
  }

  /// Buckets in memory that is zero. Who does not know `seed` cannot make clients that meet in one place.
  package init(_ settings: Settings, seed: UInt64, _ carver: inout Carver) {
    buckets = carver.cells(settings.count)
    setCount = UInt64(settings.sets)
    self.seed = seed
    interval = UInt64(max(1, 1_000_000_000 * settings.shares / settings.rate))
    // However small the share, one request at a time passes.
    depth = interval * UInt64(max(1, (settings.burst + settings.shares - 1) / settings.shares))
  }

  /// Takes a token of the client's. `now` is monotonic, in nanoseconds.
  @_noAllocation @_noLocks
  package mutating func take(_ client: Client, now: UInt64) -> Outcome {
    let place = find(client, now: now)
    let fullAt = max(buckets[place].fullAt, now) + interval
    guard fullAt - now <= depth else { return .wait(fullAt - now - depth) }
    buckets[place].fullAt = fullAt
    last = place
    return .taken
  }

  /// Puts the token back that was taken last.
  @_noAllocation @_noLocks
  package mutating func giveBack() { buckets[last].fullAt -= interval }

  /// The client's bucket, or else the fullest one of its set, which becomes the client's: nobody is refused for want
  /// of a place, and who has the least to lose makes room.
  private mutating func find(_ client: Client, now: UInt64) -> Int {
    let first = Int(client.hash(seed).multipliedFullWidth(by: setCount).high) * Self.setSize
    var fullest = first
    for place in first..<(first + Self.setSize) {
      if buckets[place].client == client { return place }
      if buckets[place].fullAt < buckets[fullest].fullAt { fullest = place }
    }
    if buckets[fullest].fullAt > now { evictions &+= 1 }
    buckets[fullest] = Bucket(client: client, fullAt: now)
    return fullest
  }
}
