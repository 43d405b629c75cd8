// The streams of server-sent events that one worker holds (WHATWG HTML, section 9.2; OFREP 0.3.0, event streams):
// each hears when another configuration of its environment is served, and a sign of life every few seconds.

import Bytes
import Kernel
import Publication
import Server

struct EventStreams: ~Copyable {
  private struct Row: BitwiseCopyable {
    var stream: StreamHandle
    /// Tells its environment from others.
    var follower: UInt32
    /// The configuration that it heard of last.
    var heard: UInt64
  }

  private let rows: Cells<Row>
  private(set) var count = 0
  /// Of all configurations that every stream was told of.
  private var told: UInt64 = 0
  private var heartbeatAt: UInt64 = 0

  /// Nanoseconds between two signs of life: some proxies end what is silent for half a minute.
  private static var heartbeatInterval: UInt64 { 15_000_000_000 }

  static func byteCount(capacity: Int) -> Int { capacity * MemoryLayout<Row>.stride + 64 }

  /// Streams in `memory` of ``byteCount(capacity:)`` bytes.
  init(_ memory: ByteRegion, capacity: Int) {
    var carver = Carver(memory)
    rows = carver.cells(capacity)
  }

  var hasRoom: Bool { count < rows.count }

  mutating func add(_ stream: StreamHandle, _ entry: CatalogEntry) {
    precondition(hasRoom)
    rows[count] = Row(stream: stream, follower: entry.follower, heard: Self.identity(entry))
    count += 1
  }

  /// Tells every stream what it has not heard, and forgets those that are gone; how many were told.
  mutating func turn(_ server: inout Server, _ catalog: Catalog) -> Int {
    guard count > 0 else { return 0 }
    var current: UInt64 = 1
    for index in 0..<catalog.entries.count { current = current &+ Self.identity(catalog.entries[index]) }
    let isHeartbeatDue = heartbeatAt <= server.now
    guard isHeartbeatDue || current != told else { return 0 }
    if isHeartbeatDue { heartbeatAt = server.now &+ Self.heartbeatInterval }
    told = current
    var toldCount = 0
    var index = 0
    while index < count {
      let row = rows[index]
      let news = Self.news(for: row, catalog)
      let outcome = server.push(row.stream) { output in
        if let news {
          Self.write(news, to: &output)
        } else if isHeartbeatDue {
          output.append(":\n\n")
        }
      }
      switch outcome {
      case .taken:
        if let news {
          rows[index].heard = Self.identity(news)
          toldCount += 1
        }
        index += 1
      case .busy:
        // It is tried again in the next turn.
        if news != nil { told = 0 }
        index += 1
      case .gone:
        count -= 1
        rows[index] = rows[count]
      }
    }
    return toldCount
  }

  /// The entry that a stream has not heard of, or nil.
  private static func news(for row: Row, _ catalog: Catalog) -> CatalogEntry? {
    for index in 0..<catalog.entries.count where catalog.entries[index].follower == row.follower {
      let entry = catalog.entries[index]
      return entry.tables.isEmpty || identity(entry) == row.heard ? nil : entry
    }
    return nil
  }

  private static func identity(_ entry: CatalogEntry) -> UInt64 {
    Fingerprint.of(entry.configurationTag) &+ UInt64(entry.follower)
  }

  // MARK: - The format

  /// Appends what a stream begins with. Whoever comes for the first time may have missed what happened since it
  /// asked; whoever comes back says in `heard` what it heard last.
  static func begin(_ entry: CatalogEntry, heard: ByteView, to output: inout Output) {
    output.append("retry: 2000\n\n")
    if !heard.equals(entry.configurationTag) { write(entry, to: &output) }
  }

  private static func write(_ entry: CatalogEntry, to output: inout Output) {
    output.append("id: ")
    output.append(entry.configurationTag)
    output.append("\ndata: {\"type\":\"refetchEvaluation\",\"etag\":\"\\\"")
    output.append(entry.configurationTag)
    output.append("\\\"\"}\n\n")
  }
}
