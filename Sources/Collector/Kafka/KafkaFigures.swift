// What became of the records that were handed to Kafka: written by the sink's thread, read by that of the metrics.

package import Publication

package final class KafkaFigures: Sendable {
  /// Records that the cluster has acknowledged.
  package let delivered = SharedWord()
  /// Records that were given up because the cluster did not take them in time.
  package let timedOut = SharedWord()
  /// Records that were given up for any other reason.
  package let failed = SharedWord()
  /// Records that wait to be sent or acknowledged.
  package let waiting = SharedWord()
  /// How often the sink had to wait because its queue was full.
  package let fullQueues = SharedWord()
  /// Whether the producer has ended for good: 0 or 1.
  package let isBroken = SharedWord()

  init() {}
}

extension SharedWord {
  /// For the one thread that writes the word.
  func add(_ count: UInt64 = 1) { value &+= count }
}
