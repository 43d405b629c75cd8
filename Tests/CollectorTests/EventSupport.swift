// Bodies of POST /api/v1/events, tokens for them, and a look into the file they end in.

import Bytes
import Collector
import Exposures
import Glibc
import ProgramSupport
import Trust

/// 2024-11-21T09:00:00Z, in milliseconds: the "now" of these tests.
let now = 1_732_179_600_000
let day = 86_400_000

/// One event's JSON; `members` replace or add to those that must be there, nil leaves one out.
func event(_ id: String, _ members: KeyValuePairs<String, String?> = [:]) -> String {
  var all: [(String, String?)] = [
    ("eventId", "\"\(id)\""), ("eventType", "\"purchase\""), ("subjectId", "\"user-1\""),
    ("timestamp", "\"2024-11-21T08:59:00.250Z\""),
  ]
  for (name, value) in members {
    all.removeAll { $0.0 == name }
    all.append((name, value))
  }
  return "{" + all.compactMap { name, value in value.map { "\"\(name)\":\($0)" } }.joined(separator: ",")
    + "}"
}

func body(_ events: [String]) -> [UInt8] {
  Array("{\"events\":[\(events.joined(separator: ","))]}".utf8)
}

/// A token of experiment `e1`, made as an edge makes it.
func token(_ key: MessageKey, subject: String, version: Int64 = 42) -> String {
  var bytes = [UInt8](capacity: DecisionToken.byteMax) { output in
    DecisionToken.write(
      decidedAt: UInt64(now), serial: 7, version: version, environment: ("prod" as StaticString).bytes,
      experiment: ("e1" as StaticString).bytes, variant: ("v1" as StaticString).bytes, to: &output)
  }
  bytes += [UInt8](capacity: DecisionToken.tagCount) { output in
    let room = output.room(DecisionToken.tagCount)!
    bytes.withBytes { fields in
      Array(subject.utf8).withBytes { key.tag(fields, $0, to: room, at: 0) }
    }
    output.advance(by: DecisionToken.tagCount)
  }
  let text = [UInt8](capacity: bytes.count * 2) { output in
    bytes.withBytes { Base64.encodeURL($0, into: &output) }
  }
  return String(decoding: text, as: UTF8.self)
}

/// What a second connection reads of the file: the first column of each row.
func column(_ folder: Folder, _ sql: String) throws -> [String?] {
  let statement = try Database(folder.path("events.sqlite"), isDurable: false).prepare(sql)
  var rows: [String?] = []
  while try statement.step() { rows.append(statement.text(0)) }
  return rows
}

/// No file of this process may grow beyond `bytes` from now on; the signal that tells must be ignored.
func limitFiles(_ bytes: UInt) {
  let resource = __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
  var limit = rlimit()
  unsafe getrlimit(resource, &limit)
  limit.rlim_cur = min(bytes, limit.rlim_max)
  unsafe setrlimit(resource, &limit)
}
