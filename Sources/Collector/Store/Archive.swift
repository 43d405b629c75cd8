// Turns a closed segment into an archived one: compressed, named in its day's manifest, the plain file gone. The
// summary goes last: as long as it is there, everything may be done again.

package import Kernel

package enum Archive {
  package static func put(_ name: SegmentName, in folder: StoreFolder) throws(SystemFailure) {
    let content = folder.path(name, .content)
    let summary = folder.path(name, .summary)
    // Without content the manifest has it already.
    if File.exists(content) {
      let compressed = folder.path(name, .compressed)
      let result = try Compressor.compress(content, to: compressed)
      var manifest = try DayManifest(reading: folder.manifest(name.day))
      try manifest.put(
        DayManifest.Entry(
          hour: name.hour, number: name.number,
          file: String(compressed.dropFirst(File.directory(of: folder.manifest(name.day)).count + 1)),
          summary: SegmentSummary(reading: summary), compressedBytes: result.bytes, sha256: result.sha256))
      try manifest.write(to: folder.manifest(name.day))
      try File.remove(content)
    }
    try File.remove(summary)
  }
}
