// SHA-256 (FIPS 180-4) of documents, whole or in parts.

package import Bytes
internal import COpenSSL

package enum Digest {
  /// The 32 bytes of the digest.
  package static func sha256(_ bytes: ByteView) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    let code = unsafe EVP_Digest(bytes.start, bytes.count, &digest, nil, EVP_sha256(), nil)
    precondition(code == 1, "EVP_Digest failed")
    return digest
  }

  /// The digest in lower-case hexadecimal.
  package static func sha256Hex(_ bytes: ByteView) -> String {
    var text: [UInt8] = []
    sha256(bytes).withBytes { Hex.encode($0, into: &text) }
    return String(decoding: text, as: UTF8.self)
  }
}

/// The digest of a document that comes in parts.
package struct RunningDigest {
  private var context = SHA256_CTX()

  package init() {
    unsafe SHA256_Init(&context)
  }

  package mutating func append(_ bytes: ByteView) {
    unsafe SHA256_Update(&context, bytes.start, bytes.count)
  }

  /// The digest of all parts so far in lower-case hexadecimal.
  package func hex() -> String {
    var context = context
    var digest = [UInt8](repeating: 0, count: 32)
    unsafe SHA256_Final(&digest, &context)
    var text: [UInt8] = []
    digest.withBytes { Hex.encode($0, into: &text) }
    return String(decoding: text, as: UTF8.self)
  }
}
