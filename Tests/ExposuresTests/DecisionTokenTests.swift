import Bytes
import Exposures
import Testing
import Trust

struct DecisionTokenTests {
  private func encode(_ key: MessageKey, subject: String) -> String {
    var bytes = [UInt8](capacity: DecisionToken.byteMax + DecisionToken.tagCount) { output in
      let texts = ["prod", "e1", "v1"].map { Array($0.utf8) }
      texts[0].withBytes { environment in
        texts[1].withBytes { experiment in
          texts[2].withBytes { variant in
            DecisionToken.write(
              decidedAt: 1_800_000_000_000, serial: 7, version: 42, environment: environment,
              experiment: experiment, variant: variant, to: &output)
          }
        }
      }
    }
    let tag = [UInt8](capacity: DecisionToken.tagCount) { output in
      let room = output.room(DecisionToken.tagCount)!
      bytes.withBytes { fields in
        Array(subject.utf8).withBytes { key.tag(fields, $0, to: room, at: 0) }
      }
      output.advance(by: DecisionToken.tagCount)
    }
    bytes += tag
    let text = [UInt8](capacity: bytes.count * 2) { output in
      bytes.withBytes { Base64.encodeURL($0, into: &output) }
    }
    return String(decoding: text, as: UTF8.self)
  }

  @Test func `a token says what was decided, and its tag is good for its subject alone`() throws {
    let key = MessageKey(Array("a key".utf8))
    let text = Array(encode(key, subject: "user-1").utf8)
    let parts = try #require(text.withBytes { DecisionToken.parse($0) })
    #expect(
      parts.token
        == DecisionToken(
          decidedAt: 1_800_000_000_000, serial: 7, version: 42, environment: "prod", experiment: "e1",
          variant: "v1"))
    func isGood(_ subject: String, _ key: MessageKey) -> Bool {
      parts.signed.withBytes { signed in
        parts.tag.withBytes { tag in
          Array(subject.utf8).withBytes { key.accepts(tag, of: signed, $0) }
        }
      }
    }
    #expect(isGood("user-1", key))
    #expect(!isGood("user-2", key))
    #expect(!isGood("user-1", MessageKey(Array("another".utf8))))
  }

  @Test func `what is cut short or changed is no token, or has another tag`() throws {
    let key = MessageKey(Array("a key".utf8))
    let text = Array(encode(key, subject: "u").utf8)
    for count in 0..<text.count {
      let parts = Array(text.prefix(count)).withBytes { DecisionToken.parse($0) }
      let isGood = parts.map { parts in
        parts.signed.withBytes { signed in
          parts.tag.withBytes { tag in Array("u".utf8).withBytes { key.accepts(tag, of: signed, $0) } }
        }
      }
      #expect(isGood != true)
    }
  }
}
