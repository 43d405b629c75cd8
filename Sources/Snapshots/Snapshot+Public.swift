// The public part of a snapshot: a document for browsers, which may read all of it. Evaluated there it gives every
// user without overrides the variants that the whole snapshot gives. What depends on something that is left out is
// left out too, and named, so that a client asks the edge for it.

import Bytes
import Decisions
import JSON

extension Snapshot {
  /// The document, after the snapshot was compiled to `tables`.
  func publicDocument(_ tables: [UInt8]) -> [UInt8] {
    tables.withBytes { publicDocument(Tables($0)!) }
  }

  private func publicDocument(_ tables: Tables) -> [UInt8] {
    let (isOmitted, isFlagOmitted) = omissions(tables)
    let serverOnlyFlags = Set(zip(flags, isFlagOmitted).compactMap { $1 ? $0.key : nil })
    let shown = experiments.indices.filter { !isOmitted[$0] }
    let usedLayers = Set(shown.compactMap { experiments[$0].layer })
    var writer = Writer(capacity: byteCount)
    writer.object { writer in
      head(&writer)
      writer.key("flags")
      writer.array(flags.filter { !serverOnlyFlags.contains($0.key) }) { $1.write(to: &$0) }
      writer.key("layers")
      writer.array(layers.filter { usedLayers.contains($0.key) }) { $1.write(to: &$0) }
      writer.key("holdouts")
      writer.array(covering(shown)) { $1.write(to: &$0) }
      writer.key("experiments")
      var owners = EffectiveRanges(tables)
      writer.array(shown) { writer, index in
        let experiment = experiments[index]
        let flag = experiment.flagKey.flatMap { serverOnlyFlags.contains($0) ? nil : $0 }
        experiment.write(to: &writer, flag: flag, owners.ranges(of: index))
      }
      writer.key("serverOnly")
      writer.array(experiments.indices.filter { isOmitted[$0] && !experiments[$0].isPrivate }) {
        $0.text(experiments[$1].key)
      }
      writer.key("serverOnlyFlags")
      writer.array(flags.filter { serverOnlyFlags.contains($0.key) }) { $0.text($1.key) }
    }
    return writer.text
  }

  private func head(_ writer: inout Writer) {
    writer.key("version")
    writer.integer(version)
    writer.key("environment")
    writer.string(environment)
    if let publishedAt {
      writer.key("publishedAt")
      writer.string(publishedAt)
    }
    if let participationCap {
      writer.key("maxExperimentsPerUser")
      writer.integer(participationCap)
    }
  }

  // MARK: - What is left out

  /// Of each experiment and each flag whether it is left out: private ones, and all whose outcome depends on one
  /// that is.
  private func omissions(_ tables: Tables) -> (experiments: [Bool], flags: [Bool]) {
    let dependents = dependents(tables)
    var isOmitted = Array(repeating: false, count: dependents.count)
    for (index, experiment) in experiments.enumerated() { isOmitted[index] = experiment.isPrivate }
    var looked = experiments.indices.filter { isOmitted[$0] }
    while let node = looked.popLast() {
      for dependent in dependents[node] where !isOmitted[dependent] {
        isOmitted[dependent] = true
        looked.append(dependent)
      }
    }
    return (Array(isOmitted[..<experiments.count]), flags.indices.map { isOmitted[graph.index(ofValue: $0)] })
  }

  /// Of each node those whose outcome depends on it.
  private func dependents(_ tables: Tables) -> [[Int]] {
    var dependents = graph.dependents()
    // A flag that goes takes its requirements with it, and one that requires what goes is no flag without them.
    for flag in flags.indices {
      dependents[graph.index(ofValue: flag)].append(graph.index(ofRequirements: flag))
      dependents[graph.index(ofRequirements: flag)].append(graph.index(ofValue: flag))
    }
    // An experiment can displace the next of its conflict domain, and with a cap the next of all. That one can
    // displace the next, so a chain leads to everything that is settled later.
    let ranking = tables.ranking
    let settled = (0..<ranking.count).map { Int(ranking[$0]) }
    if participationCap != nil {
      for (index, next) in zip(settled, settled.dropFirst()) { dependents[index].append(next) }
    }
    var lowest: [[UInt8]: Int] = [:]
    for index in settled {
      guard let domain = experiments[index].conflictDomain else { continue }
      if let before = lowest.updateValue(index, forKey: domain) { dependents[before].append(index) }
    }
    return dependents
  }
}

extension Snapshot {
  /// The holdouts with no other names than those of `shown` experiments; those that cover nothing are left out.
  private func covering(_ shown: [Int]) -> [Holdout] {
    guard !holdouts.isEmpty else { return [] }
    let names = Set(shown.flatMap { [experiments[$0].id, experiments[$0].key] })
    return holdouts.compactMap { $0.covering(names) }
  }
}

/// Who owns which buckets once overlaps are settled, so that a range depends on no other one.
private struct EffectiveRanges {
  private let tables: Tables
  /// By the index of their bucket table: most experiments are allocated alike.
  private var known: [UInt32: [Allocation]] = [:]

  init(_ tables: Tables) { self.tables = tables }

  mutating func ranges(of experiment: Int) -> [Allocation] {
    let place = tables.experiments[experiment].bucketTable
    if let ranges = known[place] { return ranges }
    let owners = tables.bucketTables
    let first = Int(place) * BucketTable.bucketCount
    var ranges: [Allocation] = []
    var start = 0
    while start < BucketTable.bucketCount {
      let owner = owners[first + start]
      var end = start + 1
      while end < BucketTable.bucketCount, owners[first + end] == owner { end += 1 }
      if owner != BucketTable.unallocated {
        ranges.append(Allocation(variant: Int(owner), range: start...(end - 1)))
      }
      start = end
    }
    known[place] = ranges
    return ranges
  }
}

// MARK: - Parts as they are written

extension Writer {
  fileprivate mutating func text(_ bytes: [UInt8]) { bytes.withBytes { string($0) } }
  fileprivate mutating func json(_ bytes: [UInt8]) { bytes.withBytes { raw($0) } }

  /// `requires`, where there is any.
  fileprivate mutating func requirements(_ requires: [Requirement]) {
    guard !requires.isEmpty else { return }
    key("requires")
    array(requires) { writer, requirement in
      writer.object { writer in
        switch requirement.subject {
        case .experiment(let name): writer.member("experiment", name)
        case .flag(let key): writer.member("flag", key)
        }
        guard let variants = requirement.variants else { return }
        writer.key("variants")
        writer.array(variants) { $0.text($1) }
      }
    }
  }

  fileprivate mutating func member(_ name: StaticString, _ bytes: [UInt8]?) {
    guard let bytes else { return }
    key(name)
    text(bytes)
  }
}

extension Flag {
  fileprivate func write(to writer: inout Writer) {
    writer.object { writer in
      writer.member("key", key)
      writer.key("type")
      writer.string(type.name)
      writer.key("default")
      writer.json(defaultValue)
      writer.requirements(requires)
    }
  }
}

extension Layer {
  fileprivate func write(to writer: inout Writer) {
    writer.object { writer in
      writer.member("key", key)
      writer.member("salt", salt)
    }
  }
}

extension Holdout {
  /// The holdout with no other names than these; nil if it covers nothing then.
  fileprivate func covering(_ names: Set<[UInt8]>) -> Holdout? {
    guard let experiments else { return self }
    var holdout = self
    holdout.experiments = experiments.filter(names.contains)
    return holdout.experiments!.isEmpty ? nil : holdout
  }

  fileprivate func write(to writer: inout Writer) {
    writer.object { writer in
      writer.member("key", key)
      writer.member("salt", salt)
      writer.key("share")
      writer.integer(share)
      guard let experiments else { return }
      writer.key("experiments")
      writer.array(experiments) { $0.text($1) }
    }
  }
}

extension Experiment {
  /// Driving `flag`, with these `allocations`.
  fileprivate func write(to writer: inout Writer, flag: [UInt8]?, _ allocations: [Allocation]) {
    writer.object { writer in
      writer.member("id", id)
      writer.member("key", key)
      if isPaused {
        writer.key("status")
        writer.string("PAUSED")
      }
      writer.member("startedAt", startedAtText)
      writer.member("flagKey", flag)
      writer.member("layer", layer)
      if layer == nil { writer.member("salt", salt) }
      writer.member("conflictDomain", conflictDomain)
      writer.key("priority")
      writer.integer(priority)
      writer.key("hash")
      writer.string(hash.rawValue)
      writer.key("exposureRate")
      writer.number(exposureRate)
      writer.requirements(requires)
      rules("audienceRules", audienceRules, &writer)
      rules("targetingRules", targetingRules, &writer)
      writer.key("variants")
      writer.array(variants) { $1.write(to: &$0, drivesFlag: flag != nil) }
      writer.key("allocations")
      writer.array(allocations) { writer, allocation in
        writer.object { writer in
          writer.member("variantId", variants[allocation.variant!].id)
          writer.key("rangeStart")
          writer.integer(allocation.range.lowerBound)
          writer.key("rangeEnd")
          writer.integer(allocation.range.upperBound)
        }
      }
    }
  }

  private func rules(_ name: StaticString, _ rules: [[Condition]], _ writer: inout Writer) {
    writer.key(name)
    writer.array(rules) { writer, conditions in
      writer.object { writer in
        writer.key("conditions")
        writer.array(conditions) { $1.write(to: &$0) }
      }
    }
  }
}

extension Condition {
  fileprivate func write(to writer: inout Writer) {
    writer.object { writer in
      writer.member("attribute", attribute)
      writer.key("operator")
      writer.string(operation.name)
      writer.key("value")
      writer.json(source)
    }
  }
}

extension Variant {
  fileprivate func write(to writer: inout Writer, drivesFlag: Bool) {
    writer.object { writer in
      writer.member("id", id)
      writer.member("key", key)
      writer.key("payload")
      writer.json(payload)
      guard drivesFlag, let value else { return }
      writer.key("value")
      writer.json(value)
    }
  }
}
