import Access
import Bytes
import TestSupport
import Testing

/// Buckets as one would write them: a number of tokens for each client, in exact fractions.
private struct Model {
  /// Tokens times nanoseconds.
  var interval: Int
  var burst: Int
  var buckets: [String: (fill: Int, at: Int)] = [:]

  mutating func take(_ client: String, _ now: Int) -> Bool {
    var (fill, at) = buckets[client] ?? (burst * interval, now)
    fill = min(burst * interval, fill + now - at)
    at = now
    let isTaken = fill >= interval
    if isTaken { fill -= interval }
    buckets[client] = (fill, at)
    return isTaken
  }
}

struct TokenBucketsTests {
  private func buckets(
    rate: Int, burst: Int, clients: Int = 4096, shares: Int = 1, seed: UInt64 = 1
  ) throws -> TokenBuckets {
    var settings = TokenBuckets.Settings()
    settings.rate = rate
    settings.burst = burst
    settings.clients = clients
    settings.shares = shares
    return try Tables(TokenBuckets.byteCount(settings)) { TokenBuckets(settings, seed: seed, &$0) }.value
  }

  private func client(_ number: Int) -> Client { .address(IPAddress(v4: UInt32(number))) }

  private static let start: UInt64 = 5_000_000_000

  @Test(arguments: [(10, 10, 1), (1000, 5, 1), (3, 7, 1), (7, 20, 4), (1, 1, 1), (1_000_000, 1, 3)])
  func `the table does what a dictionary of buckets does, as long as nobody makes room`(
    rate: Int, burst: Int, shares: Int
  ) throws {
    var random = Random(seed: UInt64(rate * 31 + burst))
    var table = try buckets(rate: rate, burst: burst, clients: 16_384 * shares, shares: shares)
    var model = Model(
      interval: 1_000_000_000 * shares / rate, burst: max(1, (burst + shares - 1) / shares))
    var now = Int(Self.start)
    var refused = 0
    for _ in 0..<50_000 {
      now += random.oneIn(40) ? random.below(2 * model.interval) : 0
      let number = random.below(10)
      let expected = model.take("\(number)", now)
      let outcome = table.take(client(number), now: UInt64(now))
      #expect((outcome == .taken) == expected)
      if !expected { refused += 1 }
    }
    #expect(table.evictions == 0)
    #expect(refused > 100, "the rows must refuse some")
  }

  @Test func `who waits as long as it is told gets a token, and not before`() throws {
    var random = Random(seed: 4)
    var table = try buckets(rate: 7, burst: 3)
    var now = Self.start
    for _ in 0..<1000 {
      switch table.take(client(1), now: now) {
      case .taken: now += UInt64(random.below(50_000_000))
      case .wait(let time):
        #expect(time > 0)
        #expect(table.take(client(1), now: now + time - 1) != .taken)
        #expect(table.take(client(1), now: now + time) == .taken)
        now += time
      }
    }
  }

  @Test(arguments: [(1, 8), (1, 64), (3, 2)])
  func `a share lets one request pass, however small it is`(rate: Int, shares: Int) throws {
    var table = try buckets(rate: rate, burst: 1, shares: shares)
    #expect(table.take(client(1), now: Self.start) == .taken)
    #expect(table.take(client(1), now: Self.start) == .wait(1_000_000_000 * UInt64(shares) / UInt64(rate)))
  }

  @Test func `nobody is refused for want of a place`() throws {
    var table = try buckets(rate: 1, burst: 2, clients: 64)
    for number in 0..<10_000 { #expect(table.take(client(number), now: Self.start) == .taken) }
    // Most of them were forgotten, and counted.
    #expect(table.evictions > 9_900)
    #expect(table.evictions <= 10_000 - 8)
  }

  @Test func `who has sent the most makes room last`() throws {
    var table = try buckets(rate: 1, burst: 4, clients: 8)
    for _ in 0..<4 { #expect(table.take(client(0), now: Self.start) == .taken) }
    for number in 1..<1000 { #expect(table.take(client(number), now: Self.start) == .taken) }
    #expect(table.take(client(0), now: Self.start) != .taken)
  }

  @Test func `a bucket that is full again makes room for nothing`() throws {
    var table = try buckets(rate: 1000, burst: 1, clients: 8)
    for number in 0..<10_000 {
      #expect(table.take(client(number), now: Self.start + UInt64(number) * 1_000_000) == .taken)
    }
    #expect(table.evictions == 0)
  }

  @Test func `a token that is put back can be taken again`() throws {
    var table = try buckets(rate: 1, burst: 2)
    for _ in 0..<100 {
      #expect(table.take(client(1), now: Self.start) == .taken)
      table.giveBack()
    }
    for _ in 0..<2 { #expect(table.take(client(1), now: Self.start) == .taken) }
    #expect(table.take(client(1), now: Self.start) != .taken)
  }

  @Test func `clients are told apart as they should be`() throws {
    func same(_ left: String, _ right: String) throws -> Bool {
      let addresses = try [left, right].map { text in
        try #require(Array(text.utf8).withBytes { IPAddress.parse($0) })
      }
      return Client.address(addresses[0]) == .address(addresses[1])
    }
    #expect(try same("2001:db8::1", "2001:db8::ffff"))
    #expect(try !same("2001:db8::1", "2001:db8:0:1::1"))
    #expect(try !same("10.0.0.1", "10.0.0.2"))
    #expect(try !same("::1", "127.0.0.1"))
    #expect(Client.key(0) != Client.key(1))
    #expect(Client.local != .address(IPAddress(high: 0, low: 1)))
    #expect(Client.local != .key(1))
  }

  @Test func `which clients meet in one place depends on the seed`() throws {
    /// Who made room for 40 newcomers.
    func forgotten(_ seed: UInt64) throws -> Set<Int> {
      var table = try buckets(rate: 1, burst: 1, clients: 256, seed: seed)
      for number in 0..<400 { _ = table.take(client(number), now: Self.start) }
      return Set((0..<400).filter { table.take(client($0), now: Self.start) == .taken })
    }
    #expect(try forgotten(1) == forgotten(1))
    #expect(try forgotten(1) != forgotten(2))
  }
}
