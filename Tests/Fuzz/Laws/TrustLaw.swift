// Signed distribution: what is verified was signed by enough of the trusted keys and is not changed by a bit, nobody
// else's key counts, and no path leads out of the layout.

import Bytes
import Snapshots
import Trust

final class TrustLaw: Law {
  /// The keys that signed the envelopes of the corpus; nobody has their private parts any more.
  private let trusted: TrustedKeys
  /// Keys of this process, and one that is trusted by nobody.
  private let own: [PrivateKey]
  private let stranger: PrivateKey

  init() throws {
    trusted = try TrustedKeys(decoding: Array(Self.keyFile.utf8))
    own = [try .generate(), try .generate()]
    stranger = try .generate()
  }

  private static let keyFile = """
    {"keys":[{"public":"2B71BBaQ3FeDjiv5SGj5wAhCr3hnPnGjCOwTfOic9Pg="},{"public":"vDg+mHIxNOn7jF3bZeK87oH1A3riBbt8Nvk9VyTkpsI="}],"threshold":2}
    """

  func check(_ input: ByteView) throws {
    let text = [UInt8](input)
    try checkEnvelope(text)
    try checkManifest(text)
    try checkKeys(text)
    if let accepted = try? Accepted(decoding: text) {
      try hold(try Accepted(decoding: accepted.encode()) == accepted, "what was accepted is remembered")
    }
    // To sign takes a hundred times what all else here does.
    if input.chance(31) == 0 { try checkSigned(text) }
  }

  private func checkEnvelope(_ text: [UInt8]) throws {
    guard let envelope = try? Envelope(decoding: text) else { return }
    try hold(envelope.signatures.count <= Envelope.signatureMax, "signatures are bounded")
    let again = try Envelope(decoding: envelope.encode())
    try hold(
      again.payload == envelope.payload && again.payloadType == envelope.payloadType, "an envelope is kept")
    try hold(again.signatures.map(\.bytes) == envelope.signatures.map(\.bytes), "signatures are kept")
    try hold(again.signatures.map(\.keyID) == envelope.signatures.map(\.keyID), "key ids are kept")
    let signers = envelope.signers(among: trusted)
    try hold(Set(signers).count == signers.count, "a key counts once")
    try hold(Set(signers).isSubset(of: trusted.keys.map(\.id)), "only trusted keys count")
    let strangers = TrustedKeys(keys: [stranger.publicKey], threshold: 1)
    try hold(envelope.signers(among: strangers).isEmpty, "no one's key signed it")
    guard let payload = try? envelope.verified(Envelope.manifestType, by: trusted) else {
      return try hold(
        signers.count < trusted.threshold || envelope.payloadType != Envelope.manifestType,
        "what enough keys signed is verified")
    }
    try hold(payload == envelope.payload && signers.count >= trusted.threshold, "enough keys signed it")
    try checkManifest(payload)
    var changed = envelope
    guard !payload.isEmpty else { return }
    changed.payload[text.withBytes { $0.chance(payload.count - 1) }] ^= 1 << UInt8(text.count & 7)
    try hold(changed.signers(among: trusted).isEmpty, "a bit more or less, and nobody signed it")
  }

  /// What is signed here is verified here, by as many keys as signed.
  private func checkSigned(_ payload: [UInt8]) throws {
    let both = TrustedKeys(keys: own.map(\.publicKey), threshold: 2)
    let envelope = try Envelope(payload, type: Envelope.manifestType, signedBy: own)
    let read = try Envelope(decoding: envelope.encode())
    try hold(try read.verified(Envelope.manifestType, by: both) == payload, "what both signed is verified")
    var twice = try Envelope(payload, type: Envelope.manifestType, signedBy: [own[0], own[0]])
    try hold(
      (try? twice.verified(Envelope.manifestType, by: both)) == nil, "a key that signs twice counts once")
    // Another key's id does not make it another key's signature.
    twice.signatures[1].keyID = own[1].publicKey.id
    try hold(twice.signers(among: both) == [own[0].publicKey.id], "an id is no signature")
  }

  private func checkManifest(_ text: [UInt8]) throws {
    guard let manifest = try? Manifest(decoding: text) else { return }
    let written = manifest.encode()
    let again = try Manifest(decoding: written)
    try hold(again.encode() == written, "a manifest is written as it was written")
    let steps = manifest.location.split(separator: "/", omittingEmptySubsequences: false)
    try hold(steps.first == "configs", "a path begins in the layout: \(manifest.location)")
    if Layout.isEnvironment(manifest.environment) {
      try hold(!steps.contains { ["", ".", ".."].contains($0) }, "no step leads out: \(manifest.location)")
    }
    let accepted = Accepted(manifest, signers: own.map(\.publicKey.id))
    let remembered = try Accepted(decoding: accepted.encode())
    try hold(
      remembered.version == accepted.version && remembered.sha256 == accepted.sha256, "it is remembered")
    try manifest.check(environment: manifest.environment, after: remembered)
    var older = manifest
    older.version -= 1
    if manifest.version > 0 {
      try hold(
        (try? older.check(environment: manifest.environment, after: accepted)) == nil, "no way leads back")
    }
    var other = manifest
    other.sha256 += "0"
    try hold(
      (try? other.check(environment: manifest.environment, after: accepted)) == nil,
      "a version is one snapshot")
    try hold(manifest.isExpired(at: manifest.expiresAt, newestIssue: 0), "what is over is over")
  }

  private func checkKeys(_ text: [UInt8]) throws {
    guard let keys = try? TrustedKeys(decoding: text) else { return }
    try hold((1...keys.keys.count).contains(keys.threshold), "the threshold can be reached")
    try hold(Set(keys.keys.map(\.id)).count == keys.keys.count, "no key stands there twice")
    let again = try TrustedKeys(decoding: keys.encode())
    try hold(again.keys == keys.keys && again.threshold == keys.threshold, "a key file is kept")
  }
}
