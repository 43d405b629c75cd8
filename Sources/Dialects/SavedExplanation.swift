// An answer of /explain that was saved, read for what it follows from, so that it can be given again.

import Bytes
import JSON

package struct SavedExplanation {
  package private(set) var userKey: [UInt8]
  package private(set) var environment: String
  package private(set) var version: Int
  package private(set) var provenance: Explanation.Provenance
  /// A JSON object as it stands there, which may be what no document may be, such as one with a member twice.
  package private(set) var context: [UInt8]
  package private(set) var selection: [[UInt8]]?

  /// Reads `text`; nil if it is not JSON, or lacks something that an answer states.
  package init?(_ text: [UInt8]) {
    guard let members = text.withBytes({ Self.members($0) }) else { return nil }
    func element(_ name: String) -> Element? { members[name].flatMap { try? Document($0).root } }
    func strings(_ name: String) -> [[UInt8]]? {
      guard let list = element(name), list.kind == .array else { return nil }
      let elements = Array(list.elements)
      let strings = elements.compactMap(\.string)
      return strings.count == elements.count ? strings : nil
    }
    guard let userKey = element("user_key")?.string, let environment = element("environment")?.text,
      let version = element("config_version")?.integer, let sha256 = element("snapshot")?.text,
      let signers = strings("signed_by"), let context = members["context"]
    else { return nil }
    self.userKey = userKey
    self.environment = environment
    self.version = version
    provenance = Explanation.Provenance(
      sha256: sha256, signers: signers.map { String(decoding: $0, as: UTF8.self) })
    self.context = context
    if members["selected"] != nil {
      guard let selection = strings("selected") else { return nil }
      self.selection = selection
    }
  }

  /// The members of the object that `text` is, each as it stands there; nil if it is none.
  private static func members(_ text: ByteView) -> [String: [UInt8]]? {
    var members: [String: [UInt8]] = [:]
    var reader = Reader()
    guard case .beginObject = reader.next(text) else { return nil }
    while true {
      switch reader.next(text) {
      case .key(let name):
        let start = reader.offset
        let value = reader.next(text)
        guard reader.skip(text, after: value) else { return nil }
        members[String(text.slice(name.range))] = [UInt8](text.slice(start..<reader.offset))
      case .endObject:
        guard case .end = reader.next(text) else { return nil }
        return members
      default: return nil
      }
    }
  }
}
