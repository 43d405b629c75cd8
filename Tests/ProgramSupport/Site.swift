// What a control plane publishes: keys, snapshots and signed manifests in the static layout.

import Bytes
import JSON
import Kernel
package import Snapshots
import Synchronization
package import Trust

package final class Site: Sendable {
  package let keys: [PrivateKey]
  package let trusted: TrustedKeys
  /// Every file by its path below the upstream's address.
  private let files = Mutex<[String: [UInt8]]>([:])

  /// A site with one key that signs.
  package init() throws {
    keys = [try PrivateKey.generate()]
    trusted = TrustedKeys(keys: keys.map(\.publicKey), threshold: 1)
  }

  package init(keys: [PrivateKey], threshold: Int) {
    self.keys = keys
    trusted = TrustedKeys(keys: keys.map(\.publicKey), threshold: threshold)
  }

  /// A document that decides: an experiment over everybody and two flags.
  package static func snapshot(_ environment: String, _ version: Int, padding: Int = 0) -> [UInt8] {
    let text = """
      {"version":\(version),"environment":"\(environment)","publishedAt":"2026-01-01T00:00:00.000Z",
      "note":"\(String(repeating: "x", count: padding))",
      "flags":[{"key":"banner","type":"string","default":"none"},{"key":"limit","type":"integer","default":10}],
      "experiments":[{"id":"e1","key":"color","salt":"s1","flagKey":"banner","audienceRules":[],
      "targetingRules":[],"variants":[{"id":"v1","key":"control","value":"blue","payload":{"v":\(version)}},
      {"id":"v2","key":"treatment","value":"green","payload":null}],
      "allocations":[{"variantId":"v1","rangeStart":0,"rangeEnd":4999},
      {"variantId":"v2","rangeStart":5000,"rangeEnd":9999}]}]}
      """
    return Array(text.utf8)
  }

  /// The manifest of a document; `change` may make it a lie before it is signed.
  package func manifest(
    _ environment: String, _ version: Int, _ document: [UInt8], lifetime: Double = 3600,
    change: (inout Manifest) -> Void = { _ in }
  ) -> Manifest {
    let now = Double(Clock.wall() / 1_000_000)
    var manifest = Manifest(
      environment: environment, version: version, path: Layout.snapshot(environment, version),
      sha256: document.withBytes { Digest.sha256Hex($0) }, length: document.count, issuedAt: now,
      expiresAt: now + lifetime * 1000)
    change(&manifest)
    return manifest
  }

  /// Signs a manifest, with all keys unless told otherwise.
  package func sign(_ manifest: Manifest, with signers: [PrivateKey]? = nil) throws -> [UInt8] {
    try Envelope(manifest.encode(), type: Envelope.manifestType, signedBy: signers ?? keys).encode()
  }

  /// Publishes a version as `turnout sign` would.
  package func publish(
    _ environment: String, _ version: Int, padding: Int = 0, lifetime: Double = 3600,
    with signers: [PrivateKey]? = nil, change: (inout Manifest) -> Void = { _ in }
  ) throws {
    try publish(
      environment, version, document: Self.snapshot(environment, version, padding: padding),
      lifetime: lifetime,
      with: signers, change: change)
  }

  /// Publishes a document of the test's own.
  package func publish(
    _ environment: String, _ version: Int, document: [UInt8], lifetime: Double = 3600,
    with signers: [PrivateKey]? = nil, change: (inout Manifest) -> Void = { _ in }
  ) throws {
    let manifest = manifest(environment, version, document, lifetime: lifetime, change: change)
    let envelope = try sign(manifest, with: signers)
    files.withLock {
      $0[Layout.snapshot(environment, version)] = document
      $0[Layout.latest(environment)] = document
      $0[Layout.manifest(environment)] = envelope
    }
  }

  /// Publishes the trust file that says to trust `next`.
  package func rotate(
    to next: TrustedKeys, signedBy signers: [PrivateKey]
  ) throws {
    self[Layout.trust(next.number)] =
      try Envelope(next.encode(), type: TrustedKeys.rotationType, signedBy: signers).encode()
  }

  package subscript(path: String) -> [UInt8]? {
    get { files.withLock { $0[path] } }
    set { files.withLock { $0[path] = newValue } }
  }

  /// Lays everything out in a folder.
  package func write(to folder: Folder, under name: String) throws {
    for (path, content) in files.withLock({ $0 }).sorted(by: { $0.key.count > $1.key.count }) {
      try folder.write(name + "/" + path, content)
    }
  }

  /// What an upstream answers for `request` from these files, with ETag and 304.
  package func reply(_ request: UpstreamRequest, fields: [String] = []) -> Reply {
    guard let content = self[request.path] else { return .answer(404, [], Array("not here".utf8)) }
    let tag = "\"\(content.withBytes { Digest.sha256Hex($0) }.prefix(16))\""
    if request.ifNoneMatch == tag { return .answer(304, ["ETag: \(tag)"] + fields, []) }
    return .answer(200, ["ETag: \(tag)", "Content-Type: application/json"] + fields, content)
  }
}
