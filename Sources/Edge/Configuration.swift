// What an edge is told: one value per setting, with the defaults. configs/README.md documents each.

package import Access
import Exposures
package import Kernel
import Operations
package import Server

package struct Configuration: Sendable {
  package var listen: [Endpoint] = [.tcp(host: "127.0.0.1", port: 7070)]
  package var admin: Endpoint = .tcp(host: "127.0.0.1", port: 7071)
  /// The path of the Unix socket over which the next process takes the listeners over; nil for never.
  package var handover: String?
  /// 0 for one per processor.
  package var workers = 0
  package var pinWorkers = false
  /// nil for io_uring where the system allows it, and epoll where not.
  package var driver: Backend?
  package var stateDirectory = "state"
  package var tls = TLS()
  package var upstream = Upstream()
  package var limits = Limits()
  /// Streams of events that may be open.
  package var streamMax = 1000
  package var auth = Auth.unset
  /// Whether other machines may ask the admin port, which has no keys.
  package var isAdminOpen = false
  package var rate = Rate()
  package var cors = Origins.Settings()
  /// Whose word on the client's address is taken.
  package var trustedProxies: [String] = []
  /// Nanoseconds from being told to end, when /ready says so, until nothing is accepted any more.
  package var drainDelay: UInt64 = 0
  /// Nanoseconds for requests under way after that.
  package var drainTime: UInt64 = 10_000_000_000
  /// Whether the process keeps itself to the files and calls that it needs.
  package var isSandboxed = true
  /// Where its file stands.
  package var directory = "."
  /// What its file and variables said, by the names of settings.
  var given: [String: SettingValue] = [:]
  package var exposures = Exposures()
  package var visitors = Visitors()

  /// Who asks without saying who, and what users keep when allocations change.
  package struct Visitors: Sendable {
    /// Whether a request without a user is answered for the visitor that its cookie names.
    package var cookie = false
    /// Of the cookies; empty for the host that was asked alone.
    package var domain = ""
    /// Where assignments to keep stand; nil keeps none.
    package var sticky: StickyCarrier?
    /// A file with the key that these are tagged with.
    package var key: String?

    package enum StickyCarrier: String, Sendable, CaseIterable { case cookie, header }
  }

  /// PEM files. Without a certificate TCP addresses speak plain HTTP.
  package struct TLS: Sendable {
    package var certificate: String?
    /// nil if the key is in the certificate's file.
    package var key: String?
    package var clientAuthorities: String?
  }

  /// Without a collector nothing is recorded.
  package struct Exposures: Sendable {
    package var collector: Endpoint?
    /// The edge's name among those that report to the collector.
    package var edge = ""
    /// A file with the key that datagrams and decision ids are tagged with; nil leaves datagrams without a tag.
    package var key: String?
    /// Nanoseconds that a record waits at most for others.
    package var flushInterval: UInt64 = 100_000_000
    /// Nanoseconds in which an equal exposure is not recorded again; 0 records each.
    package var dedupeWindow: UInt64 = 60_000_000_000
    /// Bytes of a datagram.
    package var datagramSize = DatagramFormat.byteMax
    /// Bytes of datagrams that each worker keeps to send them again.
    package var retained = 4 * 1024 * 1024
  }

  package struct Upstream: Sendable {
    package var url = ""
    package var environments: [String] = []
    /// Nanoseconds between two looks at a manifest.
    package var pollInterval: UInt64 = 5_000_000_000
    /// Nanoseconds for one fetch, whatever its speed.
    package var timeout: UInt64 = 10_000_000_000
    /// The most nanoseconds between two tries while the upstream answers badly or late.
    package var backoffMax: UInt64 = 60_000_000_000
    /// A key file; nil only with `allowUnsigned`.
    package var trust: String?
    package var allowUnsigned = false
    package var onExpiry = ExpiryPolicy.serve
    package var authorities: String?
    package var clientCertificate: String?
    package var clientKey: String?
    /// Bytes of a snapshot.
    package var snapshotMax = 64 * 1024 * 1024
    /// Environments that are followed, those asked for by requests included.
    package var environmentMax = 64
  }

  /// What happens when the manifest is over and nothing newer came.
  package enum ExpiryPolicy: String, Sendable, CaseIterable {
    /// A running edge keeps answering and says so; one that starts with nothing else is not ready.
    case serve
    /// One that starts with nothing else answers too.
    case serveAlways
    /// Answering stops.
    case refuse
  }

  package init() {}
}
