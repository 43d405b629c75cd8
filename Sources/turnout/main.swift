// turnout: the tool. Arguments, exit codes, one call per command.

import Arguments
import Operations
import Snapshots

let program = Program(
  "turnout", "makes keys, signs and checks snapshots, and decides offline", version: Version.text,
  commands: [Keygen.command, Sign.command, Verify.command, Lint.command, Decide.command, Explain.command])

program.main(isRefusal: { $0 is Refusal || $0 is Refused }) { invocation in
  switch invocation.command.name {
  case Keygen.command.name: try Keygen.run(invocation)
  case Sign.command.name: try Sign.run(invocation)
  case Verify.command.name: try Verify.run(invocation)
  case Lint.command.name: try Lint.run(invocation)
  case Decide.command.name: try Decide.run(invocation)
  default: try Explain.run(invocation)
  }
}
