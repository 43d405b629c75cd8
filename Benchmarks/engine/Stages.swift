// What a worker does with GET /decide between two sends, in three stages: parse (request head and query), decide
// (attributes and outcomes), serialize (head and body). The stages are calls of their own, so that their
// instructions can be told apart.

import Bytes
import Decisions
import Dialects
import HTTP
import Kernel

struct Stages: ~Copyable {
  private let memory: Memory
  let tables: Tables
  var workspace: Workspace
  let answer: ByteRegion
  private let parser = RequestParser()
  private var request = Request()
  /// What the request asks, once it is parsed.
  var question = Question()

  private static let answerBytes = 8 << 20

  /// `tables` are a compiled snapshot's.
  init(_ tables: [UInt8]) throws {
    let memory = try Memory(byteCount: Workspace.byteCount + Self.answerBytes + tables.count + 8192)
    var carver = Carver(memory.region)
    workspace = Workspace(carver.region(Workspace.byteCount))
    answer = carver.region(Self.answerBytes)
    let region = carver.region(tables.count)
    tables.withBytes { region.copy($0, to: 0) }
    self.tables = Tables(region.bytes)!
    self.memory = memory
  }

  @inline(never)
  mutating func parse(_ bytes: ByteView) {
    guard case .head = parser.parse(bytes, into: &request),
      case .question(let question) = DecideQuery.read(bytes, request.query, &workspace)
    else { preconditionFailure("the benchmark's request is refused") }
    self.question = question
  }

  @inline(never)
  mutating func decide(about drivers: Run? = nil) {
    guard case nil = question.decide(tables, &workspace, about: drivers) else {
      preconditionFailure("the benchmark's context is refused")
    }
  }

  @inline(never)
  mutating func serialize() -> ByteView {
    let date = ("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" as StaticString).bytes
    var output = Output(answer)
    let head = ResponseHead(.ok, .json, for: request, date: date, into: &output)
    DecideAnswer.writeAssignments(question, tables, &workspace, to: &output)
    head.finish(&output)
    return output.written
  }

  /// All three stages.
  mutating func run(_ bytes: ByteView) -> ByteView {
    parse(bytes)
    decide()
    return serialize()
  }
}

/// Bytes where a receive buffer would hold them; at most 4 KiB of each.
struct Inputs: ~Copyable {
  private let memory: Memory
  let views: [ByteView]

  init(_ inputs: [[UInt8]]) throws {
    let memory = try Memory(byteCount: inputs.count * 4096)
    views = inputs.enumerated().map { index, input in
      let region = memory.region.part(from: index * 4096, count: input.count)
      input.withBytes { region.copy($0, to: 0) }
      return region.bytes
    }
    self.memory = memory
  }
}
