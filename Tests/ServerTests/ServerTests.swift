// The server alone, with a loop of the test's own. What it does for the edge is tested with the edge.

import Bytes
import HTTP
import Kernel
import ProgramSupport
import Server
import Testing

struct ServerTests {
  private let folder: Folder
  private var socket: String { folder.path("socket") }

  /// A server that answers every request with its path, "/large" with more than a socket holds, "/pause" when there
  /// is a file "go", and abandons the turns in which "/abandon" is asked for.
  init() throws {
    folder = try Folder()
    let listener = try Socket.listen(.unix(path: folder.path("socket")), isShared: false).release()
    try Threads.start("server") { [folder] in
      var limits = Limits()
      limits.connections = 8
      let settings = DriverSettings(buffers: 2, bufferSize: 1024)
      var server = try! Server(
        limits, on: Driver(.underTest, settings, waker: try! Waker()), listeners: [listener])
      while true {
        server.wait()
        var isAbandoned = false
        while server.next() {
          var exchange = server.exchange
          if exchange.path.equals("/abandon") { isAbandoned = true }
          if exchange.path.equals("/pause") {
            try! folder.write("paused", "")
            try! eventually("it may go on") { File.exists(folder.path("go")) }
          }
          let head = ResponseHead(
            .ok, .json, for: exchange.request, date: exchange.date, into: &exchange.output)
          exchange.output.append(exchange.path)
          if exchange.path.equals("/large") {
            for _ in 0..<Self.largeCount { exchange.output.append("x") }
          }
          if exchange.path.starts(with: ("/padded" as StaticString).bytes) {
            for _ in 0..<Self.paddingCount { exchange.output.append("x") }
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
  private static let paddingCount = 8000

  private func request(_ path: String) -> String { "GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n" }

  @Test func `a connection that was answered in an abandoned turn ends without an answer`() throws {
    let client = try RawClient(path: socket)
    #expect(try client.get("/before").text == "/before")
    try client.send(request("/first") + request("/abandon"))
    #expect(try client.readToEnd() == [])
    // Its place is free again, for more connections than there are places.
    for _ in 0..<20 { _ = try? RawClient(path: socket).get("/abandon") }
    #expect(try RawClient(path: socket).get("/after").text == "/after")
  }

  @Test func `an abandoned turn leaves the other connections alone`() throws {
    let idle = try RawClient(path: socket)
    #expect(try idle.get("/one").text == "/one")
    let half = try RawClient(path: socket)
    try half.send("GET /half HTTP/1.1\r\n")
    // An answer that is under way since an earlier turn: the socket does not hold all of it.
    let slow = try RawClient(path: socket)
    try slow.send(request("/large"))
    #expect(try idle.get("/meanwhile").text == "/meanwhile")
    let unlucky = try RawClient(path: socket)
    #expect(try unlucky.get("/before").text == "/before")
    // The server is held up, so that all of this comes in one turn.
    let pausing = try RawClient(path: socket)
    try pausing.send(request("/pause"))
    try eventually("the server pauses") { File.exists(folder.path("paused")) }
    try unlucky.send(request("/abandon"))
    slow.endSending()
    // More than there are buffers: the server stops receiving from it for a moment.
    try half.send("X: \(String(repeating: "x", count: 4000))\r\n")
    try folder.write("go", "")
    #expect(try pausing.read().text == "/pause")
    #expect(try unlucky.readToEnd() == [])
    let count = try slow.read().body.count
    #expect(count == Self.largeCount + 6)
    #expect(try idle.get("/two").text == "/two")
    try half.send("Host: a\r\n\r\n")
    #expect(try half.read().text == "/half")
  }

  @Test func `every request before the client's end is answered, even if the end comes in the same turn`()
    throws
  {
    let pausing = try RawClient(path: socket)
    try pausing.send(request("/pause"))
    try eventually("the server pauses") { File.exists(folder.path("paused")) }
    let client = try RawClient(path: socket)
    // The second answer does not fit behind the first, so the first is sent before it is written.
    try client.send(request("/first") + request("/large") + request("/last") + "GET /cut")
    client.endSending()
    try folder.write("go", "")
    #expect(try client.read().text == "/first")
    #expect(try client.read().body.count == Self.largeCount + 6)
    #expect(try client.read().text == "/last")
    #expect(try client.readToEnd() == [])
  }

  @Test func `answers that the client does not read in time arrive whole, and in order`() throws {
    let client = try RawClient(path: socket)
    let other = try RawClient(path: socket)
    let padding = String(repeating: "x", count: Self.paddingCount)
    // Each is answered in a turn of its own, until the socket holds no more and one is taken in part or not at all.
    for index in 0..<80 {
      let text = Array(request("/padded-\(index)-").utf8)
      #expect(client.sendBlindly(text) == text.count)
      #expect(try other.get("/tick").text == "/tick")
    }
    for index in 0..<80 { #expect(try client.read().text == "/padded-\(index)-\(padding)") }
    #expect(try client.get("/after").text == "/after")
    client.endSending()
    #expect(try client.readToEnd() == [])
  }
}
