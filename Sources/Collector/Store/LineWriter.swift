// Records as lines, put together in one buffer that is written whenever it is nearly full.

import Bytes
import Exposures
import Kernel

struct LineWriter: ~Copyable {
  /// It fits the processor's cache; larger writes are no faster.
  private static let byteMax = 256 * 1024

  private let memory: Memory
  private var output: Output
  private var line = ExposureLine()

  init() throws(SystemFailure) {
    let memory = try Memory(byteCount: Self.byteMax)
    output = Output(memory.region)
    self.memory = memory
  }

  /// Appends the records of a block to a file; returns how many.
  mutating func write(_ block: Block, to file: inout LogFile) throws(SystemFailure) -> Int {
    output.rewind(to: 0)
    var count = 0
    try block.forEach { (datagram) throws(SystemFailure) in
      line.begin(datagram)
      var records = RecordReader(datagram)
      while let record = records.next() {
        line.append(record, to: &output)
        output.append("\n")
        count += 1
        if output.capacity - output.count < ExposureLine.byteMax + 1 {
          try file.append(output.written)
          output.rewind(to: 0)
        }
      }
    }
    try file.append(output.written)
    return count
  }
}
