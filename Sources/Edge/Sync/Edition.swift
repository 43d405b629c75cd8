// A verified snapshot in the memory that catalogs refer to: tables and documents in one region, freed when no
// worker looks at it and nobody is being sent a document of it.

import Bytes
import JSON
import Kernel
import Publication
import Snapshots
import Trust

struct Edition {
  /// The number that workers pin.
  let index: Int
  /// What the catalogs' views of it are into.
  let memory: SharedMemory
  let manifest: Manifest
  let isSigned: Bool
  private let entry: CatalogEntry

  /// What an edition is made of.
  struct Source {
    var envelope: [UInt8]
    var manifest: Manifest
    var verified: VerifiedSnapshot
    /// Keys that signed it; none if nobody did.
    var signers: [String]
  }

  init(_ source: Source, index: Int) throws(Refusal) {
    self.index = index
    manifest = source.manifest
    isSigned = !source.signers.isEmpty
    let verified = source.verified
    var parts: [[UInt8]] = [verified.tables, source.envelope, verified.document]
    parts.append(Array("\"\(source.envelope.withBytes { Digest.sha256Hex($0) })\"".utf8))
    parts.append(Array("\"\(source.manifest.sha256)\"".utf8))
    parts.append(Self.versionDocument(verified))
    parts.append(Self.description(source))
    parts.append(verified.publicDocument)
    parts.append(Array("\"\(verified.publicDocument.withBytes { Digest.sha256Hex($0) })\"".utf8))
    do throws(SystemFailure) {
      memory = try SharedMemory(byteCount: parts.reduce(0) { $0 + ($1.count + 63) & ~63 } + 64 * parts.count)
    } catch {
      throw Refusal(.storage, error.description)
    }
    var carver = Carver(memory.region)
    let views = parts.map { part in
      let region = carver.region(part.count)
      part.withBytes { region.copy($0, to: 0) }
      return region.bytes
    }
    var entry = CatalogEntry(name: source.manifest.environment)
    entry.edition = UInt32(index)
    entry.version = Int64(verified.version)
    entry.tables = views[0]
    entry.manifest = views[1]
    entry.snapshot = views[2]
    entry.manifestTag = views[3]
    entry.snapshotTag = views[4]
    entry.versionDocument = views[5]
    entry.description = views[6]
    entry.publicSnapshot = views[7]
    entry.publicTag = views[8]
    entry.isSigned = isSigned
    self.entry = entry
  }

  /// Whether `envelope` is the one that its manifest came in.
  func isSigned(by envelope: [UInt8]) -> Bool {
    isSigned && envelope.withBytes { entry.manifest.equals($0) }
  }

  /// The snapshot as it was published.
  var document: [UInt8] { [UInt8](entry.snapshot) }

  /// The catalog's entry for it.
  func entry(answers: Bool, isExpired: Bool, isFromDisk: Bool, follower: Int) -> CatalogEntry {
    var entry = entry
    if !answers { entry.tables = .empty }
    // A manifest that nobody signed is our own note of what was fetched, not something to pass on.
    if !isSigned { entry.manifest = .empty }
    entry.isExpired = isExpired
    entry.isFromDisk = isFromDisk
    entry.follower = UInt32(follower)
    return entry
  }

  private static func versionDocument(_ verified: VerifiedSnapshot) -> [UInt8] {
    var writer = Writer()
    writer.object { writer in
      writer.key("version")
      writer.integer(verified.version)
      if let publishedAt = verified.publishedAt {
        writer.key("publishedAt")
        writer.string(publishedAt)
      }
    }
    return writer.text
  }

  /// The members of /snapshot that do not change while the edition is served.
  private static func description(_ source: Source) -> [UInt8] {
    var writer = Writer()
    writer.object { writer in
      writer.key("version")
      writer.integer(source.verified.version)
      writer.key("publishedAt")
      if let publishedAt = source.verified.publishedAt { writer.string(publishedAt) } else { writer.null() }
      writer.key("sha256")
      writer.string(source.manifest.sha256)
      writer.key("bytes")
      writer.integer(source.manifest.length)
      writer.key("tableBytes")
      writer.integer(source.verified.tables.count)
      writer.key("signedBy")
      writer.array(source.signers) { $0.string($1) }
      writer.key("issuedAt")
      writer.string(Timestamp.text(milliseconds: source.manifest.issuedAt))
      writer.key("expiresAt")
      if source.signers.isEmpty {
        writer.null()
      } else {
        writer.string(Timestamp.text(milliseconds: source.manifest.expiresAt))
      }
      writer.key("findings")
      writer.array(source.verified.findings.prefix(1000)) { writer, finding in
        writer.object { writer in
          writer.key("severity")
          writer.string(finding.severity.rawValue)
          writer.key("place")
          writer.string(finding.place)
          writer.key("message")
          writer.string(finding.message)
        }
      }
    }
    return writer.text
  }
}
