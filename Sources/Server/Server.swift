// Connections and the loop over them, for one thread: completions in, requests out, answers back in, one
// submission per turn. It pulls: `wait`, then `next` and `finish` until there is no request left, then
// `flush`. Nothing is allocated after `init`, and nothing acts inside a callback.

package import Bytes
import HTTP
package import Kernel
package import Trust

package struct Server: ~Copyable {
  let limits: Limits
  /// Guests may queue operations of their own, with tokens of the kind `guest`.
  package var driver: Driver
  private let memory: Memory
  let connections: Cells<Connection>
  let deadlines: Cells<UInt64>
  let peers: Cells<Peer.Row>
  private let freeSlots: Cells<UInt32>
  private var freeCount: Int
  /// Slots beyond this one were never used.
  private var slotEnd = 0
  var pendingPool: BufferPool
  var answersPool: BufferPool
  var largePool: BufferPool

  private var listeners: [Int32]
  /// Listeners from this one on speak TLS.
  private let secureStart: Int
  var tls: SecureSide
  private var isAccepting: [Bool]
  /// A connection of each listener that waits for a place; -1 for none.
  private var parked: [Int32]
  private var acceptAfter: UInt64 = 0
  private var sweepAfter: UInt64 = 0
  private var isDraining = false
  private var listenersLiveOn = false

  /// Connections with pending input to look at, oldest first: a ring of slots.
  private let queue: Cells<UInt32>
  private var queueStart = 0
  private var queueCount = 0
  /// How many of them may still be looked at in this turn.
  private var queueBudget = 0
  /// Connections that have something to send or to receive at the end of the turn.
  private let dirty: Cells<UInt32>
  private var dirtyCount = 0
  /// Connections to which something is being sent silently.
  private let silentSlots: Cells<UInt32>
  private var silentSlotCount = 0
  private let releasedPins: Cells<Int32>
  private var releasedCount = 0
  /// Completions of guests, oldest first: a ring of its own.
  private let guests: Cells<Completion>
  private var guestStart = 0
  private var guestCount = 0

  var window = Window()
  private var turn: UInt64 = 0
  /// Monotonic, at the beginning of the turn; nanoseconds.
  package private(set) var now: UInt64 = 0
  /// The wall clock, at the beginning of the turn; nanoseconds since 1970.
  package private(set) var wall: UInt64 = 0
  private var dateSecond = -1
  private let dateRegion: ByteRegion
  package internal(set) var tally = Tally()
  /// The request that ``next()`` found.
  package var exchange: Exchange

  /// The bytes that are being read as requests.
  struct Window {
    var slot = -1
    var region = ByteRegion.empty
    var offset = 0
    var end = 0
    /// The receive buffer the bytes lie in; -1 if they lie in the connection's pending input.
    var buffer: Int32 = -1
  }

  /// Nanoseconds between two looks at the deadlines: how late one may be noticed.
  private static var sweepInterval: UInt64 { 200_000_000 }
  /// Bytes that a client may send into the void after its last answer.
  private static var lingerMax: UInt64 { 4 * 1024 * 1024 }
  /// Operations that guests may have under way, receiving not counted.
  private static var guestOperationMax: Int { 16 }
  /// Bytes of pending input that keep their pages while unused.
  private static var warmMax: Int { 512 * 1024 * 1024 }
  /// Bytes handed to one send.
  private static var sendMax: Int { 256 * 1024 }
  /// Bytes that are sent silently: a socket nearly always has room for so many.
  private static var silentMax: Int { 32 * 1024 }

  /// A server for the calling thread that accepts on `listeners`, and with `tls` over TLS on `secureListeners`;
  /// both outlive it.
  package init(
    _ limits: Limits, on driver: consuming Driver, listeners: [Int32], secureListeners: [Int32] = [],
    tls tlsSettings: TLSServerSettings? = nil
  ) throws(SystemFailure) {
    precondition(secureListeners.isEmpty || tlsSettings != nil)
    let secureStart = listeners.count
    let listeners = listeners + secureListeners
    let count = limits.connections
    let perSlot = MemoryLayout<Connection>.stride + MemoryLayout<Peer.Row>.stride + 8 + 5 * 4
    // One for each receive buffer and each other operation that a guest may have under way.
    let guestMax = driver.settings.buffers + Self.guestOperationMax
    let memory = try Memory(
      byteCount: count * perSlot + guestMax * MemoryLayout<Completion>.stride + 4096)
    let pendingMax = limits.pendingMax(driver.settings)
    let pendingPool = try BufferPool(
      count: count, size: pendingMax, warmCount: min(256, Self.warmMax / pendingMax))
    let answersPool = try BufferPool(count: count, size: limits.answers, warmCount: 256)
    let largePool = try BufferPool(count: limits.largeAnswers, size: limits.largeAnswer, warmCount: 1)
    let tls = try SecureSide(tlsSettings, connections: count)
    var carver = Carver(memory.region)
    dateRegion = carver.region(HTTPDate.lineByteCount)
    connections = carver.cells(count)
    deadlines = carver.cells(count)
    let peers: Cells<Peer.Row> = carver.cells(count)
    self.peers = peers
    exchange = Exchange(date: dateRegion.bytes, peers: peers)
    freeSlots = carver.cells(count)
    queue = carver.cells(count)
    dirty = carver.cells(count)
    silentSlots = carver.cells(count)
    releasedPins = carver.cells(count)
    guests = carver.cells(guestMax)
    freeCount = count
    isAccepting = Array(repeating: false, count: listeners.count)
    parked = Array(repeating: -1, count: listeners.count)
    self.limits = limits
    self.driver = driver
    self.memory = memory
    self.pendingPool = pendingPool
    self.answersPool = answersPool
    self.largePool = largePool
    self.listeners = listeners
    self.secureStart = secureStart
    self.tls = tls
    for slot in 0..<count { freeSlots[slot] = UInt32(count - 1 - slot) }
    now = self.driver.monotonic
    setDate()
    accept()
  }

  /// Connections that are open.
  package var connectionCount: Int { limits.connections - freeCount }

  /// Completions the kernel had to keep aside.
  package var overflowCount: Int { driver.overflowCount }

  // MARK: - The turn

  /// Hands over what is queued, waits for something to do, at most until `deadline`, and begins a turn.
  package mutating func wait(until deadline: UInt64 = .max) {
    var timeout: UInt64 = 3_600_000_000_000
    if queueCount > 0 {
      timeout = 0
    } else {
      if connectionCount > 0 { timeout = Self.sweepInterval }
      if acceptAfter > 0 { timeout = min(timeout, acceptAfter > now ? acceptAfter - now : 0) }
      if deadline != .max { timeout = min(timeout, deadline > now ? deadline - now : 0) }
    }
    driver.wait(nanoseconds: timeout)
    if silentSlotCount > 0 { endSilentSends() }
    turn += 1
    now = driver.monotonic
    queueBudget = queueCount
    setDate()
    if acceptAfter > 0, acceptAfter <= now { accept() }
    if sweepAfter <= now { sweep() }
  }

  /// Whether there is one more whole request in this turn: it is then in ``exchange``, and has to be answered there and
  /// given back with ``finish()`` before the next is asked for.
  package mutating func next() -> Bool {
    while true {
      if window.slot >= 0 {
        if readWindow() { return true }
      } else if queueBudget > 0 {
        queueBudget -= 1
        let slot = Int(queue[queueStart])
        queueStart = (queueStart + 1) % queue.count
        queueCount -= 1
        connections[slot].isQueued = false
        openPending(slot)
      } else if let completion = driver.next() {
        handle(completion)
      } else {
        return false
      }
    }
  }

  /// Ends the turn: hands what was answered to the driver.
  package mutating func flush() {
    for index in 0..<dirtyCount {
      let slot = Int(dirty[index])
      connections[slot].isDirty = false
      if connections[slot].isOpen, !connections[slot].isClosing { settle(slot) }
    }
    dirtyCount = 0
  }

  /// Ends the turn without its answers: every connection that was answered in it is closed, so that its client
  /// has heard nothing and may ask again. Answers of turns before are sent on.
  package mutating func abandonTurn() {
    for index in 0..<dirtyCount {
      let slot = Int(dirty[index])
      let connection = connections[slot]
      // One with an answer under way was not read in this turn.
      guard connection.isOpen, !connection.isSending else { continue }
      if connection.answersEnd > connection.answersStart { close(slot) }
    }
    flush()
  }

  /// A pin that was handed over with ``Exchange/attach(_:pin:)`` and is no longer used, or nil.
  package mutating func nextReleasedPin() -> Int? {
    guard releasedCount > 0 else { return nil }
    releasedCount -= 1
    return Int(releasedPins[releasedCount])
  }

  /// The line of an answer's head that tells the current date.
  package var date: ByteView { dateRegion.bytes }

  private mutating func setDate() {
    wall = driver.wall
    let second = Int(wall / 1_000_000_000)
    guard second != dateSecond else { return }
    dateSecond = second
    var output = Output(dateRegion)
    HTTPDate.append(lineOf: second, to: &output)
  }

  // MARK: - Accepting

  /// Free places below which connections are accepted one by one. Above, the kernel hands over whatever comes.
  private static var scarcePlaces: Int { 256 }

  private var isScarce: Bool { freeCount < Self.scarcePlaces }

  private mutating func accept() {
    acceptAfter = 0
    guard !isDraining else { return }
    for index in listeners.indices where !isAccepting[index] && parked[index] < 0 {
      isAccepting[index] = true
      driver.accept(on: listeners[index], once: isScarce, Token(.accept, slot: index))
    }
  }

  private mutating func accepted(_ completion: Completion) {
    let listener = completion.token.slot
    if !completion.hasMore { isAccepting[listener] = false }
    guard completion.result >= 0 else {
      guard !completion.hasMore else { return }
      if isDraining { return endAccepting(listener) }
      if completion.isCancelled { return accept() }
      // No descriptor or no memory is left: pause, so that it is not asked for in a circle.
      tally.acceptPauses += 1
      return acceptAfter = now + 100_000_000
    }
    if freeCount > 0 {
      place(completion.result, of: listener)
    } else if !completion.hasMore, !isDraining {
      // It waits for a place; until then its listener accepts no other.
      parked[listener] = completion.result
      tally.connectionsDelayed += 1
    } else {
      tally.connectionsRefused += 1
      driver.close(completion.result)
    }
    // From here on one by one.
    if completion.hasMore, freeCount == Self.scarcePlaces - 1 { pauseAccepting() }
    guard !completion.hasMore else { return }
    if isDraining { endAccepting(listener) } else { accept() }
  }

  /// Gives a new connection of a listener one of the free places.
  private mutating func place(_ socket: Int32, of listener: Int) {
    freeCount -= 1
    let slot = Int(freeSlots[freeCount])
    slotEnd = max(slotEnd, slot + 1)
    // The lists may still name the slot, for the connection before.
    let former = connections[slot]
    connections[slot] = Connection()
    connections[slot].generation = former.generation &+ 1
    connections[slot].isQueued = former.isQueued
    connections[slot].isDirty = former.isDirty
    connections[slot].socket = socket
    connections[slot].isOpen = true
    if listener >= secureStart { beginSecure(slot) }
    peers[slot] = Peer.Row(socket: socket, peer: nil)
    tally.accepted += 1
    expect(slot, .head, within: isDraining ? Self.farewellTime : limits.headTime)
    receive(slot)
  }

  private mutating func pauseAccepting() {
    for index in listeners.indices where isAccepting[index] {
      driver.cancel(Token(.accept, slot: index), on: listeners[index])
    }
  }

  /// Stops accepting, and ends every connection with its next answer, or soon if nothing is asked. With
  /// `listenersLiveOn` others accept from the listeners, and go on; otherwise connecting is refused from then on.
  package mutating func drain(listenersLiveOn: Bool = false) {
    guard !isDraining else { return }
    isDraining = true
    self.listenersLiveOn = listenersLiveOn
    pauseAccepting()
    for index in listeners.indices where !isAccepting[index] { endAccepting(index) }
    for slot in 0..<slotEnd where connections[slot].isOpen {
      let connection = connections[slot]
      if connection.isStream, !connection.isSending { end(slot) }
      if connection.pending < 0, !connection.isBusy {
        switch connection.waitsFor {
        // An end that crosses a request on the wire loses it, so who asks often is told with an answer.
        case .idle, .head: expect(slot, connection.waitsFor, within: Self.farewellTime)
        case .body, .write, .linger, .push: break
        }
      }
    }
  }

  /// Whether nothing is left to do after ``drain(listenersLiveOn:)``.
  package var isDrained: Bool { isDraining && connectionCount == 0 && !isAccepting.contains(true) }

  /// Nanoseconds in which a connection that waits for a request may still bring one.
  private static var farewellTime: UInt64 { 1_000_000_000 }

  /// Takes in what was connected before the end: closing a listener would reset it, and where it lives on the kernel may
  /// have told nobody else of it.
  private mutating func endAccepting(_ listener: Int) {
    acceptWaiting(listener)
    guard !listenersLiveOn else { return }
    driver.abort(listeners[listener])
    // A Unix socket keeps what came in between.
    acceptWaiting(listener)
  }

  private mutating func acceptWaiting(_ listener: Int) {
    while freeCount > 0, let socket = driver.acceptWaiting(at: listeners[listener]) {
      place(socket, of: listener)
    }
  }

  // MARK: - Completions

  private mutating func handle(_ completion: Completion) {
    switch completion.token.operation {
    case .accept: accepted(completion)
    case .receive: received(completion)
    case .send: sent(completion)
    case .guest:
      precondition(guestCount < guests.count, "a guest has more under way than it may")
      guests[(guestStart + guestCount) % guests.count] = completion
      guestCount += 1
    case .wake, .connect, .cancel: break
    }
  }

  /// The next completion of an operation that a guest queued, or nil. To be asked for until nil in each turn.
  package mutating func nextGuest() -> Completion? {
    guard guestCount > 0 else { return nil }
    let completion = guests[guestStart]
    guestStart = (guestStart + 1) % guests.count
    guestCount -= 1
    return completion
  }

  private mutating func received(_ completion: Completion) {
    let slot = completion.token.slot
    guard connections[slot].isOpen, connections[slot].generation == completion.token.generation else {
      if completion.buffer >= 0 { driver.giveBack(completion.buffer) }
      return
    }
    if !completion.hasMore { connections[slot].isReceiving = false }
    if completion.result > 0 {
      tally.receivedBytes += UInt64(completion.result)
      take(slot, completion.buffer, count: Int(completion.result))
    } else {
      if completion.buffer >= 0 { driver.giveBack(completion.buffer) }
      if completion.result == 0 {
        ended(slot)
      } else if completion.isOutOfBuffers {
        tally.bufferExhaustions += 1
      } else if !completion.isCancelled {
        close(slot)
      }
    }
    if connections[slot].isClosing { return recycle(slot) }
    if !completion.hasMore { markDirty(slot) }
  }

  /// Reads the bytes where they are if nothing stands before them, or keeps them for later.
  private mutating func take(_ slot: Int, _ buffer: Int32, count: Int) {
    let connection = connections[slot]
    if connection.isSecure { return takeSecure(slot, buffer, count: count) }
    if connection.isLast || connection.isClosing {
      driver.giveBack(buffer)
      return drop(slot, count)
    }
    if connection.pending < 0, !connection.isBusy {
      window = Window(slot: slot, region: driver.buffer(buffer), offset: 0, end: count, buffer: buffer)
      return
    }
    keep(slot, driver.buffer(buffer).bytes.slice(0..<count))
    driver.giveBack(buffer)
    guard !connections[slot].isClosing else { return }
    if !connection.isBusy { enqueue(slot) }
    pauseIfAhead(slot)
  }

  /// Counts bytes that a client sends into the void.
  mutating func drop(_ slot: Int, _ count: Int) {
    connections[slot].drainedCount += UInt64(count)
    guard connections[slot].drainedCount > Self.lingerMax, !connections[slot].isClosing else { return }
    tally.lingerCutoffs += 1
    close(slot)
  }

  /// Whether the client has sent more than one request ahead of its answers, so that it has to wait for them.
  private func isAhead(_ slot: Int) -> Bool {
    Int(connections[slot].pendingEnd - connections[slot].pendingStart) > limits.requestMax
  }

  mutating func pauseIfAhead(_ slot: Int) {
    guard isAhead(slot), !connections[slot].isPaused else { return }
    connections[slot].isPaused = true
    if connections[slot].isReceiving {
      driver.cancel(
        Token(.receive, slot: slot, generation: connections[slot].generation), on: connections[slot].socket)
    }
  }

  mutating func ended(_ slot: Int) {
    // Over TLS a client may say it twice.
    guard !connections[slot].hasEnded else { return }
    connections[slot].hasEnded = true
    let connection = connections[slot]
    if connection.isClosing { return }
    // Who follows a stream and says that it will send no more is gone.
    if connection.isStream { return close(slot) }
    if connection.isLingering || (!connection.isSending && !connection.isQueued && window.slot != slot) {
      // Answers that wait for the end of this turn are sent first, and what follows them is read then.
      if connection.answers >= 0 { return }
      end(slot)
    }
  }

  private mutating func sent(_ completion: Completion) {
    let slot = completion.token.slot
    guard connections[slot].isOpen, connections[slot].generation == completion.token.generation else {
      return
    }
    connections[slot].silentCount = 0
    if completion.isRefused, !connections[slot].isClosing { return send(slot, waits: true) }
    guard completion.result > 0 || connections[slot].isClosing else {
      connections[slot].isSending = false
      return close(slot)
    }
    sent(slot, UInt32(max(0, completion.result)))
  }

  /// What was sent silently in the turn before was sent, unless a completion tells otherwise. Connections of which one does
  /// are left to it.
  private mutating func endSilentSends() {
    guard let readyCount = driver.readyCount() else { return }
    for index in 0..<readyCount {
      let token = driver.token(ofReady: index)
      if token.isSend { connections[token.slot].silentCount = 0 }
    }
    for index in 0..<silentSlotCount {
      let slot = Int(silentSlots[index])
      let count = connections[slot].silentCount
      connections[slot].silentCount = 0
      if count > 0 { sent(slot, count) }
    }
    silentSlotCount = 0
  }

  private mutating func sent(_ slot: Int, _ count: UInt32) {
    connections[slot].isSending = false
    tally.sentBytes += UInt64(count)
    if connections[slot].isClosing { return recycle(slot) }
    if connections[slot].isSecure { return sentCiphertext(slot, Int(count)) }
    if connections[slot].answers >= 0 {
      connections[slot].answersStart += count
      if connections[slot].answersStart < connections[slot].answersEnd { return send(slot, waits: true) }
      releaseAnswers(slot)
    } else {
      connections[slot].tail = connections[slot].tail.dropping(Int(count))
    }
    if !connections[slot].tail.isEmpty { return send(slot) }
    releaseTail(slot)
    answered(slot)
  }

  /// Everything was sent: what is next for the connection?
  mutating func answered(_ slot: Int) {
    if connections[slot].isStream, !isDraining { return expect(slot, .push, within: .max / 2) }
    if connections[slot].isLast || connections[slot].isStream { return end(slot) }
    // Who was answered before the end began does not know of it.
    expect(slot, .idle, within: isDraining ? Self.farewellTime : limits.idleTime)
    readOn(slot)
  }

  mutating func readOn(_ slot: Int) {
    if !isAhead(slot) { connections[slot].isPaused = false }
    if connections[slot].pending >= 0 {
      enqueue(slot)
    } else if connections[slot].hasEnded {
      return end(slot)
    }
    if !connections[slot].isReceiving, !connections[slot].hasEnded { markDirty(slot) }
  }

  // MARK: - Sending

  /// Sends what the connection has and receives again if it stopped.
  private mutating func settle(_ slot: Int) {
    let connection = connections[slot]
    if !connection.isSending, connection.answersEnd > connection.answersStart {
      send(slot)
    } else if connection.isSecure, !connection.isSending, hasCiphertext(slot) {
      send(slot)
    }
    if !connection.isReceiving, !connection.hasEnded, !connection.isPaused { receive(slot) }
  }

  private mutating func receive(_ slot: Int) {
    connections[slot].isReceiving = true
    driver.receive(
      connections[slot].socket, Token(.receive, slot: slot, generation: connections[slot].generation))
  }

  /// Sends what the connection has; `waits` if its socket may have no room for all of it.
  mutating func send(_ slot: Int, waits: Bool = false) {
    let connection = connections[slot]
    let bytes =
      connection.isSecure
      ? ciphertext(slot)
      : connection.answers >= 0
        ? answersRegion(slot).bytes.slice(Int(connection.answersStart)..<Int(connection.answersEnd))
        : connection.tail.slice(0..<min(connection.tail.count, Self.sendMax))
    connections[slot].isSending = true
    if !connection.isSecure || tls.rows[slot].carriesAnswer || connection.isStream {
      expect(slot, .write, within: limits.writeTime)
    }
    let token = Token(.send, slot: slot, generation: connection.generation)
    if !waits, bytes.count <= Self.silentMax, maySendSilently(slot) {
      connections[slot].silentCount = UInt32(bytes.count)
      silentSlots[silentSlotCount] = UInt32(slot)
      silentSlotCount += 1
      driver.sendSilently(connection.socket, bytes, token)
    } else {
      driver.send(connection.socket, bytes, token)
    }
  }

  /// Whether nothing has to be done as soon as the connection's answers are sent, but to wait for its next request:
  /// that they were sent is then found out in the next turn, whatever that one is about.
  private func maySendSilently(_ slot: Int) -> Bool {
    let connection = connections[slot]
    return silentSlotCount < silentSlots.count && !isDraining && connection.isReceiving
      && !connection.isLast
      && !connection.hasEnded && !connection.isStream && !connection.isSecure && connection.pending < 0
      && connection.tail.isEmpty
  }

  func answersRegion(_ slot: Int) -> ByteRegion {
    let index = Int(connections[slot].answers)
    return connections[slot].isLarge ? largePool.region(index) : answersPool.region(index)
  }

  mutating func releaseAnswers(_ slot: Int) {
    let index = Int(connections[slot].answers)
    guard index >= 0 else { return }
    if connections[slot].isLarge { largePool.giveBack(index) } else { answersPool.giveBack(index) }
    connections[slot].answers = -1
    connections[slot].isLarge = false
    connections[slot].answersStart = 0
    connections[slot].answersEnd = 0
  }

  mutating func releaseTail(_ slot: Int) {
    connections[slot].tail = .empty
    guard connections[slot].tailPin >= 0 else { return }
    releasedPins[releasedCount] = connections[slot].tailPin
    releasedCount += 1
    connections[slot].tailPin = -1
  }

  // MARK: - Ending

  /// No more requests: sends what there is, then ends.
  mutating func finishSending(_ slot: Int) {
    connections[slot].isLast = true
    releasePending(slot)
    if connections[slot].isSending { return }
    if connections[slot].answers >= 0, connections[slot].answersEnd > connections[slot].answersStart {
      markDirty(slot)
    } else {
      end(slot)
    }
  }

  /// Says goodbye: ends the sending side and lets the client read what it was sent before it closes.
  mutating func end(_ slot: Int) {
    if connections[slot].isSecure, takesLeave(slot) { return }
    guard !connections[slot].hasEnded else { return close(slot) }
    connections[slot].isLast = true
    connections[slot].isLingering = true
    releasePending(slot)
    driver.endSending(connections[slot].socket)
    expect(slot, .linger, within: limits.lingerTime)
    if !connections[slot].isReceiving { receive(slot) }
  }

  /// Ends the connection now; the slot is reused when nothing is under way on it any more.
  mutating func close(_ slot: Int) {
    guard !connections[slot].isClosing else { return }
    connections[slot].isClosing = true
    if window.slot == slot { closeWindow() }
    // Whatever is under way completes at once.
    driver.abort(connections[slot].socket)
    expect(slot, .linger, within: .max / 2)
    recycle(slot)
  }

  private mutating func recycle(_ slot: Int) {
    let connection = connections[slot]
    guard connection.isOpen, !connection.isReceiving, !connection.isSending else { return }
    driver.close(connection.socket)
    if connection.isSecure { endSecure(slot) }
    releaseAnswers(slot)
    releaseTail(slot)
    releasePending(slot)
    connections[slot].isOpen = false
    deadlines[slot] = .max
    freeSlots[freeCount] = UInt32(slot)
    freeCount += 1
    tally.closed += 1
    if let listener = parked.firstIndex(where: { $0 >= 0 }) {
      place(parked[listener], of: listener)
      parked[listener] = -1
    }
    if isScarce || acceptAfter > 0 { accept() }
  }

  mutating func releasePending(_ slot: Int) {
    let index = Int(connections[slot].pending)
    guard index >= 0 else { return }
    pendingPool.giveBack(index)
    connections[slot].pending = -1
    connections[slot].pendingStart = 0
    connections[slot].pendingEnd = 0
    connections[slot].chunks = nil
  }

  // MARK: - Time

  /// From now on the connection waits for `wait`.
  mutating func expect(_ slot: Int, _ wait: Connection.Wait, within nanoseconds: UInt64) {
    connections[slot].waitsFor = wait
    deadlines[slot] = now + nanoseconds
  }

  private mutating func sweep() {
    sweepAfter = now + Self.sweepInterval
    for slot in 0..<slotEnd where deadlines[slot] <= now && connections[slot].isOpen { expire(slot) }
  }

  private mutating func expire(_ slot: Int) {
    guard !connections[slot].isSending else {
      tally.writeTimeouts += 1
      return close(slot)
    }
    switch connections[slot].waitsFor {
    case .head where connections[slot].pending >= 0: rejectLate(slot, .headTimeout)
    case .head, .idle:
      tally.idleTimeouts += 1
      end(slot)
    case .body: rejectLate(slot, .bodyTimeout)
    case .linger:
      tally.lingerCutoffs += 1
      close(slot)
    case .write, .push: close(slot)
    }
  }

  // MARK: - Lists

  mutating func markDirty(_ slot: Int) {
    guard !connections[slot].isDirty else { return }
    connections[slot].isDirty = true
    dirty[dirtyCount] = UInt32(slot)
    dirtyCount += 1
  }

  /// Puts the connection in line to have its pending input read.
  mutating func enqueue(_ slot: Int) {
    guard !connections[slot].isQueued else { return }
    connections[slot].isQueued = true
    queue[(queueStart + queueCount) % queue.count] = UInt32(slot)
    queueCount += 1
  }

  /// Whether the connection had its share of this turn.
  mutating func isServedOut(_ slot: Int) -> Bool {
    if connections[slot].turn != turn {
      connections[slot].turn = turn
      connections[slot].served = 0
    }
    return Int(connections[slot].served) >= limits.requestsPerTurn
  }

  var drains: Bool { isDraining }
}
