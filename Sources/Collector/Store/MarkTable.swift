// The newest mark of each stream, bounded in number and age: what a start after this one goes on from.

import Exposures
import JSON
import Kernel

struct MarkTable {
  /// Streams that are remembered; of more, those that were heard of last.
  static let streamMax = 16_384
  /// Milliseconds after which a stream is forgotten: no edge keeps datagrams for so long.
  static let lifetime: UInt64 = 24 * 3_600_000

  private var entries: [StreamIdentity: (mark: StreamMark, at: UInt64)] = [:]

  init() {}

  /// Those that were heard of last stand last.
  var marks: [StreamMark] { entries.values.sorted { $0.at < $1.at }.map(\.mark) }

  /// Remembers marks of the moment `at`, in milliseconds since 1970.
  mutating func note(_ marks: [StreamMark], at moment: UInt64) {
    for mark in marks { entries[mark.stream] = (mark, moment) }
    // A quarter more, so that it is not sorted at each new stream.
    if entries.count > Self.streamMax * 5 / 4 { shrink() }
  }

  /// Forgets what is too old, or too much.
  mutating func prune(now: UInt64) {
    entries = entries.filter { $0.value.at + Self.lifetime > now }
    if entries.count > Self.streamMax { shrink() }
  }

  private mutating func shrink() {
    for (stream, _) in entries.sorted(by: { $0.value.at > $1.value.at }).dropFirst(Self.streamMax) {
      entries[stream] = nil
    }
  }

  // MARK: - The file

  func write(to path: String) throws(SystemFailure) {
    var writer = Writer()
    writer.array(entries.values) { writer, entry in
      writer.object { writer in
        writer.key("at")
        writer.integer(Int(entry.at))
        entry.mark.writeMembers(to: &writer)
      }
    }
    try File.replace(path, with: writer.text + [0x0A])
  }

  /// The table in the file; an empty one if it is not there.
  init(reading path: String) throws(SystemFailure) {
    guard File.exists(path) else { return }
    let text = try File.read(path, limit: 1 << 30)
    guard let table = try? Document(text).root, table.kind == .array else { throw Self.damage(path) }
    for element in table.elements {
      guard let mark = StreamMark(element), let moment = element["at"]?.count else { throw Self.damage(path) }
      entries[mark.stream] = (mark, moment)
    }
  }

  private static func damage(_ path: String) -> SystemFailure {
    .damaged(path, remedy: "Remove it: what the edges sent before then counts as unknown.")
  }
}
