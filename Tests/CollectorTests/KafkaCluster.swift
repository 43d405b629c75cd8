// A Kafka cluster inside the test's process, which librdkafka brings along, and a consumer that reads a topic to its
// end.

import CKafka
import Collector
import ProgramSupport

/// A message as a consumer gets it.
struct Message: Hashable {
  var key: String
  var value: String
}

@safe final class KafkaCluster {
  private let client: OpaquePointer
  private let cluster: OpaquePointer
  private static var partitionCount: Int32 { 4 }

  /// A cluster of one broker with a topic of four partitions.
  init(topic: String = KafkaSettings().topic) throws {
    var reason = [CChar](repeating: 0, count: 512)
    let configuration = unsafe rd_kafka_conf_new()
    unsafe rd_kafka_conf_set(configuration, "log_level", "3", &reason, reason.count)
    guard let client = unsafe rd_kafka_new(RD_KAFKA_PRODUCER, configuration, &reason, reason.count),
      let cluster = unsafe rd_kafka_mock_cluster_new(client, 1)
    else { throw Failure("no mock cluster") }
    unsafe self.client = client
    unsafe self.cluster = cluster
    unsafe rd_kafka_mock_topic_create(cluster, topic, Self.partitionCount, 1)
  }

  deinit {
    unsafe rd_kafka_mock_cluster_destroy(cluster)
    unsafe rd_kafka_destroy(client)
  }

  var servers: String { unsafe String(cString: rd_kafka_mock_cluster_bootstraps(cluster)) }

  /// A sink that produces here.
  func sink(_ properties: [String: String] = [:]) throws -> KafkaSink {
    var settings = KafkaSettings()
    settings.properties = properties.merging(["bootstrap.servers": servers, "linger.ms": "1"]) { given, _ in
      given
    }
    return try KafkaSink(settings)
  }

  /// The next requests to produce are answered with these errors.
  func refuse(_ errors: [rd_kafka_resp_err_t]) {
    unsafe rd_kafka_mock_push_request_errors_array(cluster, 0, errors.count, errors)
  }

  /// For good: another test may take the broker's port, and without it the broker would not come back.
  func setDown() { unsafe rd_kafka_mock_broker_set_down(cluster, -1) }

  /// Whether a broker leads the topic's partitions; without a leader nobody takes their messages.
  func setLeader(_ leads: Bool, topic: String = KafkaSettings().topic) {
    for partition in 0..<Self.partitionCount {
      unsafe rd_kafka_mock_partition_set_leader(cluster, topic, partition, leads ? 1 : -1)
    }
  }

  /// Every message of the topic, each partition's in their order.
  func messages(topic: String = KafkaSettings().topic) throws -> [Message] {
    let configuration = unsafe rd_kafka_conf_new()
    var reason = [CChar](repeating: 0, count: 512)
    for (name, value) in [
      ("bootstrap.servers", servers), ("group.id", "test"), ("enable.partition.eof", "true"),
      ("enable.auto.commit", "false"), ("auto.offset.reset", "earliest"),
    ] {
      unsafe rd_kafka_conf_set(configuration, name, value, &reason, reason.count)
    }
    guard let consumer = unsafe rd_kafka_new(RD_KAFKA_CONSUMER, configuration, &reason, reason.count) else {
      throw Failure("no consumer")
    }
    defer { unsafe rd_kafka_destroy(consumer) }
    unsafe rd_kafka_poll_set_consumer(consumer)
    let partitions = unsafe rd_kafka_topic_partition_list_new(Self.partitionCount)
    defer { unsafe rd_kafka_topic_partition_list_destroy(partitions) }
    for partition in 0..<Self.partitionCount {
      // -2 is the beginning.
      unsafe rd_kafka_topic_partition_list_add(partitions, topic, partition).pointee.offset = -2
    }
    unsafe rd_kafka_assign(consumer, partitions)
    var messages: [Message] = []
    var ended: Set<Int32> = []
    let deadline = seconds() + 20
    while ended.count < Int(Self.partitionCount) {
      guard seconds() < deadline else { throw Failure("the topic's end did not come in 20 s") }
      guard let message = unsafe rd_kafka_consumer_poll(consumer, 100) else { continue }
      defer { unsafe rd_kafka_message_destroy(message) }
      switch unsafe message.pointee.err {
      case RD_KAFKA_RESP_ERR_NO_ERROR:
        messages.append(
          unsafe Message(
            key: Self.text(message.pointee.key, message.pointee.key_len),
            value: Self.text(message.pointee.payload, message.pointee.len)))
      case RD_KAFKA_RESP_ERR__PARTITION_EOF: unsafe ended.insert(message.pointee.partition)
      default: continue
      }
    }
    return messages
  }

  private static func text(_ start: UnsafeMutableRawPointer?, _ count: Int) -> String {
    unsafe String(decoding: UnsafeRawBufferPointer(start: start, count: count), as: UTF8.self)
  }
}
