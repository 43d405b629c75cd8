// An upstream that answers as the test says, well or badly, and remembers what it was asked.

import Glibc
import Kernel
import Synchronization

package struct UpstreamRequest {
  /// Without the slash in front and without the query.
  package var path = ""
  package var query = ""
  package var ifNoneMatch: String?
  /// When it came, in seconds on the monotonic clock.
  package var time = seconds()

  /// `prod` of `configs/prod/manifest.json`.
  package var environment: String {
    let parts = path.split(separator: "/")
    return parts.count > 2 && parts[0] == "configs" ? String(parts[1]) : ""
  }

  package var isManifest: Bool { path.hasSuffix("/manifest.json") }

  package var isSnapshot: Bool { path.contains("/snapshots/") }

  /// Whether it asks for a trust file.
  package var isTrust: Bool { path.hasPrefix("configs/trust/") }
}

package enum Reply {
  /// Status, further field lines, body.
  case answer(Int, [String], [UInt8])
  /// These bytes, then the end of the connection.
  case raw([UInt8])
  /// These bytes one by one, some milliseconds apart.
  case drip([UInt8], milliseconds: UInt32)
  /// A head, then a body without end.
  case endless(head: String)
  /// Nothing, until the other side goes.
  case hang
  case close
  /// The end of the connection by a reset.
  case reset
}

package final class ScriptedUpstream: Sendable {
  package typealias Script = @Sendable (UpstreamRequest) -> Reply

  package let port: UInt16
  private let listener: Int32
  private let script: Mutex<Script>
  private let log = Mutex<[UpstreamRequest]>([])
  private let counts = Mutex((active: 0, peak: 0))
  /// Of one environment.
  private let countsOfOne = Mutex((active: [String: Int](), peak: 0))
  private let isStopped = Mutex(false)

  /// One that listens on `port`, or on a port of its own.
  package init(port: UInt16 = 0, _ script: @escaping Script) throws {
    (listener, self.port) = try Plug.listen(port: port)
    self.script = Mutex(script)
    let listener = listener
    try Threads.start("upstream") { [weak self] in
      while true {
        let connection = accept(listener, nil, nil)
        if connection < 0, errno == EINTR || errno == ECONNABORTED { continue }
        guard connection >= 0 else { return }
        _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
        guard let self else { return _ = close(connection) }
        try? Threads.start("upstream-one") { [weak self] in
          self?.serve(connection)
          shutdown(connection, Int32(SHUT_RDWR))
          close(connection)
        }
      }
    }
  }

  /// One that serves a site as it stands.
  package convenience init(_ site: Site) throws {
    try self.init { site.reply($0) }
  }

  deinit { stop() }

  /// From now on nobody listens.
  package func stop() {
    let wasStopped = isStopped.withLock { stopped in
      defer { stopped = true }
      return stopped
    }
    guard !wasStopped else { return }
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
  }

  package var url: String { "http://127.0.0.1:\(port)/" }

  package func answer(_ script: @escaping Script) { self.script.withLock { $0 = script } }

  /// What was asked so far.
  package var requests: [UpstreamRequest] { log.withLock { $0 } }

  package func requests(for environment: String) -> [UpstreamRequest] {
    requests.filter { $0.environment == environment }
  }

  package func manifests(for environment: String) -> [UpstreamRequest] {
    requests(for: environment).filter(\.isManifest)
  }

  /// The most requests that were under way at a time.
  package var peak: Int { counts.withLock { $0.peak } }

  /// The most requests for one environment that were under way at a time.
  package var peakOfOne: Int { countsOfOne.withLock { $0.peak } }

  private func serve(_ connection: Int32) {
    guard let request = Self.readRequest(connection) else { return }
    counts.withLock { counts in
      counts.active += 1
      counts.peak = max(counts.peak, counts.active)
    }
    if !request.isTrust {
      countsOfOne.withLock { counts in
        counts.active[request.environment, default: 0] += 1
        counts.peak = max(counts.peak, counts.active[request.environment]!)
      }
    }
    defer {
      counts.withLock { $0.active -= 1 }
      if !request.isTrust { countsOfOne.withLock { $0.active[request.environment]! -= 1 } }
    }
    log.withLock { $0.append(request) }
    let script = script.withLock { $0 }
    switch script(request) {
    case .answer(let status, let fields, let body):
      var head = "HTTP/1.1 \(status) Answer\r\nConnection: close\r\n"
      if status != 304 { head += "Content-Length: \(body.count)\r\n" }
      for field in fields { head += field + "\r\n" }
      _ = Self.send(connection, Array((head + "\r\n").utf8) + body)
    case .raw(let bytes): _ = Self.send(connection, bytes)
    case .drip(let bytes, let milliseconds):
      for byte in bytes {
        guard Self.send(connection, [byte]), !Self.isGone(connection, within: milliseconds) else { return }
      }
    case .endless(let head):
      var isOpen = Self.send(connection, Array(head.utf8))
      let block = [UInt8](repeating: UInt8(ascii: "a"), count: 65_536)
      while isOpen { isOpen = Self.send(connection, block) }
    case .hang: while !Self.isGone(connection, within: 100) {}
    case .close: break
    case .reset:
      // Connecting to nowhere drops a connection at once.
      var nowhere = sockaddr()
      nowhere.sa_family = sa_family_t(AF_UNSPEC)
      _ = unsafe connect(connection, &nowhere, socklen_t(MemoryLayout<sockaddr>.size))
    }
  }

  private static func isGone(_ connection: Int32, within milliseconds: UInt32) -> Bool {
    guard Plug.wait(connection, POLLIN, within: Double(milliseconds) / 1000) != 0 else { return false }
    var byte: UInt8 = 0
    return unsafe recv(connection, &byte, 1, 0) <= 0
  }

  private static func send(_ connection: Int32, _ bytes: [UInt8]) -> Bool {
    var offset = 0
    while offset < bytes.count {
      let count = unsafe bytes.withUnsafeBytes {
        unsafe Glibc.send(connection, $0.baseAddress! + offset, $0.count - offset, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return false }
      offset += count
    }
    return true
  }

  private static func readRequest(_ connection: Int32) -> UpstreamRequest? {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while !bytes.suffix(4).elementsEqual([13, 10, 13, 10]) {
      let count = unsafe recv(connection, &chunk, chunk.count, 0)
      guard count > 0 else { return nil }
      bytes += chunk.prefix(count)
    }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\r\n")
    let words = lines[0].split(separator: " ")
    guard words.count == 3 else { return nil }
    let parts = words[1].dropFirst().split(separator: "?", maxSplits: 1)
    var request = UpstreamRequest()
    request.path = parts.isEmpty ? "" : String(parts[0])
    request.query = parts.count > 1 ? String(parts[1]) : ""
    for line in lines where line.lowercased().hasPrefix("if-none-match: ") {
      request.ifNoneMatch = String(line.dropFirst(15))
    }
    return request
  }
}

/// Something that one thread opens and others wait for.
package final class Gate: Sendable {
  package init() {}

  private let isOpenNow = Mutex(false)

  package var isOpen: Bool { isOpenNow.withLock { $0 } }

  package func open() { isOpenNow.withLock { $0 = true } }

  /// Waits until it is open, at most 20 s.
  package func pass() { try? eventually("the gate opens", within: 20) { isOpen } }
}

/// A number that threads count up.
package final class Tally: Sendable {
  package init() {}

  private let number = Mutex(0)

  package var value: Int { number.withLock { $0 } }

  @discardableResult
  package func add(_ count: Int = 1) -> Int {
    number.withLock { number in
      number += count
      return number
    }
  }
}
