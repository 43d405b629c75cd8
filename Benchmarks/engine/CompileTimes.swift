// What a new snapshot costs before a worker sees it: its signature and digest checked, its document decoded and
// compiled.

import Bytes
import Kernel
import Measuring
import Snapshots
import Trust

struct CompileTimes {
  /// Milliseconds of processor time.
  var time: Runs
  var documentBytes: Int
  /// What workers decide by.
  var tableBytes: Int
  /// What browsers may fetch.
  var publicBytes: Int

  init(_ scenario: Scenario, runs: Int) throws {
    let document = scenario.document
    let key = try PrivateKey.generate()
    let manifest = Manifest(
      environment: "prod", version: 1, path: Layout.snapshot("prod", 1),
      sha256: document.withBytes { Digest.sha256Hex($0) }, length: document.count, issuedAt: 0, expiresAt: 1)
    let envelope = try Envelope(manifest.encode(), type: Envelope.manifestType, signedBy: [key]).encode()
    let trusted = TrustedKeys(keys: [key.publicKey], threshold: 1)
    func verify() throws -> VerifiedSnapshot {
      let payload = try Envelope(decoding: envelope).verified(Envelope.manifestType, by: trusted)
      return try VerifiedSnapshot(document, for: Manifest(decoding: payload))
    }
    let snapshot = try verify()
    time = Runs(
      try (0..<runs).map { _ in
        let start = ThreadClock.nanoseconds()
        _ = try verify()
        return (ThreadClock.nanoseconds() - start) / 1e6
      })
    documentBytes = document.count
    tableBytes = snapshot.tables.count
    publicBytes = snapshot.publicDocument.count
  }
}

extension CompileTimes {
  static func table(isSmoke: Bool) throws -> Table {
    var table = Table(
      "A new snapshot: its signature and digest checked, its document decoded and compiled",
      columns: Scenario.columns + [
        Table.Column("processor time", "ms", decimals: 2), Table.Column("spread", "%"),
        Table.Column("document", "bytes"), Table.Column("tables", "bytes"),
        Table.Column("public document", "bytes"),
      ])
    for experiments in isSmoke ? [1, 100] : [1, 100, 1000, 10_000] {
      let scenario = Scenario(experiments: experiments, isTargeted: true)
      Progress.show("compile, \(scenario.name)")
      let compiled = try CompileTimes(scenario, runs: isSmoke ? 1 : 9)
      table.append(
        scenario.cells + [
          .number(compiled.time.median), .number(compiled.time.spread), .number(compiled.documentBytes),
          .number(compiled.tableBytes), .number(compiled.publicBytes),
        ])
    }
    Progress.clear()
    return table
  }
}

extension Scenario {
  /// The compiled snapshot.
  func tables() throws -> [UInt8] { try VerifiedSnapshot(unsigned: document, environment: nil).tables }
}
