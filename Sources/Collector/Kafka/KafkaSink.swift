// Exposures to Kafka: one message per record, keyed by the user, so that what one user was shown stays in order.
// The producer is idempotent: whatever it tries again, the cluster keeps once. Its queue is bounded, and a full one
// holds up whoever hands over blocks. Only this folder imports CKafka.

import Bytes
internal import CKafka
import Exposures
import Kernel
import Operations
import Publication

package struct KafkaSettings: Sendable {
  package var topic = "turnout.exposures"
  /// Properties of librdkafka, such as `bootstrap.servers`.
  package var properties: [String: String] = [:]
  /// Milliseconds that the end waits for what was not acknowledged.
  package var flushTime: Int32 = 10_000

  package init() {}
}

/// Why there is no producer.
package struct KafkaFailure: Error, Equatable, Sendable, CustomStringConvertible {
  package let description: String
}

/// A producer, for one thread at a time.
@safe package final class KafkaSink: Sink, @unchecked Sendable {
  package let figures: KafkaFigures
  private let reports: KafkaReports
  private let producer: OpaquePointer
  private let topic: OpaquePointer
  private let memory: Memory
  private var line = ExposureLine()
  private let flushTime: Int32

  /// What holds unless the configuration says otherwise.
  private static var defaults: [String: String] {
    [
      "client.id": "turnout-collector",
      "compression.codec": "lz4",
      "linger.ms": "20",
      "queue.buffering.max.messages": "100000",
      "queue.buffering.max.kbytes": "65536",
    ]
  }

  /// What the configuration may not change: each record once, which needs "acks" of all, and the log in this thread.
  private static var requirements: [String: String] {
    ["enable.idempotence": "true", "log.queue": "true"]
  }

  package init(_ settings: KafkaSettings) throws(KafkaFailure) {
    let sources = ["bootstrap.servers", "metadata.broker.list", "test.mock.num.brokers"]
    guard sources.contains(where: { settings.properties[$0] != nil }) else {
      throw KafkaFailure(description: "kafka: name the cluster in the property bootstrap.servers")
    }
    for (name, value) in Self.requirements where settings.properties[name] ?? value != value {
      throw KafkaFailure(description: "kafka: \(name) is always \(value): leave it out")
    }
    do throws(SystemFailure) {
      memory = try Memory(byteCount: ExposureLine.byteMax)
      flushTime = settings.flushTime
    } catch {
      throw KafkaFailure(description: error.description)
    }
    reports = KafkaReports()
    figures = reports.figures
    // In this order, since a property may have a second name.
    let properties = [Self.defaults, settings.properties, Self.requirements].flatMap { properties in
      properties.sorted { $0.key < $1.key }
    }
    unsafe producer = try Self.makeProducer(properties, reports)
    guard let topic = unsafe rd_kafka_topic_new(producer, settings.topic, nil) else {
      let reason = unsafe String(cString: rd_kafka_err2str(rd_kafka_last_error()))
      unsafe rd_kafka_destroy(producer)
      throw KafkaFailure(description: "kafka: topic \(settings.topic): \(reason)")
    }
    unsafe self.topic = topic
  }

  deinit {
    unsafe rd_kafka_topic_destroy(topic)
    // Messages that still wait are given up.
    unsafe rd_kafka_destroy(producer)
  }

  private static func makeProducer(
    _ properties: [(key: String, value: String)], _ reports: KafkaReports
  ) throws(KafkaFailure) -> OpaquePointer {
    let configuration = unsafe rd_kafka_conf_new()
    var reason = [CChar](repeating: 0, count: 512)
    for (name, value) in properties {
      guard unsafe rd_kafka_conf_set(configuration, name, value, &reason, reason.count) == RD_KAFKA_CONF_OK
      else {
        unsafe rd_kafka_conf_destroy(configuration)
        throw KafkaFailure(description: "kafka: \(text(reason))")
      }
    }
    unsafe rd_kafka_conf_set_opaque(configuration, Unmanaged.passUnretained(reports).toOpaque())
    unsafe rd_kafka_conf_set_dr_msg_cb(configuration) { _, message, opaque in
      unsafe KafkaSink.reports(opaque).count(message!.pointee.err)
    }
    unsafe rd_kafka_conf_set_log_cb(configuration) { producer, level, facility, text in
      unsafe KafkaSink.reports(rd_kafka_opaque(producer))
        .log(level, String(cString: facility!), String(cString: text!))
    }
    guard let producer = unsafe rd_kafka_new(RD_KAFKA_PRODUCER, configuration, &reason, reason.count) else {
      unsafe rd_kafka_conf_destroy(configuration)
      throw KafkaFailure(description: "kafka: \(text(reason))")
    }
    unsafe rd_kafka_set_log_queue(producer, nil)
    return unsafe producer
  }

  private static func text(_ characters: [CChar]) -> String {
    String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// The reports live as long as the producer that calls back.
  private static func reports(_ opaque: UnsafeMutableRawPointer?) -> KafkaReports {
    unsafe Unmanaged<KafkaReports>.fromOpaque(opaque!).takeUnretainedValue()
  }

  // MARK: - Taking

  /// Takes over every record of `block`; waits as long as there is no room for them.
  package func take(_ block: Block) {
    block.forEach { datagram in
      line.begin(datagram)
      var records = RecordReader(datagram)
      while let record = records.next() {
        var output = Output(memory.region)
        line.append(record, to: &output)
        produce(key: record.userKey, output.written)
      }
      poll()
    }
  }

  private func produce(key: ByteView, _ value: ByteView) {
    while true {
      let code = unsafe rd_kafka_produce(
        topic, -1, RD_KAFKA_MSG_F_COPY, UnsafeMutableRawPointer(mutating: value.start), value.count,
        key.start, key.count, nil)
      if code == 0 { return }
      let error = rd_kafka_last_error()
      guard error == RD_KAFKA_RESP_ERR__QUEUE_FULL else { return refused(error) }
      figures.fullQueues.add()
      poll(milliseconds: 100)
    }
  }

  /// A message that did not get into the queue.
  private func refused(_ error: rd_kafka_resp_err_t) {
    reports.count(error)
    guard error == RD_KAFKA_RESP_ERR__FATAL, figures.isBroken.value == 0 else { return }
    figures.isBroken.value = 1
    var reason = [CChar](repeating: 0, count: 512)
    unsafe rd_kafka_fatal_error(producer, &reason, reason.count)
    Log.write(
      .error, "kafka_broken",
      ["error": .text(Self.text(reason)), "remedy": .text("Start the collector again.")])
  }

  /// Lets the library tell what it has to: to be called now and then while there are no blocks.
  package func poll(milliseconds: Int32 = 0) {
    unsafe rd_kafka_poll(producer, milliseconds)
    unsafe figures.waiting.value = UInt64(rd_kafka_outq_len(producer))
  }

  package func tick() { poll() }

  package func end() {
    if !flush(milliseconds: flushTime) {
      Log.write(.error, "kafka_not_flushed", ["records": .integer(Int(figures.waiting.value))])
    }
  }

  /// Waits until nothing waits any more; false if that took longer than `milliseconds`.
  package func flush(milliseconds: Int32) -> Bool {
    let code = unsafe rd_kafka_flush(producer, milliseconds)
    poll()
    return code == RD_KAFKA_RESP_ERR_NO_ERROR
  }
}
