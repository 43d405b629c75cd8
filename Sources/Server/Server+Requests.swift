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
    if window.buffer >= 0 { ring.giveBack(window.buffer) }
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

  /// The next request in the window; nil after having left the window.
  mutating func readWindow() -> Exchange? {
    let slot = window.slot
    guard !connections[slot].isLast, !connections[slot].isClosing else {
      closeWindow()
      return nil
    }
    guard window.offset < window.end else {
      restOver(slot)
      return nil
    }
    if isServedOut(slot) {
      keepRest()
      if !connections[slot].isClosing { enqueue(slot) }
      return nil
    }
    let bytes = window.region.bytes.slice(window.offset..<window.end)
    guard isWorthParsing(slot, bytes) else {
      // The head is known if it was told how much the body needs, even if an answer was sent meanwhile.
      let isBody = connections[slot].neededCount > 0 || connections[slot].waitsFor == .body
      wait(slot, for: isBody ? .body : .head)
      return nil
    }
    var request = Request()
    switch limits.parser.parse(bytes, into: &request) {
    case .incomplete:
      connections[slot].scannedCount = UInt32(bytes.count)
      wait(slot, for: .head)
      return nil
    case .invalid(let rejection):
      closeWindow()
      reject(slot, rejection)
      return nil
    case .head:
      if drains { request.keepsAlive = false }
      return read(request, slot, bytes)
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

  private mutating func read(_ head: Request, _ slot: Int, _ bytes: ByteView) -> Exchange? {
    switch head.framing {
    case .none: return exchange(head, slot, bytes, consumed: head.headCount)
    case .length(let length):
      let count = head.headCount + length
      guard bytes.count >= count else {
        connections[slot].neededCount = UInt32(count)
        return awaitBody(head, slot)
      }
      var request = head
      request.body = ByteRange(start: head.headCount, count: length)
      return exchange(request, slot, bytes, consumed: count)
    case .chunked: return readChunks(head, slot)
    }
  }

  private mutating func awaitBody(_ head: Request, _ slot: Int) -> Exchange? {
    if head.expectsContinue, !connections[slot].hasContinued {
      connections[slot].hasContinued = true
      var output = answerOutput(slot)
      output.append("HTTP/1.1 100 Continue\r\n\r\n")
      commit(slot, output)
    }
    wait(slot, for: .body)
    return nil
  }

  /// Chunks are put together in the connection's own buffer, where the head already stands at the start.
  private mutating func readChunks(_ head: Request, _ slot: Int) -> Exchange? {
    if connections[slot].chunks == nil {
      keepRest()
      guard !connections[slot].isClosing else { return nil }
      compact(slot)
      connections[slot].chunks = ChunkedBody(start: head.headCount)
      openPending(slot)
    }
    var chunks = connections[slot].chunks!
    let outcome = chunks.advance(window.region, filled: window.end, bodyMax: limits.parser.bodyMax)
    connections[slot].chunks = chunks
    switch outcome {
    case .incomplete: return awaitBody(head, slot)
    case .invalid(let rejection):
      closeWindow()
      reject(slot, rejection)
      return nil
    case .complete:
      var request = head
      request.body = ByteRange(start: chunks.start, count: chunks.count)
      let bytes = window.region.bytes.slice(0..<window.end)
      return exchange(request, slot, bytes, consumed: chunks.offset)
    }
  }

  // MARK: - Answering

  private mutating func exchange(
    _ request: Request, _ slot: Int, _ bytes: ByteView, consumed: Int
  ) -> Exchange? {
    if connections[slot].needsLarge, !takeLarge(slot) {
      closeWindow()
      reject(slot, .overloaded)
      return nil
    }
    let output = answerOutput(slot)
    return Exchange(
      request: request, bytes: bytes, date: date, output: output, isSecure: connections[slot].isSecure,
      slot: slot, generation: connections[slot].generation, hasMostRoom: connections[slot].isLarge,
      peers: peers, start: output.count, consumed: consumed)
  }

  /// Takes the answer of an exchange; an answer that did not fit is asked for again with more room.
  package mutating func finish(_ exchange: Exchange) {
    let slot = exchange.slot
    if exchange.output.isOverflowing { return makeRoom(exchange) }
    let request = exchange.request
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
    if !request.keepsAlive || exchange.isStream {
      connections[slot].isLast = true
      closeWindow()
      releasePending(slot)
    } else if !connections[slot].tail.isEmpty {
      // The next answer may not come before the tail is sent.
      keepRest()
    }
  }

  private mutating func makeRoom(_ exchange: Exchange) {
    let slot = exchange.slot
    if exchange.start > 0 {
      // Answers before it fill the buffer: they are sent first, then the request is read again.
      keepRest()
    } else if !connections[slot].isLarge {
      connections[slot].needsLarge = true
    } else {
      closeWindow()
      connections[slot].answersEnd = 0
      reject(slot, .answerTooLarge)
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

  /// Answers with what is wrong and ends the connection.
  mutating func reject(_ slot: Int, _ rejection: Rejection) {
    tally.count(rejection)
    var request = Request()
    request.keepsAlive = false
    var output = answerOutput(slot)
    let start = output.count
    let head = ResponseHead(rejection.status, .json, for: request, date: date, into: &output)
    output.append("{\"error\":\"")
    output.append(rejection.advice)
    output.append("\",\"errorCode\":\"")
    output.append(rejection.code)
    output.append("\"}")
    head.finish(&output)
    // Where even this does not fit, the answers before it are all there is.
    if output.isOverflowing { output.rewind(to: start) }
    commit(slot, output)
    finishSending(slot)
  }
}
