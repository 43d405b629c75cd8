// What a collector is told: one value per setting, with the defaults. configs/README.md documents each.

import Exposures
package import Kernel
package import Operations

package struct CollectorConfiguration: Sendable {
  /// Where datagrams are received (UDP).
  package var listen: Endpoint = .tcp(host: "127.0.0.1", port: 7073)
  /// Where events are taken, and readiness, metrics and statistics are shown.
  package var http: Endpoint = .tcp(host: "127.0.0.1", port: 7074)
  /// A file with the key shared with the edges; nil takes datagrams without a tag and verifies no decision id.
  package var key: String?
  /// nil for io_uring where the system allows it, and epoll where not.
  package var driver: Backend?
  package var dataDirectory = "data"
  /// Bytes of datagrams that the socket has room for while the collector does something else.
  package var receiveBuffer = 32 * 1024 * 1024
  package var files = Files()
  package var kafka = Kafka()
  package var streams = Streams()
  /// Nanoseconds in which an event's id is remembered.
  package var eventWindow: UInt64 = 7 * 24 * 3_600_000_000_000
  /// Nanoseconds for what is under way after the process was told to end.
  package var drainTime: UInt64 = 10_000_000_000

  package struct Files: Sendable {
    /// Whether exposures are kept in segment files.
    package var isOn = true
    /// Whether a database follows the files.
    package var hasDatabase = true
    /// Bytes after which a segment is closed.
    package var segmentMax = 256 * 1024 * 1024
    /// Nanoseconds after which what was written is on the disk at the latest.
    package var syncInterval: UInt64 = 1_000_000_000
  }

  package struct Kafka: Sendable {
    /// What librdkafka is told; empty for no Kafka.
    package var properties: [String: String] = [:]
    package var topic = "turnout.exposures"
  }

  package struct Streams: Sendable {
    package var max = 16_384
    /// Nanoseconds of silence after which a stream is forgotten.
    package var idleTime: UInt64 = 3_600_000_000_000
  }

  package init() {}

  static let settings = SettingsTable<CollectorConfiguration>(
    prefix: "TURNOUT_COLLECTOR_",
    rows: [
      Setting("listen", \.listen),
      Setting("http", \.http),
      Setting("keyFile", \.key),
      Setting("driver", choice: \.driver, none: "auto"),
      Setting("dataDirectory", \.dataDirectory),
      Setting("receiveBuffer", bytes: \.receiveBuffer, in: 65_536...(1 << 30)),
      Setting("drainTimeout", nanoseconds: \.drainTime),
      Setting("files.enabled", \.files.isOn),
      Setting("files.database", \.files.hasDatabase),
      Setting("files.segmentSize", bytes: \.files.segmentMax, in: 1_048_576...(1 << 32)),
      Setting("files.syncInterval", nanoseconds: \.files.syncInterval),
      Setting("kafka.properties") { configuration, value throws(ConfigurationFault) in
        configuration.kafka.properties = try value.members("kafka.properties")
      },
      Setting("kafka.topic", \.kafka.topic),
      Setting("streams.max", \.streams.max, in: 1...MarkTable.streamMax),
      Setting("streams.idleTimeout", nanoseconds: \.streams.idleTime),
      Setting("events.dedupeWindow", nanoseconds: \.eventWindow),
    ])

  /// Every setting with the environment variable that overrides it.
  package static var settingNames: [(name: String, variable: String)] { settings.names }

  /// Reads the file at `path`; relative paths in it are taken from the file's folder.
  package init(file path: String, environment: [String: String]) throws(ConfigurationFault) {
    try Self.settings.read(file: path, environment: environment, into: &self)
    let directory = File.directory(of: path)
    key = key.map { File.resolve($0, in: directory) }
    dataDirectory = File.resolve(dataDirectory, in: directory)
    if case .unix(let path) = http { http = .unix(path: File.resolve(path, in: directory)) }
    if case .unix = listen {
      throw ConfigurationFault("listen", "datagrams come over UDP: write HOST:PORT")
    }
    guard http.isUsable else { throw ConfigurationFault("http", "the path is longer than the kernel takes") }
    guard files.isOn || !kafka.properties.isEmpty else {
      throw ConfigurationFault(
        "files.enabled", "is false, and without kafka.properties there is no other sink")
    }
  }
}
