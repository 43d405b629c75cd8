import Exposures
import Testing

/// Milliseconds in the nanoseconds of every moment here.
private let ms: UInt64 = 1_000_000

struct StreamReceptionTests {
  private let stream = StreamIdentity(edge: "e", boot: 1, worker: 0)

  private func datagram(_ sequence: UInt64, before: UInt64, _ count: UInt16) -> DatagramHeader {
    DatagramHeader(
      .exposures, isTagged: false, boot: 1, worker: 0, sequence: sequence, recordsBefore: before, sentAt: 0,
      count: count)
  }

  private func heartbeat(_ next: UInt64, records: UInt64) -> DatagramHeader {
    DatagramHeader(
      .heartbeat, isTagged: false, boot: 1, worker: 0, sequence: next, recordsBefore: records, sentAt: 0,
      count: 0)
  }

  private func missing(_ reception: StreamReception) -> [String] {
    reception.mark(of: stream).missing.map { "\($0.datagrams) \($0.records)" }
  }

  @Test func `what arrives in order is received`() {
    var reception = StreamReception()
    for index in UInt64(0)..<10 {
      #expect(reception.receive(datagram(index, before: index * 3, 3), now: 0) == .accept)
    }
    #expect(reception.counts.received == 10 && reception.counts.receivedRecords == 30)
    #expect(reception.due == .max && reception.pending == 0)
  }

  @Test func `a datagram in the middle of a gap says how many records lie on either side`() {
    var reception = StreamReception()
    _ = reception.receive(datagram(0, before: 0, 5), now: 0)
    _ = reception.receive(datagram(10, before: 100, 1), now: 0)
    #expect(missing(reception) == ["1..<10 5..<100"] && reception.pending == 9)
    #expect(reception.receive(datagram(4, before: 20, 50), now: 0) == .accept)
    #expect(missing(reception) == ["1..<4 5..<20", "5..<10 70..<100"] && reception.pendingRecords == 45)
    #expect(reception.receive(datagram(1, before: 5, 3), now: 0) == .accept)
    #expect(reception.receive(datagram(9, before: 95, 5), now: 0) == .accept)
    #expect(missing(reception) == ["2..<4 8..<20", "5..<9 70..<95"])
    #expect(reception.receive(datagram(4, before: 20, 50), now: 0) == .duplicate)
    #expect(reception.receive(datagram(2, before: 8, 1), now: 0) == .accept)
    #expect(reception.receive(datagram(3, before: 9, 11), now: 0) == .accept)
    #expect(missing(reception) == ["5..<9 70..<95"] && reception.counts.received == 7)
  }

  @Test func `what is missing is asked for five times, ever later, and then lost`() {
    var reception = StreamReception()
    _ = reception.receive(heartbeat(3, records: 7), now: 0)
    var asked: [UInt64] = []
    var gaveUpAt: UInt64?
    for now in stride(from: 0, through: 3000 * ms, by: Int(ms)) {
      if reception.due > now { #expect(reception.requests(now: now).isEmpty) }
      let ranges = reception.requests(now: now)
      if !ranges.isEmpty { #expect(ranges == [0..<3]) }
      if !ranges.isEmpty { asked.append(now / ms) }
      if reception.giveUp(now: now) { gaveUpAt = now / ms }
    }
    #expect(asked == [20, 70, 170, 370, 770] && gaveUpAt == 1570)
    #expect(reception.counts.lost == 3 && reception.counts.lostRecords == 7 && reception.due == .max)
    #expect(reception.receive(datagram(1, before: 2, 1), now: 0) == .duplicate)
    #expect(reception.counts.received == 0 && reception.counts.duplicates == 1)
  }

  @Test func `what comes after it was asked for is recovered, before that merely received`() {
    var reception = StreamReception()
    _ = reception.receive(heartbeat(2, records: 2), now: 0)
    #expect(reception.receive(datagram(0, before: 0, 1), now: ms) == .accept)
    #expect(reception.requests(now: 20 * ms) == [1..<2])
    #expect(reception.receive(datagram(1, before: 1, 1), now: 21 * ms) == .accept)
    #expect(reception.counts.received == 1 && reception.counts.recovered == 1)
    #expect(reception.counts.receivedRecords == 2 && reception.due == .max)
  }

  @Test(
    arguments: [
      ("fewer records than before it", 10, 29, 3), ("a gap with too few records", 15, 34, 1),
      ("a gap with too many", 11, 1000, 1), ("records in no datagram", 10, 31, 1),
      ("a split with too few on the left", 5, 10, 3), ("a split with too many on the left", 4, 110, 1),
      ("a split with too few on the right", 5, 22, 9), ("one that ends behind the run", 8, 29, 9),
      ("one that begins before the run", 3, 8, 1),
    ] as [(String, UInt64, UInt64, UInt16)])
  func `what contradicts the stream is counted and changes nothing`(
    reason: String, sequence: UInt64, before: UInt64, count: UInt16
  ) {
    var reception = StreamReception()
    // 3...8 are missing, with the records from 9 to 29.
    for index in UInt64(0)..<3 { _ = reception.receive(datagram(index, before: index * 3, 3), now: 0) }
    _ = reception.receive(datagram(9, before: 29, 1), now: 0)
    var expected = reception.mark(of: stream)
    #expect(
      reception.receive(datagram(sequence, before: before, count), now: 0) == .inconsistent, "\(reason)")
    expected.counts.inconsistent = 1
    #expect(reception.mark(of: stream) == expected)
  }

  @Test func `a heartbeat shows what is missing at the end, and an overtaken one is no news`() {
    var reception = StreamReception()
    _ = reception.receive(datagram(0, before: 0, 4), now: 0)
    #expect(reception.receive(heartbeat(1, records: 4), now: 0) == .accept)
    #expect(reception.pending == 0)
    #expect(reception.receive(heartbeat(3, records: 9), now: 0) == .accept)
    #expect(missing(reception) == ["1..<3 4..<9"])
    #expect(reception.receive(heartbeat(1, records: 4), now: 0) == .accept)
    #expect(reception.receive(heartbeat(3, records: 10), now: 0) == .inconsistent)
    #expect(missing(reception) == ["1..<3 4..<9"])
  }

  @Test func `of two runs side by side each has its own datagrams`() {
    var reception = StreamReception()
    for next in UInt64(1)...4 { _ = reception.receive(heartbeat(2 * next, records: 2 * next), now: 0) }
    #expect(missing(reception) == ["0..<2 0..<2", "2..<4 2..<4", "4..<6 4..<6", "6..<8 6..<8"])
    for sequence in [2, 4, 5, 3, 7, 0, 6, 1] as [UInt64] {
      #expect(reception.receive(datagram(sequence, before: sequence, 1), now: 0) == .accept)
    }
    #expect(reception.counts.received == 8 && reception.pending == 0)
  }

  @Test func `a leap too far is lost at once`() {
    var reception = StreamReception()
    _ = reception.receive(datagram(0, before: 0, 1), now: 0)
    let far = StreamReception.gapMax + 1
    _ = reception.receive(datagram(far, before: far, 1), now: 0)
    #expect(reception.counts.lost == 0 && reception.pending == far - 1)
    _ = reception.receive(datagram(2 * far + 1, before: 2 * far + 1, 1), now: 0)
    #expect(reception.counts.lost == far && reception.counts.lostRecords == far)
    #expect(reception.pending == far - 1 && reception.counts.received == 3)
  }

  @Test func `of a long run the newest part is asked for`() {
    var reception = StreamReception()
    _ = reception.receive(heartbeat(10_000, records: 10_000), now: 0)
    #expect(reception.requests(now: 20 * ms) == [(10_000 - StreamReception.askMax)..<10_000])
    #expect(reception.pending == 10_000)
  }

  @Test func `a request has so many ranges and no more, and the others follow at once`() {
    var reception = StreamReception()
    for index in UInt64(0)...100 {
      _ = reception.receive(datagram(2 * index + 1, before: 2 * index + 1, 1), now: 0)
    }
    let first = reception.requests(now: 20 * ms)
    #expect(first.count == ResendRequest.rangeMax && first[0] == 0..<1)
    #expect(reception.due <= 20 * ms)
    let second = reception.requests(now: 20 * ms)
    #expect(second.count == 101 - ResendRequest.rangeMax && second.last == 200..<201)
    #expect(reception.due == 70 * ms)
  }

  @Test func `when too many runs are missing the oldest is lost`() {
    var reception = StreamReception()
    let runs = UInt64(StreamReception.runMax)
    for index in 0...runs { _ = reception.receive(datagram(4 * index + 3, before: 4 * index + 3, 1), now: 0) }
    #expect(reception.runCount == StreamReception.runMax && reception.counts.lost == 3)
    // A run that is split is two.
    _ = reception.receive(datagram(4 * runs + 1, before: 4 * runs + 1, 1), now: 0)
    #expect(reception.runCount == StreamReception.runMax && reception.counts.lost == 6)
    #expect(reception.receive(datagram(1, before: 1, 1), now: 0) == .duplicate)
    #expect(reception.receive(datagram(9, before: 9, 1), now: 0) == .accept)
  }

  @Test func `what was sent long before the first contact is unknown if it is not to be had`() {
    for first in [StreamReception.freshMax, StreamReception.freshMax + 1] {
      var reception = StreamReception()
      _ = reception.receive(datagram(first, before: first, 1), now: 0)
      _ = reception.receive(datagram(first + 2, before: first + 2, 1), now: 0)
      #expect(reception.receive(datagram(7, before: 7, 1), now: 0) == .accept)
      reception.giveUpAll()
      let isFresh = first == StreamReception.freshMax
      #expect(reception.counts.unknown == (isFresh ? 0 : first - 1))
      #expect(reception.counts.unknownRecords == (isFresh ? 0 : first - 1))
      #expect(reception.counts.lost == (isFresh ? first : 1))
    }
  }

  @Test func `a mark takes up where it was left, and asks anew once the edge is heard of`() {
    var reception = StreamReception()
    _ = reception.receive(datagram(5000, before: 6000, 2), now: 0)
    _ = reception.receive(datagram(5003, before: 6010, 2), now: 0)
    _ = reception.requests(now: 20 * ms)
    let mark = reception.mark(of: stream)
    var other = StreamReception(mark: mark)
    #expect(other.mark(of: stream) == mark && other.due == .max)
    #expect(other.requests(now: 30 * ms) == [] && !other.giveUp(now: 10_000 * ms))
    #expect(other.receive(datagram(5000, before: 6000, 2), now: 40 * ms) == .duplicate)
    #expect(other.due == 60 * ms)
    #expect(other.requests(now: 60 * ms) == [904..<5000, 5001..<5003])
    #expect(other.receive(datagram(5001, before: 6002, 4), now: 0) == .accept)
    other.giveUpAll()
    #expect(other.counts.unknown == 5000 && other.counts.unknownRecords == 6000)
    #expect(other.counts.lost == 1 && other.counts.lostRecords == 4)
  }
}
