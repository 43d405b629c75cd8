// The small signed pointer to an environment's current snapshot, and the rules by which it is accepted.
// Each rule answers one attack that The Update Framework's specification names.

import Bytes
import JSON
import Trust

package struct Manifest: Equatable, Sendable {
  package var environment: String
  package var version: Int
  /// Where the snapshot stands; see ``location``.
  package var path: String
  /// Lower-case hexadecimal.
  package var sha256: String
  /// Bytes of the snapshot.
  package var length: Int
  /// Milliseconds since 1970.
  package var issuedAt: Double
  package var expiresAt: Double

  package init(
    environment: String, version: Int, path: String, sha256: String, length: Int, issuedAt: Double,
    expiresAt: Double
  ) {
    self.environment = environment
    self.version = version
    self.path = path
    self.sha256 = sha256
    self.length = length
    self.issuedAt = issuedAt
    self.expiresAt = expiresAt
  }

  /// Reads a manifest, whose signatures must have been verified.
  package init(decoding text: [UInt8]) throws(Refusal) {
    do {
      let fields = try Fields(Document(text).root, at: .root, .refused)
      environment = String(decoding: try fields.name("environment"), as: UTF8.self)
      version = try fields.integer("version", in: 0...Int.max)
      path = String(decoding: try fields.name("path"), as: UTF8.self)
      sha256 = String(decoding: try fields.name("sha256"), as: UTF8.self)
      length = try fields.integer("length", in: 0...Int.max)
      issuedAt = try Self.moment(fields, "issuedAt")
      expiresAt = try Self.moment(fields, "expiresAt")
    } catch {
      throw Refusal(
        .malformed, "not a manifest: \(error)")
    }
    guard Layout.isContained(path) else { throw Refusal(.path, "\"\(path)\" leads out of the layout") }
  }

  private static func moment(_ fields: Fields, _ name: StaticString) throws(Finding) -> Double {
    guard let moment = try fields.string(name).withBytes({ Timestamp.milliseconds($0) }) else {
      throw fields.fault(name, "is no RFC 3339 time")
    }
    return moment
  }

  /// The snapshot's place below the upstream's address. A path that does not begin with `configs/` is taken
  /// from the manifest's own folder.
  package var location: String {
    path.hasPrefix("configs/") ? path : "configs/\(environment)/\(path)"
  }

  /// The manifest as JSON.
  package func encode() -> [UInt8] {
    var writer = Writer()
    writer.object { writer in
      writer.key("environment")
      writer.string(environment)
      writer.key("version")
      writer.integer(version)
      writer.key("path")
      writer.string(path)
      writer.key("sha256")
      writer.string(sha256)
      writer.key("length")
      writer.integer(length)
      writer.key("issuedAt")
      writer.string(Timestamp.text(milliseconds: issuedAt))
      writer.key("expiresAt")
      writer.string(Timestamp.text(milliseconds: expiresAt))
    }
    return writer.text
  }
}

/// The newest manifest an edge ever accepted for an environment: what it holds later ones against, across
/// restarts too.
package struct Accepted: Equatable, Sendable {
  package var version: Int
  package var sha256: String
  package var issuedAt: Double
  /// The keys that signed it; nil in a record that does not say.
  package var signers: [String]?

  package init(_ manifest: Manifest, signers: [String]) {
    version = manifest.version
    sha256 = manifest.sha256
    issuedAt = manifest.issuedAt
    self.signers = signers
  }

  /// Whether later manifests are held against it: not once its signers are too few among those who are trusted now.
  /// Otherwise whoever stole a key could name a version so high, or a time so late, that nothing could ever follow.
  package func binds(under trusted: TrustedKeys?) -> Bool {
    guard let trusted, let signers else { return true }
    return trusted.keys.count { signers.contains($0.id) } >= trusted.threshold
  }

  /// Reads what ``encode()`` wrote.
  package init(decoding text: [UInt8]) throws(Refusal) {
    do {
      let fields = try Fields(Document(text).root, at: .root, .refused)
      version = try fields.integer("version", in: 0...Int.max)
      sha256 = String(decoding: try fields.name("sha256"), as: UTF8.self)
      // What a double holds exactly, so that it can be written again.
      issuedAt = Double(try fields.integer("issuedAt", in: -(1 << 53)...1 << 53))
      signers =
        fields.optional("signedBy") == nil
        ? nil
        : try fields.array("signedBy").map { element, place in
          guard let id = element.string else { throw Finding(.refused, place, "is no string") }
          return String(decoding: id, as: UTF8.self)
        }
    } catch {
      throw Refusal(.malformed, "the record of the accepted version is broken: \(error)")
    }
  }

  package func encode() -> [UInt8] {
    var writer = Writer()
    writer.object { writer in
      writer.key("version")
      writer.integer(version)
      writer.key("sha256")
      writer.string(sha256)
      writer.key("issuedAt")
      writer.integer(Int(issuedAt))
      if let signers {
        writer.key("signedBy")
        writer.array(signers) { $0.string($1) }
      }
    }
    return writer.text
  }
}

extension Manifest {
  /// Whether this manifest may follow `accepted` for `environment`.
  package func check(environment: String, after accepted: Accepted?) throws(Refusal) {
    guard self.environment == environment else {
      throw Refusal(.environment, "it is for \"\(self.environment)\", not for \"\(environment)\"")
    }
    guard let accepted else { return }
    guard version >= accepted.version else {
      throw Refusal(
        .rollback, "version \(version) is older than \(accepted.version), which was accepted before")
    }
    if version == accepted.version, sha256 != accepted.sha256 {
      throw Refusal(.equivocation, "version \(version) was accepted before with another snapshot")
    }
  }

  /// Whether it is over at `now`. A wall clock that was set back does not make it fresh again: nothing can be
  /// issued in the future, so the newest issue seen is as good a clock.
  package func isExpired(at now: Double, newestIssue: Double) -> Bool {
    max(now, newestIssue) >= expiresAt
  }
}
