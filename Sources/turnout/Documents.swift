// Files the tool reads, and the limits it reads them with.

import Arguments
import Bytes
import Kernel
import Snapshots

enum Documents {
  /// Bytes of a snapshot.
  static let snapshotMax = 1 << 30
  /// Bytes of a key, a key file or a manifest.
  static let smallMax = 1 << 20

  static func small(_ path: String) throws -> [UInt8] { try File.read(path, limit: smallMax) }

  /// The snapshot in a file, compiled as an edge would; `environment` must be its own if given.
  static func snapshot(_ path: String) throws -> VerifiedSnapshot {
    try VerifiedSnapshot(unsigned: File.read(path, limit: snapshotMax), environment: nil)
  }

  /// The manifest of `--manifest` and the keys of `--trust` that signed it, if they are enough.
  static func manifest(_ invocation: Invocation) throws -> (manifest: Manifest, signers: [String]) {
    let trusted = try TrustedKeys(decoding: small(invocation.required("trust")))
    let envelope = try Envelope(
      decoding: File.read(invocation.required("manifest"), limit: Envelope.byteCountMax))
    let manifest = try Manifest(decoding: envelope.verified(Envelope.manifestType, by: trusted))
    return (manifest, envelope.signers(among: trusted))
  }

  /// Prints findings as `file: place: message`, one a line.
  static func print(_ findings: [Finding], in path: String) {
    for finding in findings { Swift.print("\(path): \(finding.severity.rawValue): \(finding)") }
  }
}
