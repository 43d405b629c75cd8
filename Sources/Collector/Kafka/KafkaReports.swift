// What librdkafka tells: the fate of each message, and its log. Both come while the sink polls, on its thread.

internal import CKafka
import Kernel
import Operations

final class KafkaReports {
  let figures = KafkaFigures()
  private var logsAfter: UInt64 = 0
  private var suppressedCount = 0

  /// Counts a message that was delivered or given up.
  func count(_ error: rd_kafka_resp_err_t) {
    switch error {
    case RD_KAFKA_RESP_ERR_NO_ERROR: figures.delivered.add()
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT: figures.timedOut.add()
    default: figures.failed.add()
    }
  }

  /// Writes a line of the library, at most one a second: a cluster that is away makes it say so all the time.
  func log(_ level: Int32, _ facility: String, _ text: String) {
    let now = Clock.monotonic()
    guard now >= logsAfter else { return suppressedCount += 1 }
    logsAfter = now + 1_000_000_000
    Log.write(
      level <= 3 ? .error : level == 4 ? .warning : .info, "kafka",
      ["facility": .text(facility), "message": .text(text), "suppressed": .integer(suppressedCount)])
    suppressedCount = 0
  }
}
