import Bytes
import Snapshots
import TestSupport
import Testing
import Trust

private let document = Array(Sample.full.json.utf8)

private func manifest(_ change: (inout Manifest) -> Void = { _ in }) -> Manifest {
  var manifest = Manifest(
    environment: "prod", version: 7, path: "configs/prod/snapshots/7.json",
    sha256: document.withBytes { Digest.sha256Hex($0) }, length: document.count, issuedAt: 0, expiresAt: 1)
  change(&manifest)
  return manifest
}

private func reason(_ document: [UInt8], _ manifest: Manifest) -> Refusal.Reason? {
  do throws(Refusal) {
    _ = try VerifiedSnapshot(document, for: manifest)
    return nil
  } catch {
    return error.reason
  }
}

struct VerifiedSnapshotTests {
  @Test func `a snapshot that is what the manifest says is used`() throws {
    let snapshot = try VerifiedSnapshot(document, for: manifest())
    #expect(snapshot.version == 7)
    #expect(snapshot.environment == "prod")
    #expect(snapshot.document == document)
    #expect(snapshot.findings == [])
  }

  @Test func `length, digest, environment and version must agree`() {
    #expect(reason(document + [0x20], manifest()) == .length)
    #expect(reason(document.dropLast(), manifest()) == .length)
    #expect(reason([], manifest()) == .length)
    #expect(reason(document, manifest { $0.length += 1 }) == .length)
    var other = document
    other[other.count / 2] ^= 1
    #expect(reason(other, manifest()) == .digest)
    #expect(reason(document, manifest { $0.sha256 = $0.sha256.uppercased() }) == .digest)
    #expect(reason(document, manifest { $0.environment = "staging" }) == .document)
    #expect(reason(document, manifest { $0.version = 8 }) == .document)
    #expect(reason(document, manifest { $0.version = 6 }) == .document)
  }

  @Test func `a document that is refused says why`() {
    let text = Array(Sample.snapshot.with("version", "\"7\"").json.utf8)
    #expect(throws: Refusal(.document, "version: is a string, not an integer")) {
      try VerifiedSnapshot(unsigned: text, environment: nil)
    }
    #expect(throws: Refusal(.document, "environment: \"prod\" is not \"staging\"")) {
      try VerifiedSnapshot(unsigned: document, environment: "staging")
    }
  }

  @Test func `quarantined experiments and warnings are kept to be told of`() throws {
    let faulty = Sample.snapshot.with(
      "experiments", "[{},\(Sample.experiment.with("overrides", "[{}]").json)]")
    let snapshot = try VerifiedSnapshot(unsigned: Array(faulty.json.utf8), environment: nil)
    #expect(
      snapshot.findings.map(\.description) == [
        "experiments[0].id: is missing", "experiments[1].overrides[0].userKey: is missing",
      ])
  }

  /// What an edge does with a manifest and a snapshot, without the edge.
  @Test func `of ten thousand truncations and bit flips none is accepted`() throws {
    let key = try PrivateKey.generate()
    let trusted = TrustedKeys(keys: [key.publicKey], threshold: 1)
    let envelope = try Envelope(manifest().encode(), type: Envelope.manifestType, signedBy: [key]).encode()
    func accepted(_ envelope: [UInt8], _ document: [UInt8]) throws -> (Manifest, VerifiedSnapshot) {
      let text = try Envelope(decoding: envelope).verified(Envelope.manifestType, by: trusted)
      let manifest = try Manifest(decoding: text)
      try manifest.check(environment: "prod", after: nil)
      return (manifest, try VerifiedSnapshot(document, for: manifest))
    }
    #expect(throws: Never.self) { try accepted(envelope, document) }
    let seed: UInt64 = 6
    var random = Random(seed: seed)
    var harmless = 0
    for round in 0..<10_000 {
      let isManifest = random.oneIn(2)
      var bytes = isManifest ? envelope : document
      if random.oneIn(2) {
        bytes.removeLast(1 + random.below(bytes.count))
      } else {
        for _ in 0...random.below(3) { bytes[random.below(bytes.count)] ^= 1 << UInt8(random.below(8)) }
      }
      guard bytes != (isManifest ? envelope : document) else { continue }
      guard let (read, snapshot) = try? accepted(isManifest ? bytes : envelope, isManifest ? document : bytes)
      else { continue }
      // In an envelope the name of a hint may break: what was signed is still what counts.
      harmless += 1
      #expect(
        isManifest && read == manifest() && snapshot.document == document, "seed \(seed), round \(round)")
    }
    #expect(harmless < 100)
  }
}
