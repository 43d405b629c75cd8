// The table of all settings of an edge. configs/README.md documents each.

import Arguments
import Exposures
import HTTP
import Kernel
import Operations
import Server

extension Configuration {
  static let settings = SettingsTable<Configuration>(
    prefix: "TURNOUT_EDGE_",
    rows: [
      Setting("listen", \.listen),
      Setting("admin", \.admin),
      Setting("workers", \.workers, in: 0...1024),
      Setting("pinWorkers", \.pinWorkers),
      Setting("driver", choice: \.driver, none: "auto"),
      Setting("stateDirectory", \.stateDirectory),
      Setting("handover", \.handover),
      Setting("drainDelay", nanoseconds: \.drainDelay, allowsZero: true),
      Setting("drainTimeout", nanoseconds: \.drainTime),
      Setting("sandbox", \.isSandboxed),
      Setting("tls.certificate", \.tls.certificate),
      Setting("tls.key", \.tls.key),
      Setting("tls.clientAuthorities", \.tls.clientAuthorities),
      Setting("upstream.url", \.upstream.url),
      Setting("upstream.environments", \.upstream.environments),
      Setting("upstream.pollInterval", nanoseconds: \.upstream.pollInterval),
      Setting("upstream.timeout", nanoseconds: \.upstream.timeout),
      Setting("upstream.maxBackoff", nanoseconds: \.upstream.backoffMax),
      Setting("upstream.trust", \.upstream.trust),
      Setting("upstream.allowUnsigned", \.upstream.allowUnsigned),
      Setting("upstream.onExpiry", choice: \.upstream.onExpiry),
      Setting("upstream.caFile", \.upstream.authorities),
      Setting("upstream.clientCertificate", \.upstream.clientCertificate),
      Setting("upstream.clientKey", \.upstream.clientKey),
      Setting("upstream.snapshotSize", bytes: \.upstream.snapshotMax, in: 1024...(1 << 28)),
      Setting("upstream.maxEnvironments", \.upstream.environmentMax, in: 1...64),
      Setting("exposures.collector", \.exposures.collector),
      Setting("exposures.edge", \.exposures.edge),
      Setting("exposures.keyFile", \.exposures.key),
      Setting("exposures.flushInterval", nanoseconds: \.exposures.flushInterval),
      Setting("exposures.dedupeWindow", nanoseconds: \.exposures.dedupeWindow, allowsZero: true),
      Setting(
        "exposures.datagramSize", bytes: \.exposures.datagramSize,
        in: DatagramFormat.byteMin...DatagramFormat.byteMax),
      Setting("exposures.retain", bytes: \.exposures.retained, in: 65_536...(1 << 30)),
      Setting("visitors.cookie", \.visitors.cookie),
      Setting("visitors.domain", \.visitors.domain),
      Setting("visitors.sticky", choice: \.visitors.sticky, none: "off"),
      Setting("visitors.keyFile", \.visitors.key),
      Setting("limits.connections", \.limits.connections, in: 1...1_000_000),
      Setting("limits.eventStreams", \.streamMax, in: 0...1_000_000),
      Setting("limits.requestLine", bytes: \.limits.parser.lineMax, in: 256...65_536),
      Setting("limits.headers", bytes: \.limits.parser.fieldsMax, in: 256...65_536),
      Setting("limits.headerCount", \.limits.parser.fieldCountMax, in: 1...1000),
      Setting("limits.body", bytes: \.limits.parser.bodyMax, in: 256...131_072),
      Setting("limits.chunkOverhead", bytes: \.limits.parser.chunkOverheadMax, in: 256...131_072),
      Setting("limits.trailers", bytes: \.limits.parser.trailersMax, in: 256...65_536),
      Setting("limits.requestsPerTurn", \.limits.requestsPerTurn, in: 1...100_000),
      Setting("limits.answer", bytes: \.limits.largeAnswer, in: 65_536...(1 << 26)),
      Setting("limits.headerTimeout", nanoseconds: \.limits.headTime),
      Setting("limits.bodyTimeout", nanoseconds: \.limits.bodyTime),
      Setting("limits.idleTimeout", nanoseconds: \.limits.idleTime),
      Setting("limits.writeTimeout", nanoseconds: \.limits.writeTime),
      Setting("limits.lingerTimeout", nanoseconds: \.limits.lingerTime),
    ] + accessRows)

  /// Every setting with the environment variable that overrides it.
  package static var settingNames: [(name: String, variable: String)] { settings.names }
}
