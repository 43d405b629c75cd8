// turnout explain: each step of each experiment, for people or, with --json, for programs.

import Arguments
import Dialects
import JSON

enum Explain {
  static let command = Command(
    "explain", "print why a user gets what they get",
    options: Decide.options + [
      Option("experiment", "KEY", "only the experiment of that key or id"),
      Option("json", nil, "print JSON, as the admin port's /explain does"),
    ])

  static func run(_ invocation: Invocation) throws {
    try Decide.withDecision(invocation) { question, tables, workspace in
      let explainer = Explanation(question, tables)
      if invocation.has("json") {
        return print(String(decoding: explainer.json(&workspace), as: UTF8.self))
      }
      // A context may be what no document may be, such as one with a member twice.
      let explanation = try Document(explainer.json(&workspace, withContext: false)).root
      var found = 0
      for experiment in explanation["experiments"]!.elements {
        let key = experiment["experiment_key"]?.text ?? ""
        if let wanted = invocation["experiment"], wanted != key, wanted != experiment["experiment_id"]?.text {
          continue
        }
        found += 1
        ExplanationText.print(experiment)
      }
      if found == 0, let wanted = invocation["experiment"] {
        throw Refused("the snapshot has no experiment \"\(wanted)\"")
      }
    }
  }
}
