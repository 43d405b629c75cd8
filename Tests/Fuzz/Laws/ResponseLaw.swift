// What an upstream answers: a head is read the same at every cut, and its chunks as those of a request are.

import Bytes
import HTTP
import Kernel

final class ResponseLaw: Law {
  private let memory: Memory

  init() throws {
    memory = try Memory(byteCount: 1 << 20)
  }

  func check(_ input: ByteView) throws {
    let input = input.slice(0..<min(input.count, memory.region.count))
    let cut = input.chance(input.count)
    guard let response = try read(input) else {
      // Incomplete, or refused; what is before a cut was not taken for a whole head.
      return try hold(try read(input.slice(0..<cut)) == nil, "no head is none at \(cut)")
    }
    let early = try read(input.slice(0..<cut))
    try hold(early == (cut < response.headCount ? nil : response), "a head is the same at \(cut)")
    try hold(response.headCount <= input.count, "a head lies in what was read")
    try hold(response.etag.bounds.upperBound <= response.headCount, "an entity tag lies in the head")
    try hold((100...999).contains(response.status), "a status has three digits")
    try hold((0...3600).contains(response.retryAfter ?? 0), "a wait is at most an hour")
    guard response.framing == .chunked else { return }
    memory.region.copy(input, to: 0)
    var body = ChunkedBody(start: response.headCount)
    if body.advance(memory.region, filled: input.count, RequestParser()) == .complete {
      try hold(
        body.offset <= input.count && body.count <= RequestParser().bodyMax, "a body stays within its limits")
    }
  }

  private func read(_ bytes: ByteView) throws -> Response? {
    do throws(Response.Malformed) { return try Response.parse(bytes) } catch { return nil }
  }
}
