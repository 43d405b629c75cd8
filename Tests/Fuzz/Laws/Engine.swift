// Tables and what a worker decides with, for the laws that ask the one engine: a small snapshot with one of everything.

import Bytes
import Decisions
import Dialects
import Kernel
import Snapshots
import Trust

final class Engine {
  private let memory: Memory
  let tables: Tables
  var workspace: Workspace
  /// Where answers are written.
  let room: ByteRegion
  /// Memory for whoever needs some beside.
  let spare: ByteRegion

  static let tokenKey = MessageKey(Array("a key of the laws".utf8))

  init(_ document: StaticString = everything) throws {
    let compiled = try VerifiedSnapshot(unsigned: [UInt8](document.bytes), environment: nil)
    guard compiled.findings.isEmpty else { throw Broken(description: "\(compiled.findings)") }
    memory = try Memory(byteCount: compiled.tables.count + Workspace.byteCount + (4 << 20))
    var carver = Carver(memory.region)
    let region = carver.region(compiled.tables.count)
    compiled.tables.withBytes { region.copy($0, to: 0) }
    guard let tables = Tables(region.bytes) else { throw Broken(description: "tables are tables") }
    self.tables = tables
    workspace = Workspace(carver.region(Workspace.byteCount))
    room = carver.region(2 << 20)
    spare = carver.region(1 << 20)
  }

  /// Flags of every kind, a layer, a holdout, a conflict domain, requirements, overrides, both hashes.
  static let everything: StaticString = """
    {"version":7,"environment":"prod","maxExperimentsPerUser":3,
    "flags":[{"key":"bool","type":"boolean","default":false},{"key":"text","type":"string","default":"none"},
    {"key":"number","type":"number","default":1.5},{"key":"object","type":"object","default":{"a":[1]}}],
    "layers":[{"key":"l","salt":"ls"}],
    "holdouts":[{"key":"h","salt":"hs","share":1500,"experiments":["x1","k2"]}],
    "experiments":[
    {"id":"x1","key":"k1","salt":"s1","flagKey":"bool","priority":2,"conflictDomain":"d",
    "targetingRules":[{"conditions":[{"attribute":"country","operator":"in","value":["US","CA"]}]},
    {"conditions":[{"attribute":"team.seats","operator":"gte","value":5},
    {"attribute":"version","operator":"semverGt","value":"1.2.3"}]}],
    "overrides":[{"userKey":"tester","variantId":"on"}],
    "variants":[{"id":"off","key":"off","value":false},{"id":"on","key":"on","payload":{"n":1.50},"value":true}],
    "allocations":[{"variantId":"off","rangeStart":0,"rangeEnd":4999},
    {"variantId":"on","rangeStart":5000,"rangeEnd":9999}]},
    {"id":"x2","key":"k2","layer":"l","flagKey":"text","conflictDomain":"d",
    "audienceRules":[{"conditions":[{"attribute":"plan","operator":"neq","value":"free"},
    {"attribute":"name","operator":"contains","value":"é"},{"attribute":"since","operator":"before",
    "value":"2026-01-01"}]}],
    "variants":[{"id":"a","key":"a \\"\\u00e9","value":"A"},{"id":"b","key":"b","value":"B"}],
    "allocations":[{"variantId":"a","rangeStart":0,"rangeEnd":2999},
    {"variantId":"b","rangeStart":3000,"rangeEnd":5999}]},
    {"id":"x3","key":"k3","salt":"s3","hash":"sha256","requires":[{"experiment":"k4","variants":["v"]}],
    "variants":[{"id":"c","key":"c"}],"allocations":[{"variantId":"c","rangeStart":6000,"rangeEnd":9999}]},
    {"id":"x4","key":"k4","salt":"s4","exposureRate":0.25,"flagKey":"number",
    "variants":[{"id":"v","key":"v","value":2},{"id":"w","key":"w","value":3}],
    "allocations":[{"variantId":"v","rangeStart":0,"rangeEnd":7999},
    {"variantId":"w","rangeStart":8000,"rangeEnd":9999}]}]}
    """
}
