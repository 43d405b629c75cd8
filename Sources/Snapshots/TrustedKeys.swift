// The key file: which keys an edge trusts, and how many of them must sign.
// {"keys": [{"keyid": "<hex>", "public": "<base64 of 32 bytes>"}], "threshold": 1}
// A trust file is the same with its number, in an envelope; see TrustedKeys+Rotation.swift.

package import Trust
import Bytes
import JSON

package struct TrustedKeys: Sendable {
  package let keys: [PublicKey]
  package let threshold: Int
  /// How many rotations led here; 0 for a key file that none did.
  package let number: Int

  package init(keys: [PublicKey], threshold: Int, number: Int = 0) {
    precondition(threshold >= 1 && number >= 0)
    self.keys = keys
    self.threshold = threshold
    self.number = number
  }

  /// Reads a key file. A trust file is one too: whoever names it believes it as it stands.
  package init(decoding text: [UInt8]) throws(Refusal) {
    let envelope = try? Envelope(decoding: text)
    guard let envelope, envelope.payloadType == Self.rotationType else {
      self = try Self(keyFile: text)
      return
    }
    try self.init(keyFile: envelope.payload)
  }

  /// Reads a key file or the payload of a trust file.
  init(keyFile text: [UInt8]) throws(Refusal) {
    do {
      let fields = try Fields(Document(text).root, at: .root, .refused)
      number = try fields.optionalInteger("number", in: 0...Self.numberMax) ?? 0
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
      if number > 0 {
        writer.key("number")
        writer.integer(number)
      }
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
