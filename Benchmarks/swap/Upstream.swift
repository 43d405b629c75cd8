// What the edge follows: a folder with many versions of one snapshot, signed beforehand. A swap gives the manifest of
// the next one its name, so that it costs the machine nothing but what the edge does about it.

import Kernel
import Measuring
import Publication

final class Upstream {
  private let site: SignedSite
  private let manifests: [[UInt8]]
  /// The newest version that the edge can know of.
  private(set) var version = 1

  /// Signs `versions` versions of one snapshot. One of its experiments is for everybody, and the others are for users
  /// whose context says more than anybody's does: an answer has one assignment, however many are decided about.
  init(experiments: Int, versions: Int) throws {
    site = try SignedSite(for: "swap")
    let scenario = Scenario(experiments: experiments, isTargeted: true, untargeted: 1)
    let manifest = Self.manifest(site.folder)
    manifests = try scenario.documents(1...versions).map { [site] document in
      try site.sign(document)
      return try File.read(manifest, limit: 1 << 20)
    }
  }

  var folder: String { site.folder }

  private static func manifest(_ folder: String) -> String { folder + "/site/configs/prod/manifest.json" }

  /// Makes the first version the newest again, for an edge that knows of none.
  func rewind() throws {
    try File.makeDirectory(folder + "/next")
    for (index, manifest) in manifests.enumerated() {
      try File.replace(folder + "/next/\(index + 1)", with: manifest)
    }
    try File.rename(folder + "/next/1", to: Self.manifest(folder))
    version = 1
  }

  /// Begins to swap, the first time after half of `interval` nanoseconds; tells how many swaps are left.
  func swap(times: Int, every interval: UInt64, processor: Int) throws -> SharedWord {
    let left = SharedWord(UInt64(times))
    let names = (version..<version + times).map { folder + "/next/\($0 + 1)" }
    let manifest = Self.manifest(folder)
    version += times
    let start = Clock.monotonic() + interval / 2
    try Threads.start("swap", processor: processor) {
      for (number, name) in names.enumerated() {
        let due = start + UInt64(number) * interval
        let now = Clock.monotonic()
        if due > now { Process.pause(microseconds: UInt32((due - now) / 1000)) }
        try! File.rename(name, to: manifest)
        left.decrement()
      }
    }
    return left
  }
}
