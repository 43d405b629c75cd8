// turnout-edge: arguments, exit codes, one call.

import Arguments
import Edge
import Glibc

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

/// The environment variables of the process.
func variables() -> [String: String] {
  var result: [String: String] = [:]
  var pointer = unsafe environ
  while let entry = unsafe pointer.pointee {
    let parts = unsafe String(cString: entry).split(
      separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    if parts.count == 2 { result[String(parts[0])] = String(parts[1]) }
    unsafe pointer += 1
  }
  return result
}

do {
  switch try program.parse(Array(CommandLine.arguments.dropFirst())) {
  case .print(let text): print(text)
  case .run(let invocation):
    let configuration = try Configuration(file: invocation.required("config"), environment: variables())
    try Edge.check(configuration)
    if invocation.has("check") {
      print("the configuration is good")
    } else {
      try Edge.run(configuration)
    }
  }
} catch let fault as UsageFault {
  program.fail(2, "\(fault); turnout-edge --help tells more")
} catch let fault as ConfigurationFault {
  program.fail(2, fault.description)
} catch {
  program.fail(1, "\(error)")
}
