// The static layout of signed distribution: which file stands where, below an upstream's address, below an
// edge's own, and in its state folder. Names are checked before they touch a path.

package enum Layout {
  /// Bytes of an environment's name.
  package static var environmentMax: Int { 64 }

  /// Whether `name` can be an environment: letters, digits, "-", "_" and ".", the first a letter or digit; but not
  /// `trust`, where the trust files stand.
  package static func isEnvironment(_ name: String) -> Bool {
    guard let first = name.utf8.first, name.utf8.count <= environmentMax, name != "trust" else {
      return false
    }
    return isAlphanumeric(first)
      && name.utf8.allSatisfy {
        isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".")
      }
  }

  package static func manifest(_ environment: String) -> String { "configs/\(environment)/manifest.json" }

  package static func snapshot(_ environment: String, _ version: Int) -> String {
    "configs/\(environment)/snapshots/\(version).json"
  }

  /// For readers of the open platform, which know no manifest.
  package static func latest(_ environment: String) -> String {
    "configs/\(environment)/snapshots/latest.json"
  }

  package static func version(_ environment: String) -> String { "configs/\(environment)/version.json" }

  /// The file of a rotation.
  package static func trust(_ number: Int) -> String { "configs/trust/\(number).json" }

  /// Whether `path` stays below where it is taken from: plain names joined by single slashes.
  package static func isContained(_ path: String) -> Bool {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    return !parts.isEmpty && path.utf8.count <= 1024
      && parts.allSatisfy { part in
        !part.isEmpty && part != "." && part != ".."
          && part.utf8.allSatisfy { isAlphanumeric($0) || "-_.~".utf8.contains($0) }
      }
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
    default: false
    }
  }
}
