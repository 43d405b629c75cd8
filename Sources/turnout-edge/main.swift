// turnout-edge: arguments, exit codes, one call.

import Arguments
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
    SIGHUP reads the configuration anew: configs/README.md says which settings follow.
    """)

program.main(isRefusal: { $0 is Refusal }) { invocation in
  let file = try invocation.required("config")
  let read = { try Configuration(file: file, environment: Process.variables) }
  let configuration = try read()
  try Edge.check(configuration)
  guard !invocation.has("check") else { return print("the configuration is good") }
  try Edge.run(configuration, reread: read)
}
