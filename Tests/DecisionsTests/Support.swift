// What these suites share: randomness that repeats, the golden vectors, and a snapshot ready to be asked.

import TestSupport
import Bytes
import Decisions
import JSON
import Snapshots

extension Vectors {
  /// The lines of a file in Tests/Vectors, each one a JSON object.
  static func elements(_ name: String) -> [Element] {
    lines(name).map { line in
      guard let document = try? Document(line) else { fatalError("\(name) holds a line that is no JSON") }
      return document.root
    }
  }
}

/// Memory aligned to a page and filled with a pattern, so that reading before writing shows.
@safe final class Memory {
  let region: ByteRegion

  init(byteCount: Int) { region = Self.kept(byteCount: byteCount) }

  deinit { unsafe region.start.deallocate() }

  /// Memory that is never given back, so that whoever views it needs no owner.
  static func kept(byteCount: Int) -> ByteRegion {
    let start = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 4096)
    unsafe start.initializeMemory(as: UInt8.self, repeating: 0xA5, count: byteCount)
    return unsafe ByteRegion(start: start, count: byteCount)
  }

  static func kept(_ bytes: [UInt8]) -> ByteView {
    let region = kept(byteCount: bytes.count)
    bytes.withBytes { region.copy($0, to: 0) }
    return region.bytes
  }
}

/// What one experiment said of one user.
struct Outcome: Equatable, CustomStringConvertible {
  var experiment: String
  var reason: String
  var variant: String?

  var description: String { "\(experiment): \(reason) \(variant ?? "-")" }
}

/// Tables in memory and a workspace to decide in; the workspace goes when this does, the tables stay.
final class Compiled {
  let findings: [Finding]
  let tables: Tables
  var workspace: Workspace
  private let workspaceMemory = Memory(byteCount: Workspace.byteCount)

  init(tables bytes: [UInt8], findings: [Finding] = []) {
    tables = Tables(Memory.kept(bytes))!
    workspace = Workspace(workspaceMemory.region)
    self.findings = findings
  }

  convenience init(_ document: String) throws {
    let snapshot = try VerifiedSnapshot(unsigned: Array(document.utf8), environment: nil)
    self.init(tables: snapshot.tables, findings: snapshot.findings)
  }

  /// The outcome of every experiment; throws if the context is none. `kept` are experiments' and variants' ids.
  func decide(
    _ user: String, _ context: String = "{}", kept: [(experiment: String, variant: String)] = []
  ) throws -> [Outcome] {
    workspace.clearStickies()
    for name in kept { workspace.stick(StickyName(name.experiment, name.variant), tables) }
    return try Array(user.utf8).withBytes { user in
      try Array(context.utf8).withBytes { context in
        workspace.text.rewind(to: 0)
        workspace.clearAttributes(tables)
        if let fault = workspace.readAttributes(context, tables) { throw fault }
        workspace.decide(tables, userKey: user, context: context)
        return outcomes()
      }
    }
  }

  /// What is to be kept after the last decision.
  func settled() -> [StickyName] {
    workspace.settleStickies(tables)
    return (0..<workspace.settledCount).map { workspace.settled($0) }
  }

  func outcomes() -> [Outcome] {
    (0..<tables.experiments.count).map { index in
      let row = tables.experiments[index]
      return Outcome(
        experiment: String(tables.text(tables.experimentNames[index].id)),
        reason: String(workspace.reason(of: index).name.bytes),
        variant: workspace.variant(of: index).map {
          String(tables.text(tables.variants[Int(row.firstVariant) + $0].id))
        })
    }
  }
}

extension String {
  /// The string as JSON.
  var quoted: String {
    var text: [UInt8] = []
    Array(utf8).withBytes { text.append(jsonString: $0) }
    return String(decoding: text, as: UTF8.self)
  }
}

extension StickyName {
  /// The name of a variant by the ids.
  init(_ experiment: String, _ variant: String) {
    func fingerprint(_ text: String) -> UInt64 { Array(text.utf8).withBytes { Fingerprint.of($0) } }
    self.init(experiment: fingerprint(experiment), variant: UInt32(fingerprint(variant) >> 32))
  }
}

/// An experiment of two variants, the first for everyone, before `change` makes it special.
func experiment(_ id: String, _ change: (inout ModelExperiment) -> Void = { _ in }) -> ModelExperiment {
  var experiment = ModelExperiment(id: id, key: "key-\(id)", salt: "s")
  experiment.variants = ["\(id)-v", "\(id)-w"]
  experiment.allocations = [("\(id)-v", 0, 9999)]
  change(&experiment)
  return experiment
}
