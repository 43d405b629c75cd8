// The second river: upstream -> manifest -> verified snapshot -> tables -> published catalog. One thread, its
// own driver; one fetch under way per environment; nothing that comes in is used before it is verified, and
// nothing is published before it is kept.

import Bytes
package import Kernel
import Operations
import Publication
import Snapshots
import Trust

package final class SyncLoop {
  private let settings: Configuration.Upstream
  private let address: UpstreamAddress
  /// Where the upstream is; nil where it has a name, which is looked up for each fetch.
  private let target: Address?
  private let lookup: NameLookup?
  /// nil without a key file.
  private var trust: TrustChain?
  private var tls: TLSClientSettings?
  private let newTLS: Mailbox<TLSClientSettings>
  private let store: StateStore
  private let workers: [WorkerWords]
  private let words: WorkerWords
  private let life: Life
  private var publisher: Publisher
  private var driver: Driver
  private var followers: [Follower] = []
  private var fetches: [Int: (fetch: Fetch, follower: Follower)] = [:]
  private var editionNumbers = Set(0..<WorkerWords.editionMax)
  private var random: any RandomNumberGenerator
  /// Whether a snapshot was compiled, which takes several times the memory that it leaves behind.
  private var hasCompiled = false

  /// What it asks of its driver.
  package static var driverSettings: DriverSettings {
    DriverSettings(submissions: 256, completions: 1024, buffers: 1)
  }

  /// How long a negative answer for an environment that a request named is remembered.
  private static let absentTime: UInt64 = 30_000_000_000
  /// Seconds of those that an upstream offers to hold a request which are taken up, so that its silent death is
  /// noticed soon.
  private static let holdMax = 30
  /// The longest time between two looks at what is due.
  private static let tickTime: UInt64 = 1_000_000_000

  init(
    _ configuration: Configuration, workers: [WorkerWords], words: WorkerWords, lookup: NameLookup?,
    on driver: consuming Driver, life: Life, newTLS: Mailbox<TLSClientSettings>,
    random: any RandomNumberGenerator = SystemRandomNumberGenerator()
  ) throws {
    settings = configuration.upstream
    address = UpstreamAddress(settings.url)!
    target = Address(numeric: address.host, port: address.port)
    self.lookup = lookup
    tls = address.kind == .https ? try Self.makeTLS(settings) : nil
    store = StateStore(directory: configuration.stateDirectory, snapshotMax: settings.snapshotMax)
    self.workers = workers
    self.words = words
    self.life = life
    self.newTLS = newTLS
    publisher = Publisher(workers)
    self.driver = driver
    self.random = random
    if let path = settings.trust {
      trust = TrustChain(try Self.readTrust(path), store: store) { [self] in refuseTrust($0, "state_refused")
      }
      words.set(SyncCounters.trustNumber, UInt64(trusted!.number))
    }
    // All are known before any is loaded: readiness is judged over all of them.
    for environment in settings.environments { follow(environment, isConfigured: true) }
    if trusted == nil {
      Log.write(.warning, "unsigned_allowed", ["upstream": .text(settings.url)])
    }
    publish()
    for follower in followers { loadLastGood(follower) }
    trim()
  }

  static func readTrust(_ path: String) throws -> TrustedKeys {
    try TrustedKeys(decoding: File.read(path, limit: 1 << 20))
  }

  static func makeTLS(_ settings: Configuration.Upstream) throws -> TLSClientSettings {
    try TLSClientSettings(
      authorities: settings.authorities, certificate: settings.clientCertificate, key: settings.clientKey)
  }

  /// Looks the upstream's name up; nil where it has none.
  static func lookup(_ settings: Configuration.Upstream, waking waker: Waker) throws(SystemFailure)
    -> NameLookup?
  {
    let address = UpstreamAddress(settings.url)!
    guard address.kind != .file, Address(numeric: address.host, port: address.port) == nil else { return nil }
    return try NameLookup(.tcp(host: address.host, port: address.port), waking: waker)
  }

  /// Follows the upstream for as long as the process lives: workers that end still answer from what it holds.
  func run() -> Never {
    while true { turn() }
  }

  package func turn() {
    if tls != nil, let new = newTLS.take() { tls = new }
    let now = driver.monotonic
    poll(now)
    let isWaiting = publisher.collect()
    driver.wait(nanoseconds: min(timeToNext(now), isWaiting ? 20_000_000 : Self.tickTime))
    while let completion = driver.next() { handle(completion) }
    takeAddress()
    takeWants()
    expireFetches(driver.monotonic)
    noticeExpiry()
    trim()
  }

  private func trim() {
    if hasCompiled { Memory.trimHeap() }
    hasCompiled = false
  }

  // MARK: - Who is followed

  private func follow(_ environment: String, isConfigured: Bool) {
    let taken = Set(followers.map(\.index))
    let index = (0..<settings.environmentMax).first { !taken.contains($0) }!
    let follower = Follower(
      environment, isConfigured: isConfigured, index: index,
      schedule: PollSchedule(interval: settings.pollInterval, backoffMax: settings.backoffMax))
    followers.append(follower)
    words.set(SyncCounters.confirmedAt(index), 0)
  }

  private func takeWants() {
    for worker in workers {
      while let name = worker.takeWant() {
        guard Layout.isEnvironment(name), !followers.contains(where: { $0.environment == name }) else {
          continue
        }
        guard followers.count < settings.environmentMax else {
          words.count(SyncCounters.environmentsRefused)
          continue
        }
        follow(name, isConfigured: false)
        loadLastGood(followers.last!)
      }
    }
  }

  /// The upstream has nothing for an environment that a request named: remembered, then forgotten.
  private func markAbsent(_ follower: Follower, now: UInt64) {
    guard !follower.isConfigured, follower.edition == nil else { return }
    follower.absentUntil = now + Self.absentTime
    publish()
  }

  // MARK: - When to ask

  private func poll(_ now: UInt64) {
    let forgotten = followers.filter { $0.absentUntil.map { $0 <= now } ?? false }
    if !forgotten.isEmpty {
      followers.removeAll { follower in forgotten.contains { $0 === follower } }
      publish()
    }
    for follower in followers
    where !follower.isFetching && follower.absentUntil == nil && follower.schedule.next <= now {
      begin(follower, now)
    }
  }

  private func timeToNext(_ now: UInt64) -> UInt64 {
    var next = now + Self.tickTime
    for follower in followers {
      if let until = follower.absentUntil {
        next = min(next, until)
      } else if !follower.isFetching {
        next = min(next, follower.schedule.next)
      }
    }
    for (fetch, _) in fetches.values { next = min(next, fetch.deadline) }
    return next > now ? next - now : 0
  }

  private func begin(_ follower: Follower, _ now: UInt64) {
    follower.phase = .manifest
    var path = trusted != nil ? Layout.manifest(follower.environment) : Layout.latest(follower.environment)
    var time = settings.timeout
    if let wait = follower.longPoll.map({ min($0, Self.holdMax) }), follower.edition != nil {
      path += "?wait=\(wait)"
      time += UInt64(wait) * 1_000_000_000
    }
    let limit = trusted != nil ? Envelope.byteCountMax : settings.snapshotMax
    get(path, follower, etag: follower.edition == nil ? nil : follower.etag, limit: limit, time: time, now)
  }

  private func get(
    _ path: String, _ follower: Follower, etag: String?, limit: Int, time: UInt64, _ now: UInt64
  ) {
    words.count(SyncCounters.fetches)
    if address.kind == .file { return read(path, follower, limit: limit) }
    let slot = (0...).first { fetches[$0] == nil }!
    do throws(Refusal) {
      let fetch = try Fetch(
        address, path: path, etag: etag, limit: limit, deadline: now + time, tls: tls, slot: slot)
      fetches[slot] = (fetch, follower)
      if let target { fetch.connect(to: .success(target), driver: &driver) } else { lookup?.ask() }
      settle(slot)
    } catch {
      conclude(follower, .refused(error))
    }
  }

  /// A folder as upstream: what is not there is answered as a web server would.
  private func read(_ path: String, _ follower: Follower, limit: Int) {
    let file = address.base + "/" + (path.split(separator: "?").first.map(String.init) ?? path)
    do throws(SystemFailure) {
      let isThere = File.exists(file)
      let content = isThere ? try File.read(file, limit: limit) : []
      conclude(
        follower,
        .answer(
          Fetch.Answer(
            status: isThere ? 200 : 404, etag: nil, retryAfter: nil, longPoll: nil, body: content)))
    } catch {
      let reason: Refusal.Reason = error.isTooLarge ? .oversized : .unreachable
      conclude(follower, .refused(Refusal(reason, error.description)))
    }
  }

  /// The answer of the resolver, for every fetch that waits for it.
  private func takeAddress() {
    guard let answer = lookup?.take() else { return }
    for (slot, entry) in fetches where entry.fetch.isResolving {
      entry.fetch.connect(to: answer.result, driver: &driver)
      settle(slot)
    }
  }

  private func handle(_ completion: Completion) {
    if completion.buffer >= 0 { driver.giveBack(completion.buffer) }
    guard completion.token.operation != .wake, let entry = fetches[completion.token.slot] else { return }
    entry.fetch.handle(completion, driver: &driver)
    settle(completion.token.slot)
  }

  private func expireFetches(_ now: UInt64) {
    for (slot, entry) in fetches where entry.fetch.deadline <= now {
      entry.fetch.expire(driver: &driver)
      settle(slot)
    }
  }

  /// Passes a fetch's outcome on, once, and lets the fetch go when nothing of it is under way.
  private func settle(_ slot: Int) {
    guard let (fetch, follower) = fetches[slot], fetch.isDone, let outcome = fetch.outcome else { return }
    fetches[slot] = nil
    conclude(follower, outcome)
  }

  private func conclude(_ follower: Follower, _ outcome: Fetch.Outcome) {
    if case .trust(let number, let manifest) = follower.phase {
      return concludeTrust(follower, number, outcome, before: manifest)
    }
    switch outcome {
    case .answer(let answer): receive(follower, answer)
    case .refused(let refusal): refuse(follower, refusal, retryAfter: nil)
    }
  }

  // MARK: - Whom to trust

  private var trusted: TrustedKeys? { trust?.keys }

  /// A manifest came that is not the one served: before it is judged, the trust file is asked for that may have
  /// changed who must sign it. One file leads to the next.
  private func lookForTrust(_ follower: Follower, before manifest: Fetch.Answer) {
    guard let number = trust?.nextNumber else { return judge(follower, manifest) }
    follower.phase = .trust(number, before: manifest)
    get(
      Layout.trust(number), follower, etag: nil, limit: TrustedKeys.rotationByteMax, time: settings.timeout,
      driver.monotonic)
  }

  /// A file that is refused, or that did not come, holds nothing up: who is trusted already goes on being trusted.
  private func concludeTrust(
    _ follower: Follower, _ number: Int, _ outcome: Fetch.Outcome, before manifest: Fetch.Answer
  ) {
    do throws(Refusal) {
      switch outcome {
      case .answer(let answer) where answer.status == 200:
        // Another environment's fetch may have brought it meanwhile.
        if number == trust?.nextNumber { try takeTrust(answer.body) }
        return lookForTrust(follower, before: manifest)
      case .answer(let answer) where Self.isAbsence(answer.status): break
      case .answer(let answer): throw Refusal(.status, "the upstream answered \(answer.status)")
      case .refused(let refusal): throw refusal
      }
    } catch {
      refuseTrust(Refusal(error.reason, "\(Layout.trust(number)): \(error.message)"), "trust_refused")
    }
    judge(follower, manifest)
  }

  /// A bucket that does not list its files says 403 of what is not there.
  private static func isAbsence(_ status: Int) -> Bool { status == 404 || status == 403 || status == 410 }

  private func takeTrust(_ file: [UInt8]) throws(Refusal) {
    try trust?.take(file)
    keepTrust()
    words.set(SyncCounters.trustNumber, UInt64(trusted!.number))
    Log.write(
      .info, "trust_rotated",
      [
        "number": .integer(trusted!.number), "threshold": .integer(trusted!.threshold),
        "keys": .text(trusted!.keys.map(\.id).joined(separator: " ")),
      ])
  }

  private func keepTrust() {
    let isAgain = trust?.isBehind ?? false
    do throws(Refusal) {
      try trust?.keep()
    } catch {
      words.count(SyncCounters.trustRefusal(error.reason))
      guard !isAgain else { return }
      Log.write(.error, "trust_not_kept", ["reason": .text(error.message)])
    }
  }

  private func refuseTrust(_ refusal: Refusal, _ event: StaticString) {
    words.count(SyncCounters.trustRefusal(refusal.reason))
    Log.write(
      .warning, event, ["reason": .text(refusal.reason.rawValue), "message": .text(refusal.message)])
  }

  // MARK: - What came

  private func receive(_ follower: Follower, _ answer: Fetch.Answer) {
    do throws(Refusal) {
      switch answer.status {
      case 304 where follower.isConditional:
        follower.longPoll = answer.longPoll
        confirm(follower)
      case 200:
        switch follower.phase {
        case .snapshot(let manifest, let envelope, let signers, let etag):
          try accept(follower, answer.body, manifest, envelope, signers)
          follower.etag = etag
          confirm(follower)
        default:
          if trust == nil {
            try receiveUnsigned(follower, answer)
          } else if follower.edition?.isSigned(by: answer.body) ?? false {
            try receiveManifest(follower, answer)
          } else {
            lookForTrust(follower, before: answer)
          }
        }
      default:
        throw Refusal(.status, "the upstream answered \(answer.status)")
      }
    } catch {
      refuse(follower, error, retryAfter: answer.retryAfter)
    }
  }

  private func judge(_ follower: Follower, _ answer: Fetch.Answer) {
    do throws(Refusal) {
      try receiveManifest(follower, answer)
    } catch {
      refuse(follower, error, retryAfter: answer.retryAfter)
    }
  }

  private func receiveManifest(_ follower: Follower, _ answer: Fetch.Answer) throws(Refusal) {
    let floor = floor(follower)
    let (manifest, signers) = try verify(answer.body, for: follower, after: floor)
    follower.longPoll = answer.longPoll
    guard let edition = follower.edition, edition.manifest.sha256 == manifest.sha256,
      edition.manifest.version == manifest.version
    else {
      follower.phase = .snapshot(manifest, envelope: answer.body, signers: signers, etag: answer.etag)
      let now = driver.monotonic
      return get(
        manifest.location, follower, etag: nil, limit: min(manifest.length, settings.snapshotMax),
        time: settings.timeout, now)
    }
    // The same snapshot, perhaps issued again: only what is known of it changes. An earlier issue changes nothing,
    // unless those who signed the one that is served are trusted no more.
    if manifest.issuedAt > edition.manifest.issuedAt || floor == nil {
      try accept(follower, edition.document, manifest, answer.body, signers)
    }
    follower.etag = answer.etag
    confirm(follower)
  }

  /// The manifest in an envelope, if every rule of signed distribution allows it.
  private func verify(
    _ envelope: [UInt8], for follower: Follower, after accepted: Accepted?
  ) throws(Refusal) -> (Manifest, [String]) {
    let opened = try Envelope(decoding: envelope)
    let manifest = try Manifest(decoding: opened.verified(Envelope.manifestType, by: trusted!))
    try manifest.check(environment: follower.environment, after: accepted)
    guard manifest.length <= settings.snapshotMax else {
      throw Refusal(
        .oversized, "the manifest speaks of \(manifest.length) bytes, more than \(settings.snapshotMax)")
    }
    guard !isOver(manifest, follower) else {
      throw Refusal(
        .expired,
        "the manifest of version \(manifest.version) expired at \(Timestamp.text(milliseconds: manifest.expiresAt))"
      )
    }
    return (manifest, opened.signers(among: trusted!))
  }

  private func isOver(_ manifest: Manifest, _ follower: Follower) -> Bool {
    let now = Double(driver.wall / 1_000_000)
    return manifest.isExpired(at: now, newestIssue: max(floor(follower)?.issuedAt ?? 0, manifest.issuedAt))
  }

  /// What manifests are held against.
  private func floor(_ follower: Follower) -> Accepted? {
    follower.accepted.flatMap { $0.binds(under: trusted) ? $0 : nil }
  }

  private func receiveUnsigned(_ follower: Follower, _ answer: Fetch.Answer) throws(Refusal) {
    let verified = try VerifiedSnapshot(unsigned: answer.body, environment: follower.environment)
    let manifest = note(verified)
    try manifest.check(environment: follower.environment, after: floor(follower))
    if follower.edition?.manifest.sha256 != manifest.sha256 {
      try adopt(
        follower,
        Edition.Source(envelope: manifest.encode(), manifest: manifest, verified: verified, signers: []))
    }
    confirm(follower)
  }

  /// What is noted of a snapshot that came without a manifest.
  private func note(_ verified: VerifiedSnapshot) -> Manifest {
    Manifest(
      environment: verified.environment, version: verified.version,
      path: Layout.snapshot(verified.environment, verified.version),
      sha256: verified.document.withBytes { Digest.sha256Hex($0) }, length: verified.document.count,
      issuedAt: Double(driver.wall / 1_000_000), expiresAt: 253_402_300_799_000)
  }

  private func accept(
    _ follower: Follower, _ document: [UInt8], _ manifest: Manifest, _ envelope: [UInt8], _ signers: [String]
  ) throws(Refusal) {
    let verified = try VerifiedSnapshot(document, for: manifest)
    try adopt(
      follower, Edition.Source(envelope: envelope, manifest: manifest, verified: verified, signers: signers))
  }

  /// Keeps and publishes. A disk that is full does not stop a kill switch: the snapshot is served all the same.
  private func adopt(_ follower: Follower, _ source: Edition.Source) throws(Refusal) {
    keep(
      follower,
      StateStore.Generation(
        envelope: source.envelope, manifest: source.manifest, document: source.verified.document,
        signers: source.signers))
    follower.accepted = Accepted(source.manifest, signers: source.signers)
    try install(follower, source, isFromDisk: false)
    Log.write(
      .info, "snapshot_published",
      [
        "environment": .text(follower.environment), "version": .integer(source.verified.version),
        "sha256": .text(source.manifest.sha256), "findings": .integer(source.verified.findings.count),
      ])
    for finding in source.verified.findings.prefix(100) {
      Log.write(
        .warning, "snapshot_finding",
        [
          "environment": .text(follower.environment), "version": .integer(source.verified.version),
          "severity": .text(finding.severity.rawValue), "place": .text(finding.place),
          "message": .text(finding.message),
        ])
    }
  }

  private func keep(_ follower: Follower, _ generation: StateStore.Generation) {
    // Two that write to one folder would undo each other's work.
    guard !life.hasSuccessor else { return follower.unkept = generation }
    let isAgain = follower.unkept != nil
    do throws(Refusal) {
      try store.keep(generation, environment: follower.environment)
      follower.unkept = nil
      if isAgain { Log.write(.info, "state_kept", ["environment": .text(follower.environment)]) }
    } catch {
      follower.unkept = generation
      words.count(SyncCounters.refusal(error.reason))
      guard !isAgain else { return }
      Log.write(
        .error, "state_not_kept",
        ["environment": .text(follower.environment), "reason": .text(error.message)])
    }
  }

  private func confirm(_ follower: Follower) {
    follower.phase = .idle
    keepTrust()
    if let unkept = follower.unkept { keep(follower, unkept) }
    words.set(SyncCounters.confirmedAt(follower.index), driver.wall / 1_000_000)
    if follower.isFromDisk {
      follower.isFromDisk = false
      publish()
    }
    follower.schedule.succeeded(
      now: driver.monotonic, holdsRequests: follower.longPoll != nil,
      jitter: Double.random(in: 0..<1, using: &random))
  }

  private func refuse(_ follower: Follower, _ refusal: Refusal, retryAfter: Int?) {
    follower.phase = .idle
    words.count(SyncCounters.refusal(refusal.reason))
    let now = driver.monotonic
    follower.longPoll = nil
    follower.schedule.failed(
      now: now, isUnreachable: refusal.reason == .unreachable, retryAfter: retryAfter,
      jitter: Double.random(in: 0..<1, using: &random))
    Log.write(
      .warning, "snapshot_refused",
      [
        "environment": .text(follower.environment), "reason": .text(refusal.reason.rawValue),
        "message": .text(refusal.message), "serving": .integer(follower.edition?.manifest.version ?? -1),
        "retryMilliseconds": .integer(Int((follower.schedule.next - now) / 1_000_000)),
      ])
    markAbsent(follower, now: now)
  }

  // MARK: - Last good

  private func loadLastGood(_ follower: Follower) {
    do throws(Refusal) {
      follower.accepted = try store.readAccepted(follower.environment)
    } catch {
      report(error, follower)
    }
    for generation in store.read(follower.environment, report: { [self] in report($0, follower) }) {
      do throws(Refusal) {
        let source = try source(generation, follower)
        try install(follower, source, isFromDisk: true)
        // A crash can come between the two files.
        if floor(follower).map({ $0.version < source.manifest.version }) ?? true {
          follower.accepted = Accepted(source.manifest, signers: source.signers)
        }
        return Log.write(
          .info, "snapshot_loaded",
          [
            "environment": .text(follower.environment), "version": .integer(generation.manifest.version),
            "expired": .bool(follower.isExpired),
          ])
      } catch {
        report(error, follower)
        // Only a broken generation makes way for the one before it: a version that is over was still the newest.
        if error.reason == .expired { return }
      }
    }
  }

  /// A generation from the disk, verified anew: the disk is no more trusted than the upstream.
  private func source(_ generation: StateStore.Generation, _ follower: Follower) throws(Refusal)
    -> Edition.Source
  {
    var signers: [String] = []
    if let trusted {
      let envelope = try Envelope(decoding: generation.envelope)
      _ = try envelope.verified(Envelope.manifestType, by: trusted)
      signers = envelope.signers(among: trusted)
    }
    try generation.manifest.check(environment: follower.environment, after: nil)
    if isOver(generation.manifest, follower), settings.onExpiry != .serveAlways {
      throw Refusal(.expired, "the last good manifest, of version \(generation.manifest.version), is over")
    }
    let verified = try VerifiedSnapshot(generation.document, for: generation.manifest)
    return Edition.Source(
      envelope: generation.envelope, manifest: generation.manifest, verified: verified, signers: signers)
  }

  private func report(_ refusal: Refusal, _ follower: Follower) {
    words.count(SyncCounters.refusal(refusal.reason))
    Log.write(
      .warning, "state_refused",
      [
        "environment": .text(follower.environment), "reason": .text(refusal.reason.rawValue),
        "message": .text(refusal.message),
      ])
  }

  // MARK: - Publishing

  private func install(_ follower: Follower, _ source: Edition.Source, isFromDisk: Bool) throws(Refusal) {
    guard let number = editionNumbers.popFirst() else {
      throw Refusal(.storage, "too many former snapshots are still being sent to slow readers")
    }
    let former = follower.edition
    do throws(Refusal) {
      follower.edition = try Edition(source, index: number)
    } catch {
      editionNumbers.insert(number)
      throw error
    }
    follower.isFromDisk = isFromDisk
    follower.isExpired = isOver(source.manifest, follower)
    publish()
    hasCompiled = true
    words.count(SyncCounters.publications)
    if let former {
      publisher.retire(former.index) { [self] in
        withExtendedLifetime(former.memory) {}
        editionNumbers.insert(former.index)
      }
    }
  }

  private func noticeExpiry() {
    for follower in followers {
      guard let edition = follower.edition else { continue }
      let isExpired = isOver(edition.manifest, follower)
      guard isExpired != follower.isExpired else { continue }
      follower.isExpired = isExpired
      if isExpired {
        Log.write(
          .error, "snapshot_expired",
          [
            "environment": .text(follower.environment), "version": .integer(edition.manifest.version),
            "expiresAt": .text(Timestamp.text(milliseconds: edition.manifest.expiresAt)),
            "onExpiry": .text(settings.onExpiry.rawValue),
          ])
      }
      publish()
    }
  }

  private func publish() {
    let entries = followers.map { follower in
      guard let edition = follower.edition else {
        var entry = CatalogEntry(name: follower.environment)
        entry.isAbsent = follower.absentUntil != nil
        entry.isConfigured = follower.isConfigured
        entry.follower = UInt32(follower.index)
        return entry
      }
      var entry = edition.entry(
        answers: !(follower.isExpired && settings.onExpiry == .refuse), isExpired: follower.isExpired,
        isFromDisk: follower.isFromDisk, follower: follower.index)
      entry.isConfigured = follower.isConfigured
      return entry
    }
    // A process that has no memory for a page has none for anything else.
    let memory = try! SharedMemory(byteCount: Publisher.byteCount(entries: entries.count))
    publisher.publish(entries, in: memory.region) { withExtendedLifetime(memory) {} }
  }
}
