// The Prometheus text of /metrics. Edges have no labels here: nothing that is sent can make a new series; /stats tells
// the edges apart.

import Bytes
import Exposures
import Kernel
import Operations
import Publication
import Server

struct MetricsPage: Sendable {
  /// Wall-clock seconds.
  let startedAt: Double
  let backend: Backend
  let store: StoreCounters?
  let kafka: KafkaFigures?
  /// Bytes that the datagrams' socket has room for.
  let receiveBuffer: Int

  func render(_ report: ReceptionReport, _ events: EventCounters, _ tally: Tally) -> [UInt8] {
    var page = MetricsText()
    page.process(startedAt: startedAt, on: backend)
    reception(report, &page)
    streams(report, &page)
    if let store { files(store, &page) }
    if let kafka { self.kafka(kafka, &page) }
    self.events(events, &page)
    page.counter("turnout_http_connections_total", "Connections accepted.", Double(tally.accepted))
    page.counter("turnout_http_received_bytes_total", "Bytes received.", Double(tally.receivedBytes))
    page.counter("turnout_http_sent_bytes_total", "Bytes sent.", Double(tally.sentBytes))
    return page.text
  }

  private func reception(_ report: ReceptionReport, _ page: inout MetricsText) {
    let tally = report.tally
    page.counter("turnout_datagrams_received_total", "Datagrams received.", Double(tally.received))
    let name = "turnout_datagrams_refused_total"
    page.counter(name, "Datagrams of which nothing was used, by reason.")
    for malformation in Malformation.allCases {
      page.sample(
        name, "reason=\"malformed_\(String(malformation.name.bytes))\"",
        Double(tally.malformed[malformation.rawValue]))
    }
    page.sample(name, "reason=\"forged\"", Double(tally.forged))
    page.sample(name, "reason=\"duplicate\"", Double(tally.duplicates))
    page.sample(name, "reason=\"inconsistent\"", Double(tally.inconsistent))
    page.sample(name, "reason=\"stale\"", Double(tally.stale))
    page.sample(name, "reason=\"unhoused\"", Double(tally.unhoused))
    page.counter(
      "turnout_socket_drops_total", "Datagrams that the socket had no room for.", Double(tally.socketDrops))
    page.gauge("turnout_socket_buffer_bytes", "Room of the datagrams' socket.", Double(receiveBuffer))
    page.counter("turnout_resend_requests_total", "Requests to send datagrams again.", Double(tally.requests))
    page.counter(
      "turnout_reading_pauses_total", "Times that reading paused for a sink that was behind.",
      Double(tally.stalls))
    page.counter("turnout_records_received_total", "Exposures received.", Double(tally.records))
  }

  private func streams(_ report: ReceptionReport, _ page: inout MetricsText) {
    var total = StreamCounts()
    var pending: UInt64 = 0
    var pendingRecords: UInt64 = 0
    var losses = SenderLosses()
    for stream in report.streams {
      total.add(stream.counts)
      pending &+= stream.pending
      pendingRecords &+= stream.pendingRecords
      losses.add(stream.losses)
    }
    for former in Array(report.forgotten.values) + [report.forgottenOthers] {
      total.add(former.counts)
      losses.add(former.losses)
    }
    page.gauge("turnout_streams", "Workers of edges that are known.", Double(report.streams.count))
    page.counter(
      "turnout_streams_evicted_total", "Streams forgotten because there were too many.",
      Double(report.evictions))
    let datagrams = "turnout_stream_datagrams_total"
    page.counter(datagrams, "Datagrams that edges sent, by what became of them.")
    page.sample(datagrams, "state=\"received\"", Double(total.received))
    page.sample(datagrams, "state=\"recovered\"", Double(total.recovered))
    page.sample(datagrams, "state=\"lost\"", Double(total.lost))
    page.sample(datagrams, "state=\"unknown\"", Double(total.unknown))
    let records = "turnout_stream_records_total"
    page.counter(records, "Exposures that edges sent, by what became of them.")
    page.sample(records, "state=\"received\"", Double(total.receivedRecords))
    page.sample(records, "state=\"lost\"", Double(total.lostRecords))
    page.sample(records, "state=\"unknown\"", Double(total.unknownRecords))
    page.gauge("turnout_stream_datagrams_pending", "Datagrams missing and asked for.", Double(pending))
    page.gauge("turnout_stream_records_pending", "Exposures in them.", Double(pendingRecords))
    let dropped = "turnout_edge_records_dropped_total"
    page.counter(dropped, "Exposures that edges say they dropped, by reason.")
    page.sample(dropped, "reason=\"full\"", Double(losses.full))
    page.sample(dropped, "reason=\"oversized\"", Double(losses.oversized))
    page.counter(
      "turnout_edge_datagrams_refused_total", "Datagrams that edges could not send.", Double(losses.refused))
  }

  private func files(_ store: StoreCounters, _ page: inout MetricsText) {
    func count(_ name: String, _ help: String, _ word: SharedWord) {
      page.counter(name, help, Double(word.value))
    }
    func gauge(_ name: String, _ help: String, _ word: SharedWord) {
      page.gauge(name, help, Double(word.value))
    }
    count("turnout_records_stored_total", "Exposures written to segments.", store.records)
    count("turnout_stored_bytes_total", "Bytes of their lines.", store.bytes)
    page.gauge(
      "turnout_last_flush_seconds", "When all that was stored was last on the disk, in seconds since 1970.",
      Double(store.lastSyncAt.value) / 1000)
    count("turnout_segments_closed_total", "Segments closed.", store.segmentsClosed)
    count("turnout_segments_archived_total", "Segments compressed and in a manifest.", store.segmentsArchived)
    gauge("turnout_torn_bytes", "Bytes cut off at the start.", store.tornBytes)
    gauge("turnout_torn_records", "Lines cut off at the start.", store.tornRecords)
    count("turnout_write_failures_total", "Writes that failed.", store.writeFailures)
    gauge("turnout_storage_failing", "Whether the last write failed.", store.isFailing)
    count("turnout_database_records_total", "Exposures stored in the database.", store.databaseRows)
    gauge("turnout_database_lag_bytes", "Bytes of lines that the database has not read.", store.databaseLag)
    count("turnout_unreadable_lines_total", "Lines that could not be read back.", store.unreadableLines)
    count(
      "turnout_follower_failures_total", "Failures of the database or the archive, tried again after each.",
      store.followerFailures)
  }

  private func kafka(_ kafka: KafkaFigures, _ page: inout MetricsText) {
    page.counter(
      "turnout_kafka_records_delivered_total", "Exposures the cluster acknowledged.",
      Double(kafka.delivered.value))
    page.counter("turnout_kafka_records_failed_total", "Exposures given up, by reason.")
    page.sample("turnout_kafka_records_failed_total", "reason=\"timeout\"", Double(kafka.timedOut.value))
    page.sample("turnout_kafka_records_failed_total", "reason=\"other\"", Double(kafka.failed.value))
    page.gauge("turnout_kafka_records_waiting", "Exposures not acknowledged.", Double(kafka.waiting.value))
    page.counter(
      "turnout_kafka_full_queues_total", "Times that the sink waited for its queue.",
      Double(kafka.fullQueues.value))
    page.gauge(
      "turnout_kafka_broken", "Whether the producer has ended for good.", Double(kafka.isBroken.value))
  }

  private func events(_ events: EventCounters, _ page: inout MetricsText) {
    page.counter("turnout_events_accepted_total", "Events stored.", Double(events.accepted))
    page.counter(
      "turnout_events_duplicate_total", "Events that were stored before.", Double(events.duplicates))
    page.counter("turnout_events_rejected_total", "Events rejected, by code.")
    for rejection in EventRejection.allCases {
      page.sample(
        "turnout_events_rejected_total", "code=\"\(String(rejection.code.bytes))\"",
        Double(events.rejected(rejection)))
    }
    page.counter(
      "turnout_event_calls_refused_total", "Calls refused as a whole.", Double(events.refusedCalls))
    page.counter(
      "turnout_event_storage_failures_total", "Times that events could not be stored.",
      Double(events.storageFailures))
  }
}
