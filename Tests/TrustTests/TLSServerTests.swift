import Bytes
import ProgramSupport
import Testing
import Trust

/// Both ends of a connection, and nothing between them.
@safe private final class Pair {
  let client: TLSPeer
  let session: TLSSession
  /// What the client's side said that the session could read.
  var received: [UInt8] = []
  var hasEnded = false
  /// What the client found wrong in the handshake.
  private var fault: (any Error)?
  /// Bytes that are handed over at a time.
  var step = Int.max
  private let scratch: ByteRegion
  private let memory: UnsafeMutableRawPointer

  init(_ settings: TLSServerSettings, _ client: TLSPeerSettings) throws {
    self.client = try TLSPeer(client)
    session = try #require(TLSSession(settings))
    unsafe memory = .allocate(byteCount: 65_536, alignment: 16)
    scratch = unsafe ByteRegion(start: memory, count: 65_536)
  }

  deinit { unsafe memory.deallocate() }

  /// Carries what the client has to say, in steps; false once the session failed.
  func carryOver() -> Bool { deliver(client.takeOutgoing()) }

  func deliver(_ ciphertext: [UInt8]) -> Bool {
    var bytes = ciphertext[...]
    while !bytes.isEmpty {
      let part = Array(bytes.prefix(step))
      bytes = bytes.dropFirst(part.count)
      part.withBytes { session.receive($0) }
      reading: while true {
        switch session.read(into: scratch.part(from: 0, count: TLSSession.plaintextMax)) {
        case .bytes(let count): received += (0..<count).map { scratch.bytes[$0] }
        case .nothing: break reading
        case .ended:
          hasEnded = true
          break reading
        case .failed: return false
        }
      }
    }
    return true
  }

  /// Carries what the session has to say, in steps.
  func carryBack() {
    while session.outgoingCount > 0 {
      let end = session.takeOutgoing(into: scratch.part(from: 0, count: min(step, 65_536)), from: 0)
      client.receive((0..<end).map { scratch.bytes[$0] })
      do { _ = try client.handshake() } catch { fault = fault ?? error }
    }
  }

  func shakeHands() throws {
    for _ in 0..<8 {
      let isDone = try client.handshake()
      let goesOn = carryOver()
      carryBack()
      if let fault { throw fault }
      guard goesOn else { break }
      if isDone, session.isEstablished { return }
    }
    throw Failure("the handshake came to no end")
  }

  func write(_ bytes: [UInt8]) -> Bool { bytes.withBytes { session.write($0) } }

  /// All that the client can read now.
  func readAll() throws -> (bytes: [UInt8], hasEnded: Bool) {
    var all: [UInt8] = []
    while let bytes = try client.read() {
      if bytes.isEmpty { return (all, false) }
      all += bytes
    }
    return (all, true)
  }
}

struct TLSServerTests {
  private let certificates: Certificates

  init() throws {
    certificates = try Certificates(in: Folder())
  }

  private func settings(
    _ name: String = "server", clients: String? = nil, sharingTicketsWith other: TLSServerSettings? = nil
  ) throws -> TLSServerSettings {
    try TLSServerSettings(
      certificate: certificates.path(name + ".pem"), key: certificates.path(name + ".key"),
      clientAuthorities: clients.map { certificates.path($0 + ".pem") }, sharingTicketsWith: other)
  }

  private func client(_ change: (inout TLSPeerSettings) -> Void = { _ in }) -> TLSPeerSettings {
    var settings = TLSPeerSettings(authority: certificates.path("ca.pem"))
    change(&settings)
    return settings
  }

  @Test(arguments: [true, false], [1, 2, 3, 5, 7, 100, .max])
  func `a conversation may be cut anywhere`(isVersion12: Bool, step: Int) throws {
    let pair = try Pair(settings(), client { $0.isVersion12 = isVersion12 })
    pair.step = step
    try pair.shakeHands()
    #expect(pair.client.version == (isVersion12 ? "TLSv1.2" : "TLSv1.3"))
    #expect(!pair.session.isResumed)
    let question = (0..<40_000).map { UInt8(truncatingIfNeeded: $0 * 7) }
    try pair.client.send(question)
    #expect(pair.carryOver())
    #expect(pair.received == question)
    let answer = Array(question.reversed())
    for start in stride(from: 0, to: answer.count, by: TLSSession.plaintextMax) {
      #expect(pair.write(Array(answer[start...].prefix(TLSSession.plaintextMax))))
      #expect(pair.session.outgoingCount <= TLSSession.recordMax)
      pair.carryBack()
    }
    #expect(try pair.readAll() == (answer, false))
    pair.client.end()
    #expect(pair.carryOver())
    #expect(pair.hasEnded)
    // Having heard the last of the client it may still answer.
    #expect(pair.write(Array("late".utf8)))
    pair.session.end()
    pair.session.end()
    pair.carryBack()
    #expect(try pair.readAll() == (Array("late".utf8), true))
    #expect(pair.session.outgoingCount == 0, "it says goodbye once")
  }

  @Test(arguments: [([], ""), (["http/1.1"], "http/1.1"), (["h2", "http/1.1"], "http/1.1")])
  func `of what a client offers HTTP 1.1 is chosen`(offers: [String], chosen: String) throws {
    let pair = try Pair(settings(), client { $0.offers = offers })
    try pair.shakeHands()
    #expect(pair.client.chosen == chosen)
  }

  @Test func `a client that offers only other protocols gets the alert for that`() throws {
    let pair = try Pair(settings(), client { $0.offers = ["h2", "http/1.0"] })
    let failure = #expect(throws: Failure.self) { try pair.shakeHands() }
    #expect(failure?.description.contains("no application protocol") == true)
    #expect(pair.session.hasFailed)
    #expect(!pair.session.isEstablished)
  }

  /// TLS 1.3 has nothing but tickets.
  @Test(arguments: [(true, true), (true, false), (false, true)])
  func `a session is taken up again with tickets and without`(isVersion12: Bool, takesTickets: Bool) throws {
    let shared = try settings()
    var again = client {
      $0.isVersion12 = isVersion12
      $0.takesTickets = takesTickets
    }
    let first = try Pair(shared, again)
    try first.shakeHands()
    _ = try first.readAll()
    again.session = first.client.session
    // A session ends in order, or it is not kept.
    first.session.end()
    let second = try Pair(shared, again)
    try second.shakeHands()
    #expect(second.client.isResumed)
    #expect(second.session.isResumed)
  }

  @Test(arguments: [true, false])
  func `a ticket outlives the certificate unless clients show theirs`(isVersion12: Bool) throws {
    let former = try settings()
    var again = client {
      $0.isVersion12 = isVersion12
      $0.certificate = (certificates.path("client.pem"), certificates.path("client.key"))
    }
    let first = try Pair(former, again)
    try first.shakeHands()
    _ = try first.readAll()
    again.session = first.client.session
    for (new, isResumed) in [
      (try settings("renewed", sharingTicketsWith: former), true),
      (try settings("renewed"), false),
      (try settings("renewed", clients: "ca", sharingTicketsWith: former), false),
    ] {
      let second = try Pair(new, again)
      try second.shakeHands()
      #expect(second.session.isResumed == isResumed)
      #expect(second.client.subject == (isResumed ? "/CN=server" : "/CN=renewed"))
    }
  }

  @Test(arguments: [true, false])
  func `where clients show certificates only those of the authority are let in`(isVersion12: Bool) throws {
    let shared = try settings(clients: "ca")
    for (name, isLetIn) in [("client", true), ("stranger", false), (nil, false)] {
      let pair = try Pair(
        shared,
        client { settings in
          settings.isVersion12 = isVersion12
          settings.certificate = name.map { (certificates.path($0 + ".pem"), certificates.path($0 + ".key")) }
        })
      if isLetIn {
        try pair.shakeHands()
        try pair.client.send([1])
        #expect(pair.carryOver())
        #expect(pair.received == [1])
      } else {
        #expect(throws: Failure.self) { try pair.shakeHands() }
        #expect(pair.session.hasFailed)
        #expect(!pair.session.isEstablished)
      }
    }
  }

  @Test func `what is no TLS fails without a word, and stays failed`() throws {
    for text in [
      "GET / HTTP/1.1\r\nHost: e\r\n\r\n", "\u{16}\u{3}\u{1}\u{0}\u{5}hello", "garbage, only garbage",
    ] {
      let pair = try Pair(settings(), client())
      for _ in 0..<2 { #expect(!pair.deliver(Array(text.utf8)), "\(text)") }
      #expect(pair.session.outgoingCount <= 7, "an alert at most")
    }
  }

  @Test func `a record that was changed on the way is the end`() throws {
    let pair = try Pair(settings(), client())
    try pair.shakeHands()
    try pair.client.send(Array("question".utf8))
    var record = pair.client.takeOutgoing()
    record[record.count - 1] ^= 1
    #expect(!pair.deliver(record))
    #expect(pair.received.isEmpty)
    // Nothing but the alert follows.
    pair.session.end()
    pair.carryBack()
    let failure = #expect(throws: Failure.self) { try pair.readAll() }
    #expect(failure?.description.contains("bad record mac") == true)
  }

  @Test func `files that are missing, no certificate, or do not belong together are named`() throws {
    func fault(_ certificate: String, _ key: String, clients: String? = nil) -> String? {
      do throws(TrustFailure) {
        _ = try TLSServerSettings(
          certificate: certificates.path(certificate), key: certificates.path(key),
          clientAuthorities: clients.map(certificates.path))
        return nil
      } catch {
        return error.description
      }
    }
    try certificates.folder.write("empty.pem", "")
    try Program.check(
      "/usr/bin/openssl",
      [
        "ec", "-in", certificates.path("server.key"), "-aes128", "-passout", "pass:secret", "-out",
        certificates.path("locked.key"),
      ])
    #expect(fault("server.pem", "server.key") == nil)
    #expect(fault("none.pem", "server.key")?.contains("none.pem") == true)
    #expect(fault("empty.pem", "server.key")?.contains("empty.pem") == true)
    #expect(fault("server.pem", "none.key")?.contains("none.key") == true)
    #expect(fault("server.pem", "client.key")?.contains("client.key") == true)
    #expect(fault("server.pem", "locked.key")?.contains("locked.key") == true)
    #expect(fault("server.pem", "server.key", clients: "empty.pem")?.contains("empty.pem") == true)
  }
}
