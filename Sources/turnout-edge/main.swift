// turnout-edge: arguments, exit codes, one call.

import Arguments
import Bytes
import Edge
import Kernel
import Operations
import Snapshots

let program = Program(
  "turnout-edge", "decides which variant of an experiment a user gets, from signed snapshots",
  version: Version.text,
  commands: [
    Command(
      "", "",
      options: [
        Option("config", "FILE", "the configuration (JSON); configs/README.md documents each setting"),
        Option("check", nil, "check the configuration and the files it names, then exit"),
      ])
  ],
  notes: """
    Each setting can be overridden by a variable: upstream.pollInterval by TURNOUT_EDGE_UPSTREAM_POLL_INTERVAL.
    SIGTERM and SIGINT end the process once the requests under way are answered; a second one ends it at once.
    """)

func fail(_ code: Int32, _ message: String) -> Never {
  Array("turnout-edge: \(message)\n".utf8).withBytes { Process.writeError($0) }
  Process.end(code)
}

do {
  switch try program.parse(Array(CommandLine.arguments.dropFirst())) {
  case .print(let text): print(text)
  case .run(let invocation):
    let configuration = try Configuration(file: invocation.required("config"), environment: Process.variables)
    try Edge.check(configuration)
    if invocation.has("check") {
      print("the configuration is good")
    } else {
      try Edge.run(configuration)
    }
  }
} catch let fault as UsageFault {
  fail(2, "\(fault); turnout-edge --help tells more")
} catch let fault as ConfigurationFault {
  fail(2, fault.description)
} catch let refusal as Refusal {
  fail(3, refusal.description)
} catch {
  fail(1, "\(error)")
}
