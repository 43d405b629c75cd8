// The last good snapshots on the disk, in the layout of signed distribution, the newest version ever accepted,
// and the trust files that were believed. Two generations are kept; a crash at any moment leaves one of them whole.

import Bytes
import Kernel
import Snapshots
import Trust

struct StateStore: Sendable {
  /// A manifest as it was fetched, and the snapshot it speaks of.
  struct Generation {
    var envelope: [UInt8]
    var manifest: Manifest
    var document: [UInt8]
    /// Keys that signed it; none if nobody did, or if nobody checked yet.
    var signers: [String] = []
  }

  let directory: String
  let snapshotMax: Int

  private static let recordMax = 64 * 1024

  private func path(_ name: String) -> String { directory + "/" + name }
  private func previous(_ environment: String) -> String { "configs/\(environment)/manifest.previous.json" }
  private func accepted(_ environment: String) -> String { "configs/\(environment)/accepted.json" }

  /// The newest version ever accepted, or nil if there is none.
  func readAccepted(_ environment: String) throws(Refusal) -> Accepted? {
    guard File.exists(path(accepted(environment))) else { return nil }
    return try Accepted(decoding: read(accepted(environment), limit: Self.recordMax))
  }

  /// The trust file of that number, or nil if there is none.
  func readTrust(_ number: Int) throws(Refusal) -> [UInt8]? {
    guard File.exists(path(Layout.trust(number))) else { return nil }
    return try read(Layout.trust(number), limit: TrustedKeys.rotationByteMax)
  }

  /// Keeps a trust file. Returns when it is on the disk.
  func keepTrust(_ number: Int, _ file: [UInt8]) throws(Refusal) {
    let path = path(Layout.trust(number))
    do throws(SystemFailure) {
      try File.makeDirectory(File.directory(of: path))
      try File.replace(path, with: file)
    } catch {
      throw Refusal(.storage, error.description)
    }
  }

  /// Keeps `generation` beside the one before it and removes older ones. Returns when it is on the disk.
  func keep(_ generation: Generation, environment: String) throws(Refusal) {
    let manifest = Layout.manifest(environment)
    do throws(SystemFailure) {
      try File.makeDirectory(path("configs/\(environment)/snapshots"))
      let version = generation.manifest.version
      let document = path(Layout.snapshot(environment, version))
      if (try? File.read(document, limit: snapshotMax)) != generation.document {
        try File.replace(document, with: generation.document)
      }
      let former = try? File.read(path(manifest), limit: Envelope.byteCountMax)
      let formerManifest = former.flatMap { try? Self.manifest($0) }
      let formerVersion = formerManifest?.version
      // The generation before stays, unless this only renews the manifest of the same version. A broken one
      // must not push out the good one behind it.
      if let former, let formerManifest, formerVersion != version, isWhole(formerManifest, environment) {
        let dropped = (try? File.read(path(previous(environment)), limit: Envelope.byteCountMax))
          .flatMap { try? Self.manifest($0) }?.version
        try File.replace(path(previous(environment)), with: former)
        if let dropped, dropped != version, dropped != formerVersion {
          try File.remove(path(Layout.snapshot(environment, dropped)))
        }
      }
      try File.replace(path(manifest), with: generation.envelope)
      try File.replace(
        path(accepted(environment)), with: Accepted(generation.manifest, signers: generation.signers).encode()
      )
    } catch {
      throw Refusal(.storage, error.description)
    }
  }

  /// Whether the snapshot that `manifest` speaks of is on the disk as it was.
  private func isWhole(_ manifest: Manifest, _ environment: String) -> Bool {
    let document = try? File.read(path(Layout.snapshot(environment, manifest.version)), limit: snapshotMax)
    return document?.withBytes { Digest.sha256Hex($0) } == manifest.sha256
  }

  /// Both generations, the newer one first, each read when it is asked for; what cannot be read is left out and
  /// told to `report`.
  func read(
    _ environment: String, report: @escaping (Refusal) -> Void
  ) -> some Sequence<Generation> {
    [Layout.manifest(environment), previous(environment)].lazy.compactMap { name in
      guard File.exists(path(name)) else { return nil }
      do throws(Refusal) {
        let envelope = try read(name, limit: Envelope.byteCountMax)
        let manifest = try Self.manifest(envelope)
        let document = try read(Layout.snapshot(environment, manifest.version), limit: snapshotMax)
        return Generation(envelope: envelope, manifest: manifest, document: document)
      } catch {
        report(error)
        return nil
      }
    }
  }

  /// The manifest in an envelope whose signatures are checked later, or one that never had an envelope.
  private static func manifest(_ text: [UInt8]) throws(Refusal) -> Manifest {
    if let envelope = try? Envelope(decoding: text) { return try Manifest(decoding: envelope.payload) }
    return try Manifest(decoding: text)
  }

  private func read(_ name: String, limit: Int) throws(Refusal) -> [UInt8] {
    do throws(SystemFailure) {
      return try File.read(path(name), limit: limit)
    } catch {
      throw Refusal(.storage, error.description)
    }
  }
}
