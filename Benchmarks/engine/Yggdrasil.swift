// Unleash's engine, through both of its C interfaces: JSON, and the FlatBuffers that its faster bindings speak. An
// experiment is a feature; each of its rules is a strategy over all users with two variants of half of them each.

import Measuring
import Bytes
import CPeers
import Glibc

/// Asked by check_variant, which only answers.
@safe final class YggdrasilJSON: Peer {
  private typealias Check =
    @convention(c) (
      UnsafeMutableRawPointer, UnsafePointer<CChar>, UnsafePointer<CChar>, UnsafePointer<CChar>
    ) -> UnsafeMutablePointer<CChar>

  let name: String
  let form = "JSON"
  let takesAll = false
  private let experiments: Int
  private let engine: YggdrasilEngine
  private let check: Check
  private let contexts: CStrings
  private let features: CStrings
  private let none = CStrings(["{}"])

  init(_ scenario: Scenario, _ library: PeerLibrary, users: [String]) {
    name = library.name
    experiments = scenario.experiments
    engine = YggdrasilEngine(library, scenario)
    unsafe check = library.function("check_variant")
    features = CStrings((0..<scenario.experiments).map { "experiment-\($0)" })
    contexts = CStrings(
      users.map { #"{"userId":"\#($0)","properties":{"country":"US","age":"42","plan":"plan-7"}}"# })
  }

  func ask(_ user: Int, _ experiment: Int) { unsafe engine.release(answer(user, experiment)) }

  func askAll(_ user: Int) {
    for experiment in 0..<experiments { ask(user, experiment) }
  }

  func isAssigned(_ user: Int, _ experiment: Int) -> Bool {
    let answer = unsafe answer(user, experiment)
    defer { unsafe engine.release(answer) }
    return unsafe strstr(answer, #""featureEnabled":true"#) != nil
  }

  private func answer(_ user: Int, _ experiment: Int) -> UnsafeMutablePointer<CChar> {
    unsafe check(engine.state, features[experiment], contexts[user], none[0])
  }
}

/// Asked by flat_check_variant, which also counts for the metrics that Unleash's clients send.
@safe final class YggdrasilFlat: Peer {
  let name: String
  let form = "FlatBuffers"
  let takesAll = false
  private let experiments: Int
  private let engine: YggdrasilEngine
  private let check: YggdrasilCheck
  private let release: YggdrasilRelease
  /// By user, then by experiment.
  private let messages: [[UnsafeMutableRawBufferPointer]]

  init(_ scenario: Scenario, _ library: PeerLibrary, users: [String]) {
    name = library.name
    experiments = scenario.experiments
    engine = YggdrasilEngine(library, scenario)
    unsafe check = library.function("flat_check_variant")
    unsafe release = library.function("flat_buf_free")
    unsafe messages = users.map { user in
      unsafe (0..<scenario.experiments).map { experiment in
        let message = FlatContext("experiment-\(experiment)", user: user, Self.properties).bytes
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: message.count, alignment: 8)
        unsafe copy.copyBytes(from: message)
        return unsafe copy
      }
    }
  }

  private static let properties = [("age", "42"), ("country", "US"), ("plan", "plan-7")]

  func ask(_ user: Int, _ experiment: Int) { unsafe release(answer(user, experiment)) }

  func askAll(_ user: Int) {
    for experiment in 0..<experiments { ask(user, experiment) }
  }

  func isAssigned(_ user: Int, _ experiment: Int) -> Bool {
    let answer = unsafe answer(user, experiment)
    defer { unsafe release(answer) }
    // The answer names the variant; "disabled" where there is none.
    let bytes = unsafe ByteView(start: answer.bytes, count: answer.count)
    return !bytes.contains(("disabled" as StaticString).bytes)
  }

  private func answer(_ user: Int, _ experiment: Int) -> YggdrasilBuffer {
    let message = unsafe messages[user][experiment]
    return unsafe check(
      engine.state, UInt64(UInt(bitPattern: message.baseAddress)), UInt64(message.count))
  }
}

/// An engine that has taken the rules.
@safe private final class YggdrasilEngine {
  let state: UnsafeMutableRawPointer
  private let free: @convention(c) (UnsafeMutablePointer<CChar>) -> Void

  init(_ library: PeerLibrary, _ scenario: Scenario) {
    let make: @convention(c) () -> UnsafeMutableRawPointer = unsafe library.function("new_engine")
    let take: @convention(c) (UnsafeMutableRawPointer, UnsafePointer<CChar>) -> UnsafeMutablePointer<CChar> =
      unsafe library.function("take_state")
    unsafe free = library.function("free_response")
    unsafe state = make()
    let answer = unsafe take(state, CStrings([Self.features(scenario)])[0])
    precondition(unsafe strstr(answer, #""Ok""#) != nil, unsafe String(cString: answer))
    unsafe release(answer)
  }

  func release(_ answer: UnsafeMutablePointer<CChar>) { unsafe free(answer) }

  private static func features(_ scenario: Scenario) -> String {
    let features = (0..<scenario.experiments).map { index in
      let rules =
        scenario.isTargeted
        ? [
          """
          {"contextName":"country","operator":"IN","values":\(Scenario.countries(index))},
          {"contextName":"age","operator":"NUM_GT","value":"\(Scenario.age(index))"}
          """, #"{"contextName":"plan","operator":"IN","values":["\#(Scenario.plan(index))"]}"#,
        ] : [""]
      let strategies = rules.map { constraints in
        """
        {"name":"flexibleRollout","constraints":[\(constraints)],
        "parameters":{"rollout":"100","stickiness":"userId","groupId":"experiment-\(index)"},
        "variants":[\(variant("control", "0066cc")),\(variant("treatment", "00cc66"))]}
        """
      }
      return """
        {"name":"experiment-\(index)","type":"experiment","enabled":true,"variants":[],
        "strategies":[\(strategies.joined(separator: ","))]}
        """
    }
    return #"{"version":2,"features":[\#(features.joined(separator: ","))]}"#
  }

  private static func variant(_ name: String, _ color: String) -> String {
    ##"{"name":"\##(name)","weight":500,"stickiness":"userId","##
      + ##""payload":{"type":"json","value":"{\"color\":\"#\##(color)\"}"}}"##
  }
}

/// A FlatBuffers message (flatbuffers.dev, "Internals") of Yggdrasil's table ContextMessage: a feature, a user, and
/// properties in the order of their keys.
private struct FlatContext {
  private(set) var bytes: [UInt8] = [0, 0, 0, 0]

  init(_ feature: String, user: String, _ properties: [(key: String, value: String)]) {
    // Bytes of the table's own description and of the table, then where in it each of ten fields stands.
    let contextLayout = append([24, 16, 4, 8, 0, 0, 0, 0, 0, 0, 12, 0])
    let context = bytes.count
    refer(from: 0, to: context)
    append(word: context - contextLayout)
    appendZeros(12)
    let propertyLayout = append([8, 12, 4, 8])
    append(feature, referredFrom: context + 4)
    append(user, referredFrom: context + 8)
    let list = bytes.count
    refer(from: context + 12, to: list)
    append(word: properties.count)
    appendZeros(4 * properties.count)
    for (index, property) in properties.enumerated() {
      let table = bytes.count
      refer(from: list + 4 + 4 * index, to: table)
      append(word: table - propertyLayout)
      appendZeros(8)
      append(property.key, referredFrom: table + 4)
      append(property.value, referredFrom: table + 8)
    }
  }

  /// Where it begins.
  private mutating func append(_ layout: [UInt16]) -> Int {
    let start = bytes.count
    for number in layout { bytes += [UInt8(truncatingIfNeeded: number), UInt8(number >> 8)] }
    return start
  }

  private mutating func append(_ string: String, referredFrom place: Int) {
    refer(from: place, to: bytes.count)
    append(word: string.utf8.count)
    bytes += Array(string.utf8) + [0]
    appendZeros((4 - bytes.count % 4) % 4)
  }

  private mutating func append(word: Int) {
    appendZeros(4)
    set(bytes.count - 4, word)
  }

  private mutating func appendZeros(_ count: Int) { bytes += [UInt8](repeating: 0, count: count) }

  private mutating func refer(from place: Int, to target: Int) { set(place, target - place) }

  private mutating func set(_ place: Int, _ word: Int) {
    for index in 0..<4 { bytes[place + index] = UInt8(truncatingIfNeeded: word >> (8 * index)) }
  }
}
