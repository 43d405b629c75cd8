// The epoll driver, for kernels and containers that forbid io_uring: operations stay in a row of their socket until the
// system says that it is ready, and are then tried without blocking. Sockets are watched once, edge-triggered: what is
// known to be ready is remembered, and only a try that finds nothing makes it wait for the next edge.

import Bytes
internal import CLiburing
import Glibc

@safe struct EpollDriver: ~Copyable {
  private let epoll: Descriptor
  private let settings: DriverSettings
  private let waker: Waker
  private let memory: Memory
  /// By descriptor.
  private let rows: Cells<Row>
  /// Sockets whose operations are to be tried, each once: a ring.
  private let due: Cells<Int32>
  private var dueStart = 0
  private var dueCount = 0
  /// What came and was not yet drained: a ring.
  private let completions: Cells<Completion>
  private var completionStart = 0
  private var completionCount = 0
  /// Where the system writes what became ready.
  private let events: UnsafeMutablePointer<epoll_event>
  private let buffersRegion: ByteRegion
  private let freeBuffers: Cells<Int32>
  private var freeBufferCount: Int

  /// What is under way on one socket: at most one operation inwards and one outwards. All zero is nothing.
  private struct Row: BitwiseCopyable {
    var inward = Inward.none
    var outward = Outward.none
    /// Known to epoll.
    var isWatched = false
    /// Neither has been found not to be since it was last said to be.
    var isReadable = false
    var isWritable = false
    /// The other side ended: reading goes on until that is seen.
    var hasHangup = false
    /// A short receive has emptied it.
    var isStream = false
    /// In the list of those that are due.
    var isDue = false
    var inwardToken: UInt64 = 0
    var outwardToken: UInt64 = 0
    /// Where ``Inward/receiveInto`` receives.
    var target: UInt = 0
    var targetCount = 0
    /// What is being sent.
    var source: UInt = 0
    var sourceCount = 0
  }

  private enum Inward: UInt8 { case none, accept, acceptOne, receive, receiveInto, receiveMessages }
  private enum Outward: UInt8 { case none, send, sendSilently, connect }

  /// Events taken at once.
  private static var eventMax: Int { 512 }
  /// Connections or buffers that one socket is given in one wait, so that others get their turn.
  private static var shareMax: Int { 32 }
  /// Sockets that a process can have, whatever its limit says.
  private static var descriptorMax: Int { 1 << 20 }

  init(_ settings: DriverSettings, waker: Waker) throws(SystemFailure) {
    let number = epoll_create1(Int32(EPOLL_CLOEXEC))
    guard number >= 0 else {
      throw SystemFailure("epoll_create", remedy: "Raise the limit on open files (ulimit -n).")
    }
    let epoll = Descriptor(number)
    var event = unsafe epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(fd: waker.descriptor))
    guard unsafe epoll_ctl(number, EPOLL_CTL_ADD, waker.descriptor, &event) == 0 else {
      throw SystemFailure("epoll_ctl")
    }
    var limit = rlimit()
    unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    let rowCount = Int(min(limit.rlim_cur, rlim_t(Self.descriptorMax)))
    // Every socket may have an operation of each direction end in one wait, and the buffers beside.
    let completionMax = Int(settings.completions) + 2 * rowCount
    let perRow = MemoryLayout<Row>.stride + 4
    let eventsSize = unsafe Self.eventMax * MemoryLayout<epoll_event>.stride
    let memory = try Memory(
      byteCount: rowCount * perRow + completionMax * MemoryLayout<Completion>.stride + eventsSize
        + settings.buffers * (settings.bufferStride + 4) + 4096)
    var carver = Carver(memory.region)
    rows = carver.cells(rowCount)
    due = carver.cells(rowCount)
    completions = carver.cells(completionMax)
    unsafe events = carver.region(eventsSize).start
      .assumingMemoryBound(to: epoll_event.self)
    buffersRegion = carver.region(settings.buffers * settings.bufferStride)
    freeBuffers = carver.cells(settings.buffers)
    freeBufferCount = settings.buffers
    self.epoll = epoll
    self.memory = memory
    self.settings = settings
    self.waker = waker
    for index in 0..<settings.buffers { freeBuffers[index] = Int32(settings.buffers - 1 - index) }
  }

  // MARK: - Operations

  mutating func accept(on listener: Int32, once: Bool, _ token: Token) {
    // A listener may come from elsewhere, with or without the flag.
    Socket.setBlocking(listener, false)
    begin(listener, once ? .acceptOne : .accept, token)
  }

  mutating func receive(_ socket: Int32, _ token: Token) {
    begin(socket, .receive, token)
  }

  mutating func receive(_ socket: Int32, into region: ByteRegion, _ token: Token) {
    rows[Int(socket)].target = unsafe UInt(bitPattern: region.start)
    rows[Int(socket)].targetCount = region.count
    begin(socket, .receiveInto, token)
  }

  mutating func receiveMessages(_ socket: Int32, _ token: Token) {
    begin(socket, .receiveMessages, token)
  }

  mutating func send(_ socket: Int32, _ bytes: ByteView, _ token: Token) {
    begin(socket, .send, bytes, token)
  }

  mutating func sendSilently(_ socket: Int32, _ bytes: ByteView, _ token: Token) {
    begin(socket, .sendSilently, bytes, token)
  }

  mutating func connect(_ socket: Int32, to address: Address, _ token: Token) {
    Socket.setBlocking(socket, false)
    let code = unsafe Socket.withPointer(to: address) { unsafe Glibc.connect(socket, $0, address.length) }
    guard code != 0, errno == EINPROGRESS else { return complete(token.bits, code == 0 ? 0 : -errno) }
    begin(socket, .connect, .empty, token)
    rows[Int(socket)].isWritable = false
  }

  mutating func cancel(_ target: Token, on socket: Int32) {
    let row = rows[Int(socket)]
    guard row.inward != .none, row.inwardToken == target.bits else { return }
    rows[Int(socket)].inward = .none
    complete(target.bits, -ECANCELED)
  }

  private mutating func begin(_ socket: Int32, _ inward: Inward, _ token: Token) {
    precondition(rows[Int(socket)].inward == .none, "two operations of one direction")
    rows[Int(socket)].inward = inward
    rows[Int(socket)].inwardToken = token.bits
    enqueue(socket)
  }

  private mutating func begin(_ socket: Int32, _ outward: Outward, _ bytes: ByteView, _ token: Token) {
    precondition(rows[Int(socket)].outward == .none, "two operations of one direction")
    rows[Int(socket)].outward = outward
    rows[Int(socket)].outwardToken = token.bits
    rows[Int(socket)].source = unsafe UInt(bitPattern: bytes.start)
    rows[Int(socket)].sourceCount = bytes.count
    enqueue(socket)
  }

  /// Both directions of a socket were ended.
  mutating func aborted(_ socket: Int32) {
    rows[Int(socket)].isReadable = true
    rows[Int(socket)].isWritable = true
    rows[Int(socket)].hasHangup = true
    enqueue(socket)
  }

  /// A socket is about to be closed.
  mutating func forget(_ socket: Int32) {
    let former = rows[Int(socket)]
    precondition(former.inward == .none && former.outward == .none, "an operation is under way")
    // Another process may hold it too, and then closing it here does not end the watch.
    if former.isWatched { epoll_ctl(epoll.number, EPOLL_CTL_DEL, socket, nil) }
    rows[Int(socket)] = Row()
    rows[Int(socket)].isDue = former.isDue
  }

  private mutating func enqueue(_ socket: Int32) {
    guard !rows[Int(socket)].isDue else { return }
    rows[Int(socket)].isDue = true
    due[(dueStart + dueCount) % due.count] = socket
    dueCount += 1
  }

  // MARK: - Tries

  private mutating func tryDue() {
    var count = dueCount
    while count > 0 {
      let socket = due[dueStart]
      dueStart = (dueStart + 1) % due.count
      dueCount -= 1
      count -= 1
      rows[Int(socket)].isDue = false
      attempt(socket)
    }
  }

  private mutating func attempt(_ socket: Int32) {
    let row = rows[Int(socket)]
    guard row.inward != .none || row.outward != .none else { return }
    if !row.isWatched, !watch(socket) { return }
    if row.outward != .none, rows[Int(socket)].isWritable { attemptOutward(socket) }
    if row.inward != .none, rows[Int(socket)].isReadable { attemptInward(socket) }
  }

  /// From now on the system says when the socket becomes ready. Where it cannot, everything under way fails.
  private mutating func watch(_ socket: Int32) -> Bool {
    var event = unsafe epoll_event(
      events: EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue,
      data: epoll_data_t(fd: socket))
    let isConnecting = rows[Int(socket)].outward == .connect
    guard unsafe epoll_ctl(epoll.number, EPOLL_CTL_ADD, socket, &event) == 0 || errno == EEXIST else {
      let code = -errno
      if rows[Int(socket)].inward != .none { endInward(socket, code) }
      if rows[Int(socket)].outward != .none { endOutward(socket, code) }
      return false
    }
    rows[Int(socket)].isWatched = true
    rows[Int(socket)].isReadable = true
    rows[Int(socket)].isWritable = !isConnecting
    rows[Int(socket)].isStream = Socket.isStream(socket)
    return true
  }

  private mutating func attemptInward(_ socket: Int32) {
    switch rows[Int(socket)].inward {
    case .none: break
    case .accept, .acceptOne: acceptSome(socket)
    case .receive, .receiveMessages: receiveSome(socket)
    case .receiveInto:
      let row = rows[Int(socket)]
      let target = unsafe UnsafeMutableRawPointer(bitPattern: row.target)
      let count = retrying { unsafe recv(socket, target, row.targetCount, Int32(MSG_DONTWAIT)) }
      if count < 0, errno == EAGAIN {
        rows[Int(socket)].isReadable = false
      } else {
        endInward(socket, count < 0 ? -errno : Int32(count))
      }
    }
  }

  private mutating func acceptSome(_ listener: Int32) {
    for _ in 0..<Self.shareMax {
      let socket = Int32(retrying { Int(accept4(listener, nil, nil, Int32(SOCK_CLOEXEC.rawValue))) })
      if socket < 0 {
        if errno == EAGAIN { return rows[Int(listener)].isReadable = false }
        // Of a client that is gone already.
        if errno == ECONNABORTED { continue }
        return endInward(listener, -errno)
      }
      guard Int(socket) < rows.count else {
        // The limit was raised while the process ran.
        Glibc.close(socket)
        return endInward(listener, -EMFILE)
      }
      if rows[Int(listener)].inward == .acceptOne { return endInward(listener, socket) }
      complete(rows[Int(listener)].inwardToken, socket, hasMore: true)
    }
    enqueue(listener)
  }

  private mutating func receiveSome(_ socket: Int32) {
    for _ in 0..<Self.shareMax {
      guard freeBufferCount > 0 else { return endInward(socket, -ENOBUFS) }
      let index = freeBuffers[freeBufferCount - 1]
      let region = buffer(index)
      let isMessage = rows[Int(socket)].inward == .receiveMessages
      let count = retrying {
        isMessage
          ? Message.receive(socket, into: region)
          : unsafe recv(socket, region.start, region.count, Int32(MSG_DONTWAIT))
      }
      if count < 0, errno == EAGAIN { return rows[Int(socket)].isReadable = false }
      guard count > 0 else { return endInward(socket, count < 0 ? -errno : 0) }
      freeBufferCount -= 1
      complete(rows[Int(socket)].inwardToken, Int32(count), buffer: index, hasMore: true)
      if rows[Int(socket)].isStream, count < region.count, !rows[Int(socket)].hasHangup {
        return rows[Int(socket)].isReadable = false
      }
    }
    enqueue(socket)
  }

  private mutating func attemptOutward(_ socket: Int32) {
    let row = rows[Int(socket)]
    guard row.outward != .connect else { return endOutward(socket, -Socket.takeError(of: socket)) }
    let source = unsafe UnsafeRawPointer(bitPattern: row.source)
    let flags = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
    let count = retrying { unsafe Glibc.send(socket, source, row.sourceCount, flags) }
    let isRefused = count < 0 && errno == EAGAIN
    if isRefused { rows[Int(socket)].isWritable = false }
    if row.outward == .sendSilently {
      if count == row.sourceCount { return rows[Int(socket)].outward = .none }
    } else if isRefused {
      return
    }
    endOutward(socket, count < 0 ? -errno : Int32(count))
  }

  private func retrying(_ call: () -> Int) -> Int {
    while true {
      let result = call()
      if result < 0, errno == EINTR { continue }
      return result
    }
  }

  private mutating func endInward(_ socket: Int32, _ result: Int32) {
    rows[Int(socket)].inward = .none
    complete(rows[Int(socket)].inwardToken, result)
  }

  private mutating func endOutward(_ socket: Int32, _ result: Int32) {
    rows[Int(socket)].outward = .none
    complete(rows[Int(socket)].outwardToken, result)
  }

  // MARK: - Completions

  private mutating func complete(_ token: UInt64, _ result: Int32, buffer: Int32 = -1, hasMore: Bool = false)
  {
    precondition(completionCount < completions.count)
    completions[(completionStart + completionCount) % completions.count] = Completion(
      token: Token(bits: token), result: result, buffer: buffer, hasMore: hasMore)
    completionCount += 1
  }

  func readyCount() -> Int { completionCount }

  func token(ofReady index: Int) -> Token {
    completions[(completionStart + index) % completions.count].token
  }

  mutating func wait(nanoseconds: UInt64) {
    tryDue()
    let isBusy = completionCount > 0 || dueCount > 0
    // Rounded up, so that what is due then is due.
    let milliseconds = isBusy ? 0 : Int32(min((nanoseconds + 999_999) / 1_000_000, 3_600_000))
    let count = unsafe epoll_wait(epoll.number, events, Int32(Self.eventMax), milliseconds)
    for index in 0..<max(0, Int(count)) {
      let event = unsafe events[index]
      unsafe notice(event.data.fd, event.events)
    }
    tryDue()
  }

  private mutating func notice(_ socket: Int32, _ events: UInt32) {
    if socket == waker.descriptor {
      waker.drain()
      return complete(Token(.wake, slot: 0).bits, 0)
    }
    let broken = EPOLLHUP.rawValue | EPOLLERR.rawValue
    if events & (EPOLLIN.rawValue | EPOLLRDHUP.rawValue | broken) != 0 { rows[Int(socket)].isReadable = true }
    if events & (EPOLLOUT.rawValue | broken) != 0 { rows[Int(socket)].isWritable = true }
    if events & (EPOLLRDHUP.rawValue | broken) != 0 { rows[Int(socket)].hasHangup = true }
    enqueue(socket)
  }

  mutating func next() -> Completion? {
    guard completionCount > 0 else { return nil }
    let completion = completions[completionStart]
    completionStart = (completionStart + 1) % completions.count
    completionCount -= 1
    return completion
  }

  func buffer(_ index: Int32) -> ByteRegion {
    buffersRegion.part(from: Int(index) * settings.bufferStride, count: settings.bufferSize)
  }

  mutating func giveBack(_ index: Int32) {
    freeBuffers[freeBufferCount] = index
    freeBufferCount += 1
  }
}
