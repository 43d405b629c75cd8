// Turnout's engine beside its peers: GET /decide's for all experiments, and for one the evaluation protocol's, whose
// answers have one key. There it decides about that experiment alone.

import Bytes
import Decisions
import Dialects
import Kernel
import Measuring

final class Turnout: Peer {
  let name = "turnout"
  let form = "JSON"
  let takesAll = true
  private var stages: Stages
  private let users: Inputs
  private let keys: Inputs

  init(_ scenario: Scenario, _ tables: [UInt8], users: [String]) throws {
    stages = try Stages(tables)
    self.users = try Inputs(users.map { Array($0.utf8) })
    keys = try Inputs((0..<scenario.experiments).map { Array("experiment-\($0)".utf8) })
  }

  private func question(_ user: Int) -> Question {
    var question = Question()
    question.userKey = users.views[user]
    question.context = Scenario.context.bytes
    return question
  }

  func ask(_ user: Int, _ experiment: Int) {
    stages.question = question(user)
    _ = stages.evaluate(key: keys.views[experiment])
  }

  func askAll(_ user: Int) {
    stages.question = question(user)
    stages.decide()
    _ = stages.writeAssignments()
  }

  func isAssigned(_ user: Int, _ experiment: Int) -> Bool {
    stages.question = question(user)
    stages.decide()
    return stages.workspace.variant(of: experiment) != nil
  }
}

extension Stages {
  /// Decides, and writes the answer under one key.
  mutating func evaluate(key: ByteView) -> ByteView {
    guard let index = tables.evaluation(key) else { preconditionFailure("the key is unknown") }
    decide(about: tables.evaluations[index].drivers)
    var output = Output(answer)
    var counts = DecideAnswer.FlagCounts()
    _ = EvaluationAnswer.write(index, question, tables, &workspace, &counts, to: &output)
    return output.written
  }

  /// Writes the body of GET /decide's answer.
  mutating func writeAssignments() -> ByteView {
    var output = Output(answer)
    DecideAnswer.writeAssignments(question, tables, &workspace, to: &output)
    return output.written
  }
}
