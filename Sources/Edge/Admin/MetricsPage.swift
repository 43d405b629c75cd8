// The Prometheus text of /metrics: every worker's counts summed, in base units, with label sets that are
// fixed at the start.

import Bytes
import Decisions
import HTTP
import Kernel
import Operations
import Publication
import Snapshots

struct MetricsPage: Sendable {
  let workers: [WorkerWords]
  let sync: WorkerWords
  let reloads: Reloads
  let backend: Backend
  /// Wall-clock seconds.
  let startedAt: Double

  func render(_ catalog: Catalog) -> [UInt8] {
    var page = MetricsText()
    page.process(startedAt: startedAt, on: backend)
    page.gauge("turnout_workers", "Worker threads.")
    page.sample("turnout_workers", "", Double(workers.count))
    page.counter("turnout_reloads_total", "Times that the configuration was read anew, by result.")
    page.sample("turnout_reloads_total", "result=\"done\"", Double(reloads.done.value))
    page.sample("turnout_reloads_total", "result=\"failed\"", Double(reloads.failed.value))
    requests(&page)
    gate(&page)
    latency(&page)
    decisions(&page)
    visitors(&page)
    connections(&page)
    exposures(&page)
    snapshots(catalog, &page)
    return page.text
  }

  private func sum(_ counter: Int) -> Double {
    Double(workers.reduce(0) { $0 &+ $1.read(counter) })
  }

  private func requests(_ page: inout MetricsText) {
    page.counter("turnout_http_requests_total", "Requests answered on the data port, by route and status.")
    for route in Route.allCases {
      for status in ServeCounters.statuses {
        page.sample(
          "turnout_http_requests_total",
          "route=\"\(String(route.name.bytes))\",status=\"\(status.rawValue)\"",
          sum(ServeCounters.request(route, status)))
      }
    }
    page.counter("turnout_http_rejections_total", "Requests refused before any route saw them, by reason.")
    for rejection in Rejection.allCases {
      page.sample(
        "turnout_http_rejections_total", "reason=\"\(String(rejection.code.bytes))\"",
        sum(ServeCounters.rejections + Int(rejection.rawValue)))
    }
  }

  private func gate(_ page: inout MetricsText) {
    func sum(_ event: GateEvent) -> Double { self.sum(ServeCounters.gate + event.index) }
    page.counter("turnout_auth_refusals_total", "Requests refused for want of a right, by reason.")
    for refusal in GateRefusal.allCases where refusal != .rateLimited {
      page.sample("turnout_auth_refusals_total", "reason=\"\(refusal.code)\"", sum(.refused(refusal)))
    }
    page.counter(
      "turnout_rate_limited_total", "Requests refused because their client sends too many.",
      sum(.refused(.rateLimited)))
    page.counter(
      "turnout_rate_evictions_total",
      "Clients that were forgotten while they were limited, for want of places.",
      self.sum(ServeCounters.gateEvictions))
    page.counter(
      "turnout_cors_refusals_total", "Requests of web pages whose origin is not allowed.", sum(.originRefused)
    )
    page.counter(
      "turnout_forwarded_ignored_total", "Requests whose X-Forwarded-For was not believed.",
      sum(.forwardedIgnored))
  }

  private func latency(_ page: inout MetricsText) {
    let name = "turnout_http_request_duration_seconds"
    page.histogram(name, "From the kernel handing a request over to its answer being handed back.")
    var total = 0.0
    for bucket in 0..<ServeCounters.latencyBuckets {
      total += sum(ServeCounters.latencies + bucket)
      page.sample("\(name)_bucket", "le=\"\(Double(1 << bucket) / 1e6)\"", total)
    }
    total += sum(ServeCounters.latencies + ServeCounters.latencyBuckets)
    page.sample("\(name)_bucket", "le=\"+Inf\"", total)
    page.sample("\(name)_sum", "", sum(ServeCounters.latencySum) / 1e9)
    page.sample("\(name)_count", "", total)
  }

  private func decisions(_ page: inout MetricsText) {
    page.counter("turnout_decisions_total", "Outcomes of experiments and flags, by reason.")
    for reason in Reason.allCases {
      page.sample(
        "turnout_decisions_total", "reason=\"\(String(reason.name.bytes))\"",
        sum(ServeCounters.reason(reason)))
    }
    page.sample("turnout_decisions_total", "reason=\"FLAG_DEFAULT\"", sum(ServeCounters.flagDefaults))
    page.sample("turnout_decisions_total", "reason=\"FLAG_NOT_FOUND\"", sum(ServeCounters.flagsNotFound))
  }

  private func visitors(_ page: inout MetricsText) {
    page.counter(
      "turnout_visitors_total", "Answers to requests that named no user, by what their cookie was.")
    for outcome in Visitors.Outcome.allCases {
      page.sample(
        "turnout_visitors_total", "outcome=\"\(outcome)\"", sum(ServeCounters.visitor(outcome)))
    }
    page.counter(
      "turnout_stickies_read_total", "Answers that kept to the assignments their request brought along.",
      sum(ServeCounters.stickiesRead))
    page.counter(
      "turnout_stickies_written_total", "Answers that said which assignments to bring along next time.",
      sum(ServeCounters.stickiesWritten))
    page.counter(
      "turnout_stickies_refused_total", "Answers that ignored assignments brought along, by reason.")
    page.sample(
      "turnout_stickies_refused_total", "reason=\"malformed\"", sum(ServeCounters.stickiesMalformed))
    page.sample(
      "turnout_stickies_refused_total", "reason=\"tampered\"", sum(ServeCounters.stickiesTampered))
  }

  private func exposures(_ page: inout MetricsText) {
    var place = ServeCounters.report
    func next() -> Double {
      defer { place += 1 }
      return sum(place)
    }
    page.counter("turnout_exposures_recorded_total", "Exposures written into datagrams.", next())
    page.counter("turnout_exposures_unsampled_total", "Exposures of users outside the sample.", next())
    page.counter(
      "turnout_exposures_untracked_answers_total", "Answers whose request asked to leave no exposure.", next()
    )
    page.counter(
      "turnout_exposures_repeated_total", "Exposures not recorded because the same one just was.", next())
    page.counter("turnout_exposures_dropped_total", "Exposures that were lost here, by reason.")
    page.sample("turnout_exposures_dropped_total", "reason=\"full\"", next())
    page.sample("turnout_exposures_dropped_total", "reason=\"oversized\"", next())
    page.counter(
      "turnout_exposures_sent_total", "Exposures in datagrams that were handed to the kernel.", next())
    page.counter("turnout_exposure_datagrams_sent_total", "Datagrams that the kernel took.", next())
    page.counter("turnout_exposure_datagrams_refused_total", "Datagrams that the kernel refused.", next())
    page.counter("turnout_exposure_datagrams_resent_total", "Datagrams sent again on request.", next())
    page.counter(
      "turnout_exposure_datagrams_gone_total", "Datagrams asked for again that were no longer kept.", next())
    page.counter("turnout_exposure_resend_requests_total", "Requests to send datagrams again.", next())
    page.counter(
      "turnout_exposure_resend_requests_refused_total", "Requests and parts of them that were refused.",
      next())
    page.counter("turnout_exposure_heartbeats_total", "Heartbeats sent.", next())
  }

  private func connections(_ page: inout MetricsText) {
    page.gauge("turnout_connections", "Connections that are open.")
    page.sample("turnout_connections", "", sum(ServeCounters.connections))
    page.gauge("turnout_event_streams", "Streams of events that are open.")
    page.sample("turnout_event_streams", "", sum(ServeCounters.streams))
    page.counter("turnout_event_streams_refused_total", "Streams of events that there was no room for.")
    page.sample("turnout_event_streams_refused_total", "", sum(ServeCounters.streamsRefused))
    page.counter("turnout_events_sent_total", "Changes of configuration told to streams of events.")
    page.sample("turnout_events_sent_total", "", sum(ServeCounters.eventsSent))
    let counters = [
      ("turnout_connections_accepted_total", "Connections accepted."),
      ("turnout_connections_closed_total", "Connections ended."),
      ("turnout_accept_pauses_total", "Times that accepting paused for want of descriptors or memory."),
      ("turnout_connections_refused_total", "Connections turned away because all places were taken."),
      ("turnout_received_bytes_total", "Bytes received."),
      ("turnout_sent_bytes_total", "Bytes sent."),
      ("turnout_receive_buffer_exhaustions_total", "Times that the receive buffers ran out."),
      ("turnout_write_timeouts_total", "Connections ended because the client did not read."),
      ("turnout_idle_timeouts_total", "Connections ended because they were idle."),
      ("turnout_pending_overflows_total", "Connections ended because the client sent too far ahead."),
      ("turnout_cq_overflows_total", "Completions the kernel had to keep aside."),
      ("turnout_tls_handshakes_total", "TLS handshakes finished."),
      (
        "turnout_tls_handshake_failures_total",
        "Connections that began a TLS handshake and did not finish it."
      ),
      ("turnout_tls_resumptions_total", "TLS handshakes that took up a former session."),
      ("turnout_tls_broken_total", "Connections ended because the client broke TLS after the handshake."),
      ("turnout_connections_delayed_total", "Connections that had to wait for a place."),
      (
        "turnout_turns_shared_total",
        "Times that a connection had its share of a turn and more to be answered."
      ),
      (
        "turnout_linger_cutoffs_total",
        "Connections cut off because the client went on after their last answer."
      ),
    ]
    for (index, (name, help)) in counters.enumerated() {
      page.counter(name, help)
      page.sample(name, "", sum(ServeCounters.tally + index))
    }
    page.counter(
      "turnout_environment_requests_dropped_total", "Unknown environments that could not be asked for.")
    page.sample("turnout_environment_requests_dropped_total", "", sum(ServeCounters.wantsDropped))
  }

  private func snapshots(_ catalog: Catalog, _ page: inout MetricsText) {
    let now = Double(Clock.wall()) / 1e9
    func each(_ name: String, _ help: String, _ value: (CatalogEntry) -> Double?) {
      page.gauge(name, help)
      for index in 0..<catalog.entries.count {
        let entry = catalog.entries[index]
        guard !entry.isAbsent, let value = value(entry) else { continue }
        page.sample(name, "environment=\"\(entry.name)\"", value)
      }
    }
    each("turnout_snapshot_loaded", "Whether decisions can be made for the environment.") {
      $0.tables.isEmpty ? 0 : 1
    }
    each("turnout_snapshot_version", "The version of the snapshot.") {
      $0.snapshot.isEmpty ? nil : Double($0.version)
    }
    each("turnout_snapshot_age_seconds", "Time since the upstream last said that the snapshot is current.") {
      entry in
      let confirmed = Double(sync.read(SyncCounters.confirmedAt(Int(entry.follower)))) / 1e3
      return entry.snapshot.isEmpty ? nil : max(0, now - (confirmed > 0 ? confirmed : startedAt))
    }
    each("turnout_snapshot_expired", "Whether the manifest is over.") {
      $0.snapshot.isEmpty ? nil : $0.isExpired ? 1 : 0
    }
    each("turnout_snapshot_from_disk", "Whether the snapshot is the last good one and not yet confirmed.") {
      $0.snapshot.isEmpty ? nil : $0.isFromDisk ? 1 : 0
    }
    page.counter("turnout_snapshots_published_total", "Snapshots handed to the workers.")
    page.sample("turnout_snapshots_published_total", "", Double(sync.read(SyncCounters.publications)))
    page.counter("turnout_upstream_fetches_total", "Requests to the upstream.")
    page.sample("turnout_upstream_fetches_total", "", Double(sync.read(SyncCounters.fetches)))
    page.counter(
      "turnout_environments_refused_total", "Environments not followed because there are too many.")
    page.sample("turnout_environments_refused_total", "", Double(sync.read(SyncCounters.environmentsRefused)))
    page.counter("turnout_snapshots_refused_total", "Snapshots and manifests that were not used, by reason.")
    for reason in Refusal.Reason.allCases {
      page.sample(
        "turnout_snapshots_refused_total", "reason=\"\(reason.rawValue)\"",
        Double(sync.read(SyncCounters.refusal(reason))))
    }
    page.gauge("turnout_trust_number", "The number of the trust file that holds; 0 for the key file.")
    page.sample("turnout_trust_number", "", Double(sync.read(SyncCounters.trustNumber)))
    page.counter("turnout_trust_refused_total", "Trust files that were not believed, by reason.")
    for reason in Refusal.Reason.allCases {
      page.sample(
        "turnout_trust_refused_total", "reason=\"\(reason.rawValue)\"",
        Double(sync.read(SyncCounters.trustRefusal(reason))))
    }
  }
}
