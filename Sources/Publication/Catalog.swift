// What a worker can decide about at one moment: for each environment its tables and the documents they were
// made of. Immutable once published; a new one replaces it whole.

package import Bytes

/// One environment of a catalog.
package struct CatalogEntry: BitwiseCopyable, Sendable {
  /// Bytes of a name.
  package static var nameMax: Int { 64 }

  private var nameBytes: [64 of UInt8] = .init(repeating: 0)
  private var nameCount: UInt8 = 0
  /// Whether the upstream is known to have nothing for this environment, so that nobody asks it again yet.
  package var isAbsent = false
  /// Whether the configuration names it, so that the edge is not ready without it.
  package var isConfigured = false
  package var isSigned = false
  package var isFromDisk = false
  package var isExpired = false
  /// Its place among the words of the thread that follows the upstream.
  package var follower: UInt32 = 0
  /// The number to pin while a document is being sent.
  package var edition: UInt32 = 0
  package var version: Int64 = 0
  /// Empty while there is no snapshot.
  package var tables = ByteView.empty
  /// The documents as they were published; empty where there is none.
  package var manifest = ByteView.empty
  package var snapshot = ByteView.empty
  /// What browsers may have of the snapshot.
  package var publicSnapshot = ByteView.empty
  /// `"<sha256>"`, for the documents' ETags.
  package var manifestTag = ByteView.empty
  package var snapshotTag = ByteView.empty
  package var publicTag = ByteView.empty
  /// What tells the configuration from any other: the beginning of its digest. Empty while there is none.
  package var configurationTag: ByteView {
    @_noAllocation @_noLocks get { snapshotTag.isEmpty ? snapshotTag : snapshotTag.slice(1..<17) }
  }
  /// `{"version": ...}` for readers of the open platform.
  package var versionDocument = ByteView.empty
  /// What is known of the snapshot, as a JSON object.
  package var description = ByteView.empty

  package init(name: String) {
    for byte in name.utf8.prefix(Self.nameMax) {
      nameBytes[Int(nameCount)] = byte
      nameCount += 1
    }
  }

  package var name: String {
    String(decoding: (0..<Int(nameCount)).map { nameBytes[$0] }, as: UTF8.self)
  }

  @_noAllocation @_noLocks
  package func isNamed(_ name: ByteView) -> Bool {
    guard name.count == Int(nameCount) else { return false }
    for index in 0..<name.count where nameBytes[index] != name[index] { return false }
    return true
  }
}

package struct Catalog {
  /// Environments of a catalog, the absent ones included.
  package static var environmentMax: Int { 128 }

  package let entries: Rows<CatalogEntry>

  /// The entries that stand in `region`.
  @_noAllocation @_noLocks
  init(_ region: ByteView) {
    entries = Rows(region)
  }

  /// The entry of an environment; without a name that of the first one.
  @_noAllocation @_noLocks
  package func entry(_ name: ByteView) -> CatalogEntry? {
    if name.isEmpty { return entries.count > 0 ? entries[0] : nil }
    for index in 0..<entries.count where entries[index].isNamed(name) { return entries[index] }
    return nil
  }
}
