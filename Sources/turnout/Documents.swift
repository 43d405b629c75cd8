// Files the tool reads, and the limits it reads them with.

import Arguments
import Bytes
import Kernel
import Snapshots
import Trust

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

  /// The private keys of `--key`.
  static func privateKeys(_ invocation: Invocation) throws -> [PrivateKey] {
    guard !invocation.all("key").isEmpty else {
      throw UsageFault("\(invocation.command.name): --key is missing")
    }
    return try invocation.all("key").map { try PrivateKey(pem: small($0)) }
  }

  /// The keys of `--trust`, or those that the trust files of `--site` lead to from there.
  static func trusted(_ invocation: Invocation) throws -> TrustedKeys {
    var trusted = try TrustedKeys(decoding: small(invocation.required("trust")))
    guard let site = invocation["site"] else { return trusted }
    let last = trusted.number + TrustedKeys.stepMax
    while trusted.number < last {
      let path = "\(site)/\(Layout.trust(trusted.number + 1))"
      guard File.exists(path) else { break }
      do {
        trusted = try trusted.next(File.read(path, limit: TrustedKeys.rotationByteMax))
      } catch let refusal as Refusal {
        throw Refusal(refusal.reason, "\(path): \(refusal.message)")
      }
    }
    return trusted
  }

  /// The manifest of `--manifest` and the keys of `--trust` that signed it, if they are enough.
  static func manifest(_ invocation: Invocation) throws -> (manifest: Manifest, signers: [String]) {
    let trusted = try trusted(invocation)
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
