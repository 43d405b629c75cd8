// What do exposures cost, at the edge and at the collector? Measured: writing a record, with one and with ten
// assignments per decision; writing and sending, on one processor, to a socket that another one drains; receiving and
// storing, by the real collector on one processor, at rising rates. `--smoke` runs each a moment only;
// `--feed PORT RATE SECONDS` measures nothing, but sends so many records a second to a collector.

import Bytes
import Exposures
import Glibc
import Kernel
import Publication

let isSmoke = CommandLine.arguments.contains("--smoke")
let processors = Threads.processors
let mine = processors[0]
let other = processors[processors.count > 1 ? 1 : 0]

func seconds(_ body: () throws -> Void) rethrows -> Double {
  let start = Clock.monotonic()
  try body()
  return Double(Clock.monotonic() - start) / 1e9
}

func padded(_ text: String, _ width: Int) -> String {
  String(repeating: " ", count: max(0, width - text.count)) + text
}

func measureRecording() throws {
  print("recording, ns per record (median of \(isSmoke ? 1 : 9) runs)")
  for each in [1, 10] {
    var samples: [Double] = []
    for _ in 0..<(isSmoke ? 1 : 9) {
      var sender = try Sender(to: 9, boot: 1)
      let rounds = isSmoke ? 2 : 400
      let time = seconds {
        for _ in 0..<rounds {
          sender.record(decisions: 2000 / each, each: each)
          sender.drop()
        }
      }
      samples.append(time * 1e9 / Double(sender.recordCount))
    }
    print(
      "  \(padded("\(each)", 2)) per decision  \(padded(String(Int(samples.sorted()[samples.count / 2])), 6))"
    )
  }
}

/// Reads and drops whatever comes, on the other processor.
func startDrain(_ port: UInt16) throws {
  let socket = try Socket.receiveDatagrams(at: .tcp(host: "127.0.0.1", port: port), bufferOf: 64 << 20)
    .release()
  try Threads.start("drain", processor: other) {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while unsafe recv(socket, &buffer, buffer.count, 0) >= 0 {}
  }
}

func measureSending() throws {
  try startDrain(17_072)
  var sender = try Sender(to: 17_072, boot: 2)
  let processorBefore = threadTime()
  let time = seconds {
    let deadline = Clock.monotonic() + (isSmoke ? 20_000_000 : 3_000_000_000)
    while Clock.monotonic() < deadline {
      sender.record(decisions: 1000, each: 1)
      sender.send(all: false)
    }
  }
  let processorTime = threadTime() - processorBefore
  print(
    """
    recording and sending on one processor, one record per decision
      records/s        \(padded(String(Int(Double(sender.recordCount) / time)), 10))
      ns per record    \(padded(String(Int(processorTime * 1e9 / Double(sender.recordCount))), 10))
    """)
}

/// Processor time of this thread, in seconds.
func threadTime() -> Double {
  var time = timespec()
  unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// Sends `rate` records a second for so many nanoseconds.
func feed(_ sender: inout Sender, rate: Int, for length: UInt64) {
  let start = Clock.monotonic()
  while Clock.monotonic() - start < length {
    let due = Int(Double(Clock.monotonic() - start) / 1e9 * Double(rate))
    if sender.recordCount < due {
      sender.record(decisions: min(due - sender.recordCount, 4000), each: 1)
      sender.send(all: false)
    } else {
      Process.pause(microseconds: 200)
    }
  }
  sender.send(all: true)
}

func measureStoring(_ program: String) throws {
  for hasDatabase in [false, true] {
    print(
      "receiving and storing on one processor, \(hasDatabase ? "segment files and database" : "segment files")"
    )
    print("   offered/s   stored/s       sent     stored  socket drops  CPU ns/record")
    let collector = try CollectorUnderTest(program, processor: other, hasDatabase: hasDatabase)
    let rates = isSmoke ? [50_000] : [250_000, 500_000, 750_000, 1_000_000]
    for (index, rate) in rates.enumerated() {
      var sender = try Sender(to: collector.port, boot: UInt64(100 + index))
      let before = try collector.settle()
      let start = Clock.monotonic()
      feed(&sender, rate: rate, for: isSmoke ? 100_000_000 : 4_000_000_000)
      let during = try collector.figures()
      let duringTime = Double(Clock.monotonic() - start) / 1e9
      let after = try collector.settle()
      let stored = after.stored - before.stored
      let speed = (during.received - before.received) / duringTime
      let cost = (after.processorTime - before.processorTime) * 1e9 / max(stored, 1)
      let columns: [Int] = [
        rate, Int(speed), sender.recordCount, Int(stored), Int(after.drops - before.drops), Int(cost),
      ]
      let widths = [12, 11, 11, 11, 14, 15]
      var line = ""
      for (column, width) in zip(columns, widths) { line += padded(String(column), width) }
      print(line)
    }
  }
}

if let place = CommandLine.arguments.firstIndex(of: "--feed") {
  let numbers = CommandLine.arguments[(place + 1)...].compactMap { Int($0) }
  guard numbers.count == 3, let port = UInt16(exactly: numbers[0]) else {
    print("--feed needs a port, records a second, and seconds")
    Process.end(2)
  }
  var sender = try Sender(to: port, boot: Clock.wall())
  feed(&sender, rate: numbers[1], for: UInt64(numbers[2]) * 1_000_000_000)
  Process.end(0)
}
try measureRecording()
let program = File.directory(of: CommandLine.arguments[0]) + "/turnout-collector"
let isDone = SharedWord()
try Threads.start("bench", processor: mine) {
  do {
    try measureSending()
    try measureStoring(program)
  } catch {
    print("\(error)")
    Process.end(1)
  }
  isDone.value = 1
}
while isDone.value == 0 { Process.pause(microseconds: 10_000) }
