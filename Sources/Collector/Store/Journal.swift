// The journal of an open segment: one line per block, which vouches for the segment up to there; and the summary
// that takes its place when the segment is closed.

import Exposures
import JSON
import Kernel

/// What is known of the segment after a block was written.
struct JournalLine {
  /// Of the segment so far.
  var bytes: Int
  var records: Int
  /// When the block arrived, in milliseconds since 1970.
  var at: UInt64
  var marks: [StreamMark]

  init(bytes: Int, records: Int, at: UInt64, marks: [StreamMark]) {
    self.bytes = bytes
    self.records = records
    self.at = at
    self.marks = marks
  }

  func encode() -> [UInt8] {
    var writer = Writer()
    writer.object { writer in
      writer.key("bytes")
      writer.integer(bytes)
      writer.key("records")
      writer.integer(records)
      writer.key("at")
      writer.integer(Int(at))
      writer.key("marks")
      writer.array(marks) { writer, mark in writer.object { mark.writeMembers(to: &$0) } }
    }
    return writer.text + [0x0A]
  }

  /// nil if `text` is no whole line.
  init?(decoding text: [UInt8]) {
    guard let line = try? Document(text).root, let bytes = line["bytes"]?.integer,
      let records = line["records"]?.integer, let at = line["at"]?.count, let marks = line["marks"]
    else { return nil }
    self.init(bytes: bytes, records: records, at: at, marks: [])
    for element in marks.elements {
      guard let mark = StreamMark(element) else { return nil }
      self.marks.append(mark)
    }
  }
}

/// What a segment holds.
struct SegmentSummary: Equatable {
  var records = 0
  var bytes = 0
  /// The first and the last arrival, in milliseconds since 1970.
  var firstAt: UInt64 = 0
  var lastAt: UInt64 = 0

  /// Takes in that a block was written.
  mutating func extend(bytes: Int, records: Int, at moment: UInt64) {
    if self.bytes == 0 { firstAt = moment }
    lastAt = moment
    self.bytes = bytes
    self.records = records
  }

  func write(to path: String) throws(SystemFailure) {
    var writer = Writer()
    writer.object { writer in
      writer.key("records")
      writer.integer(records)
      writer.key("bytes")
      writer.integer(bytes)
      writer.key("firstAt")
      writer.integer(Int(firstAt))
      writer.key("lastAt")
      writer.integer(Int(lastAt))
    }
    try File.replace(path, with: writer.text + [0x0A])
  }

  init() {}

  init(reading path: String) throws(SystemFailure) {
    let text = try File.read(path, limit: 4096)
    guard let object = try? Document(text).root, let records = object["records"]?.integer,
      let bytes = object["bytes"]?.integer, let firstAt = object["firstAt"]?.count,
      let lastAt = object["lastAt"]?.count
    else { throw .damaged(path, remedy: "Remove it: the lines stay where they are and are not compressed.") }
    (self.records, self.bytes, self.firstAt, self.lastAt) = (records, bytes, firstAt, lastAt)
  }
}
