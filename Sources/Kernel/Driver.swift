// What a thread asks of the system, and how it hears what became of it: operations are queued, handed over together
// when the thread waits, and their completions are drained one by one; nothing acts inside a callback. There are three
// drivers behind it: io_uring, epoll for kernels and containers that forbid that, and a simulation with its own time.

package import Bytes
import Glibc

package struct DriverSettings: Sendable {
  /// Operations that fit before they are handed over.
  package let submissions: UInt32
  /// Completions that fit before the system keeps them aside.
  package let completions: UInt32
  /// Receive buffers, a power of two.
  package let buffers: Int
  /// Bytes of one receive buffer.
  package let bufferSize: Int
  /// Bytes from one to the next: an odd number of cache lines, so that their beginnings, which is all that most requests
  /// fill, do not share a few sets of the processor's caches.
  package var bufferStride: Int { (bufferSize / 128 + 3) * 128 + 64 }

  package init(
    submissions: UInt32 = 1024, completions: UInt32 = 8192, buffers: Int = 256, bufferSize: Int = 4096
  ) {
    self.submissions = submissions
    self.completions = completions
    self.buffers = buffers
    self.bufferSize = bufferSize
  }
}

/// Belongs to one thread.
package struct Driver: ~Copyable {
  package let settings: DriverSettings
  // One of them is there.
  private var uring: UringDriver?
  private var epoll: EpollDriver?
  private let simulated: (any SimulatedDriver)?

  /// A driver for the calling thread, which alone may use it from then on, woken by `waker`.
  package init(
    _ backend: Backend, _ settings: DriverSettings = DriverSettings(), waker: Waker
  ) throws(SystemFailure) {
    self.settings = settings
    simulated = nil
    switch backend {
    case .uring:
      uring = try UringDriver(settings, waker: waker)
      epoll = nil
    case .epoll:
      uring = nil
      epoll = try EpollDriver(settings, waker: waker)
    }
  }

  package init(_ simulated: any SimulatedDriver, _ settings: DriverSettings) {
    self.settings = settings
    self.simulated = simulated
    uring = nil
    epoll = nil
  }

  /// Completions that did not fit and were kept aside by the kernel so far.
  package var overflowCount: Int {
    switch uring {
    case .some(let uring): uring.overflowCount
    case nil: 0
    }
  }

  // MARK: - Operations

  /// Accepts connections until it fails or is cancelled, or only one; a completion's result is a socket.
  package mutating func accept(on listener: Int32, once: Bool, _ token: Token) {
    if uring != nil {
      uring!.accept(on: listener, once: once, token)
    } else if epoll != nil {
      epoll!.accept(on: listener, once: once, token)
    } else {
      simulated!.accept(on: listener, once: once, token)
    }
  }

  /// Receives into the driver's buffers until it fails, the stream ends or the buffers run out.
  package mutating func receive(_ socket: Int32, _ token: Token) {
    if uring != nil {
      uring!.receive(socket, token)
    } else if epoll != nil {
      epoll!.receive(socket, token)
    } else {
      simulated!.receive(socket, token)
    }
  }

  /// Receives once into `region`, which must stay as it is until the completion.
  package mutating func receive(_ socket: Int32, into region: ByteRegion, _ token: Token) {
    if uring != nil {
      uring!.receive(socket, into: region, token)
    } else if epoll != nil {
      epoll!.receive(socket, into: region, token)
    } else {
      simulated!.receive(socket, into: region, token)
    }
  }

  /// Receives datagrams with their origin into the driver's buffers, until it fails or the buffers run out; the
  /// completions' buffers hold what ``message(in:count:)`` reads.
  package mutating func receiveMessages(_ socket: Int32, _ token: Token) {
    if uring != nil {
      uring!.receiveMessages(socket, token)
    } else if epoll != nil {
      epoll!.receiveMessages(socket, token)
    } else {
      simulated!.receiveMessages(socket, token)
    }
  }

  /// What ``receiveMessages(_:_:)`` received: the first `count` bytes of a buffer, whose memory it points into; nil
  /// if that is no whole message.
  package func message(in buffer: Int32, count: Int) -> Message? {
    if let simulated { return simulated.message(in: buffer, count: count) }
    return Message(in: self.buffer(buffer), count: count)
  }

  /// Sends once from `bytes`, which must not change before the completion; the result may be short.
  package mutating func send(_ socket: Int32, _ bytes: ByteView, _ token: Token) {
    if uring != nil {
      uring!.send(socket, bytes, token)
    } else if epoll != nil {
      epoll!.send(socket, bytes, token)
    } else {
      simulated!.send(socket, bytes, token)
    }
  }

  /// Sends from `bytes` while the operation is handed over, and is silent if all of them were taken. If not, a completion
  /// tells how many were, or that none was (``Completion/isRefused``): it is there when ``wait(nanoseconds:)`` returns.
  package mutating func sendSilently(_ socket: Int32, _ bytes: ByteView, _ token: Token) {
    if uring != nil {
      uring!.sendSilently(socket, bytes, token)
    } else if epoll != nil {
      epoll!.sendSilently(socket, bytes, token)
    } else {
      simulated!.sendSilently(socket, bytes, token)
    }
  }

  /// Connects to `address`; begun at once.
  package mutating func connect(_ socket: Int32, to address: Address, _ token: Token) {
    if uring != nil {
      uring!.connect(socket, to: address, token)
    } else if epoll != nil {
      epoll!.connect(socket, to: address, token)
    } else {
      simulated!.connect(socket, to: address, token)
    }
  }

  /// Ends the operation of `target`, whose last completion still comes.
  package mutating func cancel(_ target: Token, on socket: Int32) {
    if uring != nil {
      uring!.cancel(target, on: socket)
    } else if epoll != nil {
      epoll!.cancel(target, on: socket)
    } else {
      simulated!.cancel(target, on: socket)
    }
  }

  // MARK: - Completions

  /// The completions that came and were not yet drained by ``next()``; nil while the system keeps some aside. To be asked
  /// for when all that came before were drained.
  package func readyCount() -> Int? {
    if uring != nil { return uring!.readyCount() }
    if epoll != nil { return epoll!.readyCount() }
    return simulated!.readyCount()
  }

  /// The token of one of them, the oldest first.
  package func token(ofReady index: Int) -> Token {
    if uring != nil { return uring!.token(ofReady: index) }
    if epoll != nil { return epoll!.token(ofReady: index) }
    return simulated!.token(ofReady: index)
  }

  /// Hands over what is queued and waits for a completion, at most `nanoseconds`. May return without any.
  package mutating func wait(nanoseconds: UInt64) {
    if uring != nil {
      uring!.wait(nanoseconds: nanoseconds)
    } else if epoll != nil {
      epoll!.wait(nanoseconds: nanoseconds)
    } else {
      simulated!.wait(nanoseconds: nanoseconds)
    }
  }

  /// Hands over what is queued and lets what is done complete, without waiting: for a thread that has its processor
  /// to itself and nothing better to do than to look.
  package mutating func look() {
    if uring != nil { uring!.look() } else { wait(nanoseconds: 0) }
  }

  /// The next completion, or nil when all that came were drained.
  package mutating func next() -> Completion? {
    if uring != nil { return uring!.next() }
    if epoll != nil { return epoll!.next() }
    return simulated!.next()
  }

  /// The memory of a receive buffer, valid until it is given back.
  package func buffer(_ index: Int32) -> ByteRegion {
    if uring != nil { return uring!.buffer(index) }
    if epoll != nil { return epoll!.buffer(index) }
    return simulated!.buffer(index)
  }

  /// Gives a receive buffer back.
  package mutating func giveBack(_ index: Int32) {
    if uring != nil {
      uring!.giveBack(index)
    } else if epoll != nil {
      epoll!.giveBack(index)
    } else {
      simulated!.giveBack(index)
    }
  }

  // MARK: - At once

  /// A socket for a stream to `address`, not yet connected.
  package mutating func stream(to address: Address) throws(SystemFailure) -> Int32 {
    if let simulated { return try simulated.stream(to: address) }
    return try Socket.stream(to: address).release()
  }

  /// A connection that waits at a listener on which nothing is under way; nil if there is none.
  package mutating func acceptWaiting(at listener: Int32) -> Int32? {
    if let simulated { return simulated.acceptWaiting(at: listener) }
    return Socket.acceptWaiting(listener)
  }

  /// Tells the peer that nothing more will be sent.
  package mutating func endSending(_ socket: Int32) {
    if let simulated { return simulated.endSending(socket) }
    Socket.endSending(socket)
  }

  /// Ends both directions, which completes whatever is under way on the socket.
  package mutating func abort(_ socket: Int32) {
    if let simulated { return simulated.abort(socket) }
    Socket.abort(socket)
    if epoll != nil { epoll!.aborted(socket) }
  }

  /// Closes a socket on which nothing is under way.
  package mutating func close(_ socket: Int32) {
    if let simulated { return simulated.close(socket) }
    if epoll != nil { epoll!.forget(socket) }
    Socket.close(socket)
  }

  /// Sends one datagram; false if it could not leave at once.
  package mutating func send(_ socket: Int32, _ bytes: ByteView, to address: Address) -> Bool {
    if let simulated { return simulated.send(socket, bytes, to: address) }
    return Socket.send(socket, bytes, to: address)
  }

  /// See ``Socket/segmentDatagrams(_:at:)``.
  package mutating func segmentDatagrams(_ socket: Int32, at byteCount: Int) -> Bool {
    if let simulated { return simulated.segmentDatagrams(socket, at: byteCount) }
    return Socket.segmentDatagrams(socket, at: byteCount)
  }

  // MARK: - Time

  /// Nanoseconds since some moment in the past; never goes back.
  package var monotonic: UInt64 { simulated?.monotonic ?? Clock.monotonic() }

  /// Nanoseconds since 1970.
  package var wall: UInt64 { simulated?.wall ?? Clock.wall() }
}
