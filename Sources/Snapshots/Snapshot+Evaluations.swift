// The fragments that answer the evaluation protocol (OFREP 0.3.0; docs/ofrep.md), serialized once: a flag answers
// under its key, and so does an experiment that drives none, with its payload as the value.

import Bytes
import Decisions
import JSON

extension Snapshot {
  /// Appends the evaluations of all flags, which must have been added, and then of the other experiments.
  func add(evaluations builder: inout TableBuilder) {
    for (index, flag) in flags.enumerated() {
      add(evaluation: flag.key, value: flag.defaultValue, drivers: builder.flags[index].drivers, &builder)
    }
    let flagKeys = Set(flags.map(\.key))
    for (index, experiment) in experiments.enumerated()
    where experiment.flagKey == nil && !flagKeys.contains(experiment.key) {
      let drivers = Run(first: builder.flagDrivers.count, count: 1)
      builder.flagDrivers.append(UInt32(index))
      add(evaluation: experiment.key, value: Array("{}".utf8), drivers: drivers, &builder)
    }
    builder.header.evaluationsEnd = builder.append(evaluationsEnd)
  }

  private func add(
    evaluation key: [UInt8], value: [UInt8], drivers: Run, _ builder: inout TableBuilder
  ) {
    var row = EvaluationRow()
    row.key = builder.intern(key)
    row.drivers = drivers
    let experiments = drivers.range.map { builder.experiments[Int(builder.flagDrivers[$0])] }
    let reason =
      experiments.isEmpty ? "STATIC" : experiments.allSatisfy(\.isPaused) ? "DISABLED" : "DEFAULT"
    row.fallback = builder.append { text in
      appendEvaluationHead(key, value, to: &text)
      text += Array(reason.utf8)
      text.append("\",\"variant\":\"default\",\"metadata\":{\"configVersion\":")
      text += Array("\(version)}}".utf8)
    }
    builder.evaluations.append(row)
  }

  /// `{"key":"k","value":v,"reason":"`
  private func appendEvaluationHead(_ key: [UInt8], _ value: [UInt8], to text: inout [UInt8]) {
    text.append("{\"key\":")
    append(key, to: &text)
    text.append(",\"value\":")
    text += value
    text.append(",\"reason\":\"")
  }

  /// Fills in what `variant` answers under the key of its flag, or else of its experiment.
  func addEvaluation(
    of variant: Variant, of experiment: Experiment, to row: inout VariantRow, _ builder: inout TableBuilder
  ) {
    row.evaluationHead = builder.append {
      appendEvaluationHead(
        experiment.flagKey ?? experiment.key, variant.value ?? objectValue(variant.payload), to: &$0)
    }
    row.evaluationTail = builder.append { text in
      text.append("\",\"variant\":")
      append(variant.key, to: &text)
      text.append(",\"metadata\":{\"configVersion\":")
      text += Array("\(version)".utf8)
      text.append(",\"experimentKey\":")
      append(experiment.key, to: &text)
      text.append(",\"experimentId\":")
      append(experiment.id, to: &text)
      text.append(",\"variantId\":")
      append(variant.id, to: &text)
      text.append("}}")
    }
  }

  /// A payload as the value of a flag that is always an object, so that a typed client can ask for it.
  private func objectValue(_ payload: [UInt8]) -> [UInt8] {
    if payload.first == UInt8(ascii: "{") { return payload }
    if payload == Array("null".utf8) { return Array("{}".utf8) }
    return Array("{\"payload\":".utf8) + payload + Array("}".utf8)
  }

  /// Seconds for which a client that nobody looks at keeps its stream of events.
  private static let inactivityDelay = 120

  /// What follows the last of all evaluations: where changes are announced, and what was asked.
  private func evaluationsEnd(_ text: inout [UInt8]) {
    text.append("],\"eventStreams\":[{\"type\":\"sse\",\"endpoint\":{\"requestUri\":")
    append(Array("/ofrep/v1/events?env=\(environment)".utf8), to: &text)
    text += Array("},\"inactivityDelaySec\":\(Self.inactivityDelay)}],\"metadata\":{\"environment\":".utf8)
    append(Array(environment.utf8), to: &text)
    text += Array(",\"configVersion\":\(version)}}".utf8)
  }
}
