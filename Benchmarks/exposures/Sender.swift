// What an edge's worker does with exposures, without the edge: records into an outbox, trains of datagrams through a
// driver, as Sources/Edge/Report does.

import Bytes
import Exposures
import Kernel

struct Sender: ~Copyable {
  private var outbox: Outbox
  private var driver: Driver
  private let socket: Int32
  private let memory: Memory
  private let edge: Memory
  private let users: Memory
  private var isSending = 0
  private(set) var recordCount = 0

  private static let experiment = ("7b1f3c52-1111-4aaa-9bbb-000000000001" as StaticString).bytes
  private static let variant = ("7b1f3c52-1111-4aaa-9bbb-00000000000a" as StaticString).bytes
  private static let environment = ("prod" as StaticString).bytes
  private static let userCount = 4096
  private static let userSize = 32
  private static let trainMax = 65_000 / DatagramFormat.byteMax

  init(to port: UInt16, boot: UInt64) throws {
    var settings = Outbox.Settings()
    settings.slotCount = 8192
    settings.boot = boot
    let memory = try Memory(byteCount: settings.byteCount)
    let edge = try Memory(byteCount: 64)
    let users = try Memory(byteCount: Self.userCount * Self.userSize)
    Array("bench".utf8).withBytes { edge.region.copy($0, to: 0) }
    for index in 0..<Self.userCount {
      let digits = String(index * 7919 + 100_000_000)
      Array("user-\(digits)-5c0b300c-f27a0123".utf8.prefix(Self.userSize)).withBytes {
        users.region.copy($0, to: index * Self.userSize)
      }
    }
    let driver = try Driver(Backend.choose().backend, waker: try Waker())
    let socket = try Socket.datagrams(to: Address(of: .tcp(host: "127.0.0.1", port: port))).release()
    precondition(
      Socket.segmentDatagrams(socket, at: DatagramFormat.byteMax), "this kernel cannot cut datagrams")
    outbox = Outbox(memory.region, edge: edge.region.part(from: 0, count: 5), settings)
    self.memory = memory
    self.edge = edge
    self.users = users
    self.driver = driver
    self.socket = socket
  }

  deinit { Socket.close(socket) }

  /// Records `decisions` decisions of `each` assignments.
  mutating func record(decisions: Int, each: Int) {
    let moment = Clock.wall() / 1000
    for index in 0..<decisions {
      let user = users.region.bytes.slice(
        (index % Self.userCount) * Self.userSize..<(index % Self.userCount + 1) * Self.userSize)
      outbox.beginDecision(
        userKey: user, environment: Self.environment, version: 7, occurredAt: moment, now: moment)
      for _ in 0..<each {
        if outbox.record(
          experiment: Self.experiment, variant: Self.variant, rate: 1, isOverride: false, arm: 1)
        {
          recordCount += 1
        }
      }
    }
  }

  /// Sends full datagrams, and with `all` the last one too; returns when the kernel has them.
  mutating func send(all: Bool) {
    if all { outbox.close(sentAt: Clock.wall() / 1000) }
    while let train = outbox.train(countMax: Self.trainMax) {
      driver.send(socket, train.bytes, Token(.guest, slot: 0))
      var isDone = false
      while !isDone {
        driver.wait(nanoseconds: 1_000_000_000)
        while let completion = driver.next() { isDone = isDone || completion.token.operation == .guest }
      }
      outbox.sent(train.count)
    }
  }

  /// Forgets what waits, as if it had been sent.
  mutating func drop() {
    while let train = outbox.train(countMax: 1 << 20) { outbox.sent(train.count) }
  }
}
