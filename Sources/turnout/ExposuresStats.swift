// turnout exposures stats and tail: what a collector receives, and from whom, once or every second.

import Arguments
import Bytes
import JSON
import Kernel

enum ExposuresStats {
  static let command = Command(
    "exposures stats", "print what a collector receives; rates are those of one second",
    options: [CollectorPage.option, Option("json", nil, "print the collector's own JSON")])

  static let tailCommand = Command(
    "exposures tail", "print what a collector receives, again every second",
    options: [
      CollectorPage.option,
      Option("count", "N", "end after so many times; default: when interrupted"),
    ])

  static func run(_ invocation: Invocation) throws {
    let page = try CollectorPage(invocation)
    if invocation.has("json") {
      let text = try page.get("/stats")
      return (text.last == 0x0A ? text : text + [0x0A]).withBytes { Process.writeOutput($0) }
    }
    let first = try StatsReading(page)
    Process.pause(microseconds: 1_000_000)
    let text = try StatsReading(page).table(since: first)
    Array(text.utf8).withBytes { Process.writeOutput($0) }
  }

  static func tail(_ invocation: Invocation) throws {
    let page = try CollectorPage(invocation)
    var left = try invocation["count"].map { text throws(UsageFault) in
      guard let count = Int(text), count > 0 else { throw UsageFault("--count needs a number above 0") }
      return count
    }
    let isTerminal = Process.hasTerminal
    var before = try StatsReading(page)
    while left != 0 {
      Process.pause(microseconds: 1_000_000)
      let reading = try StatsReading(page)
      // From the top left corner, and nothing of the former view stays.
      let text =
        isTerminal
        ? "\u{1B}[H\u{1B}[J" + reading.table(since: before) + reading.recentText
        : reading.lines(since: before)
      Array(text.utf8).withBytes { Process.writeOutput($0) }
      before = reading
      left = left.map { $0 - 1 }
    }
  }
}
