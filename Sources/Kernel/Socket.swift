// Sockets of the two kinds that are listened on and connected to: TCP and Unix domain streams.

internal import CLiburing  // liburing.h brings the socket types
package import Bytes
import Glibc

/// Where a socket listens or connects: `127.0.0.1:7070`, `[::1]:7070`, `localhost:7070` or `unix:PATH`.
package enum Endpoint: Equatable, Sendable, CustomStringConvertible {
  case tcp(host: String, port: UInt16)
  case unix(path: String)

  /// The endpoint that `text` names, or nil.
  package init?(_ text: String) {
    if text.hasPrefix("unix:") {
      let path = String(text.dropFirst(5))
      guard !path.isEmpty else { return nil }
      self = .unix(path: path)
      return
    }
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
      return nil
    }
    var host = String(text[..<colon])
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = String(host.dropFirst().dropLast())
    } else if host.contains(":") {
      return nil
    }
    guard !host.isEmpty else { return nil }
    self = .tcp(host: host, port: port)
  }

  /// Whether the kernel takes it: a path must fit sockaddr_un with its closing zero.
  package var isUsable: Bool {
    if case .unix(let path) = self { path.utf8.count < 108 } else { true }
  }

  package var description: String {
    switch self {
    case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .unix(let path): "unix:\(path)"
    }
  }
}

/// A resolved address in the form the kernel takes.
package struct Address: Sendable, Equatable {
  var storage = sockaddr_storage()
  var length: socklen_t = 0

  package var family: Int32 { Int32(storage.ss_family) }

  /// Without the port; nil for the path of a Unix socket.
  package var ip: IPAddress? {
    @_noAllocation @_noLocks get {
      unsafe withUnsafeBytes(of: storage) { bytes in
        guard let start = bytes.baseAddress else { return nil }
        let view = unsafe ByteView(start: start, count: bytes.count)
        switch family {
        case AF_INET: return IPAddress(v4: view.word32(at: Self.v4Offset).byteSwapped)
        case AF_INET6:
          return IPAddress(
            high: view.word(at: Self.v6Offset).byteSwapped, low: view.word(at: Self.v6Offset + 8).byteSwapped)
        default: return nil
        }
      }
    }
  }

  /// Where the address stands in sockaddr_in and sockaddr_in6.
  private static var v4Offset: Int { 4 }
  private static var v6Offset: Int { 8 }

  /// Of a Unix socket that has one.
  package var path: String? {
    guard family == AF_UNIX else { return nil }
    let bytes = unsafe withUnsafeBytes(of: storage) { unsafe $0.dropFirst(2).prefix { $0 != 0 }.map { $0 } }
    return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
  }

  /// Whether only this machine reaches it.
  package var isLoopback: Bool { family == AF_UNIX || ip?.isLoopback == true }

  package static func == (left: Address, right: Address) -> Bool {
    unsafe withUnsafeBytes(of: left.storage) { left in
      unsafe withUnsafeBytes(of: right.storage) { unsafe left.elementsEqual($0) }
    } && left.length == right.length
  }

  /// The first address of the endpoint. Asks the resolver, which may take seconds for a name.
  package init(of endpoint: Endpoint) throws(SystemFailure) {
    switch endpoint {
    case .unix(let path):
      guard endpoint.isUsable else { throw SystemFailure("use \(endpoint)", code: ENAMETOOLONG) }
      setPath(path)
    case .tcp(let host, let port): try resolve(host, port)
    }
  }

  /// The address of digits; nil for a name.
  package init?(numeric host: String, port: UInt16) {
    guard (try? resolve(host, port, AI_NUMERICHOST)) != nil else { return nil }
  }

  /// What the kernel says a datagram came from.
  @unsafe init(_ start: UnsafeRawPointer, count: Int) {
    length = socklen_t(min(count, MemoryLayout<sockaddr_storage>.size))
    unsafe withUnsafeMutableBytes(of: &storage) {
      unsafe $0.copyMemory(from: UnsafeRawBufferPointer(start: start, count: Int(length)))
    }
  }

  /// That of the other end of a connection; nil if it is gone.
  @_semantics("no_performance_analysis")
  package init?(peerOf socket: Int32) {
    var count = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let code = unsafe withUnsafeMutablePointer(to: &storage) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe getpeername(socket, $0, &count) }
    }
    guard code == 0 else { return nil }
    length = count
  }

  /// That which a socket is bound to.
  init?(of socket: Int32) {
    var count = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let code = unsafe withUnsafeMutablePointer(to: &storage) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe getsockname(socket, $0, &count) }
    }
    guard code == 0 else { return nil }
    length = count
  }

  /// Whether both name the same place, however long the kernel and the resolver take them to be.
  package func isSamePlace(as other: Address) -> Bool {
    unsafe withUnsafeBytes(of: storage) { left in
      unsafe withUnsafeBytes(of: other.storage) { unsafe left.elementsEqual($0) }
    }
  }

  private mutating func setPath(_ path: String) {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { target in
      for (offset, byte) in path.utf8.enumerated() { unsafe target[offset] = byte }
    }
    unsafe withUnsafeMutableBytes(of: &storage) { target in
      unsafe withUnsafeBytes(of: &address) { unsafe target.copyMemory(from: $0) }
    }
    length = socklen_t(MemoryLayout<sockaddr_un>.size)
  }

  private mutating func resolve(
    _ host: String, _ port: UInt16, _ flags: Int32 = 0
  ) throws(SystemFailure) {
    var hints = unsafe addrinfo()
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    unsafe hints.ai_flags = AI_NUMERICSERV | flags
    var list: UnsafeMutablePointer<addrinfo>?
    let code = unsafe getaddrinfo(host, String(port), &hints, &list)
    guard code == 0, let first = unsafe list else {
      throw SystemFailure("resolve \(host)", code: EHOSTUNREACH, remedy: "Check the name and the resolver.")
    }
    defer { unsafe freeaddrinfo(list) }
    unsafe withUnsafeMutableBytes(of: &storage) {
      unsafe $0.copyMemory(
        from: UnsafeRawBufferPointer(start: first.pointee.ai_addr, count: Int(first.pointee.ai_addrlen)))
    }
    length = unsafe first.pointee.ai_addrlen
  }
}

package enum Socket {
  /// A listening socket. With `isShared` several may listen on the same TCP endpoint and the kernel spreads
  /// connections over them. A Unix socket's stale file is removed first.
  package static func listen(
    _ endpoint: Endpoint, backlog: Int32 = 4096, isShared: Bool
  ) throws(SystemFailure) -> Descriptor {
    let address = try Address(of: endpoint)
    let socket = try make(address.family)
    let deadline = Clock.monotonic() + patience
    if case .unix(let path) = endpoint {
      try removeStale(path, address, deadline)
    } else {
      try set(socket, SOL_SOCKET, SO_REUSEADDR, "SO_REUSEADDR")
      if isShared { try set(socket, SOL_SOCKET, SO_REUSEPORT, "SO_REUSEPORT") }
      // Accepted sockets inherit it: an answer must not wait for the acknowledgement of the last one.
      try set(socket, Int32(IPPROTO_TCP), TCP_NODELAY, "TCP_NODELAY")
    }
    try bindPatiently(socket, to: address, endpoint, until: deadline)
    guard Glibc.listen(socket.number, backlog) == 0 else { throw SystemFailure("listen on \(endpoint)") }
    return socket
  }

  /// A socket for a stream to `address`, not yet connected.
  package static func stream(to address: Address) throws(SystemFailure) -> Descriptor {
    let socket = try make(address.family)
    if address.family != AF_UNIX { try set(socket, Int32(IPPROTO_TCP), TCP_NODELAY, "TCP_NODELAY") }
    return socket
  }

  /// A socket that receives datagrams at `endpoint`, with room for `byteCount` bytes of them if the system allows
  /// it. It tells how many found no room, and puts several of one origin together if the kernel can.
  package static func receiveDatagrams(
    at endpoint: Endpoint, bufferOf byteCount: Int
  ) throws(SystemFailure) -> Descriptor {
    let address = try Address(of: endpoint)
    let socket = try make(address.family, SOCK_DGRAM)
    var size = Int32(byteCount)
    let length = socklen_t(MemoryLayout<Int32>.size)
    // The first one goes beyond net.core.rmem_max, which needs CAP_NET_ADMIN.
    if unsafe setsockopt(socket.number, SOL_SOCKET, SO_RCVBUFFORCE, &size, length) != 0 {
      _ = unsafe setsockopt(socket.number, SOL_SOCKET, SO_RCVBUF, &size, length)
    }
    try set(socket, SOL_SOCKET, SO_RXQ_OVFL, "SO_RXQ_OVFL")
    var one: Int32 = 1
    _ = unsafe setsockopt(socket.number, Int32(IPPROTO_UDP), turnout_udp_gro, &one, length)
    try bindPatiently(socket, to: address, endpoint, until: Clock.monotonic() + patience)
    return socket
  }

  /// Bytes that a socket has room for.
  package static func receiveBuffer(of socket: Int32) -> Int {
    Int(option(SO_RCVBUF, of: socket))
  }

  /// Sends one datagram; false if it could not leave at once.
  package static func send(_ socket: Int32, _ bytes: ByteView, to address: Address) -> Bool {
    unsafe withPointer(to: address) {
      unsafe sendto(
        socket, bytes.start, bytes.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL), $0,
        address.length)
    } == bytes.count
  }

  /// A socket for datagrams to and from `address` alone.
  package static func datagrams(to address: Address) throws(SystemFailure) -> Descriptor {
    let socket = try make(address.family, SOCK_DGRAM)
    guard connectDatagrams(socket.number, to: address) else { throw SystemFailure("connect datagrams") }
    return socket
  }

  /// Makes a socket for datagrams speak to another address of the same family; false if it cannot.
  package static func connectDatagrams(_ socket: Int32, to address: Address) -> Bool {
    unsafe withPointer(to: address) { unsafe connect(socket, $0, address.length) } == 0
  }

  /// Lets the kernel cut what is sent at once into datagrams of `byteCount` bytes, the last one shorter (UDP
  /// generic segmentation offload, Linux 4.18); false where it cannot, and 0 ends it.
  package static func segmentDatagrams(_ socket: Int32, at byteCount: Int) -> Bool {
    var size = Int32(byteCount)
    return unsafe setsockopt(
      socket, Int32(IPPROTO_UDP), turnout_udp_segment, &size, socklen_t(MemoryLayout<Int32>.size)) == 0
  }

  /// The error of a send that the device cannot cut into datagrams.
  package static var cannotSegment: Int32 { EIO }

  /// Nanoseconds that an address may stay taken: a process that was killed leaves its ring to the kernel, which holds
  /// the sockets for a moment longer.
  private static var patience: UInt64 { 2_000_000_000 }

  private static func bindPatiently(
    _ socket: borrowing Descriptor, to address: Address, _ endpoint: Endpoint, until deadline: UInt64
  ) throws(SystemFailure) {
    let number = socket.number
    while unsafe withPointer(to: address, { unsafe bind(number, $0, address.length) }) != 0 {
      guard errno == EADDRINUSE, Clock.monotonic() < deadline else {
        throw SystemFailure(
          "listen on \(endpoint)",
          remedy: errno == EADDRINUSE ? "Stop what listens there, or choose another address." : "")
      }
      usleep(20_000)
    }
  }

  static func setBlocking(_ socket: Int32, _ isBlocking: Bool) {
    let flags = fcntl(socket, F_GETFL)
    let wanted = isBlocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK
    if wanted != flags { _ = fcntl(socket, F_SETFL, wanted) }
  }

  static func isStream(_ socket: Int32) -> Bool {
    option(SO_TYPE, of: socket) == Int32(SOCK_STREAM.rawValue)
  }

  /// An errno, once: what became of a connect that was not waited for.
  static func takeError(of socket: Int32) -> Int32 { option(SO_ERROR, of: socket) }

  static func option(_ name: Int32, of socket: Int32) -> Int32 {
    var value: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    return unsafe getsockopt(socket, SOL_SOCKET, name, &value, &length) == 0 ? value : errno
  }

  /// A connection that waits at a listener, or nil.
  package static func acceptWaiting(_ listener: Int32) -> Int32? {
    // The flag is the socket's, and others may go on with it.
    let flags = fcntl(listener, F_GETFL)
    setBlocking(listener, false)
    defer { setBlocking(listener, flags & O_NONBLOCK == 0) }
    let socket = accept4(listener, nil, nil, Int32(SOCK_CLOEXEC.rawValue))
    return socket >= 0 ? socket : nil
  }

  /// Tells the peer that nothing more will be sent.
  package static func endSending(_ socket: Int32) { _ = shutdown(socket, Int32(SHUT_WR)) }

  /// Ends both directions, which completes whatever is under way on the socket.
  package static func abort(_ socket: Int32) { _ = shutdown(socket, Int32(SHUT_RDWR)) }

  package static func close(_ socket: Int32) { _ = Glibc.close(socket) }

  /// Has what is sent leave without waiting for the acknowledgement of the last; accepted sockets inherit it.
  static func sendAtOnce(_ socket: Int32) {
    var one: Int32 = 1
    _ = unsafe setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
  }

  private static func make(
    _ family: Int32, _ type: __socket_type = SOCK_STREAM
  ) throws(SystemFailure) -> Descriptor {
    let number = socket(family, Int32(type.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard number >= 0 else {
      throw SystemFailure("socket", remedy: "Raise the limit on open files (ulimit -n).")
    }
    return Descriptor(number)
  }

  private static func set(
    _ socket: borrowing Descriptor, _ level: Int32, _ option: Int32, _ name: String
  ) throws(SystemFailure) {
    var one: Int32 = 1
    guard unsafe setsockopt(socket.number, level, option, &one, socklen_t(MemoryLayout<Int32>.size)) == 0
    else { throw SystemFailure("setsockopt \(name)") }
  }

  /// Removes the file of a Unix socket that nobody listens on any more; one that is in use stays.
  private static func removeStale(
    _ path: String, _ address: Address, _ deadline: UInt64
  ) throws(SystemFailure) {
    var status = stat()
    guard unsafe lstat(path, &status) == 0 else { return }
    guard status.st_mode & S_IFMT == S_IFSOCK else {
      throw SystemFailure("listen on \(path)", code: EEXIST, remedy: "Remove the file that stands there.")
    }
    while try isListening(address) {
      if Clock.monotonic() < deadline {
        usleep(20_000)
        continue
      }
      throw SystemFailure("listen on \(path)", code: EADDRINUSE, remedy: "Stop what listens there.")
    }
    try File.remove(path)
  }

  private static func isListening(_ address: Address) throws(SystemFailure) -> Bool {
    let probe = try make(AF_UNIX)
    return unsafe withPointer(to: address) { unsafe connect(probe.number, $0, address.length) } == 0
  }

  static func withPointer<Result>(
    to address: Address, _ body: (UnsafePointer<sockaddr>) -> Result
  ) -> Result {
    unsafe withUnsafePointer(to: address.storage) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0) }
    }
  }
}
