// Structured logs: one JSON object per line on standard error, one line per event, never one per request.

import Bytes
import JSON
import Kernel

package enum Log {
  package enum Level {
    case info, warning, error

    var name: StaticString {
      switch self {
      case .info: "info"
      case .warning: "warning"
      case .error: "error"
      }
    }
  }

  package enum Value {
    case text(String)
    case integer(Int)
    case bool(Bool)
  }

  /// Writes one line. `event` is a stable name for programs; `fields` say what it was about.
  package static func write(
    _ level: Level, _ event: StaticString, _ fields: KeyValuePairs<StaticString, Value> = [:]
  ) {
    var writer = Writer()
    writer.object { writer in
      writer.key("time")
      writer.string(Timestamp.text(milliseconds: Double(Clock.wall() / 1_000_000)))
      writer.key("level")
      writer.string(level.name)
      writer.key("event")
      writer.string(event)
      for (key, value) in fields {
        writer.key(key)
        switch value {
        case .text(let text): writer.string(String(text.prefix(2048)))
        case .integer(let integer): writer.integer(integer)
        case .bool(let bool): writer.bool(bool)
        }
      }
    }
    let line = writer.text + [0x0A]
    line.withBytes { Process.writeError($0) }
  }
}
