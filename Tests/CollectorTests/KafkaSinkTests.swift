import Bytes
import CKafka
import Collector
import Exposures
import JSON
import Kernel
import ProgramSupport
import Publication
import Testing

struct KafkaSinkTests {
  private let exposures = (0..<2000).map { number in
    Shown(
      user: "user-\(number % 300)", experiment: "e\(number % 7)", variant: "v\(number)",
      isOverride: number % 5 == 0)
  }

  /// What must be in the topic: key and line of each exposure.
  private func expected(_ block: Block) -> [Message] {
    var line = ExposureLine()
    var messages: [Message] = []
    block.forEach { datagram in
      line.begin(datagram)
      var records = RecordReader(datagram)
      while let record = records.next() {
        let text = [UInt8](capacity: ExposureLine.byteMax) { line.append(record, to: &$0) }
        messages.append(
          Message(key: String(record.userKey), value: String(decoding: text, as: UTF8.self)))
      }
    }
    return messages
  }

  /// Each message once, and those of one key in their order.
  private func expectSame(_ found: [Message], _ expected: [Message]) {
    #expect(found.count == expected.count)
    #expect(Dictionary(grouping: found, by: \.key) == Dictionary(grouping: expected, by: \.key))
  }

  @Test func `every record of a block is a message with the user as its key`() throws {
    let cluster = try KafkaCluster()
    let sink = try cluster.sink()
    let block = try block(exposures)
    sink.take(block)
    #expect(sink.flush(milliseconds: 20_000))
    expectSame(try cluster.messages(), expected(block))
    #expect(sink.figures.delivered.value == 2000)
    #expect(sink.figures.waiting.value == 0)
    #expect(sink.figures.timedOut.value == 0 && sink.figures.failed.value == 0)
  }

  @Test func `the topic is the configured one`() throws {
    let cluster = try KafkaCluster(topic: "shown")
    var settings = KafkaSettings()
    settings.topic = "shown"
    settings.properties = ["bootstrap.servers": cluster.servers]
    let sink = try KafkaSink(settings)
    sink.take(try block([Shown(user: "u")]))
    #expect(sink.flush(milliseconds: 20_000))
    #expect(try cluster.messages(topic: "shown").map(\.key) == ["u"])
  }

  @Test func `what a broker refuses for a while is delivered once`() throws {
    let cluster = try KafkaCluster()
    cluster.refuse([
      RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
      RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
    ])
    // This cluster does not watch the order of batches under way, as a real one does.
    let sink = try cluster.sink(["retry.backoff.ms": "10", "max.in.flight": "1"])
    let block = try block(exposures)
    sink.take(block)
    #expect(sink.flush(milliseconds: 20_000))
    expectSame(try cluster.messages(), expected(block))
    #expect(sink.figures.delivered.value == 2000 && sink.figures.failed.value == 0)
  }

  @Test func `a full queue holds up whoever hands over blocks until somebody takes messages again`() throws {
    let cluster = try KafkaCluster()
    cluster.setLeader(false)
    let sink = try cluster.sink([
      "queue.buffering.max.messages": "500", "topic.metadata.refresh.fast.interval.ms": "20",
    ])
    let block = try block(exposures)
    let isTaken = SharedWord()
    try Threads.start("sink") {
      sink.take(block)
      isTaken.value = 1
    }
    // It has asked again and again, and the queue never held more than it may.
    try eventually("the queue is full") { sink.figures.fullQueues.value >= 5 }
    #expect(sink.figures.waiting.value == 500)
    #expect(isTaken.value == 0)
    cluster.setLeader(true)
    try eventually("the block is taken") { isTaken.value == 1 }
    #expect(sink.flush(milliseconds: 20_000))
    expectSame(try cluster.messages(), expected(block))
    #expect(sink.figures.delivered.value == 2000)
  }

  @Test func `records for a cluster that is away are given up in time and counted`() throws {
    let cluster = try KafkaCluster()
    cluster.setDown()
    let sink = try cluster.sink(["message.timeout.ms": "200", "queue.buffering.max.messages": "1000"])
    sink.take(try block(exposures))
    #expect(sink.figures.fullQueues.value > 0)
    #expect(sink.figures.waiting.value <= 1000)
    #expect(sink.flush(milliseconds: 20_000))
    #expect(sink.figures.timedOut.value == 2000)
    #expect(sink.figures.delivered.value == 0 && sink.figures.waiting.value == 0)
  }

  @Test func `a flush that takes too long says so`() throws {
    let cluster = try KafkaCluster()
    cluster.setDown()
    let sink = try cluster.sink()
    sink.take(try block([Shown(user: "u")]))
    #expect(!sink.flush(milliseconds: 50))
    #expect(sink.figures.waiting.value == 1)
  }

  @Test(arguments: [
    ([:], "kafka: name the cluster in the property bootstrap.servers"),
    (["bootstrap.server": "a:1", "test.mock.num.brokers": "1"], "No such configuration property"),
    (["bootstrap.servers": "a:1", "queue.buffering.max.messages": "many"], "queue.buffering.max.messages"),
    (["bootstrap.servers": "a:1", "acks": "1"], "acks"),
    (
      ["bootstrap.servers": "a:1", "enable.idempotence": "false"],
      "kafka: enable.idempotence is always true: leave it out"
    ),
  ])
  func `properties that cannot work are refused at the start`(
    _ properties: [String: String], _ reason: String
  )
    throws
  {
    var settings = KafkaSettings()
    settings.properties = properties
    let failure = try #require(throws: KafkaFailure.self) { _ = try KafkaSink(settings) }
    #expect(failure.description.contains(reason))
  }
}
