import Bytes
import Snapshots
import Testing
import Trust

private let payload = Array("{\"a\":\"é\"}".utf8)

private func reason<Value>(_ body: () throws -> Value) -> Refusal.Reason? {
  do {
    _ = try body()
    return nil
  } catch {
    return (error as? Refusal)?.reason
  }
}

struct EnvelopeTests {
  private let keys: [PrivateKey]

  init() throws {
    keys = try (0..<3).map { _ in try PrivateKey.generate() }
  }

  private func envelope(_ signers: Int..., type: String = Envelope.manifestType) throws -> Envelope {
    try Envelope(payload, type: type, signedBy: signers.map { keys[$0] })
  }

  private func trusted(_ indices: Int..., threshold: Int = 1) -> TrustedKeys {
    TrustedKeys(keys: indices.map { keys[$0].publicKey }, threshold: threshold)
  }

  private func verdict(_ envelope: Envelope, _ trusted: TrustedKeys) -> Refusal.Reason? {
    reason { try envelope.verified(Envelope.manifestType, by: trusted) }
  }

  @Test func `an envelope survives its text`() throws {
    let original = try envelope(0, 2)
    let read = try Envelope(decoding: original.encode())
    #expect(read.payload == payload)
    #expect(read.payloadType == Envelope.manifestType)
    #expect(read.signatures.map(\.bytes) == original.signatures.map(\.bytes))
    #expect(read.signatures.map(\.keyID) == [keys[0].publicKey.id, keys[2].publicKey.id])
    #expect(try read.verified(Envelope.manifestType, by: trusted(0, 2, threshold: 2)) == payload)
  }

  /// What is signed is written by hand here, so that both sides cannot be wrong together.
  @Test func `the signature is over the pre-authentication encoding`() throws {
    let message = Array("DSSEv1 37 application/vnd.turnout.manifest+json 10 ".utf8) + payload
    let signature = try envelope(0).signatures[0].bytes
    let isGood = signature.withBytes { signature in
      message.withBytes { keys[0].publicKey.verifies(signature, of: $0) }
    }
    #expect(payload.count == 10)
    #expect(Envelope.manifestType.utf8.count == 37)
    #expect(isGood)
  }

  @Test func `the threshold counts distinct trusted keys`() throws {
    #expect(verdict(try envelope(0), trusted(0)) == nil)
    #expect(verdict(try envelope(0), trusted(0, 1, threshold: 2)) == .signature)
    #expect(verdict(try envelope(0, 1), trusted(0, 1, 2, threshold: 2)) == nil)
    #expect(verdict(try envelope(0, 1), trusted(0, 1, 2, threshold: 3)) == .signature)
    // One key that signs often is one key.
    #expect(verdict(try envelope(0, 0, 0), trusted(0, 1, threshold: 2)) == .signature)
    // Keys nobody trusts count for nothing.
    #expect(verdict(try envelope(1, 2), trusted(0)) == .signature)
    #expect(verdict(try envelope(1, 2, 0), trusted(0)) == nil)
    #expect(verdict(try envelope(), trusted(0)) == .signature)
  }

  @Test func `signers are named once, whoever else signed`() throws {
    let signers = try envelope(2, 0, 2, 1).signers(among: trusted(0, 2))
    #expect(signers.sorted() == [keys[0].publicKey.id, keys[2].publicKey.id].sorted())
  }

  /// The key's id is a hint: leaving it out loses nothing, another key's id gains nothing.
  @Test func `a key's id is a hint`() throws {
    var hinted = try envelope(0)
    hinted.signatures[0].keyID = nil
    #expect(verdict(hinted, trusted(1, 0)) == nil)
    hinted.signatures[0].keyID = keys[1].publicKey.id
    #expect(verdict(hinted, trusted(0, 1)) == .signature)
    hinted.signatures[0].keyID = ""
    #expect(verdict(hinted, trusted(0)) == .signature)
  }

  @Test func `what was tampered with is not signed`() throws {
    let original = try envelope(0)
    for index in payload.indices {
      var tampered = original
      tampered.payload[index] ^= 1
      #expect(verdict(tampered, trusted(0)) == .signature)
    }
    for index in 0..<64 {
      var tampered = original
      tampered.signatures[0].bytes[index] ^= 0x80
      #expect(verdict(tampered, trusted(0)) == .signature)
    }
    for bytes in [[], Array(original.signatures[0].bytes.dropLast()), original.signatures[0].bytes + [0]] {
      var tampered = original
      tampered.signatures[0].bytes = bytes
      #expect(verdict(tampered, trusted(0)) == .signature)
    }
  }

  @Test func `a signature for one type is none for another`() throws {
    var other = try envelope(0, type: "application/vnd.turnout.trust+json")
    #expect(verdict(other, trusted(0)) == .malformed)
    other.payloadType = Envelope.manifestType
    #expect(verdict(other, trusted(0)) == .signature)
  }

  @Test(arguments: [
    "", "[]", "null", "{}", "{\"payload\":\"\",\"payloadType\":\"t\"}",
    "{\"payload\":\"\",\"payloadType\":\"t\",\"signatures\":null}",
    "{\"payload\":\"\",\"payloadType\":\"t\",\"signatures\":{}}",
    "{\"payload\":\"\",\"payloadType\":\"t\",\"signatures\":[1]}",
    "{\"payload\":\"\",\"payloadType\":\"t\",\"signatures\":[{}]}",
    "{\"payload\":\"\",\"payloadType\":\"t\",\"signatures\":[{\"sig\":\"!\"}]}",
    "{\"payload\":\"\",\"payloadType\":\"t\",\"signatures\":[{\"keyid\":1,\"sig\":\"\"}]}",
    "{\"payload\":\"A\",\"payloadType\":\"t\",\"signatures\":[]}",
    "{\"payload\":1,\"payloadType\":\"t\",\"signatures\":[]}",
    "{\"payload\":\"\",\"payloadType\":null,\"signatures\":[]}",
    "{\"payload\":\"\",\"payload\":\"\",\"payloadType\":\"t\",\"signatures\":[]}",
  ])
  func `what is no envelope is refused`(_ text: String) {
    #expect(reason { try Envelope(decoding: Array(text.utf8)) } == .malformed)
  }

  @Test func `no more signatures are looked at than the limit`() {
    func text(_ count: Int) -> [UInt8] {
      let signatures = Array(repeating: "{\"sig\":\"\"}", count: count).joined(separator: ",")
      return Array("{\"payload\":\"\",\"payloadType\":\"t\",\"signatures\":[\(signatures)]}".utf8)
    }
    #expect(reason { try Envelope(decoding: text(Envelope.signatureMax)) } == nil)
    #expect(reason { try Envelope(decoding: text(Envelope.signatureMax + 1)) } == .malformed)
  }

  @Test func `an envelope that was damaged anywhere is never taken for signed with another payload`() throws {
    let text = try envelope(0).encode()
    let trusted = trusted(0)
    for index in text.indices {
      for byte in [text[index] ^ 1, UInt8(ascii: "\""), UInt8(ascii: "A")] where byte != text[index] {
        var damaged = text
        damaged[index] = byte
        guard let envelope = try? Envelope(decoding: damaged) else { continue }
        if let verified = try? envelope.verified(Envelope.manifestType, by: trusted) {
          #expect(verified == payload)
        }
      }
    }
  }
}
