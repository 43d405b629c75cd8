// Where a segment stands: by date and hour of arrival, then a number. `2026-11-21/09/000001`, to which an ending is
// added: `.ndjson` for its lines, `.marks` for its journal, `.ndjson.zst` once it is closed.

import Bytes
import Kernel

struct SegmentPath: Hashable, Sendable, Comparable {
  /// `2026-11-21`.
  let date: String
  /// `00` to `23`.
  let hour: String
  let number: Int

  /// The place of what arrives at `moment`, in milliseconds since 1970.
  init(at moment: UInt64, number: Int) {
    let text = Timestamp.text(milliseconds: Double(moment))
    date = String(text.prefix(10))
    hour = String(text.dropFirst(11).prefix(2))
    self.number = number
  }

  init(date: String, hour: String, number: Int) {
    self.date = date
    self.hour = hour
    self.number = number
  }

  /// Whether it is where something that arrives at `moment` belongs.
  func isCurrent(at moment: UInt64) -> Bool {
    let other = SegmentPath(at: moment, number: number)
    return other == self
  }

  private var name: String { String(repeating: "0", count: max(0, 6 - String(number).count)) + String(number) }

  /// Without an ending, below the folder of exposures.
  var stem: String { "\(date)/\(hour)/\(name)" }
  var lines: String { stem + ".ndjson" }
  var journal: String { stem + ".marks" }
  var compressed: String { stem + ".ndjson.zst" }

  static func < (left: SegmentPath, right: SegmentPath) -> Bool { left.stem < right.stem }

  private static func isDate(_ name: String) -> Bool {
    name.utf8.count == 10 && Array(name.utf8).withBytes { Timestamp.milliseconds($0) } != nil
  }

  /// Every segment below `directory` that still has lines of its own, oldest first.
  static func open(in directory: String) throws(SystemFailure) -> [SegmentPath] {
    var found: [SegmentPath] = []
    for date in try File.names(in: directory) where isDate(date) {
      for hour in try File.names(in: "\(directory)/\(date)") where hour.utf8.count == 2 {
        for name in try File.names(in: "\(directory)/\(date)/\(hour)") where name.hasSuffix(".ndjson") {
          guard let number = Int(name.dropLast(7)) else { continue }
          found.append(SegmentPath(date: date, hour: hour, number: number))
        }
      }
    }
    return found.sorted()
  }
}
