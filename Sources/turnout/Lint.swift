// turnout lint: everything an edge would refuse, quarantine or warn of.

import Arguments
import Snapshots

enum Lint {
  static let command = Command(
    "lint", "check snapshots; any finding is an error", operands: "FILE ...", options: [])

  static func run(_ invocation: Invocation) throws {
    guard !invocation.operands.isEmpty else { throw UsageFault("lint: name at least one snapshot") }
    var count = 0
    for path in invocation.operands {
      do {
        let snapshot = try Documents.snapshot(path)
        Documents.print(snapshot.findings, in: path)
        count += snapshot.findings.count
        if snapshot.findings.isEmpty {
          print("\(path): \(snapshot.environment) version \(snapshot.version): good")
        }
      } catch let refusal as Refusal {
        print("\(path): refused: \(refusal.message)")
        count += 1
      }
    }
    guard count == 0 else { throw Refused("\(count) finding\(count == 1 ? "" : "s")") }
  }
}
