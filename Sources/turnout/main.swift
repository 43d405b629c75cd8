// turnout: the tool. Arguments, exit codes, one call per command.

import Arguments
import Bytes
import Kernel
import Snapshots
import Trust

let program = Program(
  "turnout", "makes keys, signs and checks snapshots, and decides offline", version: Version.text,
  commands: [Keygen.command, Sign.command, Verify.command, Lint.command, Decide.command, Explain.command])

func fail(_ code: Int32, _ message: String) -> Never {
  Array("turnout: \(message)\n".utf8).withBytes { Process.writeError($0) }
  Process.end(code)
}

do {
  switch try program.parse(Array(CommandLine.arguments.dropFirst())) {
  case .print(let text): print(text)
  case .run(let invocation):
    switch invocation.command.name {
    case Keygen.command.name: try Keygen.run(invocation)
    case Sign.command.name: try Sign.run(invocation)
    case Verify.command.name: try Verify.run(invocation)
    case Lint.command.name: try Lint.run(invocation)
    case Decide.command.name: try Decide.run(invocation)
    default: try Explain.run(invocation)
    }
  }
} catch let fault as UsageFault {
  fail(2, "\(fault); turnout --help tells more")
} catch let refusal as Refusal {
  fail(3, refusal.description)
} catch let refused as Refused {
  fail(3, refused.description)
} catch {
  fail(1, "\(error)")
}
