// An explanation as a person reads it: one experiment a paragraph, one step a line.

import JSON

enum ExplanationText {
  static func print(_ experiment: Element) {
    let outcome = experiment["variant_key"]?.text.map { " -> \($0)" } ?? ""
    Swift.print("\(text(experiment["experiment_key"])): \(text(experiment["reason"]))\(outcome)")
    for step in experiment["steps"]!.elements { describe(step) }
    Swift.print()
  }

  private static func describe(_ step: Element) {
    switch text(step["step"]) {
    case "status": line("status", step["paused"]?.bool == true ? "paused" : "running")
    case "override":
      line("override", step["forced"]?.bool == true ? "forced into a variant" : "none for this user")
    case "holdout":
      let verdict = step["held_out"]?.bool == true ? "held out" : "not held out"
      line(
        "holdout",
        "\"\(text(step["holdout"]))\": bucket \(text(step["bucket"])) of salt \"\(text(step["salt"]))\", the first \(text(step["share"])) are held out: \(verdict)"
      )
    case "audience", "targeting": rules(step)
    case "bucket": bucket(step)
    case "prerequisites": prerequisites(step)
    case "conflict":
      let verdict = step["lost"]?.bool == true ? "lost to another experiment" : "won"
      line("conflict", "domain \"\(text(step["domain"]))\", priority \(text(step["priority"])): \(verdict)")
    default:
      let verdict = step["exceeded"]?.bool == true ? "exceeded" : "not exceeded"
      line("participation", "at most \(text(step["limit"])) experiments: \(verdict)")
    }
  }

  private static func rules(_ step: Element) {
    let rules = Array(step["rules"]!.elements)
    let verdict = step["matched"]?.bool == true ? "matched" : "not matched"
    line(text(step["step"]), rules.isEmpty ? "no rules, everyone matches" : verdict)
    for (index, rule) in rules.enumerated() {
      Swift.print("    rule \(index + 1): \(rule["matched"]?.bool == true ? "holds" : "does not hold")")
      for condition in rule["conditions"]!.elements {
        let actual = condition["actual"].map { "is \(source($0))" } ?? "is missing"
        let mark = condition["matched"]?.bool == true ? "yes" : "no "
        Swift.print(
          "      \(mark) \(text(condition["attribute"])) \(text(condition["operator"])) \(source(condition["value"]!)); it \(actual)"
        )
      }
    }
  }

  private static func bucket(_ step: Element) {
    let layer = step["layer"].map { " of layer \"\(text($0))\"" } ?? ""
    line(
      "bucket", "\(text(step["bucket"])) by \(text(step["hash"])) with salt \"\(text(step["salt"]))\"\(layer)"
    )
    for range in step["ranges"]!.elements {
      let mark = range["contains"]?.bool == true ? "yes" : "no "
      let variant = range["variant"]?.text.map { "variant \($0)" } ?? "an unknown variant"
      Swift.print("      \(mark) \(text(range["start"]))...\(text(range["end"])) is \(variant)")
    }
    if step["variant"]?.isNull == true { Swift.print("      no range of the experiment owns the bucket") }
  }

  private static func prerequisites(_ step: Element) {
    line("prerequisites", step["met"]?.bool == true ? "met" : "not met")
    for requirement in step["required"]!.elements {
      let mark = requirement["met"]?.bool == true ? "yes" : "no "
      let subject =
        requirement["flag"].map { "flag \(text($0))" } ?? "experiment \(text(requirement["experiment"]))"
      let names = requirement["variants"]?.elements.map { text($0) } ?? []
      let wanted = names.isEmpty ? "any variant" : names.joined(separator: " or ")
      let actual = requirement["actual"]?.text.map { "it is \($0)" } ?? "there is none"
      Swift.print("      \(mark) \(subject): \(wanted); \(actual)")
    }
  }

  private static func line(_ name: String, _ message: String) {
    Swift.print("  \(name + String(repeating: " ", count: max(0, 13 - name.count))) \(message)")
  }

  /// A string's text, or any other value as it stands.
  private static func text(_ element: Element?) -> String {
    element.map { $0.text ?? String(decoding: $0.source, as: UTF8.self) } ?? ""
  }

  /// A value as JSON.
  private static func source(_ element: Element) -> String {
    String(decoding: element.compacted(), as: UTF8.self)
  }
}
