// What a start finds of a segment that was open when the process was killed: the longest part that the journal
// vouches for, line by line and record by record. The rest is cut off, and the marks say so to the edges.

import Bytes
import Kernel

struct SegmentRecovery {
  private(set) var summary = SegmentSummary()
  private(set) var tornBytes = 0
  /// A torn line counts as one.
  private(set) var tornRecords = 0

  /// Cuts the segment to what is whole and notes the marks of that.
  init(_ name: SegmentName, in folder: StoreFolder, marks: inout MarkTable) throws(SystemFailure) {
    let path = folder.path(name, .content)
    guard File.exists(path) else { return }
    try read(folder.path(name, .journal), of: path, marks: &marks)
    var content = try LogFile(appendingTo: path)
    let torn = try LineCount(path, from: summary.bytes).countAll()
    (tornBytes, tornRecords) = (content.count - summary.bytes, torn)
    try content.cut(to: summary.bytes)
    try content.flush()
  }

  /// Reads the journal as far as the content agrees with it.
  private mutating func read(
    _ journal: String, of content: String, marks: inout MarkTable
  ) throws(SystemFailure) {
    let file = try LogFile(reading: journal)
    let memory = try Memory(byteCount: 1 << 20)
    var lines = try LineCount(content)
    var splitter = LineSplitter()
    var offset = 0
    var agrees = true
    while agrees {
      let part = try file.read(at: offset, into: memory.region)
      guard !part.isEmpty else { return }
      offset += part.count
      try splitter.append(part) { (text) throws(SystemFailure) in
        guard agrees, let line = JournalLine(decoding: [UInt8](text)), line.bytes >= summary.bytes,
          try lines.count(upTo: line.bytes) == line.records
        else { return agrees = false }
        summary.extend(bytes: line.bytes, records: line.records, at: line.at)
        marks.note(line.marks, at: line.at)
      }
    }
  }
}

/// Counts the lines of a file on the way through it.
private struct LineCount: ~Copyable {
  private let file: LogFile
  private let memory: Memory
  private var offset: Int
  private var count = 0
  /// Whether the byte before `offset` ends a line.
  private var isAtLineStart = true

  init(_ path: String, from offset: Int = 0) throws(SystemFailure) {
    let file = try LogFile(reading: path)
    let memory = try Memory(byteCount: 1 << 20)
    self.file = file
    self.memory = memory
    self.offset = offset
  }

  /// Lines before `end`, which must not lie before a former one; nil if the file is shorter, or if `end` is within
  /// a line.
  mutating func count(upTo end: Int) throws(SystemFailure) -> Int? {
    guard end <= file.count else { return nil }
    while offset < end {
      let part = memory.region.part(from: 0, count: min(memory.region.count, end - offset))
      let bytes = try file.read(at: offset, into: part)
      guard !bytes.isEmpty else { return nil }
      var place = 0
      while let end = bytes.firstOffset(of: 0x0A, from: place) {
        count += 1
        place = end + 1
      }
      isAtLineStart = place == bytes.count
      offset += bytes.count
    }
    return isAtLineStart ? count : nil
  }

  /// All lines, a torn one at the end included.
  consuming func countAll() throws(SystemFailure) -> Int {
    try count(upTo: file.count) ?? count + 1
  }
}
