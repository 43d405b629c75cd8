// What does a decision cost beside what the kernel and other servers cost? The edge, a responder that parses nothing,
// nginx's and haproxy's fixed answers of the same size, and nginx that decides in Lua, each on the same one processor,
// in turn within each round, asked by the same generator on another one. Not measured: several workers, TLS, exposures.

import Arguments
import Bytes
import Kernel
import LoadGenerator
import Measuring
import Operations

let program = Program(
  "bench-serve", "measures the edge beside other servers, in turn", version: Version.text,
  commands: [
    Command(
      "", "",
      options: [
        Option(
          "servers", "LIST", "of \(Server.allCases.map(\.rawValue).joined(separator: ",")); all without it"),
        Option("rounds", "N", "how often each is measured (3)"),
        Option("seconds", "S", "of each measurement (1)"),
        Option("smoke", nil, "each case a moment only"),
      ])
  ],
  notes: "Servers that are not installed are left out: `make setup-bench` installs them.")

program.main { invocation in
  let isSmoke = invocation.has("smoke")
  let servers =
    try (invocation["servers"]?.split(separator: ",").map(String.init)).map { names in
      try names.map { name in
        guard let server = Server(rawValue: name) else {
          let nearest = Nearest.word(to: name, among: Server.allCases.map(\.rawValue))
          throw UsageFault("there is no server \(name)" + (nearest.map { "; did you mean \($0)?" } ?? ""))
        }
        return server
      }
    } ?? Server.allCases
  var series = try Series(servers)
  try series.measure(
    rounds: try invocation.number("rounds", 1...1000, isSmoke ? 1 : 3),
    seconds: try invocation.number("seconds", 0.01...3600, isSmoke ? 0.01 : 1))
  try series.table.report(as: "serve")
  try series.goals.report(as: "serve-goals")
  if let doubt = series.doubt { print(doubt) }
}
