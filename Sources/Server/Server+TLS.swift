// Connections over TLS: between the ring and the requests stands a session. What is received is decrypted into
// the pending input and read from there; answers are encrypted, a buffer at a time, on their way into a send.
// Plain connections have nothing of it but the branches that lead here, and its code is kept out of theirs.

import Bytes
import Kernel
package import Trust

/// What connections over TLS have beside their rows.
struct SecureSide: ~Copyable {
  /// For sessions that begin from now on; nil if no listener speaks TLS.
  var settings: TLSServerSettings?
  /// One for each connection that sent something; there are as many places as connections.
  var sessions: [TLSSession?]
  let rows: Cells<Ciphertext>
  var pool: BufferPool
  /// Where records are decrypted, one at a time.
  let plaintext: ByteRegion
  private let memory: Memory

  /// Ciphertext on its way to one client.
  struct Ciphertext: BitwiseCopyable {
    /// In the pool of ciphertext; -1 for none.
    var buffer: Int32 = -1
    var start: UInt32 = 0
    var end: UInt32 = 0
    /// Whether part of an answer is in it, or only what TLS itself has to say.
    var carriesAnswer = false
  }

  /// Bytes of ciphertext handed to one send, and beyond which a client that does not read may not make the
  /// session say more.
  static var sendMax: Int { 64 * 1024 }

  init(_ settings: TLSServerSettings?, connections: Int) throws(SystemFailure) {
    let count = settings == nil ? 0 : connections
    let memory = try Memory(
      byteCount: TLSSession.plaintextMax + count * MemoryLayout<Ciphertext>.stride + 256)
    let pool = try BufferPool(count: count, size: Self.sendMax, warmCount: 256)
    var carver = Carver(memory.region)
    plaintext = carver.region(TLSSession.plaintextMax)
    rows = carver.cells(count)
    self.pool = pool
    sessions = Array(repeating: nil, count: count)
    self.settings = settings
    self.memory = memory
  }
}

extension Server {
  /// Whether a listener speaks TLS, and sessions that begin from now on have these settings.
  package mutating func secure(with settings: TLSServerSettings) {
    precondition(tls.settings != nil, "no listener speaks TLS")
    tls.settings = settings
  }

  mutating func beginSecure(_ slot: Int) {
    connections[slot].isSecure = true
    tls.rows[slot] = SecureSide.Ciphertext()
  }

  /// The connection is gone.
  @inline(never)
  mutating func endSecure(_ slot: Int) {
    if tls.rows[slot].buffer >= 0 { tls.pool.giveBack(Int(tls.rows[slot].buffer)) }
    if let session = tls.sessions[slot], !session.isEstablished { tally.tlsHandshakeFailures += 1 }
    tls.sessions[slot] = nil
  }

  // MARK: - Receiving

  /// Decrypts what was received and opens a window on it if nothing stands before it.
  @inline(never)
  mutating func takeSecure(_ slot: Int, _ buffer: Int32, count: Int) {
    let connection = connections[slot]
    guard !connection.isClosing, !connection.isLingering, !connection.hasEnded,
      tls.sessions[slot]?.hasFailed != true
    else {
      driver.giveBack(buffer)
      return drop(slot, count)
    }
    // A client that says nothing costs no session.
    if tls.sessions[slot] == nil { tls.sessions[slot] = TLSSession(tls.settings!) }
    guard let session = tls.sessions[slot] else {
      driver.giveBack(buffer)
      tally.tlsHandshakeFailures += 1
      return close(slot)
    }
    session.receive(driver.buffer(buffer).bytes.slice(0..<count))
    driver.giveBack(buffer)
    let wasEstablished = session.isEstablished
    var reading = session.read(into: tls.plaintext)
    if session.isEstablished, !wasEstablished {
      tally.tlsHandshakes += 1
      if session.isResumed { tally.tlsResumptions += 1 }
    }
    while case .bytes(let count) = reading {
      if connections[slot].isLast {
        drop(slot, count)
      } else {
        keep(slot, tls.plaintext.bytes.slice(0..<count))
      }
      guard !connections[slot].isClosing else { return }
      reading = session.read(into: tls.plaintext)
    }
    if case .failed = reading { return fail(slot, session) }
    if connections[slot].isSending, session.outgoingCount > SecureSide.sendMax {
      tally.pendingOverflows += 1
      return close(slot)
    }
    if session.outgoingCount > 0 { markDirty(slot) }
    // One that is in line has its turn later.
    if !connections[slot].isQueued { openPending(slot) }
    if case .ended = reading { ended(slot) }
    pauseIfAhead(slot)
  }

  /// After an alert nothing more is answered, and nothing is kept.
  private mutating func fail(_ slot: Int, _ session: TLSSession) {
    if session.isEstablished { tally.tlsBroken += 1 }
    connections[slot].isStream = false
    releaseAnswers(slot)
    releaseTail(slot)
    finishSending(slot)
  }

  // MARK: - Sending

  /// Whether anything is left to be encrypted or sent.
  @inline(never)
  func hasCiphertext(_ slot: Int) -> Bool {
    let connection = connections[slot]
    return tls.rows[slot].start < tls.rows[slot].end || connection.answersStart < connection.answersEnd
      || !connection.tail.isEmpty || (tls.sessions[slot].map { $0.outgoingCount > 0 } ?? false)
  }

  /// The ciphertext to be sent next, encrypted now if all before it was sent.
  @inline(never)
  mutating func ciphertext(_ slot: Int) -> ByteView {
    if tls.rows[slot].buffer < 0 {
      // There are as many buffers as connections.
      tls.rows[slot].buffer = Int32(tls.pool.take()!)
    }
    let region = tls.pool.region(Int(tls.rows[slot].buffer))
    if tls.rows[slot].start == tls.rows[slot].end {
      tls.rows[slot].start = 0
      tls.rows[slot].end = UInt32(encrypt(slot, into: region))
    }
    return region.bytes.slice(Int(tls.rows[slot].start)..<Int(tls.rows[slot].end))
  }

  /// Fills `region` with what TLS has to say and with answers, and behind the last answer says goodbye; the end
  /// of it. Whatever was encrypted whole is given back at once.
  private mutating func encrypt(_ slot: Int, into region: ByteRegion) -> Int {
    let session = tls.sessions[slot]!
    var end = session.takeOutgoing(into: region, from: 0)
    while region.count - end >= TLSSession.recordMax, let plaintext = nextPlaintext(slot) {
      // A session that fails here sends nothing, and a send of nothing ends the connection.
      guard session.write(plaintext) else { return 0 }
      consumePlaintext(slot, plaintext.count)
      tls.rows[slot].carriesAnswer = true
      end = session.takeOutgoing(into: region, from: end)
    }
    if connections[slot].isLast, !connections[slot].isStream, nextPlaintext(slot) == nil {
      session.end()
      end = session.takeOutgoing(into: region, from: end)
    }
    return end
  }

  /// The next piece of the answers, then of their tail.
  private func nextPlaintext(_ slot: Int) -> ByteView? {
    let connection = connections[slot]
    let rest =
      connection.answersStart < connection.answersEnd
      ? answersRegion(slot).bytes.slice(Int(connection.answersStart)..<Int(connection.answersEnd))
      : connection.tail
    return rest.isEmpty ? nil : rest.slice(0..<min(rest.count, TLSSession.plaintextMax))
  }

  private mutating func consumePlaintext(_ slot: Int, _ count: Int) {
    if connections[slot].answersStart < connections[slot].answersEnd {
      connections[slot].answersStart += UInt32(count)
      if connections[slot].answersStart == connections[slot].answersEnd { releaseAnswers(slot) }
    } else {
      connections[slot].tail = connections[slot].tail.dropping(count)
      if connections[slot].tail.isEmpty { releaseTail(slot) }
    }
  }

  @inline(never)
  mutating func sentCiphertext(_ slot: Int, _ count: Int) {
    tls.rows[slot].start += UInt32(count)
    if hasCiphertext(slot) { return send(slot) }
    tls.pool.giveBack(Int(tls.rows[slot].buffer))
    let carriedAnswer = tls.rows[slot].carriesAnswer
    tls.rows[slot] = SecureSide.Ciphertext()
    if carriedAnswer || connections[slot].isStream {
      answered(slot)
    } else if connections[slot].isLast {
      end(slot)
    } else {
      // What TLS itself said changes no deadline: that of the head runs from accepting on.
      readOn(slot)
    }
  }

  /// Sends what is left, and that it was the last; false if that is done.
  @inline(never)
  mutating func takesLeave(_ slot: Int) -> Bool {
    connections[slot].isLast = true
    if connections[slot].isSending { return true }
    tls.sessions[slot]?.end()
    guard hasCiphertext(slot) else { return false }
    expect(slot, .write, within: limits.writeTime)
    send(slot)
    return true
  }
}
