// The reception of all streams: finds the one that a datagram is of without an allocation, knows which of them miss
// something, and forgets those that have been silent for long, whose counts stay with their edge.

import Bytes

package struct Reception: Sendable {
  package struct Settings: Sendable {
    /// Streams known at one time; one more, and the one that was silent for longest is forgotten.
    package var streamMax = 16_384
    /// Runs missing in all streams together; one more, and its stream gives up its oldest.
    package var runMax = 262_144
    /// Edges whose forgotten streams are told apart.
    package var edgeMax = 4096
    /// Nanoseconds of silence after which a stream is forgotten.
    package var idleTime: UInt64 = 3_600_000_000_000

    package init() {}
  }

  /// Finds a stream: the fingerprint stands for the edge's id, which is compared all the same.
  private struct Key: Hashable {
    var edge: UInt64
    var boot: UInt64
    var worker: UInt16
  }

  private struct Stream {
    let key: Key
    let identity: StreamIdentity
    let edge: [UInt8]
    var reception: StreamReception
    var losses = SenderLosses()
    /// Microseconds since 1970, when the newest heartbeat was sent.
    var heartbeatAt: UInt64 = 0
    var lastSeen: UInt64
    var lag: UInt64 = 0
    /// Microseconds since 1970, when the newest datagram was sent.
    var sentAt: UInt64 = 0
    /// What was sent before may have been received when the stream was known before.
    var since: UInt64 = 0
    var isTouched = false
    /// Whether it is in `pending`.
    var isPending = false
  }

  /// What is known of one stream.
  package struct Status: Sendable {
    package let identity: StreamIdentity
    package let counts: StreamCounts
    /// Missing and not yet given up.
    package let pending: UInt64
    package let pendingRecords: UInt64
    /// As the newest heartbeat told them.
    package let losses: SenderLosses
    /// Monotonic nanoseconds.
    package let lastSeen: UInt64
    /// Microseconds from the sending of the newest datagram to its arrival, by the clocks of both machines.
    package let lag: UInt64
  }

  /// What the forgotten streams of an edge add up to.
  package struct Total: Equatable, Sendable {
    package var streams = 0
    /// Of the stream that was forgotten last.
    package var boot: UInt64 = 0
    package var counts = StreamCounts()
    package var losses = SenderLosses()
  }

  private let settings: Settings
  private var index: [Key: Int] = [:]
  /// The place of a stream stays the same for as long as it is known.
  private var streams: [Stream?] = []
  private var free: [Int] = []
  private var order = IdleOrder()
  /// Places of the streams that miss something, and of some that did a moment ago.
  private var pending: [Int] = []
  /// Places of the streams that changed since the last ``touchedMarks()``, and the last marks of those forgotten.
  private var touched: [Int] = []
  private var departed: [StreamMark] = []
  /// Not later than the next request or surrender.
  private var due = UInt64.max
  private var runCount = 0
  /// Microseconds since 1970: an evicted stream may have received what was sent before.
  private var evictedBefore: UInt64 = 0

  /// The place, below `streamMax`, of the stream that the last datagram was of; nil if it was refused.
  package private(set) var place: Int?
  /// By edge, at most `edgeMax` of them, and what found no room there.
  package private(set) var forgotten: [String: Total] = [:]
  package private(set) var forgottenOthers = Total()
  /// Streams forgotten before their time because there were too many.
  package private(set) var evictions: UInt64 = 0
  /// Datagrams refused because they may have been received before their stream was forgotten.
  package private(set) var stale: UInt64 = 0
  /// Datagrams of no known stream that contradict themselves or take another stream's place.
  package private(set) var inconsistent: UInt64 = 0

  package init(_ settings: Settings = Settings()) {
    precondition(settings.streamMax > 0)
    self.settings = settings
  }

  package var streamCount: Int { index.count }

  // MARK: - Receiving

  /// Takes note of a datagram whose tag is good; `wall` is in microseconds since 1970, `now` in monotonic
  /// nanoseconds. A resend request is nothing that an edge says, hence inconsistent.
  package mutating func receive(_ datagram: Datagram, wall: UInt64, now: UInt64) -> Verdict {
    place = nil
    let header = datagram.header
    guard header.kind != .resend else {
      inconsistent += 1
      return .inconsistent
    }
    let key = Key(edge: Fingerprint.of(datagram.edge), boot: header.boot, worker: header.worker)
    guard let place = index[key] else { return begin(datagram, key, wall, now) }
    guard streams[place]!.edge.withBytes({ $0.equals(datagram.edge) }) else {
      inconsistent += 1
      return .inconsistent
    }
    guard header.kind == .heartbeat || header.sentAt >= streams[place]!.since else {
      stale += 1
      return .stale
    }
    let runsBefore = streams[place]!.reception.runCount
    let verdict = streams[place]!.reception.receive(header, now: now)
    streams[place]!.lastSeen = now
    order.use(place)
    note(datagram, at: place, verdict, wall, runsBefore)
    return verdict
  }

  /// The first word of a stream.
  private mutating func begin(_ datagram: Datagram, _ key: Key, _ wall: UInt64, _ now: UInt64) -> Verdict {
    let idleTime = settings.idleTime / 1000
    let since = max(wall > idleTime ? wall - idleTime : 0, evictedBefore)
    guard datagram.header.sentAt >= since else {
      stale += 1
      return .stale
    }
    let edge = String(datagram.edge)
    var reception = StreamReception(wasForgotten: forgotten[edge]?.boot == datagram.header.boot)
    guard reception.receive(datagram.header, now: now) == .accept else {
      inconsistent += 1
      return .inconsistent
    }
    let identity = StreamIdentity(edge: edge, boot: datagram.header.boot, worker: datagram.header.worker)
    let place = insert(
      Stream(
        key: key, identity: identity, edge: [UInt8](datagram.edge), reception: reception, lastSeen: now,
        since: since))
    note(datagram, at: place, .accept, wall, 0)
    return .accept
  }

  private mutating func note(
    _ datagram: Datagram, at place: Int, _ verdict: Verdict, _ wall: UInt64, _ runsBefore: Int
  ) {
    self.place = place
    let header = datagram.header
    if verdict == .accept {
      streams[place]!.lag = wall > header.sentAt ? wall - header.sentAt : 0
      // A clock that is ahead must not keep new streams out.
      streams[place]!.sentAt = max(streams[place]!.sentAt, min(header.sentAt, wall))
      if header.kind == .heartbeat, header.sentAt >= streams[place]!.heartbeatAt {
        streams[place]!.heartbeatAt = header.sentAt
        streams[place]!.losses = SenderLosses(datagram)
      }
    }
    watch(place, runsBefore)
    touch(place)
  }

  private mutating func insert(_ stream: Stream) -> Int {
    if index.count == settings.streamMax, let oldest = order.oldest {
      evictedBefore = max(evictedBefore, streams[oldest]!.sentAt + 1)
      forget(oldest)
      evictions += 1
    }
    let place = free.popLast() ?? streams.count
    if place == streams.count { streams.append(stream) } else { streams[place] = stream }
    index[stream.key] = place
    order.insert(place)
    return place
  }

  private mutating func touch(_ place: Int) {
    guard !streams[place]!.isTouched else { return }
    streams[place]!.isTouched = true
    touched.append(place)
  }

  /// Counts the stream's runs, of which there were `runsBefore`, and remembers that it may have to ask.
  private mutating func watch(_ place: Int, _ runsBefore: Int) {
    runCount += streams[place]!.reception.runCount - runsBefore
    while runCount > settings.runMax, streams[place]!.reception.runCount > 0 {
      streams[place]!.reception.giveUpOldest()
      runCount -= 1
    }
    due = min(due, streams[place]!.reception.due)
    guard !streams[place]!.isPending, streams[place]!.reception.runCount > 0 else { return }
    streams[place]!.isPending = true
    pending.append(place)
  }

  // MARK: - Asking and forgetting

  /// When ``forEachRequest(now:_:)`` or ``giveUpAndForget(now:)`` next has something to do, or a little earlier;
  /// nil if nothing is known.
  package var nextDeadline: UInt64? {
    guard let oldest = order.oldest else { return nil }
    return min(due, streams[oldest]!.lastSeen + settings.idleTime)
  }

  /// Calls `body` with the place and identity of every stream that has something to ask for, and the ranges.
  package mutating func forEachRequest(
    now: UInt64, _ body: (Int, StreamIdentity, [Range<UInt64>]) -> Void
  ) {
    guard due <= now else { return }
    for place in pending {
      let ranges = streams[place]!.reception.requests(now: now)
      if !ranges.isEmpty { body(place, streams[place]!.identity, ranges) }
    }
    review()
  }

  /// Gives up what was asked for in vain, and forgets the streams that have been silent for too long.
  package mutating func giveUpAndForget(now: UInt64) {
    if due <= now {
      for place in pending {
        let runsBefore = streams[place]!.reception.runCount
        guard streams[place]!.reception.giveUp(now: now) else { continue }
        runCount += streams[place]!.reception.runCount - runsBefore
        touch(place)
      }
      review()
    }
    while let oldest = order.oldest, streams[oldest]!.lastSeen + settings.idleTime <= now { forget(oldest) }
  }

  /// Lets go of the streams that miss nothing any more, and finds the next deadline.
  private mutating func review() {
    due = .max
    var left: [Int] = []
    for place in pending {
      streams[place]!.isPending = streams[place]!.reception.runCount > 0
      guard streams[place]!.isPending else { continue }
      due = min(due, streams[place]!.reception.due)
      left.append(place)
    }
    pending = left
  }

  private mutating func forget(_ place: Int) {
    var stream = streams[place]!
    runCount -= stream.reception.runCount
    stream.reception.giveUpAll()
    if stream.isTouched {
      touched.removeAll { $0 == place }
      departed.append(stream.reception.mark(of: stream.identity))
    }
    if stream.isPending { pending.removeAll { $0 == place } }
    index[stream.key] = nil
    order.remove(place)
    streams[place] = nil
    free.append(place)
    let edge = stream.identity.edge
    if forgotten[edge] != nil || forgotten.count < settings.edgeMax {
      forgotten[edge, default: Total()].add(stream.reception.counts, stream.losses)
      forgotten[edge]!.boot = stream.identity.boot
    } else {
      forgottenOthers.add(stream.reception.counts, stream.losses)
    }
  }

  // MARK: - Marks and statistics

  /// The marks of the streams that changed since the last call, in no particular order.
  package mutating func touchedMarks() -> [StreamMark] {
    var marks = departed
    for place in touched {
      streams[place]!.isTouched = false
      marks.append(streams[place]!.reception.mark(of: streams[place]!.identity))
    }
    touched = []
    departed = []
    return marks
  }

  /// The marks of all streams that are known.
  package var marks: [StreamMark] {
    streams.compactMap { $0.map { $0.reception.mark(of: $0.identity) } }
  }

  /// Takes up the streams of marks where another process left them.
  package mutating func restore(_ marks: [StreamMark], now: UInt64) {
    for mark in marks {
      let edge = Array(mark.stream.edge.utf8)
      let key = Key(
        edge: edge.withBytes { Fingerprint.of($0) }, boot: mark.stream.boot, worker: mark.stream.worker)
      if let place = index[key] { forget(place) }
      let place = insert(
        Stream(
          key: key, identity: mark.stream, edge: edge, reception: StreamReception(mark: mark),
          lastSeen: now))
      watch(place, 0)
    }
  }

  package func forEachStream(_ body: (Status) -> Void) {
    for case let stream? in streams {
      body(
        Status(
          identity: stream.identity, counts: stream.reception.counts, pending: stream.reception.pending,
          pendingRecords: stream.reception.pendingRecords, losses: stream.losses, lastSeen: stream.lastSeen,
          lag: stream.lag))
    }
  }
}

extension Reception.Total {
  fileprivate mutating func add(_ other: StreamCounts, _ otherLosses: SenderLosses) {
    streams += 1
    counts.add(other)
    losses.add(otherLosses)
  }
}
