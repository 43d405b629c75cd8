// turnout verify: what an edge would say of a manifest and its snapshot, and of the trust files before them.

import Arguments
import Bytes
import Kernel
import Snapshots

enum Verify {
  static let command = Command(
    "verify", "check a signed manifest, a snapshot against it, and the trust files before it",
    options: [
      Option("trust", "FILE", "the key file"),
      Option("site", "DIR", "the folder that configs/ stands in: its trust files are followed first"),
      Option("manifest", "FILE", "the manifest's envelope"),
      Option("snapshot", "FILE", "the snapshot that the manifest speaks of"),
      Option("environment", "NAME", "the environment it must be for"),
      Option("min-version", "N", "the version it must not be older than"),
    ])

  static func run(_ invocation: Invocation) throws {
    if invocation.has("site") {
      let trusted = try Documents.trusted(invocation)
      print("trust \(trusted.number): good, \(trusted.threshold) of \(trusted.keys.count) keys must sign")
      guard invocation.has("manifest") else { return }
    }
    let (manifest, signers) = try Documents.manifest(invocation)
    try manifest.check(environment: invocation["environment"] ?? manifest.environment, after: nil)
    if let text = invocation["min-version"] {
      guard let least = Int(text) else { throw UsageFault("--min-version needs a number") }
      guard manifest.version >= least else {
        throw Refusal(.rollback, "version \(manifest.version) is older than \(least)")
      }
    }
    guard !manifest.isExpired(at: Double(Clock.wall() / 1_000_000), newestIssue: manifest.issuedAt) else {
      throw Refusal(.expired, "the manifest expired at \(Timestamp.text(milliseconds: manifest.expiresAt))")
    }
    if let path = invocation["snapshot"] {
      let document = try File.read(path, limit: Documents.snapshotMax)
      let snapshot = try VerifiedSnapshot(document, for: manifest)
      Documents.print(snapshot.findings, in: path)
    }
    print("\(manifest.environment) version \(manifest.version): good")
    print("signed by \(signers.joined(separator: ", "))")
    print("expires at \(Timestamp.text(milliseconds: manifest.expiresAt))")
  }
}
