// A snapshot that may be used: its digest is the manifest's, its document is accepted, its tables are made.

import Bytes
import Trust

package struct VerifiedSnapshot: Sendable {
  package let version: Int
  package let environment: String
  package let publishedAt: String?
  /// The document as it was published, byte for byte.
  package let document: [UInt8]
  /// Bytes for ``Tables``.
  package let tables: [UInt8]
  /// What browsers may have of it: a snapshot in itself.
  package let publicDocument: [UInt8]
  package let findings: [Finding]

  /// Checks `document` against `manifest`, then decodes and compiles it.
  package init(_ document: [UInt8], for manifest: Manifest) throws(Refusal) {
    guard document.count == manifest.length else {
      throw Refusal(.length, "the snapshot has \(document.count) bytes, the manifest says \(manifest.length)")
    }
    let digest = document.withBytes { Digest.sha256Hex($0) }
    guard digest == manifest.sha256 else {
      throw Refusal(.digest, "the snapshot's SHA-256 is \(digest), the manifest says \(manifest.sha256)")
    }
    try self.init(unsigned: document, environment: manifest.environment)
    guard version == manifest.version else {
      throw Refusal(.document, "version: \(version) is not the manifest's \(manifest.version)")
    }
  }

  /// Decodes and compiles a document that nobody signed.
  package init(unsigned document: [UInt8], environment: String?) throws(Refusal) {
    do throws(Finding) {
      var snapshot = try Snapshot(decoding: document)
      if let environment, snapshot.environment != environment {
        throw Finding(.refused, "environment", "\"\(snapshot.environment)\" is not \"\(environment)\"")
      }
      tables = try snapshot.compile()
      publicDocument = snapshot.publicDocument(tables)
      version = snapshot.version
      self.environment = snapshot.environment
      publishedAt = snapshot.publishedAt
      findings = snapshot.findings
    } catch {
      throw Refusal(.document, error.description)
    }
    self.document = document
  }
}
