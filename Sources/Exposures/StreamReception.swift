// How one stream is received: what is missing, when to ask for it again and when to give it up. No socket and no
// clock: moments are monotonic nanoseconds that are handed in.
// Invariant, of datagrams and of records: what was sent before `next` is received, recovered, lost, unknown or pending.

package enum Verdict: Equatable, Sendable {
  /// New, so its records are to be kept; also every heartbeat that is believed.
  case accept
  /// Received before, or given up before.
  case duplicate
  /// Contradicts what is known of the stream: nothing of it is believed.
  case inconsistent
  /// So old that it may have been received before the stream was forgotten.
  case stale
}

package struct StreamReception: Sendable {
  /// Runs that are missing at one time; one more, and the oldest is given up.
  package static var runMax: Int { 1024 }
  /// Datagrams of a gap that is worth asking for; a larger one is given up at once.
  package static var gapMax: UInt64 { 1 << 20 }
  /// Datagrams of one run that are asked for at a time, the newest: an edge keeps no more than a few MiB.
  package static var askMax: UInt64 { 4096 }
  /// A stream first heard of with at most this number has just begun: what it sent before was lost on the way.
  package static var freshMax: UInt64 { 4096 }
  /// Nanoseconds for which a missing datagram may only be late.
  package static var reorderDelay: UInt64 { 20_000_000 }
  /// Nanoseconds from the first request to the next; each wait is twice the one before.
  package static var retryDelay: UInt64 { 50_000_000 }
  /// Requests for one run.
  package static var tryMax: UInt64 { 5 }

  private struct Run {
    var missing: MissingRun
    var tries: UInt64 = 0
    /// When to ask again, or to give up.
    var nextAt: UInt64
  }

  /// The number after the highest one that is known of, and the records before it.
  private var next: UInt64 = 0
  private var records: UInt64 = 0
  /// See ``StreamMark/contact``; nil before the first word of the stream.
  private var contact: UInt64?
  private var runs: [Run] = []
  package private(set) var counts = StreamCounts()
  /// Not later than the moment of the next request or surrender; `UInt64.max` if nothing is missing.
  package private(set) var due = UInt64.max

  /// Whether the edge was not heard of since another process stopped.
  private var isSilent = false

  /// Whether the stream was known before, and forgotten: then no number tells that it has just begun.
  private let wasForgotten: Bool

  package init(wasForgotten: Bool = false) {
    self.wasForgotten = wasForgotten
  }

  /// Goes on where another process stopped; what was missing is asked for anew once the edge is heard of, since until
  /// then nobody knows where to ask.
  package init(mark: StreamMark) {
    wasForgotten = false
    next = mark.next
    records = mark.records
    contact = mark.contact
    counts = mark.counts
    runs = mark.missing.map { Run(missing: $0, nextAt: .max) }
    isSilent = true
  }

  package func mark(of stream: StreamIdentity) -> StreamMark {
    StreamMark(
      stream: stream, next: next, records: records, contact: contact ?? 0, missing: runs.map(\.missing),
      counts: counts)
  }

  package var runCount: Int { runs.count }
  /// Datagrams that are missing and not yet given up.
  package var pending: UInt64 { runs.reduce(0) { $0 + UInt64($1.missing.datagrams.count) } }
  package var pendingRecords: UInt64 { runs.reduce(0) { $0 + UInt64($1.missing.records.count) } }

  // MARK: - Receiving

  /// Takes note of a datagram with records or of a heartbeat.
  package mutating func receive(_ header: DatagramHeader, now: UInt64) -> Verdict {
    precondition(header.kind != .resend)
    if isSilent { wake(now) }
    let verdict = header.sequence >= next ? advance(header, now) : fill(header)
    if verdict == .duplicate { counts.duplicates += 1 }
    if verdict == .inconsistent { counts.inconsistent += 1 }
    return verdict
  }

  /// The stream is at least as far as the header says; between is what is missing.
  private mutating func advance(_ header: DatagramHeader, _ now: UInt64) -> Verdict {
    guard
      let gap = MissingRun(
        from: next, recordsBefore: records, to: header.sequence, recordsBefore: header.recordsBefore)
    else { return .inconsistent }
    if contact == nil {
      contact = wasForgotten || header.sequence > Self.freshMax ? header.sequence : 0
    }
    next = header.sequence
    records = header.recordsBefore
    if UInt64(gap.datagrams.count) > Self.gapMax {
      giveUp(gap)
    } else if !gap.isEmpty {
      add(gap, now)
    }
    guard header.kind == .exposures else { return .accept }
    next += 1
    records += UInt64(header.count)
    counts.received += 1
    counts.receivedRecords += UInt64(header.count)
    return .accept
  }

  /// A number below `next`: new if it is missing. An overtaken heartbeat says nothing that is not known.
  private mutating func fill(_ header: DatagramHeader) -> Verdict {
    guard header.kind == .exposures else { return .accept }
    guard let index = runIndex(header.sequence) else { return .duplicate }
    let run = runs[index]
    let end = header.recordsBefore + UInt64(header.count)
    guard
      let left = MissingRun(
        from: run.missing.datagrams.lowerBound, recordsBefore: run.missing.records.lowerBound,
        to: header.sequence, recordsBefore: header.recordsBefore),
      let right = MissingRun(
        from: header.sequence + 1, recordsBefore: end,
        to: run.missing.datagrams.upperBound, recordsBefore: run.missing.records.upperBound)
    else { return .inconsistent }
    replace(index, left, right)
    if run.tries == 0 { counts.received += 1 } else { counts.recovered += 1 }
    counts.receivedRecords += UInt64(header.count)
    return .accept
  }

  private mutating func wake(_ now: UInt64) {
    isSilent = false
    for index in runs.indices { runs[index].nextAt = now + Self.reorderDelay }
    if !runs.isEmpty { due = now + Self.reorderDelay }
  }

  // MARK: - Runs

  /// The run that holds a number, by halving.
  private func runIndex(_ sequence: UInt64) -> Int? {
    var low = 0
    var high = runs.count
    while low < high {
      let middle = (low + high) / 2
      if runs[middle].missing.datagrams.upperBound <= sequence { low = middle + 1 } else { high = middle }
    }
    return low < runs.count && runs[low].missing.datagrams.contains(sequence) ? low : nil
  }

  private mutating func add(_ missing: MissingRun, _ now: UInt64) {
    runs.append(Run(missing: missing, nextAt: now + Self.reorderDelay))
    due = min(due, now + Self.reorderDelay)
    if runs.count > Self.runMax { giveUpOldest() }
  }

  /// The run's parts take its place; both are asked for when it would have been.
  private mutating func replace(_ index: Int, _ left: MissingRun, _ right: MissingRun) {
    if left.isEmpty, right.isEmpty {
      runs.remove(at: index)
    } else if left.isEmpty {
      runs[index].missing = right
    } else {
      var other = runs[index]
      runs[index].missing = left
      guard !right.isEmpty else { return }
      other.missing = right
      runs.insert(other, at: index + 1)
      if runs.count > Self.runMax { giveUpOldest() }
    }
    if runs.isEmpty { due = .max }
  }

  /// Gives up the run that was sent first.
  package mutating func giveUpOldest() {
    if !runs.isEmpty { giveUp(runs.removeFirst().missing) }
  }

  /// Gives up everything that is missing.
  package mutating func giveUpAll() {
    for run in runs { giveUp(run.missing) }
    runs = []
    due = .max
  }

  private mutating func giveUp(_ missing: MissingRun) {
    if missing.datagrams.upperBound <= contact ?? 0 {
      counts.unknown += UInt64(missing.datagrams.count)
      counts.unknownRecords += UInt64(missing.records.count)
    } else {
      counts.lost += UInt64(missing.datagrams.count)
      counts.lostRecords += UInt64(missing.records.count)
    }
  }

  // MARK: - Asking

  /// What to ask for now, at most `ResendRequest.rangeMax` ranges; what is left over stays due.
  package mutating func requests(now: UInt64) -> [Range<UInt64>] {
    guard due <= now else { return [] }
    var ranges: [Range<UInt64>] = []
    due = .max
    for index in runs.indices {
      if runs[index].nextAt <= now, runs[index].tries < Self.tryMax, ranges.count < ResendRequest.rangeMax {
        let datagrams = runs[index].missing.datagrams
        ranges.append(datagrams.suffix(Int(Self.askMax)))
        runs[index].nextAt = now + Self.retryDelay << runs[index].tries
        runs[index].tries += 1
      }
      due = min(due, runs[index].nextAt)
    }
    return ranges
  }

  /// Gives up what was asked for in vain; returns whether there was any.
  package mutating func giveUp(now: UInt64) -> Bool {
    guard due <= now else { return false }
    var kept: [Run] = []
    for run in runs {
      if run.tries == Self.tryMax, run.nextAt <= now { giveUp(run.missing) } else { kept.append(run) }
    }
    defer { runs = kept }
    due = kept.map(\.nextAt).min() ?? .max
    return kept.count < runs.count
  }
}
