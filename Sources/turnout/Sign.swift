// turnout sign: publishes a snapshot into a folder in the static layout that edges pull, the manifest last.

import Arguments
import Bytes
import JSON
import Kernel
import Snapshots
import Trust

enum Sign {
  static let command = Command(
    "sign", "sign a snapshot and lay it out for edges to pull",
    options: [
      Option("snapshot", "FILE", "the snapshot (JSON)"),
      Option("key", "FILE", "a private key (PEM); may be repeated, each signs"),
      Option("out", "DIR", "the folder that configs/ stands in"),
      Option("expires-in", "TIME", "how long edges may go without news, such as 90m, 12h or 7d; default 7d"),
      Option("allow-findings", nil, "sign although the snapshot has findings"),
    ])

  static func run(_ invocation: Invocation) throws {
    let path = try invocation.required("snapshot")
    let directory = try invocation.required("out")
    let keys = try Documents.privateKeys(invocation)
    let lifetime = try duration(invocation["expires-in"] ?? "7d")
    let snapshot = try Documents.snapshot(path)
    if !snapshot.findings.isEmpty, !invocation.has("allow-findings") {
      Documents.print(snapshot.findings, in: path)
      throw Refused("not signed: mend the findings above, or pass --allow-findings")
    }
    let environment = snapshot.environment
    guard Layout.isEnvironment(environment) else {
      throw Refused("environment: \"\(environment)\" is no name of an environment")
    }
    let issuedAt = Double(Clock.wall() / 1_000_000)
    let manifest = Manifest(
      environment: environment, version: snapshot.version,
      path: Layout.snapshot(environment, snapshot.version),
      sha256: snapshot.document.withBytes { Digest.sha256Hex($0) }, length: snapshot.document.count,
      issuedAt: issuedAt, expiresAt: issuedAt + lifetime)
    let envelope = try Envelope(manifest.encode(), type: Envelope.manifestType, signedBy: keys)

    try File.makeDirectory("\(directory)/configs/\(environment)/snapshots")
    try File.replace("\(directory)/\(manifest.path)", with: snapshot.document)
    try File.replace("\(directory)/\(Layout.latest(environment))", with: snapshot.document)
    try File.replace("\(directory)/\(Layout.version(environment))", with: version(snapshot))
    try File.replace("\(directory)/\(Layout.manifest(environment))", with: envelope.encode())
    print(
      "signed \(environment) version \(snapshot.version) with \(keys.map { String($0.publicKey.id.prefix(16)) }.joined(separator: ", "))"
    )
    print(
      "\(directory)/\(Layout.manifest(environment)) expires at \(Timestamp.text(milliseconds: manifest.expiresAt))"
    )
  }

  private static func version(_ snapshot: VerifiedSnapshot) -> [UInt8] {
    var writer = Writer()
    writer.object { writer in
      writer.key("version")
      writer.integer(snapshot.version)
    }
    return writer.text
  }

  /// Milliseconds of "90s", "90m", "12h" or "7d".
  private static func duration(_ text: String) throws(UsageFault) -> Double {
    let units: [Character: Double] = ["s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000]
    guard let unit = text.last.flatMap({ units[$0] }), let number = Double(text.dropLast()), number > 0 else {
      throw UsageFault("--expires-in needs a time such as 90s, 90m, 12h or 7d")
    }
    return number * unit
  }
}
