// Finds where answers end in what a connection received, however the kernel cut it. A head that is byte for byte the one
// before it is not read again: a server's answers differ in little, and the reader must cost less than what it measures.

package import Bytes
internal import HTTP
package import Kernel

package struct AnswerReader: ~Copyable {
  /// Bytes that a head may have.
  package static var headMax: Int { 2048 }

  /// Where a connection stands.
  package struct Place: BitwiseCopyable {
    /// Bytes of a head that came without its end; they are kept in memory of the connection.
    fileprivate var headCount = 0
    fileprivate var bodyLeft = 0
    fileprivate var status = 0
    /// Whether the server will close the connection behind this answer, which says so.
    package fileprivate(set) var isLast = false

    package init() {}

    /// Whether an answer has begun and not ended.
    package var isWithin: Bool { headCount > 0 || bodyLeft > 0 }
  }

  package enum Outcome: Equatable {
    case incomplete
    case answer(status: Int)
    /// No HTTP/1.1, or an answer whose length is not stated.
    case unreadable
  }

  private struct Unreadable: Error {}

  private let memory: Memory
  private var lastHead = ByteView.empty
  private var lastStatus = 0
  private var lastIsLast = false
  private var lastLength = 0

  package init() throws(SystemFailure) {
    memory = try Memory(byteCount: Self.headMax)
  }

  /// Takes the bytes of one answer, or all if its end is not among them, from `rest`. `kept` are ``headMax`` bytes of
  /// memory of the connection.
  package mutating func next(_ place: inout Place, _ rest: inout ByteView, kept: ByteRegion) -> Outcome {
    if place.bodyLeft == 0 {
      do {
        guard try readHead(&place, &rest, kept) else { return .incomplete }
      } catch {
        return .unreadable
      }
    }
    let count = min(place.bodyLeft, rest.count)
    place.bodyLeft -= count
    rest = rest.dropping(count)
    return place.bodyLeft == 0 ? .answer(status: place.status) : .incomplete
  }

  /// Whether the head was whole and was taken; otherwise all of `rest` was kept.
  private mutating func readHead(
    _ place: inout Place, _ rest: inout ByteView, _ kept: ByteRegion
  ) throws -> Bool {
    let before = place.headCount
    var head = rest
    if before > 0 {
      let count = min(rest.count, Self.headMax - before)
      kept.copy(rest.slice(0..<count), to: before)
      head = kept.bytes.slice(0..<before + count)
    }
    if lastHead.isEmpty || !head.starts(with: lastHead) {
      guard let response = try HTTP.Response.parse(head) else {
        guard head.count < Self.headMax else { throw Unreadable() }
        if before == 0 { kept.copy(rest, to: 0) }
        place.headCount = head.count
        rest = .empty
        return false
      }
      try note(response, head)
    }
    place.status = lastStatus
    place.isLast = lastIsLast
    place.bodyLeft = lastLength
    place.headCount = 0
    rest = rest.dropping(lastHead.count - before)
    return true
  }

  private mutating func note(_ response: HTTP.Response, _ head: ByteView) throws {
    guard response.headCount <= Self.headMax else { throw Unreadable() }
    switch response.framing {
    case .some(.none): lastLength = 0
    case .length(let length): lastLength = length
    default: throw Unreadable()
    }
    memory.region.copy(head.slice(0..<response.headCount), to: 0)
    lastHead = memory.region.bytes.slice(0..<response.headCount)
    lastStatus = response.status
    lastIsLast = !response.keepsAlive
  }
}
