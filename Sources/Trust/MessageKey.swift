// HMAC-SHA256 (RFC 2104) for messages between programs that share a key. Both halves of the key are digested once,
// so a message costs its own blocks and two more, and nothing is allocated.

package import Bytes
internal import COpenSSL

package struct MessageKey: Sendable {
  private var inner = SHA256_CTX()
  private var outer = SHA256_CTX()

  /// Bytes of a truncated digest.
  package static var tagCount: Int { @_noAllocation @_noLocks get { 16 } }

  /// A key of any length.
  package init(_ key: [UInt8]) {
    var block = key.count > 64 ? key.withBytes { Digest.sha256($0) } : key
    block += [UInt8](repeating: 0, count: 64 - block.count)
    unsafe SHA256_Init(&inner)
    unsafe SHA256_Update(&inner, block.map { $0 ^ 0x36 }, 64)
    unsafe SHA256_Init(&outer)
    unsafe SHA256_Update(&outer, block.map { $0 ^ 0x5C }, 64)
  }

  /// The key that a key file holds: 32 to 128 hexadecimal digits and a line's end.
  package init(decoding file: [UInt8]) throws(TrustFailure) {
    var digits = file
    while let last = digits.last, last == 0x0A || last == 0x0D || last == 0x20 { digits.removeLast() }
    let values = digits.compactMap(Hex.value)
    guard values.count == digits.count, values.count % 2 == 0, (32...128).contains(values.count) else {
      throw TrustFailure(
        "the key file holds no key: write 32 to 128 hexadecimal digits, as `openssl rand -hex 32` does")
    }
    self.init(stride(from: 0, to: values.count, by: 2).map { values[$0] << 4 | values[$0 + 1] })
  }

  /// A key for one purpose, which says nothing about this one.
  package func derived(for purpose: StaticString) -> MessageKey {
    var key = [UInt8](repeating: 0, count: 32)
    unsafe digest(purpose.bytes, .empty, &key)
    return MessageKey(key)
  }

  /// Writes the first 16 bytes of the digest of `message` and then `more` into `region` at `offset`.
  @_noAllocation @_noLocks
  package func tag(_ message: ByteView, _ more: ByteView = .empty, to region: ByteRegion, at offset: Int) {
    var digest: [32 of UInt8] = .init(repeating: 0)
    unsafe withUnsafeMutableBytes(of: &digest) { bytes in
      unsafe self.digest(message, more, bytes.baseAddress!.assumingMemoryBound(to: UInt8.self))
    }
    for index in 0..<Self.tagCount { region.store(digest[index], at: offset + index) }
  }

  /// Fills the last 16 bytes of `message` with the tag of those before.
  package func tag(atEndOf message: inout [UInt8]) {
    let end = message.count - Self.tagCount
    var digest = [UInt8](repeating: 0, count: 32)
    message.withBytes { unsafe self.digest($0.slice(0..<end), .empty, &digest) }
    message.replaceSubrange(end..., with: digest.prefix(Self.tagCount))
  }

  /// Whether `tag` is that of `message` and then `more`; takes the same time wherever it differs.
  @_noAllocation @_noLocks
  package func accepts(_ tag: ByteView, of message: ByteView, _ more: ByteView = .empty) -> Bool {
    guard tag.count == Self.tagCount else { return false }
    var digest: [32 of UInt8] = .init(repeating: 0)
    return unsafe withUnsafeMutableBytes(of: &digest) { bytes in
      unsafe self.digest(message, more, bytes.baseAddress!.assumingMemoryBound(to: UInt8.self))
      return unsafe Self.equal(bytes.baseAddress!, tag.start)
    }
  }

  /// Beyond the compiler's sight like the digest.
  @_semantics("no_performance_analysis")
  private static func equal(_ digest: UnsafeRawPointer, _ tag: UnsafeRawPointer) -> Bool {
    unsafe CRYPTO_memcmp(digest, tag, tagCount) == 0
  }

  /// The compiler cannot look into OpenSSL, which neither allocates nor locks here: the test that counts
  /// allocations covers it.
  @_semantics("no_performance_analysis")
  private func digest(_ message: ByteView, _ more: ByteView, _ digest: UnsafeMutablePointer<UInt8>) {
    var context = inner
    unsafe SHA256_Update(&context, message.start, message.count)
    unsafe SHA256_Update(&context, more.start, more.count)
    unsafe SHA256_Final(digest, &context)
    context = outer
    unsafe SHA256_Update(&context, digest, 32)
    unsafe SHA256_Final(digest, &context)
  }
}
