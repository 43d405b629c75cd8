// The network of a run: streams whose bytes take time and arrive in order, and datagrams that may be lost, doubled or late.
// A socket is a number as in the programs, beyond every number that the real system gives out.

package import Kernel
import TestSupport

package final class Network {
  package let world: World
  private var sockets: [Int32: NetworkSocket] = [:]
  private var listeners: [UInt16: NetworkSocket] = [:]
  private var datagramSockets: [NetworkSocket] = []
  private var nextNumber = Network.firstNumber

  private static let firstNumber: Int32 = 1 << 20

  package init(_ world: World) {
    self.world = world
  }

  package subscript(number: Int32) -> NetworkSocket {
    guard let socket = sockets[number] else { preconditionFailure("socket \(number) is closed") }
    return socket
  }

  /// Sockets that are open; none may be left at the end.
  package var openCount: Int { sockets.count }

  package func make(_ kind: NetworkSocket.Kind) -> NetworkSocket {
    let socket = NetworkSocket(nextNumber, kind, self)
    nextNumber += 1
    sockets[socket.number] = socket
    return socket
  }

  package func listen(_ port: UInt16) -> NetworkSocket {
    let socket = make(.listener)
    listeners[port] = socket
    return socket
  }

  /// A socket of datagrams at `port`; with `peer` to and from that port alone.
  package func datagrams(at port: UInt16, to peer: UInt16? = nil) -> NetworkSocket {
    let socket = make(.datagrams)
    socket.address = Self.address(port)
    socket.destination = peer.map(Self.address)
    datagramSockets.append(socket)
    return socket
  }

  package static func address(_ port: UInt16) -> Address {
    // A number is no name: nobody is asked.
    try! Address(of: .tcp(host: "127.0.0.1", port: port))
  }

  /// Connects `socket`; false if nobody listens.
  package func connect(_ socket: NetworkSocket, to address: Address) -> Bool {
    let found = listeners.first { Self.address($0.key) == address }
    guard let listener = found?.value, !listener.isAborted else { return false }
    let other = make(.stream)
    other.peer = socket
    socket.peer = other
    listener.backlog.append(other)
    world.after(0) { listener.changed() }
    return true
  }

  package func close(_ socket: NetworkSocket) {
    precondition(!socket.isClosed, "closed twice")
    socket.isClosed = true
    sockets[socket.number] = nil
    listeners = listeners.filter { $0.value !== socket }
    datagramSockets.removeAll { $0 === socket }
    for waiting in socket.backlog {
      waiting.reset()
      close(waiting)
    }
    socket.backlog = []
    guard socket.kind == .stream else { return }
    // What was not read makes the end a reset, as in Linux.
    if socket.inbox.isEmpty { socket.endSending() } else { socket.reset() }
  }

  /// Sends one datagram from `socket`.
  package func send(_ bytes: [UInt8], from socket: NetworkSocket, to address: Address) {
    guard let target = datagramSockets.first(where: { $0.address == address }), let origin = socket.address
    else {
      return
    }
    if world.oneIn(world.faults.lostDatagrams) {
      world.tell("a datagram of \(bytes.count) bytes is lost")
      return
    }
    for _ in 0..<(world.oneIn(world.faults.doubledDatagrams) ? 2 : 1) {
      world.after(world.delay(upTo: world.faults.lateness)) {
        guard !target.isClosed else { return }
        target.datagrams.append((origin, bytes))
        target.changed()
      }
    }
  }
}

package final class NetworkSocket {
  package enum Kind { case stream, listener, datagrams }

  package let number: Int32
  package let kind: Kind
  private unowned let network: Network
  private var world: World { network.world }
  /// Told whenever something can be received or sent that could not be before.
  package var observer: (() -> Void)?

  // Of a stream.
  package var peer: NetworkSocket?
  /// Bytes that have arrived.
  package var inbox: [UInt8] = []
  private var inTransit = 0
  /// When the last of what is on its way here arrives.
  private var arrivesAt: UInt64 = 0
  package private(set) var hasEnded = false
  package private(set) var isReset = false
  private var saidEnd = false
  /// Both directions were ended from here.
  package private(set) var isAborted = false
  package var isClosed = false

  // Of a listener.
  package var backlog: [NetworkSocket] = []

  // Of datagrams.
  package var address: Address?
  package var destination: Address?
  package var datagrams: [(origin: Address, bytes: [UInt8])] = []
  package var segment = 0

  init(_ number: Int32, _ kind: Kind, _ network: Network) {
    self.number = number
    self.kind = kind
    self.network = network
  }

  func changed() { observer?() }

  /// Bytes that can be sent now.
  package var room: Int {
    guard let peer, !saidEnd, !isReset else { return 0 }
    return peer.isClosed ? Int.max : max(0, world.faults.window - peer.inbox.count - peer.inTransit)
  }

  /// Whether sending fails.
  package var isBroken: Bool { isReset || saidEnd || peer == nil }

  /// Sends as much as there is room for; bytes to who is gone bring a reset.
  package func send(_ bytes: some Collection<UInt8>) -> Int {
    guard !isBroken, let peer else { return 0 }
    let count = min(bytes.count, room)
    guard count > 0 else { return 0 }
    if peer.isClosed {
      beReset()
      return count
    }
    if world.oneIn(world.faults.resets) {
      world.tell("the connection of \(number) is reset")
      reset()
      beReset()
      return count
    }
    let part = Array(bytes.prefix(count))
    peer.inTransit += count
    peer.arrive { peer in
      peer.inTransit -= part.count
      guard !peer.isClosed, !peer.isReset, !peer.isAborted else { return }
      peer.inbox += part
    }
    return count
  }

  /// Lets something arrive here, after everything that was sent before.
  private func arrive(_ body: @escaping (NetworkSocket) -> Void) {
    arrivesAt = max(arrivesAt, world.now + world.delay(upTo: world.faults.transit))
    world.at(arrivesAt) { [self] in
      body(self)
      changed()
    }
  }

  package func endSending() {
    guard !saidEnd else { return }
    saidEnd = true
    peer?.arrive { $0.hasEnded = true }
  }

  package func reset() {
    saidEnd = true
    peer?.arrive { $0.receiveReset() }
  }

  /// Later: whoever sends is in the middle of something.
  private func beReset() { world.after(0) { [self] in receiveReset() } }

  private func receiveReset() {
    guard !isClosed else { return }
    isReset = true
    inbox = []
    changed()
  }

  package func abort() {
    isAborted = true
    for waiting in backlog {
      waiting.reset()
      network.close(waiting)
    }
    backlog = []
    endSending()
    changed()
  }

  /// Takes what has arrived, at most `count` bytes.
  package func take(_ count: Int) -> [UInt8] {
    let part = Array(inbox.prefix(count))
    inbox.removeFirst(part.count)
    // Later: whoever takes is in the middle of something.
    if !part.isEmpty, let peer { world.after(0) { peer.changed() } }
    return part
  }
}
