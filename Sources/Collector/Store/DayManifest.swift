// The manifest of a day: every archived segment with what it holds. It is replaced as a whole, and an entry that is
// put twice stands once, so that archiving may begin anew at any point.

import Bytes
import JSON
import Kernel

struct DayManifest {
  struct Entry: Equatable {
    var hour: String
    var number: Int
    /// Below the day's folder.
    var file: String
    var summary: SegmentSummary
    var compressedBytes: Int
    /// Of the compressed file, as `sha256sum` prints it.
    var sha256: String
  }

  private(set) var segments: [Entry] = []

  /// The manifest in the file; an empty one if it is not there.
  init(reading path: String) throws(SystemFailure) {
    guard File.exists(path) else { return }
    let text = try File.read(path, limit: 1 << 28)
    let entries = (try? Document(text).root)?["segments"]?.elements.map { Entry($0) }
    guard let entries, !entries.contains(nil) else {
      throw .damaged(path, remedy: "Remove it: it then lists only what is archived from now on.")
    }
    segments = entries.compactMap(\.self)
  }

  mutating func put(_ entry: Entry) {
    segments.removeAll { $0.file == entry.file }
    segments.append(entry)
    segments.sort { $0.file < $1.file }
  }

  func write(to path: String) throws(SystemFailure) {
    var writer = Writer()
    writer.object { writer in
      writer.key("segments")
      writer.array(segments) { writer, entry in
        writer.object { entry.writeMembers(to: &$0) }
      }
    }
    try File.replace(path, with: writer.text + [0x0A])
  }
}

extension DayManifest.Entry {
  fileprivate func writeMembers(to writer: inout Writer) {
    writer.key("file")
    writer.string(file)
    writer.key("records")
    writer.integer(summary.records)
    writer.key("bytes")
    writer.integer(summary.bytes)
    writer.key("compressedBytes")
    writer.integer(compressedBytes)
    writer.key("sha256")
    writer.string(sha256)
    writer.key("firstAt")
    writer.string(Timestamp.text(milliseconds: Double(summary.firstAt)))
    writer.key("lastAt")
    writer.string(Timestamp.text(milliseconds: Double(summary.lastAt)))
  }

  fileprivate init?(_ object: Element) {
    guard let file = object["file"]?.text, let records = object["records"]?.integer,
      let bytes = object["bytes"]?.integer, let compressedBytes = object["compressedBytes"]?.integer,
      let sha256 = object["sha256"]?.text, let firstAt = object["firstAt"]?.moment,
      let lastAt = object["lastAt"]?.moment
    else { return nil }
    // As in "09/000001.ndjson.zst".
    let words = file.split(whereSeparator: { $0 == "/" || $0 == "." })
    guard words.count > 1, let number = Int(words[1]) else { return nil }
    self.init(
      hour: String(words[0]), number: number, file: file, summary: SegmentSummary(),
      compressedBytes: compressedBytes, sha256: sha256)
    (summary.records, summary.bytes, summary.firstAt, summary.lastAt) = (records, bytes, firstAt, lastAt)
  }
}

extension Element {
  fileprivate var moment: UInt64? {
    string.flatMap { $0.withBytes { Timestamp.milliseconds($0) } }.flatMap { UInt64(exactly: $0) }
  }
}
