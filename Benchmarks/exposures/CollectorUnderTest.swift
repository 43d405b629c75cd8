// The real collector, pinned to one processor, on ports and in a folder of the benchmark's own.

import Bytes
import Glibc
import HTTP
import Kernel

final class CollectorUnderTest {
  let port: UInt16 = 17_073
  private let httpPort: UInt16 = 17_074
  private let folder: String
  private let pid: pid_t

  init(_ program: String, processor: Int, hasDatabase: Bool) throws {
    folder = "/tmp/turnout-bench-\(getpid())-\(hasDatabase)"
    try File.makeDirectory(folder)
    let configuration = """
      {"listen": "127.0.0.1:\(port)", "http": "127.0.0.1:\(httpPort)", "receiveBuffer": "64MiB",
      "files": {"database": \(hasDatabase)}}
      """
    try File.replace(folder + "/collector.json", with: Array(configuration.utf8))
    pid = try Self.spawn([
      "/usr/bin/taskset", "-c", "\(processor)", program, "--config", folder + "/collector.json",
    ])
    let deadline = Clock.monotonic() + 5_000_000_000
    while (try? page("/ready")) == nil {
      precondition(Clock.monotonic() < deadline, "the collector does not start")
      Process.pause(microseconds: 10_000)
    }
  }

  deinit {
    kill(pid, SIGKILL)
    var status: Int32 = 0
    unsafe waitpid(pid, &status, 0)
    _ = try? Self.spawn(["/bin/rm", "-rf", folder])
  }

  private static func spawn(_ words: [String]) throws -> pid_t {
    var pid = pid_t()
    var arguments: [UnsafeMutablePointer<CChar>?] =
      unsafe words.map { unsafe strdup($0) } + [nil]
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    unsafe posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    let code = unsafe posix_spawn(&pid, words[0], &actions, nil, &arguments, environ)
    for index in unsafe arguments.indices { unsafe free(arguments[index]) }
    guard code == 0 else { throw SystemFailure("start \(words[0])", code: code) }
    return pid
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
