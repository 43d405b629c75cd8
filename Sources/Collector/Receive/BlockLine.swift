// The way of the blocks: from the receiver to every sink, and back when the last sink is done. Only numbers of blocks
// travel between threads; a block is written by the receiver alone, and only while nobody else has its number.

package import Kernel
import Publication

package final class BlockLine: @unchecked Sendable {
  /// What leads to one sink, and back.
  package struct Lane: Sendable {
    let toSink: HandoffQueue
    let fromSink: HandoffQueue
    let waker: Waker
  }

  /// Blocks in all: what sinks may be behind at most, in MiB.
  static let blockCount = 32

  let blocks: [Block]
  package let lanes: [Lane]
  package let receiverWaker: Waker
  private let ended = SharedWord()

  // The receiver's alone.
  private var free: [Int]
  /// Sinks that have not given the block back.
  private var holders: [Int]

  package init(sinks: Int) throws(SystemFailure) {
    var blocks: [Block] = []
    for _ in 0..<Self.blockCount { blocks.append(try Block()) }
    self.blocks = blocks
    var lanes: [Lane] = []
    for _ in 0..<sinks {
      lanes.append(
        Lane(
          toSink: HandoffQueue(capacity: Self.blockCount), fromSink: HandoffQueue(capacity: Self.blockCount),
          waker: try Waker()))
    }
    self.lanes = lanes
    receiverWaker = try Waker()
    free = Array((0..<Self.blockCount).reversed())
    holders = Array(repeating: 0, count: Self.blockCount)
  }

  // MARK: - The receiver's side

  /// An empty block, or nil if every one waits for a sink.
  func takeFree() -> Int? {
    for lane in lanes {
      while let index = lane.fromSink.popFirst() {
        holders[index] -= 1
        if holders[index] == 0 { free.append(index) }
      }
    }
    guard let index = free.popLast() else { return nil }
    blocks[index].clear()
    return index
  }

  /// Gives a block to every sink.
  func handOver(_ index: Int) {
    guard !lanes.isEmpty else { return free.append(index) }
    holders[index] = lanes.count
    for lane in lanes {
      let hasRoom = lane.toSink.append(index)
      precondition(hasRoom, "a line holds every block")
      lane.waker.wake()
    }
  }

  /// Says that nothing follows.
  func end() {
    ended.value = 1
    for lane in lanes { lane.waker.wake() }
  }

  // MARK: - A sink's side

  /// Gives every block to `sink` as it comes, until the receiver has ended and the last one is done.
  func run<S: Sink>(_ lane: Lane, _ sink: inout S) {
    while true {
      // Read before the line: what was put before the end is then seen.
      let hasEnded = ended.value != 0
      if !takeNext(lane, &sink) {
        if hasEnded { return sink.end() }
        lane.waker.wait(milliseconds: 100)
      }
      sink.tick()
    }
  }

  /// Gives the next block to `sink`; false if there is none.
  package func takeNext<S: Sink>(_ lane: Lane, _ sink: inout S) -> Bool {
    guard let index = lane.toSink.popFirst() else { return false }
    sink.take(blocks[index])
    let hasRoom = lane.fromSink.append(index)
    precondition(hasRoom, "a line holds every block")
    return true
  }
}

/// Where records go. Each sink has a thread of its own and may take its time: while it does, its blocks are missing.
package protocol Sink {
  /// Stores the records of a block; returns when they need the block no more.
  mutating func take(_ block: Block)
  /// Called after each block, and at least ten times a second.
  mutating func tick()
  /// Nothing follows.
  mutating func end()
}
