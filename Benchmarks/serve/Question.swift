// What the servers are asked.

import LoadGenerator

enum Question: String, CaseIterable {
  /// GET /decide with one experiment.
  case decide
  /// All of 350 flags, by OFREP.
  case evaluate = "evaluate-350"
  /// All of 350 flags, by POST /api/v1/decide.
  case decideAll = "decide-350"

  func requests() throws -> Requests {
    switch self {
    case .decide: try Requests(target: "/decide?user_key={user}")
    case .evaluate:
      try Requests(
        target: "/ofrep/v1/evaluate/flags?env=flags",
        body: #"{"context":{"targetingKey":"{user}","country":"US","plan":"pro"}}"#)
    case .decideAll:
      try Requests(
        target: "/api/v1/decide",
        body: #"{"subjectId":"{user}","environment":"flags","attributes":{"country":"US","plan":"pro"}}"#)
    }
  }
}
