// Where the store's files lie: a folder per day and hour of arrival in UTC, in it numbered segments. Which files a
// segment has says how far it is: open (content and journal), closed (content and summary), archived (compressed).

import Bytes
import JSON
package import Kernel

package struct SegmentName: Hashable, Comparable, Sendable {
  /// As in "2026-11-21".
  package let day: String
  /// As in "09".
  package let hour: String
  package let number: Int

  /// Below the folder of exposures.
  package var path: String { "\(day)/\(hour)/\(file)" }

  fileprivate var file: String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, 6 - digits.count)) + digits
  }

  package static func < (one: SegmentName, other: SegmentName) -> Bool {
    (one.day, one.hour, one.number) < (other.day, other.hour, other.number)
  }
}

/// A file of a segment, by the end of its name.
package enum SegmentPart: String, Sendable {
  /// One record a line.
  case content = "ndjson"
  /// What the content is known to be after each block; goes when the segment is closed.
  case journal = "marks"
  /// A summary of the content that will not change any more; goes when the segment is archived.
  case summary = "closed"
  case compressed = "ndjson.zst"
}

/// A segment with the files it has.
package struct SegmentFiles: Sendable {
  package var name: SegmentName
  package var parts: Set<SegmentPart>
}

package struct StoreFolder: Sendable {
  package let root: String

  package init(_ root: String) {
    self.root = root
  }

  var exposures: String { root + "/exposures" }
  package var marks: String { root + "/marks.json" }
  package var database: String { root + "/exposures.sqlite" }

  package func path(_ name: SegmentName, _ part: SegmentPart) -> String {
    "\(exposures)/\(name.path).\(part.rawValue)"
  }

  package func manifest(_ day: String) -> String { "\(exposures)/\(day)/manifest.json" }

  package func days() throws(SystemFailure) -> [String] {
    try File.names(in: exposures).filter { $0.count == 10 }
  }

  package func hours(of day: String) throws(SystemFailure) -> [String] {
    try File.names(in: "\(exposures)/\(day)").filter { $0.count == 2 }
  }

  /// The segments of an hour in their order, each with the files it has.
  package func segments(of day: String, _ hour: String) throws(SystemFailure) -> [SegmentFiles] {
    try parts(of: day, hour).sorted { $0.key < $1.key }.map { number, parts in
      SegmentFiles(name: SegmentName(day: day, hour: hour, number: number), parts: parts)
    }
  }

  private func parts(of day: String, _ hour: String) throws(SystemFailure) -> [Int: Set<SegmentPart>] {
    var parts: [Int: Set<SegmentPart>] = [:]
    for file in try File.names(in: "\(exposures)/\(day)/\(hour)") {
      let words = file.split(separator: ".", maxSplits: 1)
      guard words.count == 2, let number = Int(words[0]), let part = SegmentPart(rawValue: String(words[1]))
      else { continue }
      parts[number, default: []].insert(part)
    }
    return parts
  }

  /// The name of a new segment for what arrives at `moment`, in milliseconds since 1970. No number is given twice,
  /// not even when its files were taken away: the manifest remembers it, or `last` does.
  func newName(at moment: UInt64, after last: SegmentName?) throws(SystemFailure) -> SegmentName {
    let text = String(
      decoding: [UInt8](capacity: 24) { $0.append(timestamp: Int(clamping: moment)) }, as: UTF8.self)
    let day = String(text.prefix(10))
    let hour = String(text.dropFirst(11).prefix(2))
    var number = try parts(of: day, hour).keys.max() ?? 0
    if let last, last.day == day, last.hour == hour { number = max(number, last.number) }
    for entry in try DayManifest(reading: manifest(day)).segments where entry.hour == hour {
      number = max(number, entry.number)
    }
    return SegmentName(day: day, hour: hour, number: number + 1)
  }

  /// Makes the folder of a segment, so that it is there after a power failure too.
  func makeFolder(of name: SegmentName) throws(SystemFailure) {
    let hour = "\(exposures)/\(name.day)/\(name.hour)"
    guard !File.exists(hour) else { return }
    try File.makeDirectory(hour)
    try File.flush(directory: "\(exposures)/\(name.day)")
    try File.flush(directory: exposures)
    try File.flush(directory: root)
  }
}
