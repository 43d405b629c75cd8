// From received bytes to requests and back to answers: the half of the server that parses.

import Bytes
import HTTP
import Kernel

extension Server {
  // MARK: - Windows

  /// Looks at what the connection has pending.
  mutating func openPending(_ slot: Int) {
    let connection = connections[slot]
    guard connection.isOpen, !connection.isBusy, connection.pending >= 0 else { return }
    window = Window(
      slot: slot, region: pendingPool.region(Int(connection.pending)),
      offset: Int(connection.pendingStart), end: Int(connection.pendingEnd))
  }

  /// Leaves the window; whatever was not consumed and lies in a receive buffer is gone.
  mutating func closeWindow() {
    if window.buffer >= 0 { driver.giveBack(window.buffer) }
    window = Window()
  }

  /// Keeps what the window did not consume as the connection's pending input and leaves it.
  private mutating func keepRest() {
    let slot = window.slot
    if window.buffer >= 0 {
      keep(slot, window.region.bytes.slice(window.offset..<window.end))
    } else if window.offset == window.end {
      releasePending(slot)
    } else {
      connections[slot].pendingStart = UInt32(window.offset)
    }
    closeWindow()
  }

  /// Appends bytes to the connection's pending input.
  mutating func keep(_ slot: Int, _ bytes: ByteView) {
    guard !bytes.isEmpty else { return }
    if connections[slot].pending < 0 {
      // There are as many buffers as connections.
      connections[slot].pending = Int32(pendingPool.take()!)
      connections[slot].pendingStart = 0
      connections[slot].pendingEnd = 0
    }
    let region = pendingPool.region(Int(connections[slot].pending))
    if Int(connections[slot].pendingEnd) + bytes.count > region.count { compact(slot) }
    let end = Int(connections[slot].pendingEnd)
    guard end + bytes.count <= region.count else {
      tally.pendingOverflows += 1
      return close(slot)
    }
    region.copy(bytes, to: end)
    connections[slot].pendingEnd = UInt32(end + bytes.count)
  }

  /// Moves the pending input to the beginning of its buffer.
  private mutating func compact(_ slot: Int) {
    let start = Int(connections[slot].pendingStart)
    guard start > 0, connections[slot].chunks == nil else { return }
    let region = pendingPool.region(Int(connections[slot].pending))
    let end = Int(connections[slot].pendingEnd)
    region.copy(region.bytes.slice(start..<end), to: 0)
    connections[slot].pendingStart = 0
    connections[slot].pendingEnd = UInt32(end - start)
  }

  // MARK: - Reading

  /// Whether there is one more request in the window, which is then in `exchange`; if not, the window was left.
  mutating func readWindow() -> Bool {
    let slot = window.slot
    guard !connections[slot].isLast, !connections[slot].isClosing else {
      closeWindow()
      return false
    }
    guard window.offset < window.end else {
      restOver(slot)
      return false
    }
    if isServedOut(slot) {
      tally.sharedTurns += 1
      keepRest()
      if !connections[slot].isClosing { enqueue(slot) }
      return false
    }
    // Answers that leave no room for a refusal are sent before anything is read that might need one.
    guard Int(connections[slot].answersEnd) <= limits.answers - Self.refusalMax else {
      keepRest()
      return false
    }
    let bytes = window.region.bytes.slice(window.offset..<window.end)
    guard isWorthParsing(slot, bytes) else {
      // The head is known if it was told how much the body needs, even if an answer was sent meanwhile.
      let isBody = connections[slot].neededCount > 0 || connections[slot].waitsFor == .body
      wait(slot, for: isBody ? .body : .head)
      return false
    }
    switch limits.parser.parse(bytes, into: &exchange.request) {
    case .incomplete:
      connections[slot].scannedCount = UInt32(bytes.count)
      wait(slot, for: .head)
      return false
    case .invalid(let rejection):
      closeWindow()
      reject(slot, rejection, to: exchange.request.method)
      return false
    case .head:
      if drains { exchange.request.keepsAlive = false }
      return read(slot, bytes)
    }
  }

  /// Nothing is left in the window.
  private mutating func restOver(_ slot: Int) {
    if window.buffer < 0 { releasePending(slot) }
    closeWindow()
    if connections[slot].hasEnded { finishSending(slot) }
  }

  /// Keeps the rest until more arrives.
  private mutating func wait(_ slot: Int, for wait: Connection.Wait) {
    keepRest()
    guard !connections[slot].isClosing else { return }
    if connections[slot].hasEnded { return finishSending(slot) }
    if connections[slot].waitsFor != wait {
      expect(slot, wait, within: wait == .head ? limits.headTime : limits.bodyTime)
    }
  }

  /// Whether parsing can tell more than it did before: a head that drips in is not parsed at every byte.
  private mutating func isWorthParsing(_ slot: Int, _ bytes: ByteView) -> Bool {
    if connections[slot].neededCount > 0 { return bytes.count >= Int(connections[slot].neededCount) }
    let scanned = Int(connections[slot].scannedCount)
    if bytes.count < 1024 || bytes.count >= scanned + scanned / 8 { return true }
    if bytes.count > limits.parser.unfinishedMax(bytes) { return true }
    // The end of a line, and whatever may follow one; any other control character is wrong anywhere.
    var offset = max(0, scanned - 1)
    while offset < bytes.count {
      let byte = bytes[offset]
      if (byte < 0x20 && byte != 0x09) || byte == 0x7F { return true }
      offset += 1
    }
    connections[slot].scannedCount = UInt32(bytes.count)
    return false
  }

  private mutating func read(_ slot: Int, _ bytes: ByteView) -> Bool {
    let headCount = exchange.request.headCount
    switch exchange.request.framing {
    case .none: return begin(slot, bytes, consumed: headCount)
    case .length(let length):
      let count = headCount + length
      guard bytes.count >= count else {
        connections[slot].neededCount = UInt32(count)
        awaitBody(slot)
        return false
      }
      exchange.request.body = ByteRange(start: headCount, count: length)
      return begin(slot, bytes, consumed: count)
    case .chunked: return readChunks(slot)
    }
  }

  private mutating func awaitBody(_ slot: Int) {
    if exchange.request.expectsContinue, !connections[slot].hasContinued {
      connections[slot].hasContinued = true
      var output = answerOutput(slot)
      output.append("HTTP/1.1 100 Continue\r\n\r\n")
      commit(slot, output)
    }
    wait(slot, for: .body)
  }

  /// Chunks are put together in the connection's own buffer, where the head already stands at the start.
  private mutating func readChunks(_ slot: Int) -> Bool {
    if connections[slot].chunks == nil {
      keepRest()
      guard !connections[slot].isClosing else { return false }
      compact(slot)
      connections[slot].chunks = ChunkedBody(start: exchange.request.headCount)
      openPending(slot)
    }
    var chunks = connections[slot].chunks!
    let outcome = chunks.advance(
      window.region, filled: window.end, bodyMax: limits.parser.bodyMax,
      overheadMax: limits.parser.chunkOverheadMax, trailersMax: limits.parser.trailersMax)
    connections[slot].chunks = chunks
    switch outcome {
    case .incomplete:
      awaitBody(slot)
      return false
    case .invalid(let rejection):
      closeWindow()
      reject(slot, rejection, to: exchange.request.method)
      return false
    case .complete:
      exchange.request.body = ByteRange(start: chunks.start, count: chunks.count)
      return begin(slot, window.region.bytes.slice(0..<window.end), consumed: chunks.offset)
    }
  }

  // MARK: - Answering

  /// Makes room for the answer to a request that is there as a whole; false if there is none.
  private mutating func begin(_ slot: Int, _ bytes: ByteView, consumed: Int) -> Bool {
    if connections[slot].needsLarge, !takeLarge(slot) {
      closeWindow()
      reject(slot, .overloaded, to: exchange.request.method)
      return false
    }
    exchange.bytes = bytes
    exchange.output = answerOutput(slot)
    exchange.start = exchange.output.count
    exchange.consumed = consumed
    exchange.slot = slot
    exchange.generation = connections[slot].generation
    exchange.isSecure = connections[slot].isSecure
    exchange.hasMostRoom = connections[slot].isLarge
    exchange.isStream = false
    exchange.tail = .empty
    exchange.tailPin = -1
    return true
  }

  /// Takes the answer of the exchange; an answer that did not fit is asked for again with more room.
  package mutating func finish() {
    let slot = exchange.slot
    if exchange.output.isOverflowing { return makeRoom() }
    connections[slot].needsLarge = false
    connections[slot].neededCount = 0
    connections[slot].scannedCount = 0
    connections[slot].hasContinued = false
    connections[slot].chunks = nil
    connections[slot].served += 1
    connections[slot].tail = exchange.tail
    connections[slot].tailPin = exchange.tailPin
    commit(slot, exchange.output)
    window.offset += exchange.consumed
    connections[slot].isStream = exchange.isStream
    if !exchange.request.keepsAlive || exchange.isStream {
      connections[slot].isLast = true
      closeWindow()
      releasePending(slot)
    } else if !connections[slot].tail.isEmpty {
      // The next answer may not come before the tail is sent.
      keepRest()
    }
  }

  private mutating func makeRoom() {
    let slot = exchange.slot
    if exchange.start > 0 {
      // Answers before it fill the buffer: they are sent first, then the request is read again.
      keepRest()
    } else if !connections[slot].isLarge {
      connections[slot].needsLarge = true
    } else {
      closeWindow()
      connections[slot].answersEnd = 0
      reject(slot, .answerTooLarge, to: exchange.request.method)
    }
  }

  private mutating func takeLarge(_ slot: Int) -> Bool {
    guard !connections[slot].isLarge else { return true }
    guard let index = largePool.take() else { return false }
    releaseAnswers(slot)
    connections[slot].answers = Int32(index)
    connections[slot].isLarge = true
    return true
  }

  /// The place behind the answers that wait to be sent.
  mutating func answerOutput(_ slot: Int) -> Output {
    if connections[slot].answers < 0 {
      // There are as many buffers as connections.
      connections[slot].answers = Int32(answersPool.take()!)
      connections[slot].answersStart = 0
      connections[slot].answersEnd = 0
    }
    return Output(answersRegion(slot), count: Int(connections[slot].answersEnd))
  }

  mutating func commit(_ slot: Int, _ output: Output) {
    connections[slot].answersEnd = UInt32(output.count)
    markDirty(slot)
  }

  /// Bytes that an answer of the server's own has at most.
  private static var refusalMax: Int { 1024 }

  /// Answers what did not come in time.
  mutating func rejectLate(_ slot: Int, _ rejection: Rejection) {
    let connection = connections[slot]
    let late = pendingPool.region(Int(connection.pending)).bytes
      .slice(Int(connection.pendingStart)..<Int(connection.pendingEnd))
    var request = Request()
    _ = limits.parser.parse(late, into: &request)
    reject(slot, rejection, to: request.method)
  }

  /// Answers with what is wrong and ends the connection.
  mutating func reject(_ slot: Int, _ rejection: Rejection, to method: Method) {
    tally.count(rejection)
    var request = Request()
    request.method = method
    request.keepsAlive = false
    var output = answerOutput(slot)
    let fields: StaticString = if case .overloaded = rejection { "Retry-After: 1\r\n" } else { "" }
    let head = ResponseHead(
      rejection.status, .json, for: request, date: date, fields: fields.bytes, into: &output)
    output.append("{\"error\":\"")
    output.append(rejection.advice)
    output.append("\",\"errorCode\":\"")
    output.append(rejection.code)
    output.append("\"}")
    head.finish(&output)
    precondition(!output.isOverflowing)
    commit(slot, output)
    finishSending(slot)
  }
}
