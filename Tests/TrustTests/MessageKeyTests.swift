// The test cases of RFC 4231, and the key file.

import Bytes
import Testing
import Trust

struct MessageKeyTests {
  private func tag(_ key: MessageKey, _ message: [UInt8]) -> String {
    let tag = [UInt8](capacity: MessageKey.tagCount) { output in
      let room = output.room(MessageKey.tagCount)!
      message.withBytes { key.tag($0, to: room, at: 0) }
      output.advance(by: MessageKey.tagCount)
    }
    var text: [UInt8] = []
    tag.withBytes { Hex.encode($0, into: &text) }
    return String(decoding: text, as: UTF8.self)
  }

  @Test(arguments: [
    // RFC 4231, sections 4.2, 4.3, 4.4 and 4.7; the first 16 bytes of each digest.
    ([UInt8](repeating: 0x0B, count: 20), Array("Hi There".utf8), "b0344c61d8db38535ca8afceaf0bf12b"),
    (Array("Jefe".utf8), Array("what do ya want for nothing?".utf8), "5bdcc146bf60754e6a042426089575c7"),
    (
      [UInt8](repeating: 0xAA, count: 20), [UInt8](repeating: 0xDD, count: 50),
      "773ea91e36800e46854db8ebd09181a7"
    ),
    (
      [UInt8](repeating: 0xAA, count: 131),
      Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8), "60e431591ee0b67f0d8a26aacbf5b77f"
    ),
  ])
  func `digests are those of RFC 4231`(key: [UInt8], message: [UInt8], digest: String) {
    #expect(tag(MessageKey(key), message) == digest)
  }

  @Test func `a tag is accepted for its message alone`() {
    let key = MessageKey([1, 2, 3])
    let message = Array("message".utf8)
    let tag = [UInt8](capacity: 16) { output in
      let room = output.room(16)!
      message.withBytes { key.tag($0, to: room, at: 0) }
      output.advance(by: 16)
    }
    func accepts(_ tag: [UInt8], _ message: [UInt8]) -> Bool {
      tag.withBytes { tag in message.withBytes { key.accepts(tag, of: $0) } }
    }
    #expect(accepts(tag, message))
    #expect(!accepts(tag, Array("massage".utf8)))
    for index in tag.indices {
      var other = tag
      other[index] ^= 1
      #expect(!accepts(other, message))
    }
    #expect(!accepts(Array(tag.dropLast()), message))
  }

  @Test func `a message in two parts is the parts one after the other`() {
    let key = MessageKey([9])
    let whole = tag(key, Array("one two".utf8))
    let parts = [UInt8](capacity: 16) { output in
      let room = output.room(16)!
      Array("one ".utf8).withBytes { first in
        Array("two".utf8).withBytes { key.tag(first, $0, to: room, at: 0) }
      }
      output.advance(by: 16)
    }
    var text: [UInt8] = []
    parts.withBytes { Hex.encode($0, into: &text) }
    #expect(String(decoding: text, as: UTF8.self) == whole)
  }

  @Test func `a key file holds hexadecimal digits and nothing else`() throws {
    let digits = String(repeating: "0b", count: 20)
    let key = try MessageKey(decoding: Array((digits + "\n").utf8))
    #expect(tag(key, Array("Hi There".utf8)) == "b0344c61d8db38535ca8afceaf0bf12b")
    for text in ["", "\n", "0b", digits + "0", digits + " " + digits, String(repeating: "zz", count: 20)] {
      #expect(throws: TrustFailure.self) { try MessageKey(decoding: Array(text.utf8)) }
    }
  }

  @Test func `keys derived for two purposes differ from each other and from their origin`() {
    let key = MessageKey([1])
    let tags = [key, key.derived(for: "a"), key.derived(for: "b")].map { tag($0, []) }
    #expect(Set(tags).count == 3)
  }
}
