// What a day's folder holds: `manifest.json` with one entry per closed segment, so that whoever reads the files knows
// that none is missing or changed.

import Bytes
import JSON
import Kernel

enum Manifest {
  struct Segment {
    /// Below the folder of exposures.
    var file: String
    var records: Int
    /// Of the lines, and of the compressed file.
    var bytes: Int
    var compressedBytes: Int
    /// Of the compressed file.
    var sha256: String
    /// Milliseconds since 1970: the arrival of the first and the last record.
    var firstAt: UInt64
    var lastAt: UInt64
  }

  /// Puts a segment in, in place of a former entry of the same file.
  static func enter(_ segment: Segment, of date: String, in directory: String) throws(SystemFailure) {
    let path = "\(directory)/\(date)/manifest.json"
    var segments: [[UInt8]] = []
    if File.exists(path) {
      let text = try File.read(path, limit: 1 << 28)
      guard let root = try? Document(text).root, let former = root["segments"], former.kind == .array else {
        throw SystemFailure(damaged: path, remedy: "Remove it, and it begins anew.")
      }
      for element in former.elements where element["file"]?.text != segment.file {
        segments.append(element.compacted())
      }
    }
    segments.append(encode(segment))
    var writer = Writer()
    writer.object { writer in
      writer.key("segments")
      writer.array(segments) { writer, text in text.withBytes { writer.raw($0) } }
    }
    try File.replace(path, with: writer.text + [0x0A])
  }

  private static func encode(_ segment: Segment) -> [UInt8] {
    var writer = Writer()
    writer.object { writer in
      writer.key("file")
      writer.string(segment.file)
      writer.key("records")
      writer.integer(segment.records)
      writer.key("bytes")
      writer.integer(segment.bytes)
      writer.key("compressedBytes")
      writer.integer(segment.compressedBytes)
      writer.key("sha256")
      writer.string(segment.sha256)
      writer.key("firstAt")
      writer.string(Timestamp.text(milliseconds: Double(segment.firstAt)))
      writer.key("lastAt")
      writer.string(Timestamp.text(milliseconds: Double(segment.lastAt)))
    }
    return writer.text
  }
}
