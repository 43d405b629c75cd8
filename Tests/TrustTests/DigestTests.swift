import Bytes
import Testing
import Trust

struct DigestTests {
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
  ])
  func `the examples of FIPS 180`(_ text: String, _ digest: String) {
    Array(text.utf8).withBytes { bytes in
      #expect(Digest.sha256Hex(bytes) == digest)
      #expect(Digest.sha256(bytes).count == 32)
      let words = Digest.sha256Words(bytes)
      Digest.sha256(bytes).withBytes { digest in
        for index in 0..<4 { #expect(words[index] == digest.word(at: 8 * index)) }
      }
    }
  }

  /// Two implementations of one function: OpenSSL's for documents, our own for the decide path.
  @Test func `OpenSSL's digest begins as our own does`() {
    for count in 0...200 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 37 + count) }
      bytes.withBytes { bytes in
        var own = SHA256()
        own.append(bytes)
        #expect(
          Digest.sha256(bytes).prefix(8).reduce(0 as UInt64) { $0 << 8 | UInt64($1) } == own.finishFirst64())
      }
    }
  }

  @Test func `a digest of parts is that of the whole`() {
    let text = Array("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8)
    for cut in 0...text.count {
      var digest = RunningDigest()
      Array(text[..<cut]).withBytes { digest.append($0) }
      _ = digest.hex()
      Array(text[cut...]).withBytes { digest.append($0) }
      #expect(digest.hex() == text.withBytes { Digest.sha256Hex($0) })
    }
  }
}
