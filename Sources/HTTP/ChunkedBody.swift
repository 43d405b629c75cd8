// Takes the chunks of a body apart (RFC 9112 section 7.1) where they lie, moving the data together in place.
// Incremental: it remembers where it stands, so a body that drips in is read once and not once per byte.

package import Bytes

package struct ChunkedBody: BitwiseCopyable, Sendable {
  package enum Outcome: Equatable, Sendable {
    case incomplete
    case invalid(Rejection)
    case complete
  }

  /// Bytes of one chunk extension, and of all size lines together beyond the data.
  package static var extensionMax: Int { 1024 }
  /// Bytes of the trailer section.
  package static var trailersMax: Int { 8192 }

  private enum Phase: BitwiseCopyable { case size, data, dataEnd, trailer, complete }

  private var phase = Phase.size
  private var remaining = 0
  /// Where the next unread byte stands in the buffer.
  package private(set) var offset: Int
  /// Where the body begins in the buffer.
  package let start: Int
  /// Bytes of data put together so far, from `start`.
  package private(set) var count = 0
  private var overhead = 0
  private var trailerCount = 0

  /// A body whose first chunk begins at `start`.
  @_noAllocation @_noLocks
  package init(start: Int) {
    self.start = start
    offset = start
  }

  /// Reads on in the first `filled` bytes of `buffer`; once complete, it stays so.
  @_noAllocation @_noLocks
  package mutating func advance(_ buffer: ByteRegion, filled: Int, bodyMax: Int) -> Outcome {
    let bytes = buffer.part(from: 0, count: filled).bytes
    while true {
      switch phase {
      case .size:
        guard let newline = bytes.firstOffset(of: 0x0A, from: offset) else {
          return filled - offset > Self.extensionMax + 16 ? .invalid(.malformedChunk) : .incomplete
        }
        let end = newline - 1
        guard end >= offset, bytes[end] == 0x0D else { return .invalid(.malformedChunk) }
        guard let size = Self.size(bytes.slice(offset..<end)) else { return .invalid(.malformedChunk) }
        overhead += end + 2 - offset
        guard overhead <= bodyMax else { return .invalid(.malformedChunk) }
        offset = end + 2
        guard size <= bodyMax - count else { return .invalid(.bodyTooLarge) }
        remaining = size
        phase = size == 0 ? .trailer : .data
      case .data:
        let available = min(remaining, filled - offset)
        buffer.copy(bytes.slice(offset..<(offset + available)), to: start + count)
        offset += available
        count += available
        remaining -= available
        guard remaining == 0 else { return .incomplete }
        phase = .dataEnd
      case .dataEnd:
        guard offset < filled else { return .incomplete }
        guard bytes[offset] == 0x0D else { return .invalid(.malformedChunk) }
        guard offset + 1 < filled else { return .incomplete }
        guard bytes[offset + 1] == 0x0A else { return .invalid(.malformedChunk) }
        offset += 2
        phase = .size
      case .trailer:
        guard let newline = bytes.firstOffset(of: 0x0A, from: offset) else {
          return trailerCount + filled - offset > Self.trailersMax ? .invalid(.headTooLarge) : .incomplete
        }
        let end = newline - 1
        guard end >= offset, bytes[end] == 0x0D else { return .invalid(.malformedField) }
        let isLast = end == offset
        guard isLast || Self.isField(bytes.slice(offset..<end)) else { return .invalid(.malformedField) }
        trailerCount += end + 2 - offset
        guard trailerCount <= Self.trailersMax else { return .invalid(.headTooLarge) }
        offset = end + 2
        if isLast { phase = .complete }
      case .complete: return .complete
      }
    }
  }

  /// The size at the beginning of a chunk line, with a well-formed extension behind it or none.
  private static func size(_ line: ByteView) -> Int? {
    var value = 0
    var digits = 0
    while digits < line.count, let digit = Hex.value(line[digits]) {
      guard digits < 8 else { return nil }
      value = value << 4 | Int(digit)
      digits += 1
    }
    guard digits > 0 else { return nil }
    guard digits < line.count else { return value }
    guard line.count - digits <= extensionMax, isExtension(line.dropping(digits)) else { return nil }
    return value
  }

  /// *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )
  private static func isExtension(_ text: ByteView) -> Bool {
    var cursor = Cursor(text)
    func skipBlanks(_ cursor: inout Cursor) {
      while cursor.offset < text.count, text[cursor.offset] == 0x20 || text[cursor.offset] == 0x09 {
        cursor.offset += 1
      }
    }
    while cursor.offset < text.count {
      skipBlanks(&cursor)
      guard cursor.offset < text.count, text[cursor.offset] == UInt8(ascii: ";") else { return false }
      cursor.offset += 1
      skipBlanks(&cursor)
      guard !cursor.skipToken().isEmpty else { return false }
      let afterName = cursor
      skipBlanks(&cursor)
      guard cursor.offset < text.count, text[cursor.offset] == UInt8(ascii: "=") else {
        cursor = afterName
        continue
      }
      cursor.offset += 1
      skipBlanks(&cursor)
      if cursor.offset < text.count, text[cursor.offset] == UInt8(ascii: "\"") {
        guard skipQuoted(&cursor) else { return false }
      } else {
        guard !cursor.skipToken().isEmpty else { return false }
      }
    }
    return true
  }

  private static func skipQuoted(_ cursor: inout Cursor) -> Bool {
    cursor.offset += 1
    while cursor.offset < cursor.bytes.count {
      var byte = cursor.bytes[cursor.offset]
      cursor.offset += 1
      if byte == UInt8(ascii: "\"") { return true }
      if byte == UInt8(ascii: "\\") {
        guard cursor.offset < cursor.bytes.count else { return false }
        byte = cursor.bytes[cursor.offset]
        cursor.offset += 1
      }
      guard byte == 0x09 || byte >= 0x20 && byte != 0x7F else { return false }
    }
    return false
  }

  private static func isField(_ line: ByteView) -> Bool {
    var cursor = Cursor(line)
    guard !cursor.skipToken().isEmpty, cursor.offset < line.count, line[cursor.offset] == UInt8(ascii: ":")
    else { return false }
    cursor.offset += 1
    cursor.skipFieldValue()
    return cursor.offset == line.count
  }
}
