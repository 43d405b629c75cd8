// The key file: which keys an edge trusts, and how many of them must sign.
// {"keys": [{"keyid": "<hex>", "public": "<base64 of 32 bytes>"}], "threshold": 1}

package import Trust
import Bytes
import JSON

package struct TrustedKeys: Sendable {
  package let keys: [PublicKey]
  package let threshold: Int

  package init(keys: [PublicKey], threshold: Int) {
    precondition(threshold >= 1)
    self.keys = keys
    self.threshold = threshold
  }

  /// Reads a key file.
  package init(decoding text: [UInt8]) throws(Refusal) {
    do {
      let fields = try Fields(Document(text).root, at: .root, .refused)
      var keys: [PublicKey] = []
      for (element, place) in try fields.array("keys") {
        let key = try Self.key(Fields(element, at: place, .refused))
        guard !keys.contains(key) else { throw Finding(.refused, place, "the key stands there twice") }
        keys.append(key)
      }
      guard !keys.isEmpty else { throw fields.fault("keys", "is empty") }
      threshold = try fields.integer("threshold", in: 1...keys.count)
      self.keys = keys
    } catch {
      throw Refusal(
        .malformed, "not a key file: \(error)")
    }
  }

  private static func key(_ fields: Fields) throws -> PublicKey {
    var raw: [UInt8] = []
    let text = try fields.string("public")
    guard text.withBytes({ Base64.decode($0, into: &raw) }) else {
      throw fields.fault("public", "is no base64")
    }
    let key: PublicKey
    do {
      key = try PublicKey(raw)
    } catch {
      throw fields.fault("public", error.description)
    }
    // The id follows from the key; one that does not fit is a sign of a file put together by mistake.
    if let id = try fields.optionalString("keyid"), !id.elementsEqual(key.id.utf8) {
      throw fields.fault("keyid", "is not the id of the key, which is \(key.id)")
    }
    return key
  }

  /// The key file as JSON.
  package func encode() -> [UInt8] {
    var writer = Writer()
    writer.object { writer in
      writer.key("keys")
      writer.array(keys) { writer, key in
        var text: [UInt8] = []
        key.raw.withBytes { Base64.encode($0, into: &text) }
        writer.object { writer in
          writer.key("keyid")
          writer.string(key.id)
          writer.key("public")
          text.withBytes { writer.string($0) }
        }
      }
      writer.key("threshold")
      writer.integer(threshold)
    }
    return writer.text
  }
}
