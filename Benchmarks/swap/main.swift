// Does who asks notice that a snapshot is swapped for another? The tail of GET /decide at half of what the edge can do,
// while the upstream publishes 0, 1 and 10 signed snapshots a second; what a swap costs; what memory it takes; and how
// long an edge takes that starts from its last good snapshot. Not measured: fetching over HTTP. The edge has one
// processor for its worker; what compiles shares it, or the generator's, because measuring asks for two alone.

import Arguments
import Measuring
import Operations

let program = Program(
  "bench-swap", "measures what a swap of snapshots does to those who ask", version: Version.text,
  commands: [
    Command(
      "", "",
      options: [
        Option("experiments", "LIST", "how many a snapshot has (10,1000,10000)"),
        Option("rounds", "N", "how often each case is measured (3)"),
        Option("seconds", "S", "of each measurement (1.5)"),
        Option("starts", "N", "how often an edge is started from its last good snapshot (9)"),
        Option("smoke", nil, "two cases, a moment only"),
      ])
  ],
  notes: """
    Takes two minutes. The versions are signed beforehand by `turnout sign`; a swap is a rename of the next manifest.
    Where "seen" stays behind "asked", the edge skipped versions because it was still compiling. "sync CPU" is what
    the thread that follows the upstream used for each, with reading, verifying, compiling and keeping on the disk.
    """)

program.main { invocation in
  let isSmoke = invocation.has("smoke")
  let sizes = try (invocation["experiments"] ?? (isSmoke ? "1,10" : "10,1000,10000")).split(separator: ",")
    .map { text in
      guard let size = Int(text), 1...100_000 ~= size else {
        throw UsageFault("--experiments \(text) is not in 1...100000")
      }
      return size
    }
  var series = Series(
    sizes: sizes, swaps: isSmoke ? [0, 10] : [0, 1, 10],
    seconds: try invocation.number("seconds", 0.05...3600, isSmoke ? 0.1 : 1.5))
  try series.measure(
    rounds: try invocation.number("rounds", 1...1000, isSmoke ? 1 : 3),
    starts: try invocation.number("starts", 1...1000, isSmoke ? 1 : 9))
  try series.table.report(as: "swap")
  try series.goals.report(as: "swap-goals")
  if let doubt = series.doubt { print(doubt) }
}
