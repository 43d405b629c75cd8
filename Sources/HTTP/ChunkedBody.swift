// Takes the chunks of a body apart (RFC 9112 section 7.1) where they lie, moving the data together in place.
// Incremental: it remembers where it stands, so a body that drips in is read once and not once per byte.

package import Bytes

package struct ChunkedBody: BitwiseCopyable, Sendable {
  package enum Outcome: Equatable, Sendable {
    case incomplete
    case invalid(Rejection)
    case complete
  }

  /// Bytes of one chunk's extensions.
  private static var extensionMax: Int { 1024 }
  /// Hexadecimal digits of one chunk's size.
  private static var digitsMax: Int { 16 }

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

  /// Reads on in the first `filled` bytes of `buffer`; once complete, it stays so. At most `bodyMax` bytes are data,
  /// `overheadMax` size lines and `trailersMax` trailers.
  @_noAllocation @_noLocks
  package mutating func advance(
    _ buffer: ByteRegion, filled: Int, bodyMax: Int, overheadMax: Int, trailersMax: Int
  ) -> Outcome {
    let bytes = buffer.part(from: 0, count: filled).bytes
    while true {
      switch phase {
      case .size:
        guard let newline = bytes.firstOffset(of: 0x0A, from: offset) else {
          return Self.canBeSize(bytes.dropping(offset)) ? .incomplete : .invalid(.malformedChunk)
        }
        let end = newline - 1
        guard end >= offset, bytes[end] == 0x0D else { return .invalid(.malformedChunk) }
        guard let size = Self.size(bytes.slice(offset..<end)) else { return .invalid(.malformedChunk) }
        overhead += end + 2 - offset
        guard overhead <= overheadMax else { return .invalid(.malformedChunk) }
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
          guard trailerCount + filled - offset <= trailersMax else { return .invalid(.headTooLarge) }
          return Self.canBeLine(bytes.dropping(offset)) ? .incomplete : .invalid(.malformedField)
        }
        let end = newline - 1
        guard end >= offset, bytes[end] == 0x0D else { return .invalid(.malformedField) }
        let isLast = end == offset
        guard isLast || Self.isField(bytes.slice(offset..<end)) else { return .invalid(.malformedField) }
        trailerCount += end + 2 - offset
        guard trailerCount <= trailersMax else { return .invalid(.headTooLarge) }
        offset = end + 2
        if isLast { phase = .complete }
      case .complete: return .complete
      }
    }
  }

  /// Whether a size line may begin so: what is wrong already is not waited out.
  private static func canBeSize(_ line: ByteView) -> Bool {
    guard !line.isEmpty else { return true }
    let digits = digitCount(line)
    guard 1...digitsMax ~= digits, line.count <= digits + extensionMax + 1 else { return false }
    guard digits < line.count else { return true }
    switch line[digits] {
    case UInt8(ascii: ";"), 0x20, 0x09, 0x0D: return canBeLine(line)
    default: return false
    }
  }

  /// Whether a line may begin so: without a control character, but for the CR that may end it.
  private static func canBeLine(_ line: ByteView) -> Bool {
    var cursor = Cursor(line)
    cursor.skipFieldValue()
    return cursor.offset == line.count || cursor.offset == line.count - 1 && line[cursor.offset] == 0x0D
  }

  private static func digitCount(_ line: ByteView) -> Int {
    var count = 0
    while count < line.count, Hex.value(line[count]) != nil { count += 1 }
    return count
  }

  /// The size at the beginning of a chunk line, with a well-formed extension behind it or none. A size that no Int holds
  /// is the largest one.
  private static func size(_ line: ByteView) -> Int? {
    let digits = digitCount(line)
    guard 1...digitsMax ~= digits else { return nil }
    var size: UInt64 = 0
    for offset in 0..<digits { size = size << 4 | UInt64(Hex.value(line[offset]) ?? 0) }
    let value = Int(clamping: size)
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
