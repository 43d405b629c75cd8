import Bytes
import Snapshots
import Testing
import Trust

private func base64(_ bytes: [UInt8]) -> String {
  var text: [UInt8] = []
  bytes.withBytes { Base64.encode($0, into: &text) }
  return String(decoding: text, as: UTF8.self)
}

private func file(_ keys: [String], threshold: String = "1") -> [UInt8] {
  Array("{\"keys\":[\(keys.joined(separator: ","))],\"threshold\":\(threshold)}".utf8)
}

struct TrustedKeysTests {
  @Test func `a key file survives its text`() throws {
    let keys = try (0..<3).map { _ in try PrivateKey.generate().publicKey }
    let read = try TrustedKeys(decoding: TrustedKeys(keys: keys, threshold: 2).encode())
    #expect(read.keys == keys)
    #expect(read.threshold == 2)
  }

  @Test func `a key's id may be left out, but not be another's`() throws {
    let (key, other) = (try PrivateKey.generate().publicKey, try PrivateKey.generate().publicKey)
    let text = "\"public\":\"\(base64(key.raw))\""
    #expect(try TrustedKeys(decoding: file(["{\(text)}"])).keys == [key])
    #expect(try TrustedKeys(decoding: file(["{\(text),\"keyid\":\"\(key.id)\"}"])).keys == [key])
    for id in [other.id, key.id.uppercased(), "", String(key.id.dropLast())] {
      #expect(throws: Refusal.self, "\(id)") {
        try TrustedKeys(decoding: file(["{\(text),\"keyid\":\"\(id)\"}"]))
      }
    }
  }

  @Test(arguments: [("0", 2), ("3", 2), ("-1", 2), ("1.5", 2), ("\"1\"", 2), ("null", 2), ("2", 1)])
  func `a threshold is at least one and can be reached`(_ threshold: String, _ count: Int) throws {
    let keys = try (0..<count).map { _ in
      "{\"public\":\"\(base64(try PrivateKey.generate().publicKey.raw))\"}"
    }
    #expect(throws: Refusal.self) { try TrustedKeys(decoding: file(keys, threshold: threshold)) }
    #expect(throws: Never.self) { try TrustedKeys(decoding: file(keys, threshold: "\(count)")) }
  }

  /// Were it accepted, one signer would fill a threshold of two.
  @Test func `a key that stands twice is refused`() throws {
    let key = "{\"public\":\"\(base64(try PrivateKey.generate().publicKey.raw))\"}"
    #expect(throws: Refusal(.malformed, "not a key file: keys[1]: the key stands there twice")) {
      try TrustedKeys(decoding: file([key, key], threshold: "2"))
    }
  }

  @Test(arguments: [
    "", "{}", "[]", "{\"keys\":null,\"threshold\":1}", "{\"keys\":{},\"threshold\":1}",
    "{\"keys\":[],\"threshold\":1}",
    "{\"keys\":[1],\"threshold\":1}", "{\"keys\":[{}],\"threshold\":1}",
    "{\"keys\":[{\"public\":\"!\"}],\"threshold\":1}", "{\"keys\":[{\"public\":\"AAAA\"}],\"threshold\":1}",
    "{\"keys\":[{\"public\":null}],\"threshold\":1}",
  ])
  func `what is no key file is refused`(_ text: String) {
    #expect(throws: Refusal.self) { try TrustedKeys(decoding: Array(text.utf8)) }
  }
}
