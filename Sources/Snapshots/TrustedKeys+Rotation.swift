// Rotation of trust: numbered files, each of which says who is trusted from then on. One is believed if enough of
// those who were trusted before signed it, and enough of those whom it names: so nobody gets in uninvited, and
// nobody is invited who cannot sign. Steps are taken one at a time, as The Update Framework rotates its root.

extension TrustedKeys {
  package static let rotationType = "application/vnd.turnout.trust+json"
  /// Bytes of a trust file.
  package static let rotationByteMax = 64 * 1024
  /// Steps that are followed from one key file on; beyond them an edge needs a newer key file.
  package static let stepMax = 1024
  /// The highest number: far from where adding one would overflow.
  static let numberMax = 1 << 53

  /// Whom `file` says to trust, if it is the next step from here.
  package func next(_ file: [UInt8]) throws(Refusal) -> TrustedKeys {
    guard file.count <= Self.rotationByteMax else {
      throw Refusal(.oversized, "the trust file has more than \(Self.rotationByteMax) bytes")
    }
    let envelope = try Envelope(decoding: file)
    let next = try TrustedKeys(keyFile: envelope.verified(Self.rotationType, by: self))
    guard next.number == number + 1 else {
      throw Refusal(.number, "it is trust \(next.number); on trust \(number) follows \(number + 1)")
    }
    let signers = envelope.signers(among: next).count
    guard signers >= next.threshold else {
      throw Refusal(
        .signature, "\(signers) of the \(next.threshold) needed of its own keys signed it")
    }
    return next
  }
}
