// The real collector, pinned to one processor, on ports and in a folder of the benchmark's own.

import Bytes
import Glibc
import HTTP
import Kernel
import Measuring

final class CollectorUnderTest {
  let port: UInt16 = 17_073
  private let httpPort: UInt16 = 17_074
  private let folder: String
  private let process: ChildProcess

  init(_ program: String, processor: Int, hasDatabase: Bool) throws {
    folder = "/tmp/turnout-bench-\(getpid())-\(hasDatabase)"
    try File.makeDirectory(folder)
    let configuration = """
      {"listen": "127.0.0.1:\(port)", "http": "127.0.0.1:\(httpPort)", "receiveBuffer": "64MiB",
      "files": {"database": \(hasDatabase)}}
      """
    try File.replace(folder + "/collector.json", with: Array(configuration.utf8))
    process = try ChildProcess(
      [program, "--config", folder + "/collector.json"], processor: processor, log: folder + "/log")
    try process.wait { (try? page("/ready")) != nil }
  }

  deinit {
    process.end()
    _ = try? ChildProcess.run(["rm", "-rf", folder], log: "/dev/null")
  }

  private func page(_ path: String) throws -> String {
    let stream = try BlockingStream(to: .tcp(host: "127.0.0.1", port: httpPort), timeout: 5)
    try stream.send(Array("GET \(path) HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n".utf8))
    var answer: [UInt8] = []
    while true {
      let bytes = try stream.receive()
      if bytes.isEmpty { break }
      answer += bytes
    }
    let text = String(decoding: answer, as: UTF8.self)
    guard text.hasPrefix("HTTP/1.1 200") else { throw SystemFailure("GET \(path)", code: EAGAIN) }
    return text
  }

  struct Figures {
    var received = 0.0
    var stored = 0.0
    var drops = 0.0
    var processorTime = 0.0
  }

  func figures() throws -> Figures {
    let text = try page("/metrics")
    func value(_ name: String) -> Double {
      text.split(separator: "\n").first { $0.hasPrefix(name + " ") }
        .flatMap { Double($0.split(separator: " ").last ?? "") } ?? 0
    }
    return Figures(
      received: value("turnout_records_received_total"), stored: value("turnout_records_stored_total"),
      drops: value("turnout_socket_drops_total"), processorTime: value("process_cpu_seconds_total"))
  }

  /// Waits until all that was received is on the disk.
  func settle() throws -> Figures {
    let deadline = Clock.monotonic() + 30_000_000_000
    var last = try figures()
    while true {
      Process.pause(microseconds: 300_000)
      let current = try figures()
      if current.received == last.received, current.stored == current.received { return current }
      precondition(Clock.monotonic() < deadline, "the collector does not come to rest")
      last = current
    }
  }
}
