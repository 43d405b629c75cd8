// The server alone with TLS on one of its two sockets. What it does for the edge is tested with the edge.

import Bytes
import HTTP
import Kernel
import ProgramSupport
import Server
import Testing
import Trust

struct ServerTLSTests {
  private let folder: Folder
  private let certificates: Certificates

  /// A server with few and small buffers that answers with "secure" or "plain", "/large" with more than a socket
  /// holds behind it, and abandons the turns in which "/abandon" is asked for; "/counts" tells its counters.
  init() throws {
    folder = try Folder()
    certificates = try Certificates(in: folder)
    let tls = try TLSServerSettings(
      certificate: certificates.path("server.pem"), key: certificates.path("server.key"),
      clientAuthorities: nil)
    let plain = try Socket.listen(.unix(path: folder.path("plain")), isShared: false).release()
    let secure = try Socket.listen(.unix(path: folder.path("secure")), isShared: false).release()
    try Threads.start("server") {
      var limits = Limits()
      limits.connections = 8
      let settings = DriverSettings(buffers: 2, bufferSize: 1024)
      var server = try! Server(
        limits, on: Driver(.underTest, settings, waker: try! Waker()), listeners: [plain],
        secureListeners: [secure], tls: tls)
      while true {
        server.wait()
        var isAbandoned = false
        while server.next() {
          var exchange = server.exchange
          if exchange.path.equals("/abandon") { isAbandoned = true }
          let head = ResponseHead(
            .ok, .json, for: exchange.request, date: exchange.date, into: &exchange.output)
          if exchange.path.equals("/counts") {
            let tally = server.tally
            let counts = [
              tally.tlsHandshakes, tally.pendingOverflows, UInt64(server.connectionCount),
            ]
            Array("\(counts)".utf8).withBytes { exchange.output.append($0) }
          } else {
            exchange.output.append(exchange.isSecure ? "secure" : "plain")
          }
          if exchange.path.equals("/large") {
            for _ in 0..<Self.largeCount { exchange.output.append("x") }
          }
          head.finish(&exchange.output)
          server.exchange = exchange
          server.finish()
        }
        if isAbandoned { server.abandonTurn() } else { server.flush() }
      }
    }
  }

  private static let largeCount = 6 << 20

  private func peer(isVersion12: Bool = false) throws -> TLSPeer {
    var settings = TLSPeerSettings(authority: certificates.path("ca.pem"))
    settings.isVersion12 = isVersion12
    return try TLSPeer(settings)
  }

  private func secure(_ peer: TLSPeer? = nil) throws -> RawClient {
    try RawClient(path: folder.path("secure"), tls: peer ?? self.peer())
  }

  private func counts() throws -> String { try RawClient(path: folder.path("plain")).get("/counts").text }

  @Test func `a request tells whether it came over TLS`() throws {
    #expect(try secure().get("/").text == "secure")
    #expect(try RawClient(path: folder.path("plain")).get("/").text == "plain")
    // A slot that was used for one is used for the other.
    for _ in 0..<20 {
      #expect(try secure().get("/").text == "secure")
      #expect(try RawClient(path: folder.path("plain")).get("/").text == "plain")
    }
  }

  @Test(arguments: [true, false])
  func `large answers and what comes behind them are whole`(isVersion12: Bool) throws {
    let client = try secure(peer(isVersion12: isVersion12))
    let request = "GET /large HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "x", count: 5000))\r\n\r\n"
    try client.send(String(repeating: request, count: 3) + "GET /small HTTP/1.1\r\nHost: a\r\n\r\n")
    for _ in 0..<3 { #expect(try client.read().body.count == Self.largeCount + 6) }
    #expect(try client.read().text == "secure")
  }

  @Test func `a turn that is abandoned is not answered over TLS either`() throws {
    let client = try secure()
    #expect(try client.get("/before").text == "secure")
    try client.send("GET /first HTTP/1.1\r\nHost: a\r\n\r\nGET /abandon HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(try client.readToEnd() == [])
    for _ in 0..<20 { _ = try? secure().get("/abandon") }
    #expect(try secure().get("/after").text == "secure")
  }

  @Test func `a client that makes TLS talk and does not listen is let go`() throws {
    let peer = try peer()
    let client = try secure(peer)
    #expect(try client.get("/").text == "secure")
    var bytes: [UInt8] = []
    for _ in 0..<30_000 {
      peer.updateKeys()
      bytes += peer.takeOutgoing()
    }
    // Each of them is answered with as many bytes.
    #expect(client.sendBlindly(bytes) < bytes.count)
    try eventually("its place is free") { try counts() == "[1, 1, 1]" }
  }

  @Test func `more clients than there are places wait for one`() throws {
    var clients: [RawClient] = []
    for _ in 0..<8 { clients.append(try secure()) }
    for client in clients { #expect(try client.get("/").text == "secure") }
    let waiting = try RawClient(path: folder.path("secure"))
    #expect(waiting.isQuiet(for: 0.1))
    clients.removeFirst()
    // Plain HTTP on the place that became free.
    try waiting.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(try waiting.readToEnd().count <= 7)
    #expect(try secure().get("/").text == "secure")
  }
}
