// What a visitor's client keeps of assignments: names of experiments and variants, and a tag over them, the
// environment and the user key, so that a token is of use to one user of one environment and nobody can write one.
//
//     format (1 byte, 1) | count (1 byte) | count times: experiment (8), variant (4) | tag (16)
//
// in URL-safe base64; numbers are little-endian. The tag is of: the environment's name with its length in front
// (1 byte), everything before the tag, the user key. The count says where the names end and the user key begins.

package import Bytes
package import Decisions
package import Trust

package struct StickyTokens: Sendable {
  package var key: MessageKey
  /// Each of ``roomCount`` bytes: the environment flush before ``textStart``, the token's bytes from there.
  private let received: ByteRegion
  private let made: ByteRegion
  /// Bytes before the tag of the token that was accepted; 0 if none was.
  private var receivedCount = 0

  private static var format: UInt8 { 1 }
  private static var headCount: Int { @_noAllocation @_noLocks get { 2 } }
  private static var nameCount: Int { @_noAllocation @_noLocks get { 12 } }
  /// Bytes of an environment's name and its length.
  private static var textStart: Int { @_noAllocation @_noLocks get { 256 } }
  /// Bytes of the longest token before it is text.
  private static var byteMax: Int {
    @_noAllocation @_noLocks get { headCount + Capacity.stickies * nameCount + MessageKey.tagCount }
  }
  private static var roomCount: Int { @_noAllocation @_noLocks get { textStart + byteMax } }
  /// Bytes of the longest token: a cookie of it, with its name and attributes, stays below 4,096.
  package static var textMax: Int { @_noAllocation @_noLocks get { (byteMax * 4 + 2) / 3 } }

  /// Bytes of memory to put tokens together in.
  package static var byteCount: Int { 2 * roomCount }

  /// `memory` is of ``byteCount`` bytes.
  package init(key: MessageKey, memory: ByteRegion) {
    self.key = key
    received = memory.part(from: 0, count: Self.roomCount)
    made = memory.part(from: Self.roomCount, count: Self.roomCount)
  }

  /// What became of a token.
  package enum Outcome: Sendable {
    case accepted
    /// It is none, or of another format.
    case malformed
    /// Its tag is not the one for this environment and user.
    case tampered
  }

  /// Has the next decision of `question` keep what `text` says, if it was made here for this user.
  @_noAllocation @_noLocks
  package mutating func read(
    _ text: ByteView, _ question: Question, _ tables: Tables, _ workspace: inout Workspace
  ) -> Outcome {
    receivedCount = 0
    guard text.count <= Self.textMax else { return .malformed }
    var token = Output(received.part(from: Self.textStart, count: Self.byteMax))
    guard Base64.decodeURL(text, into: &token), !token.isOverflowing else { return .malformed }
    let bytes = token.written
    guard bytes.count >= Self.headCount, bytes[0] == Self.format,
      bytes.count == Self.headCount + Int(bytes[1]) * Self.nameCount + MessageKey.tagCount
    else { return .malformed }
    let count = bytes.count - MessageKey.tagCount
    guard
      key.accepts(
        bytes.dropping(count), of: Self.signed(received, count, tables), question.userKey)
    else { return .tampered }
    receivedCount = count
    var offset = Self.headCount
    while offset < count {
      workspace.stick(
        StickyName(experiment: bytes.word(at: offset), variant: bytes.word32(at: offset + 8)), tables)
      offset += Self.nameCount
    }
    return .accepted
  }

  /// Forgets the token of the request before, for one that brings none.
  @_noAllocation @_noLocks
  package mutating func forget() { receivedCount = 0 }

  /// Appends the token of what `workspace` settled for `question`; false, and nothing appended, if that is what
  /// the accepted one says.
  @_noAllocation @_noLocks
  package func write(
    _ question: Question, _ tables: Tables, _ workspace: borrowing Workspace, to output: inout Output
  ) -> Bool {
    var token = Output(made.part(from: Self.textStart, count: Self.byteMax))
    token.append(Self.format)
    token.append(UInt8(workspace.settledCount))
    for index in 0..<workspace.settledCount {
      let name = workspace.settled(index)
      for shift in 0..<8 { token.append(UInt8(truncatingIfNeeded: name.experiment >> UInt64(8 * shift))) }
      for shift in 0..<4 { token.append(UInt8(truncatingIfNeeded: name.variant >> UInt32(8 * shift))) }
    }
    let names = token.written
    guard !names.equals(received.bytes.slice(Self.textStart..<(Self.textStart + receivedCount))) else {
      return false
    }
    key.tag(
      Self.signed(made, names.count, tables), question.userKey, to: made, at: Self.textStart + names.count)
    Base64.encodeURL(
      made.bytes.slice(Self.textStart..<(Self.textStart + names.count + MessageKey.tagCount)), into: &output)
    return true
  }

  /// What the tag is of but for the user key; puts the environment before the `count` bytes of the token.
  private static func signed(_ region: ByteRegion, _ count: Int, _ tables: Tables) -> ByteView {
    let environment = tables.text(tables.header.environment)
    let start = textStart - 1 - environment.count
    region.store(UInt8(environment.count), at: start)
    region.copy(environment, to: start + 1)
    return region.bytes.slice(start..<(textStart + count))
  }
}
