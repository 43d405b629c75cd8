// What clients ask, in every dialect: the same question has the same answer whatever was asked between, an answer is
// JSON, and what one flag alone is answered is what it is answered among all.

import Bytes
import Decisions
import Dialects
import Exposures
import Kernel

final class BodiesLaw: Law {
  private let engine: Engine
  private let ids: DecisionIDs

  private static let provenance = Explanation.Provenance(sha256: "0a", signers: ["key"])

  init() throws {
    engine = try Engine()
    ids = DecisionIDs(key: Engine.tokenKey, scratch: engine.spare, seed: 0xABC)
  }

  func check(_ input: ByteView) throws {
    let input = input.slice(0..<min(input.count, 64 * 1024))
    for ask in [get, post, batch, evaluate, path, query, explain] as [(ByteView) throws -> [UInt8]] {
      let first = try ask(input)
      try hold(
        first.withBytes { $0.isEmpty || $0.isJSON },
        "an answer is JSON: \(String(decoding: first, as: UTF8.self))")
      // Something else between, which leaves its traces in the workspace.
      _ = try post(("{\"subjectId\":\"tester\",\"attributes\":{\"country\":\"US\"}}" as StaticString).bytes)
      try hold(try ask(input) == first, "the same question has the same answer")
    }
  }

  private func get(_ query: ByteView) throws -> [UInt8] {
    let range = ByteRange(start: 0, count: query.count)
    return try answer(DecideQuery.read(query, range, &engine.workspace)) { question, output in
      DecideAnswer.writeAssignments(question, engine.tables, &engine.workspace, to: &output)
    }
  }

  private func post(_ body: ByteView) throws -> [UInt8] {
    try answer(DecideBody.read(body, &engine.workspace)) { try write($0, to: &$1) }
  }

  private func write(_ question: Question, to output: inout Output) throws {
    var ids = ids
    let counts = DecideAnswer.writeDecisions(
      question, engine.tables, &engine.workspace, &ids, to: &output)
    try hold(counts.defaults + counts.notFound <= DecideBody.flagMax, "a flag is counted once")
    try hold(question.userKey.count <= DecideBody.subjectMax, "a subject has a length")
  }

  private func batch(_ body: ByteView) throws -> [UInt8] {
    switch DecideBatch.read(body, &engine.workspace) {
    case .fault(let fault): return text(of: fault)
    case .batch(var batch):
      var answers = Array("[".utf8)
      var count = 0
      while let outcome = batch.next(&engine.workspace) {
        if count > 0 { answers.append(UInt8(ascii: ",")) }
        answers += try answer(outcome) { try write($0, to: &$1) }
        count += 1
      }
      try hold((1...DecideBatch.subjectMax).contains(count), "a batch has \(count) subjects")
      return answers + Array("]".utf8)
    }
  }

  private func evaluate(_ body: ByteView) throws -> [UInt8] {
    switch EvaluationBody.read(body, &engine.workspace) {
    case .fault(let fault): return text(of: fault)
    case .question(let question, _):
      if let fault = question.decide(engine.tables, &engine.workspace) { return text(of: fault) }
      var output = Output(engine.room)
      _ = EvaluationAnswer.writeAll(question, engine.tables, &engine.workspace, to: &output)
      try hold(!output.isOverflowing, "an answer fits")
      let all = [UInt8](output.written)
      try checkAlone(question)
      return all
    }
  }

  /// One evaluation decided by itself against the same one after all were decided.
  private func checkAlone(_ question: Question) throws {
    for index in 0..<engine.tables.evaluations.count {
      var answers: [[UInt8]] = []
      for drivers in [nil, engine.tables.evaluations[index].drivers] {
        _ = question.decide(engine.tables, &engine.workspace, about: drivers)
        var counts = DecideAnswer.FlagCounts()
        var output = Output(engine.room)
        _ = EvaluationAnswer.write(index, question, engine.tables, &engine.workspace, &counts, to: &output)
        answers.append([UInt8](output.written))
      }
      try hold(answers[0] == answers[1], "a flag alone is answered as among all")
    }
  }

  private func path(_ path: ByteView) throws -> [UInt8] {
    var decoded = Output(engine.room)
    switch EvaluationPath.read(path, into: &decoded) {
    case .fault(let fault): return text(of: fault)
    case .key(let key):
      try hold(UTF8Check.isValid(key), "a key is UTF-8")
      try hold(
        !key.split(UInt8(ascii: "/")).contains { $0 == [0x2E] || $0 == [0x2E, 0x2E] }, "no step leads up")
      return engine.tables.evaluation(key) == nil ? [] : Array("true".utf8)
    }
  }

  private func query(_ query: ByteView) throws -> [UInt8] {
    var decoded = Output(engine.room)
    let range = ByteRange(start: 0, count: query.count)
    switch EvaluationQuery.read(query, range, into: &decoded) {
    case .fault(let fault): return text(of: fault)
    case .query(let query): return Array((query.tracks ? "true" : "false").utf8)
    }
  }

  private func explain(_ body: ByteView) throws -> [UInt8] {
    switch ExplainBody.read(body, &engine.workspace) {
    case .fault(let fault): return text(of: fault)
    case .question(let question, let selection):
      if let fault = question.decide(engine.tables, &engine.workspace) { return text(of: fault) }
      let explanation = Explanation(question, engine.tables, Self.provenance, selection: selection)
      switch explanation.answer(&engine.workspace) {
      case .fault(let fault): return text(of: fault)
      case .answer(let answer):
        try hold(answer.count <= Explanation.byteCountMax, "an explanation has a length")
        try checkSaved(answer, question)
        return answer
      }
    }
  }

  /// What an explanation states is enough to give it again.
  private func checkSaved(_ answer: [UInt8], _ question: Question) throws {
    guard let saved = SavedExplanation(answer) else {
      throw Broken(description: "an explanation can be saved")
    }
    try saved.context.withBytes { context in
      try saved.userKey.withBytes { userKey in
        var again = Question()
        again.userKey = userKey
        again.context = context
        try hold(userKey.equals(question.userKey), "an explanation names its user")
        try hold(again.decide(engine.tables, &engine.workspace) == nil, "what was decided can be again")
        let explanation = Explanation(again, engine.tables, saved.provenance, selection: saved.selection)
        guard case .answer(let text) = explanation.answer(&engine.workspace) else {
          throw Broken(description: "what was explained can be again")
        }
        try hold(text == answer, "an explanation given again is the same")
      }
    }
  }

  private func answer(
    _ outcome: QuestionOutcome, _ write: (Question, inout Output) throws -> Void
  ) throws -> [UInt8] {
    switch outcome {
    case .fault(let fault): return text(of: fault)
    case .question(let question):
      if let fault = question.decide(engine.tables, &engine.workspace) { return text(of: fault) }
      var output = Output(engine.room)
      try write(question, &output)
      try hold(!output.isOverflowing, "an answer fits")
      return [UInt8](output.written)
    }
  }

  private func text(of fault: ClientFault) -> [UInt8] {
    var output = Output(engine.room)
    fault.write(to: &output)
    return [UInt8](output.written)
  }
}
