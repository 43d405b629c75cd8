// turnout-collector: arguments, exit codes, one call.

import Arguments
import Bytes
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

func fail(_ code: Int32, _ message: String) -> Never {
  Array("turnout-collector: \(message)\n".utf8).withBytes { Process.writeError($0) }
  Process.end(code)
}

do {
  switch try program.parse(Array(CommandLine.arguments.dropFirst())) {
  case .print(let text): print(text)
  case .run(let invocation):
    let configuration = try Configuration(file: invocation.required("config"), environment: Process.variables)
    try Collector.check(configuration)
    if invocation.has("check") {
      print("the configuration is good")
    } else {
      try Collector.run(configuration)
    }
  }
} catch let fault as UsageFault {
  fail(2, "\(fault); turnout-collector --help tells more")
} catch let fault as ConfigurationFault {
  fail(2, fault.description)
} catch {
  fail(1, "\(error)")
}
