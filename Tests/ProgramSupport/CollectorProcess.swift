// The real collector, started with a configuration of the test's own on ports of its own.

import Glibc
package import JSON
import Kernel
import Testing

package final class CollectorProcess {
  package let folder: Folder
  /// Of datagrams (UDP), and of HTTP.
  package private(set) var port: UInt16 = 0
  package private(set) var httpPort: UInt16 = 0
  package private(set) var process: Program
  private let members: [String]
  private let command: [String]
  private var run = 0
  /// Whether it is no fault that the process is gone at the end.
  package var mayEnd = false

  /// Starts a collector that keeps its data in `data` of the folder; `members` are further ones of its configuration,
  /// `command` is what starts it, such as `prlimit`.
  package init(_ members: [String] = [], folder: Folder? = nil, command: [String] = []) throws {
    let folder = try folder ?? Folder()
    self.folder = folder
    self.members = members
    self.command = command
    var tries = 0
    while true {
      port = try Plug.freePort()
      httpPort = try Plug.freePort()
      process = try Self.start(members, folder, command, port, httpPort, log: folder.path("collector.0"))
      do {
        try waitUntilReady()
        break
      } catch {
        tries += 1
        guard tries < 5, (try? folder.text("collector.0"))?.contains("in use") == true else { throw error }
        try File.remove(folder.path("collector.0"))
      }
    }
  }

  deinit {
    if !mayEnd, !process.isRunning {
      let log = (try? folder.text("collector.\(run)")) ?? ""
      Issue.record(
        "the collector ended by itself with \((try? process.exitCode()) ?? -1): \(log.prefix(6000))")
    }
  }

  private static func start(
    _ members: [String], _ folder: Folder, _ command: [String], _ port: UInt16, _ httpPort: UInt16,
    log: String
  ) throws -> Program {
    let own = ["\"listen\": \"127.0.0.1:\(port)\"", "\"http\": \"127.0.0.1:\(httpPort)\""]
    try folder.write("collector.json", "{\((own + members).joined(separator: ", "))}")
    let words = command + [Program.built + "/turnout-collector", "--config", folder.path("collector.json")]
    return try Program(words[0], Array(words.dropFirst()), variables: [:], errors: log)
  }

  private func waitUntilReady() throws {
    try eventually("the collector is ready") {
      guard process.isRunning else {
        throw Failure("the collector ended at once: \((try? folder.text("collector.\(run)")) ?? "")")
      }
      return (try? get("/ready").status) == 200
    }
  }

  /// Ends it without mercy; ``start()`` starts it again on the same ports and the same data.
  package func kill() { process.kill() }

  package func start() throws {
    run += 1
    process = try Self.start(
      members, folder, command, port, httpPort, log: folder.path("collector.\(run)"))
    try waitUntilReady()
  }

  /// Ends it as an operator would and waits for its exit code.
  package func end() throws -> Int32 {
    mayEnd = true
    process.signal(SIGTERM)
    return try process.exitCode()
  }

  package func log() throws -> String { try folder.text("collector.\(run)") }

  package func get(_ target: String) throws -> Answer { try RawClient(port: httpPort).get(target) }

  package func post(_ json: String) throws -> Answer {
    try RawClient(port: httpPort).ask(
      "POST /api/v1/events HTTP/1.1\r\nHost: c\r\nContent-Length: \(json.utf8.count)\r\n\r\n\(json)")
  }

  package func stats() throws -> Element { try get("/stats").json() }

  /// The value of a series, such as `name{label="value"}`.
  package func metric(_ series: String) throws -> Int { try get("/metrics").metric(series) }

  /// The sum of one number over all streams.
  package func sum(_ name: StaticString) throws -> Int {
    try stats()["streams"]?.elements.reduce(0) { $0 + ($1[name]?.integer ?? 0) } ?? 0
  }
}
