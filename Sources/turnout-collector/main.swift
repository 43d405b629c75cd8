// turnout-collector: arguments, exit codes, one call.

import Arguments
import Collector
import Kernel
import Operations

let program = Program(
  "turnout-collector", "receives exposures and events, stores them, and states what was lost",
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
    Each setting can be overridden by a variable: files.segmentSize by TURNOUT_COLLECTOR_FILES_SEGMENT_SIZE.
    SIGTERM and SIGINT end the process once what it holds is stored; a second one ends it at once.
    """)

program.main { invocation in
  let configuration = try CollectorConfiguration(
    file: invocation.required("config"), environment: Process.variables)
  try Collector.check(configuration)
  guard !invocation.has("check") else { return print("the configuration is good") }
  try Collector.run(configuration)
}
