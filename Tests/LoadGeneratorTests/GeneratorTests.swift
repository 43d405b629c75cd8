// The generator against the bare responder, and against servers that do what servers should not.

import Bytes
import Glibc
import Kernel
import LoadGenerator
import Measuring
import ProgramSupport
import Publication
import Testing

struct GeneratorTests {
  private static let answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

  /// The bare responder, which answers ``answer``.
  private final class Responder {
    let folder: Folder
    let process: Program
    let tcp: Endpoint?
    var unix: Endpoint { .unix(path: folder.path("socket")) }

    init(_ requests: Requests, overTCP: Bool) throws {
      folder = try Folder()
      try folder.write("answer", GeneratorTests.answer)
      let port = overTCP ? try Plug.freePort() : 0
      tcp = overTCP ? .tcp(host: "127.0.0.1", port: port) : nil
      process = try Program(
        Program.built + "/bench-responder",
        [overTCP ? "\(port)" : folder.path("socket"), "\(requests.size)", folder.path("answer")],
        errors: folder.path("log"))
      let endpoint = endpoint
      try eventually("the responder listens") {
        guard process.isRunning else { throw Failure("it ended: \(try folder.text("log"))") }
        return (try? BlockingStream(to: endpoint, timeout: 1)) != nil
      }
    }

    var endpoint: Endpoint { tcp ?? unix }
  }

  private func load(_ endpoint: Endpoint, seconds: Double = 0.1) -> Load {
    var load = Load(endpoint)
    load.warmUp = 0
    load.length = seconds
    load.rests = true
    return load
  }

  @Test(arguments: [true, false], [(1, 1), (7, 3), (200, 1), (3, 64)])
  func `a closed loop counts every answer`(overTCP: Bool, shape: (connections: Int, pipeline: Int)) throws {
    let requests = try Requests(target: "/{user}")
    let responder = try Responder(requests, overTCP: overTCP)
    var load = load(responder.endpoint)
    load.connections = shape.connections
    load.pipeline = shape.pipeline
    let figures = try Generator.run(load, requests, processor: Threads.processors.last!)
    #expect(figures.answers > 0)
    #expect(figures.latency.count == UInt64(figures.answers))
    #expect(figures.errors == 0 && figures.reconnects == 0)
    // What was received is whole answers, but for those that the ends of counting cut.
    let size = Self.answer.utf8.count
    let cut = shape.connections * shape.pipeline * size
    #expect(abs(figures.bytes - figures.answers * size) <= cut)
  }

  @Test func `at a rate as many requests are sent as are due`() throws {
    let requests = try Requests(target: "/{user}")
    let responder = try Responder(requests, overTCP: true)
    var load = load(responder.endpoint, seconds: 0.25)
    load.rests = false
    load.warmUp = 0.05
    load.connections = 5
    load.pace = .rate(4000)
    let figures = try Generator.run(load, requests, processor: Threads.processors.last!)
    // Of 1200 in all, the 200 of the warm-up do not count.
    #expect(figures.answers == 1000)
    #expect(figures.errors == 0)
  }

  @Test func `who was due while the server stood still is counted with all the time it waited`() throws {
    let requests = try Requests(target: "/{user}")
    let responder = try Responder(requests, overTCP: true)
    var load = load(responder.endpoint, seconds: 0.5)
    load.connections = 2
    load.pace = .rate(1000)
    let pid = responder.process.pid
    let edges = SharedWord()
    // The server stands still for the first 200 ms that count, 200 of 500 requests.
    let figures = try Generator.run(load, requests, processor: Threads.processors.last!) {
      edges.increment()
      guard edges.value == 1 else { return }
      kill(pid, SIGSTOP)
      try! Threads.start("continue") {
        usleep(200_000)
        kill(pid, SIGCONT)
      }
    }.figures
    #expect(figures.answers == 500 && figures.errors == 0)
    // Those who came in the first half of it waited for the second half at least.
    #expect(figures.latency.percentile(100 - 17) >= 100_000_000)
    #expect(figures.latency.maximum >= 199_000_000)
  }

  @Test func `requests that are never answered are counted with the time they waited`() throws {
    let requests = try Requests(target: "/{user}")
    let server = try OddServer { stream in while try !stream.receive().isEmpty {} }
    var load = load(server.endpoint, seconds: 0.1)
    load.connections = 2
    load.pace = .rate(1000)
    let figures = try Generator.run(load, requests, processor: Threads.processors.last!)
    #expect(figures.answers == 0 && figures.unanswered == 100)
    #expect(figures.latency.count == 100 && figures.latency.percentile(1) >= 2_000_000_000)
  }

  @Test func `answers that are no success are counted apart`() throws {
    let requests = try Requests(target: "/{user}")
    let server = try OddServer { stream in
      while true {
        let count = try stream.receive().count / requests.size
        guard count > 0 else { return }
        try stream.send(Array("HTTP/1.1 503 Unavailable\r\nContent-Length: 2\r\n\r\nno".utf8))
      }
    }
    var load = load(server.endpoint)
    load.connections = 1
    load.pace = .rate(100)
    let figures = try Generator.run(load, requests, processor: Threads.processors.last!)
    #expect(figures.answers == 10 && figures.refused == 10)
  }

  @Test(arguments: [
    // What the server says before it closes the connection, and what that is.
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", true), ("HTTP/1.1 200 O", true), ("", false),
    ("SSH-2.0-OpenSSH\r\n\r\n", false),
  ])
  func `a connection that ends too early is counted and opened anew`(text: String, isBroken: Bool) throws {
    let requests = try Requests(target: "/{user}")
    let server = try OddServer { stream in
      _ = try stream.receive()
      try stream.send(Array(text.utf8))
    }
    var load = load(server.endpoint)
    load.connections = 1
    load.pace = .rate(100)
    let figures = try Generator.run(load, requests, processor: Threads.processors.last!)
    #expect(figures.answers == 0 && figures.reconnects == 10)
    #expect(figures.broken == (isBroken ? 10 : 0) && figures.unanswered == (isBroken ? 0 : 10))
  }

  @Test func `a server that closes connections between answers loses none`() throws {
    let requests = try Requests(target: "/{user}")
    let server = try OddServer { stream in
      _ = try stream.receive()
      try stream.send(Array("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".utf8))
    }
    var load = load(server.endpoint, seconds: 0.2)
    load.connections = 1
    load.pace = .rate(100)
    let figures = try Generator.run(load, requests, processor: Threads.processors.last!)
    #expect(figures.answers == 20 && figures.errors == 0)
    #expect(figures.reconnects >= 19)
  }

  @Test func `a server that is not there is said to be not there`() throws {
    let requests = try Requests(target: "/")
    let load = load(.tcp(host: "127.0.0.1", port: try Plug.freePort()))
    #expect(throws: SystemFailure.self) {
      try Generator.run(load, requests, processor: Threads.processors.last!)
    }
  }
}
