// A line of a segment, read back. It reads any JSON object with these members, in whatever order they stand.

import Bytes
import JSON

struct StoredLine {
  var environment = ByteView.empty
  var experiment = ByteView.empty
  var variant = ByteView.empty
  var userKey = ByteView.empty
  var edge = ByteView.empty
  var version = 0
  /// Milliseconds since 1970.
  var occurredAt = 0
  var rate = 0.0
  var isOverride = false

  /// Bits of the members that were found.
  private var found = 0

  /// nil if a member is missing or of the wrong type. The views are into `line` and `scratch`, which must have room
  /// for the line.
  init?(_ line: ByteView, scratch: inout Output) {
    var reader = Reader()
    guard case .beginObject = reader.next(line) else { return nil }
    while case .key(let key) = reader.next(line) {
      let value = reader.next(line)
      guard read(line.slice(key.range), value, line, &scratch), reader.skip(line, after: value) else {
        return nil
      }
    }
    guard found == 0b1_1111_1111, reader.depth == 0, case .end = reader.next(line) else { return nil }
  }

  /// False if the member has a value that it cannot have; what is not known is passed over.
  private mutating func read(
    _ name: ByteView, _ value: Token, _ line: ByteView, _ scratch: inout Output
  ) -> Bool {
    if case .string(let quoted) = value {
      if name.equals("environment") {
        environment = note(0, quoted, line, &scratch)
      } else if name.equals("experimentId") {
        experiment = note(1, quoted, line, &scratch)
      } else if name.equals("variantId") {
        variant = note(2, quoted, line, &scratch)
      } else if name.equals("userKey") {
        userKey = note(3, quoted, line, &scratch)
      } else if name.equals("edge") {
        edge = note(4, quoted, line, &scratch)
      } else if name.equals("occurredAt") {
        guard let moment = Timestamp.milliseconds(line.slice(quoted.range)) else { return false }
        occurredAt = Int(moment)
        found |= 1 << 5
      }
    } else if case .number(let range) = value {
      if name.equals("configVersion") {
        guard let number = Decimal.parse(line.slice(range)) else { return false }
        version = number
        found |= 1 << 6
      } else if name.equals("rate") {
        rate = DoubleParser.parse(line.slice(range))
        found |= 1 << 7
      }
    } else if case .bool(let flag) = value, name.equals("override") {
      isOverride = flag
      found |= 1 << 8
    }
    return true
  }

  private mutating func note(
    _ bit: Int, _ quoted: QuotedText, _ line: ByteView, _ scratch: inout Output
  ) -> ByteView {
    found |= 1 << bit
    guard quoted.hasEscapes else { return line.slice(quoted.range) }
    let start = scratch.count
    quoted.decode(line, into: &scratch)
    return scratch.written.dropping(start)
  }
}
