// What does one GET /decide cost inside the process, stage by stage, and how does it grow with experiments?
// Measured: parse (request head and query), decide (attributes and outcomes), serialize (head and body), on
// one thread, without a socket. Not measured: the kernel, which costs more than all of it (see docs).
// `--smoke` runs each case a few times only, so that a test can keep this program from rotting.

import Bytes
import Decisions
import Dialects
import HTTP
import Kernel
import Snapshots

struct Case {
  var experiments: Int
  var isTargeted: Bool
}

/// Nanoseconds per request of one run.
struct Sample {
  var parse = 0.0
  var decide = 0.0
  var serialize = 0.0
  var total: Double { parse + decide + serialize }
}

let isSmoke = CommandLine.arguments.contains("--smoke")
let runs = isSmoke ? 1 : 9
let userKeys = (0..<64).map { "user-\($0 * 7919)-5c0b300c-f27a" }

/// A snapshot of `count` experiments with the salts, keys and payloads of a real one's sizes.
func snapshot(_ scenario: Case) -> [UInt8] {
  func uuid(_ seed: Int) -> String {
    let digits = Array("0123456789abcdef")
    var state = UInt64(truncatingIfNeeded: seed) &* 0x9E37_79B9_7F4A_7C15 | 1
    return String(
      (0..<36).map { place -> Character in
        if [8, 13, 18, 23].contains(place) { return "-" }
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return digits[Int(state & 15)]
      })
  }
  let countries = ["US", "CA", "DE", "FR", "JP", "BR", "IN", "GB", "MX", "NL"]
  let experiments = (0..<scenario.experiments).map { index -> String in
    let rules = """
      [{"conditions":[{"attribute":"country","operator":"in","value":["\(countries[index % 10])","\(countries[(index + 3) % 10])","US"]},
      {"attribute":"age","operator":"gt","value":\(index % 97)}]},{"conditions":[{"attribute":"plan","operator":"eq","value":"plan-\(index % 31)"}]}]
      """
    let control = uuid(index * 3 + 1)
    let treatment = uuid(index * 3 + 2)
    return """
      {"id":"\(uuid(index))","key":"experiment-\(index)","salt":"\(uuid(index * 5 + 7))",
      "audienceRules":[],"targetingRules":\(scenario.isTargeted ? rules : "[]"),
      "variants":[{"id":"\(control)","key":"control","payload":{"color":"#0066cc"}},
      {"id":"\(treatment)","key":"treatment","payload":{"color":"#00cc66"}}],
      "allocations":[{"variantId":"\(control)","rangeStart":0,"rangeEnd":4999},
      {"variantId":"\(treatment)","rangeStart":5000,"rangeEnd":9999}]}
      """
  }
  return Array(
    "{\"version\":1,\"environment\":\"prod\",\"experiments\":[\(experiments.joined(separator: ","))]}".utf8)
}

func requests() -> [[UInt8]] {
  userKeys.map { user in
    Array(
      """
      GET /decide?user_key=\(user)&context=%7B%22country%22%3A%22US%22%2C%22age%22%3A42%2C%22plan%22%3A%22plan-7%22%7D HTTP/1.1\r
      Host: 127.0.0.1:7070\r
      User-Agent: bench/1\r
      Accept: */*\r
      \r\n
      """.utf8)
  }
}

func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

func measure(_ scenario: Case) throws -> (Sample, answerBytes: Int, checksum: UInt32) {
  let verified = try VerifiedSnapshot(unsigned: snapshot(scenario), environment: nil)
  let memory = try Memory(byteCount: verified.tables.count)
  verified.tables.withBytes { memory.region.copy($0, to: 0) }
  let tables = Tables(memory.region.bytes)!
  let workspaceMemory = try Memory(byteCount: Workspace.byteCount)
  var workspace = Workspace(workspaceMemory.region)
  let answer = try Memory(byteCount: 8 << 20)
  let parser = RequestParser()
  let date = Array("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n".utf8)
  let inputs = requests()
  let inputMemory = try Memory(byteCount: inputs.count * 4096)
  let views = inputs.enumerated().map { index, bytes in
    let region = inputMemory.region.part(from: index * 4096, count: bytes.count)
    bytes.withBytes { region.copy($0, to: 0) }
    return region.bytes
  }
  var answerBytes = 0
  var checksum: UInt32 = 0
  let rounds = isSmoke ? 2 : max(20, 200_000 / (scenario.experiments + 5) / views.count)

  func stage(_ body: (ByteView) -> Void) -> Double {
    let start = Clock.monotonic()
    for _ in 0..<rounds {
      for view in views { body(view) }
    }
    return Double(Clock.monotonic() - start) / Double(rounds * views.count)
  }

  func read(_ view: ByteView) -> (Request, Question) {
    var request = Request()
    guard case .head = parser.parse(view, into: &request),
      case .question(let question) = DecideQuery.read(view, request.query, &workspace)
    else { preconditionFailure("the benchmark's request is refused") }
    return (request, question)
  }

  func write(_ request: Request, _ question: Question) -> Output {
    var output = Output(answer.region)
    date.withBytes { date in
      let head = ResponseHead(.ok, .json, for: request, date: date, into: &output)
      DecideAnswer.writeAssignments(question, tables, &workspace, to: &output)
      head.finish(&output)
    }
    return output
  }

  // Each stage is timed by what it adds to the stages before it: timing it alone would warm it too much.
  var samples: [Sample] = []
  for _ in 0..<runs {
    var sample = Sample()
    sample.parse = stage { _ = read($0) }
    let decided = stage { view in
      let (_, question) = read(view)
      precondition(question.decide(tables, &workspace) == nil)
    }
    let all = stage { view in
      let (request, question) = read(view)
      precondition(question.decide(tables, &workspace) == nil)
      let output = write(request, question)
      answerBytes = output.count
      checksum &+= UInt32(output.written[output.count - 3])
    }
    sample.decide = max(0, decided - sample.parse)
    sample.serialize = max(0, all - decided)
    samples.append(sample)
  }
  for view in views {
    let (request, question) = read(view)
    _ = question.decide(tables, &workspace)
    checksum = checksum &* 31 &+ Murmur3.hash(write(request, question).written)
  }
  let result = Sample(
    parse: median(samples.map(\.parse)), decide: median(samples.map(\.decide)),
    serialize: median(samples.map(\.serialize)))
  return (result, answerBytes, checksum)
}

func column(_ value: Double) -> String {
  let text = String(Int(value.rounded()))
  return String(repeating: " ", count: max(1, 11 - text.count)) + text
}

print("GET /decide, nanoseconds per request, median of \(runs) runs, one thread")
print("experiments  targeted      parse     decide  serialize      total  answer bytes  checksum")
for experiments in [1, 100, 1000] {
  for isTargeted in [false, true] {
    let (sample, bytes, checksum) = try measure(Case(experiments: experiments, isTargeted: isTargeted))
    let name = String(experiments)
    print(
      String(repeating: " ", count: 11 - name.count) + name + "  " + (isTargeted ? "     yes" : "      no")
        + column(sample.parse) + column(sample.decide) + column(sample.serialize) + column(sample.total)
        + column(Double(bytes)) + "     " + String(checksum, radix: 16))
  }
}
