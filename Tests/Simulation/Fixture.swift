// What every run of a process has in common: a key, signed versions of a snapshot that tells its version in every answer,
// and the answer to every question about it, told as plainly as the contract does.

import Bytes
import Kernel
package import Snapshots
import Trust

package struct Fixture {
  /// When the first version was published, in milliseconds since 1970.
  package static let publishedAt: Double = 1_767_225_600_000

  /// One version as it is published.
  package struct Version {
    package let number: Int
    package let document: [UInt8]
    package let envelope: [UInt8]
  }

  package let trusted: TrustedKeys
  package let versions: [Version]
  /// Signed by nobody who is trusted.
  package let forged: Version

  package static let versionMax = 6

  package init() throws {
    let key = try PrivateKey.generate()
    trusted = TrustedKeys(keys: [key.publicKey], threshold: 1)
    versions = try (1...Self.versionMax).map { try Self.version($0, signedBy: key) }
    forged = try Self.version(Self.versionMax + 1, signedBy: PrivateKey.generate())
  }

  private static func version(_ number: Int, signedBy key: PrivateKey) throws -> Version {
    let document = Array(snapshot(number).utf8)
    let manifest = Manifest(
      environment: "prod", version: number, path: Layout.snapshot("prod", number),
      sha256: document.withBytes { Digest.sha256Hex($0) }, length: document.count,
      issuedAt: publishedAt + Double(number), expiresAt: publishedAt + 365 * 86_400_000)
    return Version(
      number: number, document: document,
      envelope: try Envelope(manifest.encode(), type: Envelope.manifestType, signedBy: [key]).encode())
  }

  /// Users below this bucket are in the control group of a version.
  private static func share(_ version: Int) -> Int { 1000 * version }

  private static func snapshot(_ version: Int) -> String {
    """
    {"version":\(version),"environment":"prod","publishedAt":"2026-01-01T00:00:00.000Z",
    "flags":[{"key":"banner","type":"string","default":"none"}],
    "experiments":[{"id":"e1","key":"color","salt":"s1","flagKey":"banner",
    "variants":[{"id":"v1","key":"control","value":"blue","payload":{"v":\(version)}},
    {"id":"v2","key":"treatment","value":"green","payload":null}],
    "allocations":[{"variantId":"v1","rangeStart":0,"rangeEnd":\(share(version) - 1)},
    {"variantId":"v2","rangeStart":\(share(version)),"rangeEnd":9999}]}]}
    """
  }

  package func document(_ version: Int) -> [UInt8]? { versions.first { $0.number == version }?.document }

  private static func isControl(_ user: String, _ version: Int) -> Bool {
    Array("\(user):s1".utf8).withBytes { Murmur3.hash($0) } % 10_000 < share(version)
  }

  /// The body of GET /decide.
  package static func assignments(_ user: String, _ version: Int) -> String {
    let variant =
      isControl(user, version)
      ? #""variant_key":"control","variant_id":"v1","payload":{"v":\#(version)}"#
      : #""variant_key":"treatment","variant_id":"v2","payload":null"#
    return #"{"user_key":"\#(user)","environment":"prod","config_version":\#(version),"#
      + #""assignments":[{"experiment_key":"color","experiment_id":"e1",\#(variant)}]}"#
  }

  /// The value of the flag.
  package static func banner(_ user: String, _ version: Int) -> String {
    isControl(user, version) ? "blue" : "green"
  }
}
