// The pages that say how the collector is: /ready, /metrics, /stats. They are made of what the other threads tell.

import HTTP
import JSON
import Kernel
import Publication
import Server

final class Pages: @unchecked Sendable {
  private let mailbox: Mailbox<ReceptionReport>
  private let store: StoreCounters?
  private let kafka: KafkaFigures?
  private let metrics: MetricsPage
  private let startedAt = Clock.monotonic()
  /// The last report; used by the HTTP thread alone.
  private var report: ReceptionReport?

  init(
    mailbox: Mailbox<ReceptionReport>, store: StoreCounters?, kafka: KafkaFigures?, backend: Backend,
    receiveBuffer: Int
  ) {
    self.mailbox = mailbox
    self.store = store
    self.kafka = kafka
    metrics = MetricsPage(
      startedAt: Double(Clock.wall()) / 1e9, backend: backend, store: store, kafka: kafka,
      receiveBuffer: receiveBuffer)
  }

  func page(_ path: String, _ events: EventCounters, _ tally: Tally) -> CollectorHTTP.Page? {
    if let newer = mailbox.take() { report = newer }
    switch path {
    case "/ready": return ready(events)
    case "/metrics":
      return report.map { CollectorHTTP.Page(.ok, .metrics, metrics.render($0, events, tally)) }
    case "/stats":
      let now = Clock.monotonic()
      return report.map {
        CollectorHTTP.Page(
          .ok, .json,
          StatsPage.render(
            $0, uptime: Double(now - startedAt) / 1e9, stored: store?.records.value ?? 0, now: now))
      }
    default: return nil
    }
  }

  /// Ready is who receives and can store: 503 names what cannot.
  private func ready(_ events: EventCounters) -> CollectorHTTP.Page {
    let isStoring = store.map { $0.isFailing.value == 0 } ?? true
    let isDelivering = kafka.map { $0.isBroken.value == 0 } ?? true
    let isReady = report != nil && isStoring && !events.isFailing && isDelivering
    var writer = Writer()
    writer.object { writer in
      writer.key("ready")
      writer.bool(isReady)
      writer.key("receiving")
      writer.bool(report != nil)
      writer.key("exposures")
      writer.string(isStoring ? "stored" : "not stored: make room on the disk")
      writer.key("events")
      writer.string(events.isFailing ? "not stored: make room on the disk" : "stored")
      if kafka != nil {
        writer.key("kafka")
        writer.string(isDelivering ? "delivering" : "the producer has ended: see the log, and start anew")
      }
    }
    return CollectorHTTP.Page(isReady ? .ok : .unavailable, .json, writer.text)
  }
}
