// The DSSE envelope (github.com/secure-systems-lab/dsse, protocol 1.0): a payload, its type, and signatures
// over both in their pre-authentication encoding.

import Bytes
import JSON
package import Trust

package struct Envelope: Sendable {
  package struct Signature: Sendable {
    /// A hint, not trusted: nil if the signer gave none.
    package var keyID: String?
    package var bytes: [UInt8]
  }

  package static let manifestType = "application/vnd.turnout.manifest+json"
  /// Signatures that are looked at.
  package static let signatureMax = 64
  /// Bytes of an envelope.
  package static let byteCountMax = 16 * 1024

  package var payloadType: String
  package var payload: [UInt8]
  package var signatures: [Signature]

  /// An envelope of `payload` with a signature by each of `keys`.
  package init(_ payload: [UInt8], type: String, signedBy keys: [PrivateKey]) throws(TrustFailure) {
    self.payload = payload
    payloadType = type
    signatures = []
    try sign(with: keys)
  }

  /// Adds a signature by each of `keys`.
  package mutating func sign(with keys: [PrivateKey]) throws(TrustFailure) {
    let message = Self.encoding(of: payload, type: payloadType)
    for key in keys {
      let bytes = try message.withBytes { (message) throws(TrustFailure) in try key.sign(message) }
      signatures.append(Signature(keyID: key.publicKey.id, bytes: bytes))
    }
  }

  /// Reads an envelope; nothing in it is trusted yet.
  package init(decoding text: [UInt8]) throws(Refusal) {
    do {
      let fields = try Fields(Document(text).root, at: .root, .refused)
      payloadType = String(decoding: try fields.string("payloadType"), as: UTF8.self)
      payload = try Self.base64(fields, "payload")
      signatures = []
      for (element, place) in try fields.array("signatures") {
        let signature = try Fields(element, at: place, .refused)
        signatures.append(
          Signature(
            keyID: try signature.optionalString("keyid").map { String(decoding: $0, as: UTF8.self) },
            bytes: try Self.base64(signature, "sig")))
      }
    } catch {
      throw Refusal(.malformed, "not an envelope: \(error)")
    }
    guard signatures.count <= Self.signatureMax else {
      throw Refusal(.malformed, "the envelope has more than \(Self.signatureMax) signatures")
    }
  }

  private static func base64(_ fields: Fields, _ name: StaticString) throws(Finding) -> [UInt8] {
    var bytes: [UInt8] = []
    let text = try fields.string(name)
    guard text.withBytes({ Base64.decode($0, into: &bytes) }) else {
      throw fields.fault(name, "is no base64")
    }
    return bytes
  }

  /// The envelope as JSON.
  package func encode() -> [UInt8] {
    var writer = Writer()
    writer.object { writer in
      writer.key("payload")
      writer.string(Self.base64(payload))
      writer.key("payloadType")
      writer.string(payloadType)
      writer.key("signatures")
      writer.array(signatures) { writer, signature in
        writer.object { writer in
          if let keyID = signature.keyID {
            writer.key("keyid")
            writer.string(keyID)
          }
          writer.key("sig")
          writer.string(Self.base64(signature.bytes))
        }
      }
    }
    return writer.text
  }

  private static func base64(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    bytes.withBytes { Base64.encode($0, into: &text) }
    return String(decoding: text, as: UTF8.self)
  }

  /// The bytes that are signed: "DSSEv1", then type and payload, each behind its length.
  static func encoding(of payload: [UInt8], type: String) -> [UInt8] {
    Array("DSSEv1 \(type.utf8.count) \(type) \(payload.count) ".utf8) + payload
  }

  /// The ids of the trusted keys that signed this, each counted once however often it signed.
  package func signers(among trusted: TrustedKeys) -> [String] {
    let message = Self.encoding(of: payload, type: payloadType)
    return trusted.keys.filter { key in
      signatures.contains { signature in
        guard signature.keyID == nil || signature.keyID == key.id else { return false }
        return signature.bytes.withBytes { signature in
          message.withBytes { key.verifies(signature, of: $0) }
        }
      }
    }.map(\.id)
  }

  /// The payload, if it is of `type` and enough trusted keys signed it.
  package func verified(_ type: String, by trusted: TrustedKeys) throws(Refusal) -> [UInt8] {
    guard payloadType == type else {
      throw Refusal(.malformed, "the payload's type is \"\(payloadType)\", not \"\(type)\"")
    }
    let signers = signers(among: trusted)
    guard signers.count >= trusted.threshold else {
      throw Refusal(
        .signature, "\(signers.count) of the \(trusted.threshold) needed trusted keys signed it")
    }
    return payload
  }
}
