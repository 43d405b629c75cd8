// Ed25519 keys (RFC 8032). A key's id is the SHA-256 of its 32 public bytes, in lower-case hexadecimal.

package import Bytes
internal import COpenSSL

package struct PublicKey: Sendable, Equatable {
  /// Bytes of a public key.
  package static var byteCount: Int { 32 }
  /// Bytes of a signature.
  package static var signatureByteCount: Int { 64 }

  package let raw: [UInt8]
  /// The key's id.
  package let id: String

  /// The key of those 32 bytes.
  package init(_ raw: [UInt8]) throws(TrustFailure) {
    guard raw.count == Self.byteCount else {
      throw TrustFailure("an Ed25519 public key has \(Self.byteCount) bytes, this one has \(raw.count)")
    }
    self.raw = raw
    id = raw.withBytes { Digest.sha256Hex($0) }
  }

  /// Whether `signature` is this key's signature of `message`.
  package func verifies(_ signature: ByteView, of message: ByteView) -> Bool {
    guard signature.count == Self.signatureByteCount,
      let key = unsafe EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, raw, raw.count),
      let context = unsafe EVP_MD_CTX_new()
    else { return false }
    defer {
      unsafe EVP_PKEY_free(key)
      unsafe EVP_MD_CTX_free(context)
      ERR_clear_error()
    }
    return unsafe EVP_DigestVerifyInit(context, nil, nil, nil, key) == 1
      && EVP_DigestVerify(
        context, signature.start.assumingMemoryBound(to: UInt8.self), signature.count,
        message.start.assumingMemoryBound(to: UInt8.self), message.count) == 1
  }
}

@safe package final class PrivateKey: @unchecked Sendable {
  private let key: OpaquePointer
  package let publicKey: PublicKey

  private init(owning key: OpaquePointer) throws(TrustFailure) {
    var raw = [UInt8](repeating: 0, count: PublicKey.byteCount)
    var count = raw.count
    // X25519 keys have 32 public bytes, too.
    guard unsafe EVP_PKEY_get_id(key) == EVP_PKEY_ED25519,
      unsafe EVP_PKEY_get_raw_public_key(key, &raw, &count) == 1, count == PublicKey.byteCount
    else {
      unsafe EVP_PKEY_free(key)
      throw TrustFailure("the key is not an Ed25519 key")
    }
    publicKey = try PublicKey(raw)
    unsafe self.key = key
  }

  deinit {
    unsafe EVP_PKEY_free(key)
  }

  /// A new key from the system's randomness.
  package static func generate() throws(TrustFailure) -> PrivateKey {
    guard let context = unsafe EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, nil) else {
      throw TrustFailure(after: "EVP_PKEY_CTX_new_id")
    }
    defer { unsafe EVP_PKEY_CTX_free(context) }
    var key: OpaquePointer?
    guard unsafe EVP_PKEY_keygen_init(context) == 1, unsafe EVP_PKEY_keygen(context, &key) == 1,
      let key = unsafe key
    else {
      throw TrustFailure(after: "EVP_PKEY_keygen")
    }
    return try unsafe PrivateKey(owning: key)
  }

  /// The key in a PEM text (PKCS #8, unencrypted).
  package convenience init(pem: [UInt8]) throws(TrustFailure) {
    // The BIO reads from the array itself, which must therefore stay until it is gone.
    let key = unsafe pem.withUnsafeBytes { text -> OpaquePointer? in
      guard let bio = unsafe BIO_new_mem_buf(text.baseAddress, Int32(text.count)) else { return nil }
      defer { unsafe BIO_free(bio) }
      return unsafe PEM_read_bio_PrivateKey(bio, nil, nil, nil)
    }
    guard let key = unsafe key else { throw TrustFailure(after: "read the private key") }
    try unsafe self.init(owning: key)
  }

  /// The key as PEM (PKCS #8, unencrypted).
  package func pem() throws(TrustFailure) -> [UInt8] {
    guard let bio = unsafe BIO_new(BIO_s_mem()) else { throw TrustFailure(after: "BIO_new") }
    defer { unsafe BIO_free(bio) }
    guard unsafe PEM_write_bio_PrivateKey(bio, key, nil, nil, 0, nil, nil) == 1 else {
      throw TrustFailure(after: "write the private key")
    }
    var text = unsafe [UInt8](repeating: 0, count: turnout_BIO_pending(bio))
    let count = unsafe BIO_read(bio, &text, Int32(text.count))
    precondition(Int(count) == text.count)
    return text
  }

  /// The signature of `message`.
  package func sign(_ message: ByteView) throws(TrustFailure) -> [UInt8] {
    guard let context = unsafe EVP_MD_CTX_new() else { throw TrustFailure(after: "EVP_MD_CTX_new") }
    defer { unsafe EVP_MD_CTX_free(context) }
    var signature = [UInt8](repeating: 0, count: PublicKey.signatureByteCount)
    var count = signature.count
    guard unsafe EVP_DigestSignInit(context, nil, nil, nil, key) == 1,
      unsafe EVP_DigestSign(
        context, &signature, &count, message.start.assumingMemoryBound(to: UInt8.self), message.count) == 1
    else { throw TrustFailure(after: "EVP_DigestSign") }
    return signature
  }
}
