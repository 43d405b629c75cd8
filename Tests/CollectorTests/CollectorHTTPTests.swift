// Events over a socket, from a client's side.

import Bytes
import Collector
import Glibc
import HTTP
import JSON
import Kernel
import ProgramSupport
import Publication
import Server
import Testing

/// A collector's HTTP port in this process, on a Unix socket.
final class EventPort {
  let folder: Folder
  private let isEnding = SharedWord()
  private let isRunning = SharedWord(1)
  private let waker: Waker

  init() throws {
    folder = try Folder()
    waker = try Waker()
    let listener = try Socket.listen(.unix(path: folder.path("socket")), isShared: false).release()
    let intake = EventIntake(try EventStore(directory: folder.path), key: nil)
    try Threads.start("http") { [waker, isEnding, isRunning] in
      let driver = try! Driver(.underTest, CollectorHTTP.driverSettings, waker: waker)
      var loop = try! CollectorHTTP([listener], intake: intake, on: driver, isEnding: isEnding) {
        path, events, tally in
        guard path == "/metrics" else { return nil }
        let text = "accepted \(events.accepted) refused \(events.refusedCalls) connections \(tally.accepted)"
        return CollectorHTTP.Page(.ok, .metrics, Array(text.utf8))
      }
      loop.run()
      isRunning.decrement()
    }
  }

  deinit { end() }

  func end() {
    isEnding.value = 1
    waker.wake()
  }

  var hasEnded: Bool { isRunning.value == 0 }

  func client() throws -> RawClient {
    let client = try RawClient(path: folder.path("socket"))
    client.owner = self
    return client
  }

  func post(_ events: [String]) throws -> Answer {
    try client().post("/api/v1/events", String(decoding: body(events), as: UTF8.self))
  }

  func count() throws -> String? { try column(folder, "SELECT count(*) FROM events")[0] }
}

struct CollectorHTTPTests {
  @Test func `events are on the disk when the answer comes`() throws {
    let port = try EventPort()
    let client = try port.client()
    for number in 1...20 {
      let text = String(decoding: body([event("e-\(number)"), event("e-1")]), as: UTF8.self)
      let answer = try client.post("/api/v1/events", text)
      #expect(answer.status == 200)
      #expect(
        answer.text == "{\"accepted\":1,\"duplicates\":1,\"rejected\":0,\"errors\":[]}",
        "call \(number)")
      #expect(try port.count() == "\(number)")
    }
  }

  @Test func `many clients at once have every event stored once`() throws {
    let port = try EventPort()
    let clients = try (0..<50).map { _ in try port.client() }
    for round in 0..<5 {
      for (number, client) in clients.enumerated() {
        // Neighbours send the same events.
        let text = String(
          decoding: body((0..<20).map { event("\(round)-\(number / 2)-\($0)") }), as: UTF8.self)
        try client.send(
          "POST /api/v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)")
      }
      for client in clients { #expect(try client.read().status == 200) }
    }
    #expect(try port.count() == "2500")
  }

  @Test func `a call with many rejections has its events stored once`() throws {
    let port = try EventPort()
    // The answer is larger than what a connection has at first.
    let events = (0..<1000).map { event("event-\($0)", $0 % 2 == 0 ? [:] : ["value": "[]"]) }
    let answer = try port.post(events)
    #expect(answer.body.count > 64 * 1024)
    let root = try answer.json()
    #expect(root["accepted"]?.integer == 500 && root["duplicates"]?.integer == 0)
    #expect(root["rejected"]?.integer == 500)
    #expect(try port.count() == "500")
  }

  @Test func `calls sent ahead whose answers do not fit together are stored once`() throws {
    let port = try EventPort()
    let client = try port.client()
    var requests = ""
    for call in 0..<10 {
      let text = String(
        decoding: body((0..<300).map { event("\(call)-\($0)", $0 % 2 == 0 ? [:] : ["value": "[]"]) }),
        as: UTF8.self)
      requests +=
        "POST /api/v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)"
    }
    try client.send(requests)
    for _ in 0..<10 {
      let root = try client.read().json()
      #expect(root["accepted"]?.integer == 150 && root["duplicates"]?.integer == 0)
    }
    #expect(try port.count() == "1500")
  }

  @Test func `a body of almost 4 MiB is taken and a larger one is refused`() throws {
    let port = try EventPort()
    let padding = String(repeating: "x", count: 4000)
    let answer = try port.post((0..<1000).map { event("e-\($0)", ["properties": "{\"a\":\"\(padding)\"}"]) })
    #expect(try answer.json()["accepted"]?.integer == 1000)
    let refused = try port.client().post("/api/v1/events", String(repeating: " ", count: 4 << 20 + 1))
    #expect(refused.status == 413 && refused.errorCode == "BODY_TOO_LARGE")
  }

  @Test func `each path takes its methods and names them`() throws {
    let client = try EventPort().client()
    let wrong = try client.get("/api/v1/events")
    #expect(wrong.status == 405 && wrong["Allow"] == "POST" && wrong.errorCode == "METHOD_NOT_ALLOWED")
    let post = try client.post("/metrics", "x")
    #expect(post.status == 405 && post["Allow"] == "GET, HEAD")
    let missing = try client.get("/nowhere")
    #expect(missing.status == 404 && missing.errorCode == "NOT_FOUND")
    #expect(try client.get("/health").text == "{\"status\":\"ok\"}")
    let head = try client.ask("HEAD /health HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(head.status == 200 && head["Content-Length"] == "15")
  }

  @Test func `a page of the program knows what was counted`() throws {
    let port = try EventPort()
    _ = try port.post([event("a"), event("b")])
    _ = try port.client().post("/api/v1/events", "[]")
    let page = try port.client().get("/metrics")
    #expect(page.text == "accepted 2 refused 1 connections 3")
    #expect(page["Content-Type"]?.hasPrefix("text/plain") == true)
  }

  @Test func `the end waits for calls under way`() throws {
    let port = try EventPort()
    let client = try port.client()
    let text = String(decoding: body([event("a")]), as: UTF8.self)
    try client.send("POST /api/v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: \(text.utf8.count)\r\n\r\n")
    try client.waitUntilRead()
    port.end()
    try eventually("nobody else gets in") { (try? port.client()) == nil }
    #expect(!port.hasEnded)
    try client.send(text)
    #expect(try client.read()["Connection"] == "close")
    #expect(try client.readToEnd() == [])
    try eventually("the port ends") { port.hasEnded }
    #expect(try port.count() == "1")
  }

  // The limit on the size of files is that of a whole process, so this one has a process of its own.
  @Test func `a full disk is told, and over by itself`() async {
    await #expect(processExitsWith: .success) {
      signal(SIGXFSZ, SIG_IGN)
      let port = try EventPort()
      #expect(try port.post([event("a")]).status == 200)
      limitFiles(4096)
      // The first call is found out about only when it was answered: the answer does not leave.
      #expect(throws: Failure.self) { try port.post([event("b")]) }
      let told = try port.post([event("b")])
      #expect(told.status == 503 && told.errorCode == "STORAGE_FULL" && told["Retry-After"] == "1")
      limitFiles(.max)
      #expect(try port.post([event("b")]).text.hasPrefix("{\"accepted\":1,"))
      #expect(try port.count() == "2")
    }
  }
}
