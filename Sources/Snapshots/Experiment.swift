// An experiment: the part of a snapshot that has the most to say, and how it is read.

import Bytes
import Decisions
import JSON

/// A reference, since every pass over all experiments hands each one on.
final class Experiment: Sendable {
  let place: Place
  let id: [UInt8]
  let key: [UInt8]
  /// The layer's, in a layer.
  let salt: [UInt8]
  let isPaused: Bool
  /// Whether browsers must not know of it.
  let isPrivate: Bool
  /// Milliseconds since 1970; infinity if not given, so that what is known to have started ranks first.
  let startedAt: Double
  /// As it is written, which may be finer than can be written again.
  let startedAtText: [UInt8]?
  let flagKey: [UInt8]?
  let layer: [UInt8]?
  let conflictDomain: [UInt8]?
  let priority: Int
  /// The share of users whose exposures are recorded.
  let exposureRate: Double
  /// All of them must be met.
  let requires: [Requirement]
  let hash: HashAlgorithm
  let audienceRules: [[Condition]]
  let targetingRules: [[Condition]]
  let overrides: [Override]
  let variants: [Variant]
  let allocations: [Allocation]

  init(
    _ element: Element, at place: Place, _ known: Referents, _ warnings: inout [Finding]
  ) throws(Finding) {
    let fields = try Fields(element, at: place, .quarantined)
    self.place = place
    id = try fields.name("id")
    key = try fields.name("key")
    isPaused = try Self.status(fields)
    startedAtText = try fields.optionalString("startedAt")
    startedAt = try Self.startedAt(fields)
    conflictDomain = try fields.optionalString("conflictDomain")
    priority = try fields.optionalInteger("priority", in: Int(Int32.min)...Int(Int32.max)) ?? 0
    hash = try Self.hash(fields)
    exposureRate = try Self.exposureRate(fields)
    isPrivate = try fields.optionalBool("private") ?? false
    layer = try fields.optionalString("layer")
    if let layer {
      guard let found = known.layer(layer) else {
        throw fields.fault("layer", "there is no layer \"\(String(decoding: layer, as: UTF8.self))\"")
      }
      // SHA-256 mixes the experiment's id in, so its buckets are no shares of a layer's.
      guard hash == .murmur3 else {
        throw fields.fault("hash", "an experiment of a layer is hashed with murmur3")
      }
      salt = found.salt
    } else {
      salt = try fields.string("salt")
    }
    requires = try Requirement.list(fields)
    flagKey = try fields.optionalString("flagKey")
    let flag = flagKey.flatMap { known.flag($0) }
    if let flagKey, flag == nil {
      throw fields.fault("flagKey", "there is no flag \"\(String(decoding: flagKey, as: UTF8.self))\"")
    }
    audienceRules = try Self.rules(fields, "audienceRules", &warnings)
    targetingRules = try Self.rules(fields, "targetingRules", &warnings)
    variants = try Self.variants(fields, flag)
    overrides = try Self.overrides(fields, variants, &warnings)
    allocations = try Self.allocations(fields, variants, &warnings)
  }

  private static func status(_ fields: Fields) throws(Finding) -> Bool {
    guard let status = try fields.optionalString("status") else { return false }
    switch String(decoding: status, as: UTF8.self) {
    case "RUNNING": return false
    case "PAUSED": return true
    case let other: throw fields.fault("status", "\"\(other)\" is neither RUNNING nor PAUSED")
    }
  }

  private static func startedAt(_ fields: Fields) throws(Finding) -> Double {
    guard let text = try fields.optionalString("startedAt") else { return .infinity }
    guard let moment = text.withBytes({ Timestamp.milliseconds($0) }) else {
      throw fields.fault("startedAt", "\"\(String(decoding: text, as: UTF8.self))\" is no RFC 3339 time")
    }
    return moment
  }

  private static func hash(_ fields: Fields) throws(Finding) -> HashAlgorithm {
    guard let name = try fields.optionalString("hash") else { return .murmur3 }
    guard let algorithm = HashAlgorithm(rawValue: String(decoding: name, as: UTF8.self)) else {
      throw fields.fault("hash", "\"\(String(decoding: name, as: UTF8.self))\" is neither murmur3 nor sha256")
    }
    return algorithm
  }

  private static func exposureRate(_ fields: Fields) throws(Finding) -> Double {
    guard let value = fields.optional("exposureRate") else { return 1 }
    guard let rate = value.number else {
      throw fields.fault("exposureRate", "is \(value.kind.described), not a number")
    }
    guard rate >= 0, rate <= 1 else { throw fields.fault("exposureRate", "\(rate) is outside 0...1") }
    return rate
  }

  private static func rules(
    _ fields: Fields, _ name: StaticString, _ warnings: inout [Finding]
  ) throws(Finding) -> [[Condition]] {
    var rules: [[Condition]] = []
    for (element, place) in try fields.optionalArray(name) {
      let rule = try Fields(element, at: place, .quarantined)
      var conditions: [Condition] = []
      for (element, place) in try rule.array("conditions") {
        conditions.append(try Condition(element, at: place, &warnings))
      }
      rules.append(conditions)
    }
    return rules
  }

  private static func variants(_ fields: Fields, _ flag: Flag?) throws(Finding) -> [Variant] {
    var variants: [Variant] = []
    let elements = try fields.optionalArray("variants")
    // Before they are compared with each other, which takes a step for each pair.
    guard elements.count <= BucketTable.variantMax else {
      throw fields.fault("variants", "\(elements.count) are more than \(BucketTable.variantMax)")
    }
    for (element, place) in elements {
      let variant = try Variant(element, at: place, flag)
      if variants.contains(where: { $0.id == variant.id }) {
        throw Finding(.quarantined, place.member("id"), "another variant of the experiment has the same id")
      }
      variants.append(variant)
    }
    return variants
  }

  private static func overrides(_ fields: Fields, _ variants: [Variant], _ warnings: inout [Finding])
    throws(Finding) -> [Override]
  {
    var overrides: [Override] = []
    var users: Set<[UInt8]> = []
    for (element, place) in try fields.optionalArray("overrides") {
      let fields = try Fields(element, at: place, .quarantined)
      let user = try fields.string("userKey")
      let id = try fields.string("variantId")
      guard let variant = variants.firstIndex(where: { $0.id == id }) else {
        warnings.append(Finding(.warning, place.member("variantId"), "the experiment has no such variant"))
        continue
      }
      guard users.insert(user).inserted else {
        warnings.append(
          Finding(.warning, place.member("userKey"), "the user has an override already; it stays"))
        continue
      }
      overrides.append(Override(userKey: user, variant: variant))
    }
    return overrides
  }

  private static func allocations(_ fields: Fields, _ variants: [Variant], _ warnings: inout [Finding])
    throws(Finding) -> [Allocation]
  {
    var allocations: [Allocation] = []
    let last = BucketTable.bucketCount - 1
    for (element, place) in try fields.optionalArray("allocations") {
      let fields = try Fields(element, at: place, .quarantined)
      let id = try fields.string("variantId")
      let start = try fields.integer("rangeStart", in: 0...last)
      let end = try fields.integer("rangeEnd", in: 0...last)
      guard start <= end else { throw fields.fault("rangeEnd", "\(end) is before rangeStart \(start)") }
      let variant = variants.firstIndex { $0.id == id }
      if variant == nil {
        warnings.append(
          Finding(
            .warning, place.member("variantId"), "the experiment has no such variant; the range stays empty")
        )
      }
      allocations.append(Allocation(variant: variant, range: start...end))
    }
    return allocations
  }
}

/// What experiments may name.
struct Referents {
  private let flags: [Flag]
  private let layers: [Layer]
  private let flagIndex: NameIndex
  private let layerIndex: NameIndex

  init(flags: [Flag], layers: [Layer]) {
    self.flags = flags
    self.layers = layers
    flagIndex = NameIndex(flags.map(\.key))
    layerIndex = NameIndex(layers.map(\.key))
  }

  func flag(_ key: [UInt8]) -> Flag? { flagIndex[key].map { flags[$0] } }
  func layer(_ key: [UInt8]) -> Layer? { layerIndex[key].map { layers[$0] } }
}
