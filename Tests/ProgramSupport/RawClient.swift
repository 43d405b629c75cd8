// A client that sends exactly the bytes it is told to and reads what comes, with a deadline for everything.

import Bytes
package import Glibc
package import JSON
package import Kernel

/// One answer, taken apart.
package struct Answer {
  package var status: Int
  package var fields: [(name: String, value: String)] = []
  package var body: [UInt8] = []

  /// The value of a field, or nil.
  package subscript(name: String) -> String? {
    fields.first { $0.name.lowercased() == name.lowercased() }?.value
  }

  package var text: String { String(decoding: body, as: UTF8.self) }

  /// The body as JSON.
  package func json() throws -> Element { try Document(body).root }

  /// The stable code of a refusal.
  package var errorCode: String? { (try? json())?["errorCode"]?.text }
}

/// Test sockets.
package enum Plug {
  package static func socket(_ family: Int32) throws -> Descriptor {
    // Not inherited: a program started meanwhile would keep the connection open.
    let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    let descriptor = Descriptor(Glibc.socket(family, type, 0))
    guard descriptor.number >= 0 else { throw SystemFailure("socket") }
    return descriptor
  }

  /// The address of a port on the loopback interface.
  package static func loopback(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
  }

  package static func with<Value, Result>(
    _ address: Value, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
  ) -> Result {
    unsafe withUnsafePointer(to: address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe body($0, socklen_t(MemoryLayout<Value>.size))
      }
    }
  }

  /// A listening socket on `port`, or on one that was free, and the port.
  package static func listen(port: UInt16 = 0, backlog: Int32 = 512) throws -> (socket: Int32, port: UInt16) {
    let descriptor = try socket(AF_INET)
    var one: Int32 = 1
    unsafe setsockopt(descriptor.number, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
    guard unsafe with(loopback(port), { unsafe bind(descriptor.number, $0, $1) }) == 0,
      Glibc.listen(descriptor.number, backlog) == 0
    else { throw SystemFailure("listen") }
    var address = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let code = unsafe withUnsafeMutablePointer(to: &address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe getsockname(descriptor.number, $0, &length)
      }
    }
    guard code == 0 else { throw SystemFailure("getsockname") }
    return (descriptor.release(), UInt16(bigEndian: address.sin_port))
  }

  /// A port that is free now.
  package static func freePort() throws -> UInt16 {
    let (socket, port) = try listen()
    close(socket)
    return port
  }

  /// Waits until the socket is ready for one of `events`; what it is ready for, or 0 after `limit` seconds.
  package static func wait(_ socket: Int32, _ events: Int32, within limit: Double) -> Int32 {
    var entry = pollfd(fd: socket, events: Int16(events), revents: 0)
    while true {
      let count = unsafe poll(&entry, 1, Int32(max(0, limit * 1000)))
      if count < 0, errno == EINTR { continue }
      return Int32(entry.revents)
    }
  }
}

package final class RawClient {
  private let socket: Descriptor
  private let isUnix: Bool
  /// What encrypts and decrypts; nil in the clear.
  private let tls: TLSPeer?
  /// What must live as long as the connection.
  package var owner: AnyObject?
  /// What came and was not taken yet.
  private var buffer: [UInt8] = []
  private var start = 0
  /// Whether the other side said that it will send no more.
  package private(set) var isEnded = false
  /// Whether the connection was reset.
  package private(set) var isReset = false
  /// Whether the other side said in TLS that it will send no more.
  package private(set) var hasGoodbye = false
  /// What TLS found wrong with what came.
  package private(set) var fault: String?

  /// Connects, and with `tls` is done with the handshake, too, of which it sends `step` bytes at a time.
  package init(port: UInt16, tls: TLSPeer? = nil, step: Int = .max) throws {
    socket = try Plug.socket(AF_INET)
    isUnix = false
    self.tls = tls
    let number = socket.number
    guard unsafe Plug.with(Plug.loopback(port), { unsafe connect(number, $0, $1) }) == 0 else {
      throw SystemFailure("connect to port \(port)")
    }
    var one: Int32 = 1
    unsafe setsockopt(number, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
    if let tls { try shakeHands(tls, step) }
  }

  private func shakeHands(_ tls: TLSPeer, _ step: Int) throws {
    let deadline = seconds() + 10
    while true {
      let isDone = try tls.handshake()
      var flight = tls.takeOutgoing()[...]
      while !flight.isEmpty {
        try sendCiphertext(Array(flight.prefix(step)))
        flight = flight.dropFirst(step)
      }
      if isDone { return }
      guard try more(deadline, "handshake") else { throw Failure("the handshake was cut short") }
      if let fault { throw Failure(fault) }
    }
  }

  package init(path: String, tls: TLSPeer? = nil) throws {
    socket = try Plug.socket(AF_UNIX)
    isUnix = true
    self.tls = tls
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { target in
      for (offset, byte) in path.utf8.enumerated() { unsafe target[offset] = byte }
    }
    let number = socket.number
    guard unsafe Plug.with(address, { unsafe connect(number, $0, $1) }) == 0 else {
      throw SystemFailure("connect to \(path)")
    }
    if let tls { try shakeHands(tls, .max) }
  }

  // MARK: - Sending

  package func send(_ text: String) throws { try send(Array(text.utf8)) }

  /// Sends everything, reading meanwhile so that neither side waits for the other. A connection that the other
  /// side ended is no fault here: the answer tells.
  package func send(_ bytes: [UInt8], within limit: Double = 20) throws {
    guard let tls else { return try sendCiphertext(bytes, within: limit) }
    try tls.send(bytes)
    try sendCiphertext(tls.takeOutgoing(), within: limit)
  }

  /// Sends these bytes as they are.
  package func sendCiphertext(_ bytes: [UInt8], within limit: Double = 20) throws {
    var offset = 0
    let deadline = seconds() + limit
    while offset < bytes.count {
      let ready = Plug.wait(socket.number, POLLIN | POLLOUT, within: deadline - seconds())
      guard ready != 0 else { throw Failure("sent \(offset) of \(bytes.count) bytes in \(limit) s") }
      if ready & POLLOUT != 0 {
        let count = sendSome(bytes, from: offset)
        if count < 0 {
          isReset = errno == ECONNRESET
          return
        }
        offset += count
      }
      if ready & POLLIN != 0 { fill() }
      if ready & (POLLERR | POLLHUP) != 0, ready & POLLOUT == 0 { return }
    }
  }

  /// Sends as much as the other side takes without reading anything; the number of bytes.
  package func sendBlindly(_ bytes: [UInt8]) -> Int {
    var offset = 0
    while offset < bytes.count {
      guard Plug.wait(socket.number, POLLOUT, within: 0.3) & POLLOUT != 0 else { break }
      let count = sendSome(bytes, from: offset)
      guard count > 0 else { break }
      offset += count
    }
    return offset
  }

  private func sendSome(_ bytes: [UInt8], from offset: Int) -> Int {
    let number = socket.number
    let flags = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
    let count = unsafe bytes.withUnsafeBytes {
      unsafe Glibc.send(number, $0.baseAddress! + offset, $0.count - offset, flags)
    }
    return count < 0 && errno == EAGAIN ? 0 : count
  }

  /// Says in TLS that nothing more will be sent, and leaves the socket open.
  package func sayGoodbye() throws {
    tls!.end()
    try sendCiphertext(tls!.takeOutgoing())
  }

  /// Says that nothing more will be sent.
  package func endSending() { shutdown(socket.number, Int32(SHUT_WR)) }

  /// Waits until the other process has read what was sent; only a Unix socket can tell.
  package func waitUntilRead() throws {
    precondition(isUnix)
    try eventually("the edge read what was sent") {
      var waiting: Int32 = 0
      guard unsafe ioctl(socket.number, UInt(TIOCOUTQ), &waiting) == 0 else { throw SystemFailure("ioctl") }
      return waiting == 0
    }
  }

  // MARK: - Reading

  /// Reads once what is there.
  private func fill() {
    var chunk = [UInt8](repeating: 0, count: 65_536)
    let count = unsafe recv(socket.number, &chunk, chunk.count, Int32(MSG_DONTWAIT))
    if count > 0 {
      take(chunk.prefix(count))
    } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
      if count < 0 { isReset = true }
      isEnded = true
    }
  }

  private func take(_ bytes: ArraySlice<UInt8>) {
    guard let tls else { return buffer += bytes }
    tls.receive(Array(bytes))
    do {
      while try tls.handshake() {
        guard let plaintext = try tls.read() else { return hasGoodbye = true }
        if plaintext.isEmpty { return }
        buffer += plaintext
      }
    } catch {
      fault = "\(error)"
    }
  }

  /// Waits for more; false at the end.
  private func more(_ deadline: Double, _ what: String) throws -> Bool {
    if isEnded { return false }
    guard Plug.wait(socket.number, POLLIN, within: deadline - seconds()) != 0 else {
      throw Failure(
        "no \(what) came in time; so far: \(String(decoding: buffer[start...].prefix(200), as: UTF8.self))")
    }
    fill()
    return true
  }

  /// The next answer; one to HEAD has no body.
  package func read(toHead: Bool = false, within limit: Double = 10) throws -> Answer {
    let deadline = seconds() + limit
    var scanned = start
    while true {
      if let end = endOfHead(from: scanned) {
        var answer = try Self.head(buffer[start..<end])
        var length = Int(answer["Content-Length"] ?? "0") ?? -1
        if toHead || answer.status == 304 || answer.status == 204 || answer.status < 200 { length = 0 }
        guard length >= 0 else { throw Failure("Content-Length is no number") }
        while buffer.count - end < length {
          guard try more(deadline, "body") else { throw Failure("the body was cut short") }
        }
        answer.body = Array(buffer[end..<(end + length)])
        start = end + length
        if start == buffer.count || start > 1 << 20 {
          buffer.removeFirst(start)
          start = 0
        }
        return answer
      }
      scanned = max(start, buffer.count - 3)
      guard try more(deadline, "answer") else {
        throw Failure("the connection ended without an answer\(isReset ? " (reset)" : "")")
      }
    }
  }

  private func endOfHead(from offset: Int) -> Int? {
    var index = offset
    while index + 3 < buffer.count {
      if buffer[index] == 13, buffer[index + 1] == 10, buffer[index + 2] == 13, buffer[index + 3] == 10 {
        return index + 4
      }
      index += 1
    }
    return nil
  }

  private static func head(_ bytes: ArraySlice<UInt8>) throws -> Answer {
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\r\n")
    let words = lines.first?.split(separator: " ", maxSplits: 2) ?? []
    guard words.count >= 2, words[0] == "HTTP/1.1", let status = Int(words[1]) else {
      throw Failure("no status line: \(lines.first ?? "")")
    }
    var answer = Answer(status: status)
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { throw Failure("no field: \(line)") }
      let value = line[line.index(after: colon)...].drop { $0 == " " }
      answer.fields.append((String(line[..<colon]), String(value)))
    }
    return answer
  }

  /// What comes until `mark` stands in it, together with `sofar`, which came before.
  package func readText(until mark: String, sofar: String = "", within limit: Double = 10) throws -> String {
    let deadline = seconds() + limit
    while true {
      let text = String(decoding: buffer[start...], as: UTF8.self)
      if (sofar + text).contains(mark) {
        buffer = []
        start = 0
        return text
      }
      guard try more(deadline, "\(mark.debugDescription)") else {
        throw Failure("the connection ended before \(mark.debugDescription): \(text)")
      }
    }
  }

  /// Everything up to the end of the connection.
  package func readToEnd(within limit: Double = 10) throws -> [UInt8] {
    let deadline = seconds() + limit
    while try more(deadline, "end of the connection") {}
    defer {
      buffer = []
      start = 0
    }
    return Array(buffer[start...])
  }

  /// Whether nothing came within `time` seconds and the connection is still open.
  package func isQuiet(for time: Double) -> Bool {
    start == buffer.count && !isEnded && Plug.wait(socket.number, POLLIN, within: time) == 0
  }

  /// Sends a request and reads its answer.
  package func ask(_ request: String) throws -> Answer {
    try send(request)
    return try read(toHead: request.hasPrefix("HEAD "))
  }

  /// `fields` are further header lines.
  package func get(_ target: String, _ fields: [String] = []) throws -> Answer {
    try ask("GET", target, fields)
  }

  /// A request without a body.
  package func ask(_ method: String, _ target: String, _ fields: [String] = []) throws -> Answer {
    try ask("\(method) \(target) HTTP/1.1\r\nHost: edge\r\n\(fields.map { $0 + "\r\n" }.joined())\r\n")
  }

  package func post(_ target: String, _ body: String) throws -> Answer {
    try ask("POST \(target) HTTP/1.1\r\nHost: edge\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
  }
}
