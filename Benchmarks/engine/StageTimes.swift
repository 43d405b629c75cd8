// Nanoseconds of processor time per request and stage; of several runs, since caches see all that the machine does.

import Bytes
import Kernel
import Measuring

struct StageTimes {
  var parse: Runs
  var decide: Runs
  var serialize: Runs
  var total: Runs
  var answerBytes = 0

  /// Each run makes each of the three measurements once, `length` nanoseconds each.
  init(_ scenario: Scenario, _ tables: [UInt8], runs: Int, length: Double) throws {
    var stages = try Stages(tables)
    let requests = try Inputs(scenario.requests)
    let views = requests.views
    var answerBytes = 0

    func time(_ rounds: Int, _ body: (inout Stages, ByteView) -> Void) -> Double {
      let start = ThreadClock.nanoseconds()
      for _ in 0..<rounds {
        for view in views { body(&stages, view) }
      }
      return (ThreadClock.nanoseconds() - start) / Double(rounds * views.count)
    }
    func answer(_ stages: inout Stages, _ view: ByteView) {
      answerBytes = stages.run(view).count
    }

    let rounds = max(1, Int(length / time(1, answer) / Double(views.count)))
    var samples: [(parse: Double, decided: Double, all: Double)] = []
    for _ in 0..<runs {
      // A stage costs what it adds to those before it: alone it would be too warm.
      let parse = time(rounds) { stages, view in stages.parse(view) }
      let decided = time(rounds) { stages, view in
        stages.parse(view)
        stages.decide()
      }
      samples.append((parse, decided, time(rounds, answer)))
    }
    parse = Runs(samples.map(\.parse))
    decide = Runs(samples.map { max(0, $0.decided - $0.parse) })
    serialize = Runs(samples.map { max(0, $0.all - $0.decided) })
    total = Runs(samples.map(\.all))
    self.answerBytes = answerBytes
  }
}

extension StageTimes {
  static func table(isSmoke: Bool) throws -> Table {
    var table = Table(
      "GET /decide on one thread: what a request costs in each stage",
      columns: Scenario.columns + ["parse", "decide", "serialize", "total"].map { Table.Column($0, "ns") }
        + [Table.Column("spread", "%")] + Instructions.columns + [Table.Column("answer", "bytes")])
    for experiments in isSmoke ? [5] : [1, 5, 100, 350, 1000, 10_000] {
      for isTargeted in [false, true] {
        for keys in [Scenario.Keys.short, .long] {
          let scenario = Scenario(experiments: experiments, isTargeted: isTargeted, keys: keys)
          Progress.show("stages, \(scenario.name)")
          let tables = try scenario.tables()
          let times = try StageTimes(
            scenario, tables, runs: isSmoke ? 1 : 9, length: isSmoke ? 0 : 20_000_000)
          table.append(
            try scenario.cells
              + [times.parse, times.decide, times.serialize, times.total].map { .number($0.median) }
              + [.number(times.total.spread)]
              + Instructions.cells(scenario, tables)
              + [.number(times.answerBytes)])
        }
      }
    }
    Progress.clear()
    return table
  }
}
