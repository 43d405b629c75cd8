// turnout: the tool. Arguments, exit codes, one call per command.

import Arguments
import Operations
import Snapshots

let program = Program(
  "turnout", "makes keys, signs and checks snapshots, decides offline, and looks at exposures",
  version: Version.text,
  commands: [
    Keygen.command, Sign.command, Verify.command, Rotation.nextCommand, Rotation.signCommand, Lint.command,
    Decide.command, Explain.command,
    ExposuresDecode.command, ExposuresStats.command, ExposuresStats.tailCommand,
  ])

program.main(isRefusal: { $0 is Refusal || $0 is Refused }) { invocation in
  switch invocation.command.name {
  case Keygen.command.name: try Keygen.run(invocation)
  case Sign.command.name: try Sign.run(invocation)
  case Verify.command.name: try Verify.run(invocation)
  case Rotation.nextCommand.name: try Rotation.next(invocation)
  case Rotation.signCommand.name: try Rotation.sign(invocation)
  case Lint.command.name: try Lint.run(invocation)
  case Decide.command.name: try Decide.run(invocation)
  case ExposuresDecode.command.name: try ExposuresDecode.run(invocation)
  case ExposuresStats.command.name: try ExposuresStats.run(invocation)
  case ExposuresStats.tailCommand.name: try ExposuresStats.tail(invocation)
  default: try Explain.run(invocation)
  }
}
