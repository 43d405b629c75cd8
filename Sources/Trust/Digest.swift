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

  /// The digest as words, the first byte lowest in the first one, without an allocation.
  @_noAllocation @_noLocks
  package static func sha256Words(_ bytes: ByteView) -> [4 of UInt64] {
    var digest: [4 of UInt64] = .init(repeating: 0)
    unsafe withUnsafeMutableBytes(of: &digest) {
      unsafe sha256(bytes, $0.baseAddress!.assumingMemoryBound(to: UInt8.self))
    }
    for index in 0..<4 { digest[index] = UInt64(littleEndian: digest[index]) }
    return digest
  }

  /// The compiler cannot look into OpenSSL, which neither allocates nor locks here: the test that counts
  /// allocations covers it.
  @_semantics("no_performance_analysis")
  private static func sha256(_ bytes: ByteView, _ digest: UnsafeMutablePointer<UInt8>) {
    var context = SHA256_CTX()
    unsafe SHA256_Init(&context)
    unsafe SHA256_Update(&context, bytes.start, bytes.count)
    unsafe SHA256_Final(digest, &context)
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
