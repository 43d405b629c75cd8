// An edge with one worker that follows a folder, and what it says of itself.

import Glibc
import Kernel
import LoadGenerator
import Measuring

enum Placement: String, CaseIterable {
  /// The worker keeps to its processor; the thread that compiles may run beside the generator.
  case worker
  /// All threads of the edge share one processor.
  case edge
}

final class RunningEdge {
  let process: ChildProcess
  let endpoint: Endpoint
  private let admin: Endpoint
  private static let decide = Array("GET /decide?user_key=user-1 HTTP/1.1\r\nHost: bench\r\n\r\n".utf8)
  private static let metrics = Array("GET /metrics HTTP/1.1\r\nHost: bench\r\n\r\n".utf8)

  /// Starts an edge in `folder` that follows `upstream` there; returns when it decides.
  init(in folder: String, following upstream: String, _ placement: Placement, processor: Int) throws {
    let port = try ChildProcess.freePort(from: 20_000 + UInt16(getpid() % 10_000))
    let adminPort = try ChildProcess.freePort(from: port + 1)
    try File.replace(
      folder + "/edge.json",
      with: Array(
        """
        {"listen": "127.0.0.1:\(port)", "admin": "127.0.0.1:\(adminPort)",
         "workers": 1, "pinWorkers": true, "stateDirectory": "state",
         "upstream": {"url": "file:\(upstream)", "environments": ["prod"], "trust": "trust.json",
           "pollInterval": "20ms"}}
        """.utf8))
    endpoint = .tcp(host: "127.0.0.1", port: port)
    admin = .tcp(host: "127.0.0.1", port: adminPort)
    process = try ChildProcess(
      [ChildProcess.beside("turnout-edge"), "--config", folder + "/edge.json"],
      processor: placement == .edge ? processor : nil, log: folder + "/edge.log")
    let endpoint = endpoint
    try process.wait { (try? Answer(of: endpoint, to: Self.decide)) != nil }
  }

  /// Returns when it decides by `version`.
  func wait(for version: Int) throws {
    try process.wait {
      (try? Metrics(of: admin, Self.metrics))?["turnout_snapshot_version{environment=\"prod\"}"]
        == Double(version)
    }
  }

  func observe() throws -> Observation {
    Observation(process, try Metrics(of: admin, Self.metrics))
  }
}

/// A page of /metrics.
struct Metrics {
  private let lines: [Substring]

  init(of admin: Endpoint, _ request: [UInt8]) throws {
    lines = try Answer(of: admin, to: request).body.split(separator: "\n")
  }

  subscript(series: String) -> Double? {
    lines.first { $0.hasPrefix(series + " ") }.flatMap { Double($0.dropFirst(series.count + 1)) }
  }

  /// Of the buckets of a histogram, the upper ends and how many values are not above them.
  func buckets(_ name: String) -> [(end: Double, count: Double)] {
    let prefix = name + "_bucket{le=\""
    return lines.filter { $0.hasPrefix(prefix) }.compactMap { line in
      let parts = line.dropFirst(prefix.count).split(separator: "\"} ")
      guard parts.count == 2, let count = Double(parts[1]) else { return nil }
      return (Double(parts[0]) ?? .infinity, count)
    }
  }
}

/// What an edge had done at a moment.
struct Observation {
  private let moment = Clock.monotonic()
  private let published: Double
  private let turns: [(end: Double, count: Double)]
  private let processor: ProcessorTime
  private let sync: Double
  private let workerWaiting: Double

  init(_ process: ChildProcess, _ metrics: Metrics) {
    published = metrics["turnout_snapshots_published_total"] ?? 0
    turns = metrics.buckets("turnout_http_request_duration_seconds")
    processor = ChildProcess.processorTime(of: process.pid)
    sync = process.time(ofThread: "sync").running
    workerWaiting = process.time(ofThread: "worker-0").waiting
  }

  func seconds(since before: Observation) -> Double { Double(moment - before.moment) / 1e9 }

  func swaps(since before: Observation) -> Double { published - before.published }

  /// Percent of one processor.
  func busy(since before: Observation) -> Double {
    (processor.total - before.processor.total) / seconds(since: before) * 100
  }

  /// Percent of the time that the worker was ready to run and something else ran.
  func workerWaiting(since before: Observation) -> Double {
    (workerWaiting - before.workerWaiting) / seconds(since: before) * 100
  }

  /// Seconds of processor time that the thread used that verifies, compiles, keeps and publishes.
  func sync(since before: Observation) -> Double { sync - before.sync }

  /// Seconds that no turn of the worker that answered took longer than; the edge knows it to a power of two.
  func longestTurn(since before: Observation) -> Double? {
    let counts = zip(turns, before.turns).map { $0.count - $1.count }
    guard let all = counts.last, all > 0 else { return nil }
    return zip(turns, counts).first { $1 == all }.map { $0.0.end }
  }
}
