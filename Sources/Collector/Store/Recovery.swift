// What a former process left: segments are cut to what their journals vouch for, and the marks say how far each
// stream was then.

import Bytes
import Exposures
import JSON
import Kernel

struct Recovery {
  /// Segments that wait to be archived, oldest first.
  private(set) var closed: [SegmentPath] = []
  private(set) var marks: [StreamMark] = []
  private(set) var tornBytes = 0

  /// Streams whose marks are kept; of more than that, those of the oldest segments go.
  private static var markMax: Int { 65_536 }

  /// Mends what stands in `directory`.
  init(_ directory: String) throws(SystemFailure) {
    var newest: [StreamIdentity: StreamMark] = [:]
    for mark in try Self.readMarks(directory) { newest[mark.stream] = mark }
    for path in try SegmentPath.open(in: directory) {
      let lines = try OpenFile(directory + "/" + path.lines, .update)
      let entries = try Self.entries(directory, path, upTo: lines.byteCount())
      let durable = entries.last?.byteCount ?? 0
      let torn = try lines.byteCount() - durable
      if torn > 0 {
        try lines.truncate(to: durable)
        try lines.sync()
        tornBytes += torn
      }
      // Those of a segment that was being archived are older than what marks.json says.
      for entry in entries {
        for mark in entry.marks where mark.next >= newest[mark.stream]?.next ?? 0 { newest[mark.stream] = mark }
      }
      if durable > 0 {
        closed.append(path)
      } else {
        try File.remove(directory + "/" + path.lines)
        try File.remove(directory + "/" + path.journal)
      }
    }
    marks = Array(newest.values.prefix(Self.markMax))
    if !closed.isEmpty { try Self.writeMarks(marks, in: directory) }
  }

  /// What the journal of a segment says of the bytes that the segment has.
  static func entries(
    _ directory: String, _ path: SegmentPath, upTo byteCount: Int
  ) throws(SystemFailure) -> [MarkJournal.Entry] {
    let journal = directory + "/" + path.journal
    guard File.exists(journal) else { return [] }
    return MarkJournal.decode(try File.read(journal, limit: 1 << 30)).filter { $0.byteCount <= byteCount }
  }

  // MARK: - marks.json

  private static func marksPath(_ directory: String) -> String { directory + "/marks.json" }

  static func writeMarks(_ marks: [StreamMark], in directory: String) throws(SystemFailure) {
    var writer = Writer()
    writer.object { writer in
      writer.key("marks")
      MarkJournal.write(marks, to: &writer)
    }
    try File.replace(marksPath(directory), with: writer.text + [0x0A])
  }

  private static func readMarks(_ directory: String) throws(SystemFailure) -> [StreamMark] {
    let path = marksPath(directory)
    guard File.exists(path) else { return [] }
    let text = try File.read(path, limit: 1 << 30)
    guard let marks = (try? Document(text).root["marks"]).flatMap({ $0.flatMap(MarkJournal.marks) }) else {
      throw SystemFailure(damaged: path, remedy: "Remove it, and streams begin anew.")
    }
    return marks
  }
}
