// Flipt's engine through its C interface, which speaks JSON: a question about one flag, and a batch for all. It gets
// its flags as the snapshot that its clients start from where no server answers. An experiment is a flag; each of its
// rules is a segment with two variants of half of the users each.

import Measuring
import Bytes
import Glibc

@safe final class Flipt: Peer {
  private typealias Evaluate =
    @convention(c) (UnsafeMutableRawPointer, UnsafePointer<CChar>) -> UnsafeMutablePointer<CChar>

  let name: String
  let form = "JSON"
  let takesAll = true
  private let engine: UnsafeMutableRawPointer
  private let evaluate: Evaluate
  private let evaluateBatch: Evaluate
  private let free: @convention(c) (UnsafeMutablePointer<CChar>) -> Void
  /// By user, then by experiment.
  private let questions: [CStrings]
  private let batches: CStrings

  init(_ scenario: Scenario, _ library: PeerLibrary, users: [String]) {
    name = library.name
    // With it the library looks at its stack where no server answers, and aborts.
    unsafe unsetenv("RUST_BACKTRACE")
    let make: @convention(c) (UnsafePointer<CChar>) -> UnsafeMutableRawPointer = unsafe library.function(
      "initialize_engine")
    unsafe evaluate = library.function("evaluate_variant")
    unsafe evaluateBatch = library.function("evaluate_batch")
    unsafe free = library.function("destroy_string")
    var snapshot: [UInt8] = []
    Array(Self.snapshot(scenario).utf8).withBytes { Base64.encode($0, into: &snapshot) }
    // Nobody listens on this port; a day passes before it tries again.
    let options = CStrings([
      """
      {"url":"http://127.0.0.1:9","error_strategy":"fallback","fetch_mode":"polling","update_interval":86400,
      "snapshot":"\(String(decoding: snapshot, as: UTF8.self))"}
      """
    ])
    unsafe engine = make(options[0])
    let texts = users.map { user in
      (0..<scenario.experiments).map { experiment in
        """
        {"flag_key":"experiment-\(experiment)","entity_id":"\(user)",\
        "context":{"country":"US","age":"42","plan":"plan-7"}}
        """
      }
    }
    questions = texts.map { CStrings($0) }
    batches = CStrings(texts.map { "[\($0.joined(separator: ","))]" })
  }

  func ask(_ user: Int, _ experiment: Int) { unsafe free(evaluate(engine, questions[user][experiment])) }

  func askAll(_ user: Int) { unsafe free(evaluateBatch(engine, batches[user])) }

  func isAssigned(_ user: Int, _ experiment: Int) -> Bool {
    let answer = unsafe evaluate(engine, questions[user][experiment])
    defer { unsafe free(answer) }
    precondition(unsafe strstr(answer, #""status":"success""#) != nil, unsafe String(cString: answer))
    return unsafe strstr(answer, #""match":true"#) != nil
  }

  private static func snapshot(_ scenario: Scenario) -> String {
    var flags: [String] = []
    var rules: [String] = []
    var rollouts: [String] = []
    var distributions: [String] = []
    for index in 0..<scenario.experiments {
      let key = "experiment-\(index)"
      flags.append(#""\#(key)":{"key":"\#(key)","enabled":true,"type":"VARIANT_FLAG_TYPE"}"#)
      rollouts.append(#""\#(key)":[]"#)
      let segments = scenario.isTargeted ? targeted(index) : [""]
      rules.append(
        "\"\(key)\":["
          + segments.enumerated().map { rank, constraints in
            """
            {"id":"\(key)-\(rank)","flag_key":"\(key)","rank":\(rank),\
            "segment_operator":"OR_SEGMENT_OPERATOR","segments":{"s\(rank)":{"segment_key":"s\(rank)",\
            "match_type":"ALL_SEGMENT_MATCH_TYPE","constraints":[\(constraints)]}}}
            """
          }.joined(separator: ",") + "]")
      for rank in segments.indices {
        let variants = [("control", "0066cc"), ("treatment", "00cc66")].map { variant, color in
          ##"{"rule_id":"\##(key)-\##(rank)","rollout":50.0,"variant_key":"\##(variant)","##
            + ##""variant_attachment":"{\"color\":\"#\##(color)\"}"}"##
        }
        distributions.append("\"\(key)-\(rank)\":[\(variants.joined(separator: ","))]")
      }
    }
    func object(_ members: [String]) -> String { "{\(members.joined(separator: ","))}" }
    return """
      {"version":1,"namespace":{"key":"default","flags":\(object(flags)),"eval_rules":\(object(rules)),
      "eval_rollouts":\(object(rollouts)),"eval_distributions":\(object(distributions))}}
      """
  }

  private static func targeted(_ index: Int) -> [String] {
    func constraint(_ type: String, _ property: String, _ operator: String, _ value: String) -> String {
      #"{"type":"\#(type)_CONSTRAINT_COMPARISON_TYPE","property":"\#(property)","#
        + #""operator":"\#(`operator`)","value":"\#(value)"}"#
    }
    // A list is JSON in a string.
    let countries = "\(Scenario.countries(index))".replacing("\"", with: "\\\"")
    return [
      constraint("STRING", "country", "isoneof", countries) + ","
        + constraint("NUMBER", "age", "gt", "\(Scenario.age(index))"),
      constraint("STRING", "plan", "eq", Scenario.plan(index)),
    ]
  }
}
