// The journal of a segment: after each flush one line that says how many bytes of the segment are on the disk, how
// many records they are, and how far each stream is whose records they hold. What stands behind the last line's
// bytes is not yet stored, whatever the file holds.

import Bytes
import Exposures
import JSON

struct MarkJournal {
  /// One line.
  struct Entry: Equatable {
    var byteCount = 0
    var recordCount = 0
    /// Milliseconds since 1970, of the first and the last block.
    var firstAt: UInt64 = 0
    var lastAt: UInt64 = 0
    var marks: [StreamMark] = []
  }

  static func encode(_ entry: Entry) -> [UInt8] {
    var writer = Writer()
    writer.object { writer in
      writer.key("bytes")
      writer.integer(entry.byteCount)
      writer.key("records")
      writer.integer(entry.recordCount)
      writer.key("firstAt")
      writer.integer(Int(entry.firstAt))
      writer.key("lastAt")
      writer.integer(Int(entry.lastAt))
      writer.key("marks")
      write(entry.marks, to: &writer)
    }
    return writer.text + [0x0A]
  }

  /// The entries of a journal, up to the first line that is not whole.
  static func decode(_ text: [UInt8]) -> [Entry] {
    var entries: [Entry] = []
    for line in text.split(separator: 0x0A, omittingEmptySubsequences: false).dropLast() {
      guard let entry = entry(Array(line)) else { break }
      entries.append(entry)
    }
    return entries
  }

  private static func entry(_ line: [UInt8]) -> Entry? {
    guard let root = try? Document(line).root, let byteCount = root["bytes"]?.integer,
      let recordCount = root["records"]?.integer, let firstAt = root["firstAt"]?.integer,
      let lastAt = root["lastAt"]?.integer, let marks = root["marks"].flatMap(marks),
      byteCount >= 0, recordCount >= 0, firstAt >= 0, lastAt >= 0
    else { return nil }
    return Entry(
      byteCount: byteCount, recordCount: recordCount, firstAt: UInt64(firstAt), lastAt: UInt64(lastAt),
      marks: marks)
  }

  // MARK: - Marks

  static func write(_ marks: [StreamMark], to writer: inout Writer) {
    writer.array(marks) { writer, mark in
      writer.object { writer in
        writer.key("edge")
        writer.string(mark.stream.edge)
        writer.key("boot")
        // As text: JSON readers may take numbers for doubles.
        writer.string(String(mark.stream.boot, radix: 16))
        writer.key("worker")
        writer.integer(Int(mark.stream.worker))
        writer.key("next")
        writer.integer(Int(mark.next))
        writer.key("records")
        writer.integer(Int(mark.records))
        writer.key("contact")
        writer.integer(Int(mark.contact))
        writer.key("missing")
        writer.array(mark.missing) { writer, run in
          writer.array { writer in
            writer.integer(Int(run.datagrams.lowerBound))
            writer.integer(Int(run.records.lowerBound))
            writer.integer(Int(run.datagrams.upperBound))
            writer.integer(Int(run.records.upperBound))
          }
        }
        writer.key("counts")
        writer.array(fields) { $0.integer(Int(clamping: mark.counts[keyPath: $1])) }
      }
    }
  }

  /// The counts in the order in which they stand in a mark.
  private static var fields: [WritableKeyPath<StreamCounts, UInt64>] {
    [
      \.received, \.recovered, \.lost, \.duplicates, \.inconsistent, \.receivedRecords, \.lostRecords, \.unknown,
      \.unknownRecords,
    ]
  }

  static func marks(_ array: Element) -> [StreamMark]? {
    guard array.kind == .array else { return nil }
    var marks: [StreamMark] = []
    for element in array.elements {
      guard let mark = mark(element) else { return nil }
      marks.append(mark)
    }
    return marks
  }

  private static func mark(_ element: Element) -> StreamMark? {
    func number(_ name: StaticString) -> UInt64? { element[name]?.integer.flatMap { UInt64(exactly: $0) } }
    guard let edge = element["edge"]?.text, let boot = element["boot"]?.text.flatMap({ UInt64($0, radix: 16) }),
      let worker = number("worker").flatMap({ UInt16(exactly: $0) }), let next = number("next"),
      let records = number("records"), let contact = number("contact"),
      let missing = element["missing"].map({ $0.elements.map(run) }),
      let counts = element["counts"].flatMap(counts)
    else { return nil }
    let runs = missing.compactMap { $0 }
    guard runs.count == missing.count else { return nil }
    return StreamMark(
      stream: StreamIdentity(edge: edge, boot: boot, worker: worker), next: next, records: records,
      contact: contact, missing: runs, counts: counts)
  }

  private static func run(_ element: Element) -> MissingRun? {
    let numbers = element.elements.compactMap { $0.integer.flatMap { UInt64(exactly: $0) } }
    guard numbers.count == 4 else { return nil }
    return MissingRun(from: numbers[0], recordsBefore: numbers[1], to: numbers[2], recordsBefore: numbers[3])
  }

  private static func counts(_ element: Element) -> StreamCounts? {
    let numbers = element.elements.compactMap { $0.integer.flatMap { UInt64(exactly: $0) } }
    guard numbers.count == fields.count else { return nil }
    var counts = StreamCounts()
    for (field, number) in zip(fields, numbers) { counts[keyPath: field] = number }
    return counts
  }
}
