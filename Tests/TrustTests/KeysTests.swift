import Bytes
import Testing
import Trust

private func bytes(_ hex: String) -> [UInt8] {
  var digits = hex.utf8.map { UInt8(String(UnicodeScalar($0)), radix: 16)! }[...]
  var bytes: [UInt8] = []
  while let high = digits.popFirst(), let low = digits.popFirst() { bytes.append(high << 4 | low) }
  return bytes
}

/// The private key of a seed, through the PKCS #8 text that other tools write.
private func key(seed: String) throws -> PrivateKey {
  var base64: [UInt8] = []
  bytes("302e020100300506032b657004220420" + seed).withBytes { Base64.encode($0, into: &base64) }
  let lines =
    "-----BEGIN PRIVATE KEY-----\n\(String(decoding: base64, as: UTF8.self))\n-----END PRIVATE KEY-----\n"
  return try PrivateKey(pem: Array(lines.utf8))
}

private func verifies(_ key: PublicKey, _ signature: [UInt8], _ message: [UInt8]) -> Bool {
  signature.withBytes { signature in message.withBytes { key.verifies(signature, of: $0) } }
}

/// RFC 8032 section 7.1.
private struct Vector: CustomTestStringConvertible {
  var seed: String
  var publicKey: String
  var message: String
  var signature: String

  var testDescription: String { "message \(message)" }
}

struct KeysTests {
  @Test(
    arguments: [
      Vector(
        seed: "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        publicKey: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", message: "",
        signature: "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bac"
          + "c61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"),
      Vector(
        seed: "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        publicKey: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", message: "72",
        signature: "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e"
          + "458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
      Vector(
        seed: "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        publicKey: "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", message: "af82",
        signature: "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290"
          + "ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"),
    ])
  fileprivate func `the vectors of RFC 8032`(_ vector: Vector) throws {
    let key = try key(seed: vector.seed)
    let message = bytes(vector.message)
    #expect(key.publicKey.raw == bytes(vector.publicKey))
    #expect(try message.withBytes { try key.sign($0) } == bytes(vector.signature))
    #expect(verifies(try PublicKey(bytes(vector.publicKey)), bytes(vector.signature), message))
  }

  @Test func `a key's id is the digest of its public bytes`() throws {
    let key = try PublicKey(bytes("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"))
    #expect(key.id == key.raw.withBytes { Digest.sha256Hex($0) })
    #expect(key.id.utf8.count == 64)
  }

  @Test func `a generated key survives its text and is no other's`() throws {
    let (key, other) = (try PrivateKey.generate(), try PrivateKey.generate())
    #expect(key.publicKey != other.publicKey)
    let again = try PrivateKey(pem: key.pem())
    #expect(again.publicKey == key.publicKey)
    let message = Array("a message".utf8)
    #expect(verifies(key.publicKey, try message.withBytes { try again.sign($0) }, message))
  }

  @Test func `a signature is of one message by one key`() throws {
    let (key, other) = (try PrivateKey.generate(), try PrivateKey.generate())
    let message = Array("a message".utf8)
    let signature = try message.withBytes { try key.sign($0) }
    #expect(verifies(key.publicKey, signature, message))
    #expect(!verifies(other.publicKey, signature, message))
    #expect(!verifies(key.publicKey, signature, message + [0]))
    #expect(!verifies(key.publicKey, signature, []))
    for index in signature.indices {
      var damaged = signature
      damaged[index] ^= 4
      #expect(!verifies(key.publicKey, damaged, message), "byte \(index)")
    }
    for damaged in [[], Array(signature.dropLast()), signature + [0], signature + signature] {
      #expect(!verifies(key.publicKey, damaged, message))
    }
  }

  @Test(arguments: [0, 31, 33, 64])
  func `a public key has 32 bytes`(_ count: Int) {
    #expect(throws: TrustFailure.self) { try PublicKey([UInt8](repeating: 1, count: count)) }
  }

  @Test func `bytes that are no point of the curve verify nothing`() throws {
    let key = try PublicKey([UInt8](repeating: 0xFF, count: 32))
    #expect(!verifies(key, [UInt8](repeating: 0, count: 64), []))
  }

  @Test(arguments: [
    "", "no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    // A key of another kind (X25519).
    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VuBCIEIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB\n"
      + "-----END PRIVATE KEY-----\n",
  ])
  func `what is no Ed25519 key is refused`(_ pem: String) {
    #expect(throws: TrustFailure.self) { try PrivateKey(pem: Array(pem.utf8)) }
  }
}
