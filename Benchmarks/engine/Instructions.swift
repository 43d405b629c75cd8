// Instructions and allocations per request and stage, counted exactly.

import Bytes
import Kernel
import Measuring

struct Instructions {
  /// Instructions per request, those of all that a stage calls among them.
  var parse = 0.0
  var decide = 0.0
  var serialize = 0.0
  /// Calls of the C library's allocator, per request.
  var allocations = 0.0
  var total: Double { parse + decide + serialize }

  private static func count(_ scenario: Scenario, _ tables: [UInt8]) throws -> Instructions {
    let path = "run/bench/\(scenario.name).tables"
    try File.makeDirectory(File.directory(of: path))
    try File.replace(path, with: tables)
    let calls = try Callgrind.count(["stages", path, scenario.keys.rawValue], as: scenario.name)
    try File.remove(path)
    let requestCount = Double(scenario.requests.count)
    func perRequest(_ stage: String) -> Double {
      (calls.instructions(of: "Stages", stage) ?? .nan) / requestCount
    }
    return Instructions(
      parse: perRequest("parse"), decide: perRequest("decide"), serialize: perRequest("serialize"),
      allocations: calls.allocations / requestCount)
  }

  /// What callgrind watches: each request once, after each was answered before.
  static func runCounted(tables path: String, keys: Scenario.Keys) throws {
    var stages = try Stages(File.read(path, limit: 1 << 30))
    let requests = try Inputs(Scenario(experiments: 1, isTargeted: true, keys: keys).requests)
    for view in requests.views { _ = stages.run(view) }
    countedRound(&stages, requests.views)
  }

  @inline(never)
  private static func countedRound(_ stages: inout Stages, _ views: [ByteView]) {
    for view in views {
      stages.parse(view)
      stages.decide()
      _ = stages.serialize()
    }
  }

  static let columns =
    ["parse", "decide", "serialize", "total"].map { Table.Column($0, "instr.") }
    + [Table.Column("allocations", decimals: 2)]

  /// What is counted of the scenario, in these columns.
  static func cells(_ scenario: Scenario, _ tables: [UInt8]) throws -> [Table.Value] {
    guard Callgrind.isInstalled else { return ["no valgrind", .missing, .missing, .missing, .missing] }
    let counted = try count(scenario, tables)
    return [counted.parse, counted.decide, counted.serialize, counted.total, counted.allocations].map {
      .number($0)
    }
  }

  /// The little that says at once what a change of the code did.
  static func table() throws -> Table {
    var table = Table(
      "GET /decide: what a request costs in each stage, counted", columns: Scenario.columns + columns)
    for experiments in [1, 100, 1000] {
      let scenario = Scenario(experiments: experiments, isTargeted: true)
      table.append(try scenario.cells + cells(scenario, scenario.tables()))
    }
    return table
  }
}
