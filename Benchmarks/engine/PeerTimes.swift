// Engines asked the same, one after the other in each run, so that what the machine does meanwhile meets all of them.

import Kernel
import Measuring
import Snapshots

struct PeerTimes {
  /// Nanoseconds of a question about one experiment, and about all, by engine.
  private(set) var one: [Runs]
  private(set) var all: [Runs]

  /// `length` nanoseconds for each question of a run; at least one question of each user.
  init(_ peers: [any Peer], users: Int, experiments: Int, runs: Int, length: Double) {
    func time(_ ask: (Int) -> Void) -> Double {
      func round(_ count: Int) -> Double {
        let start = Clock.monotonic()
        for _ in 0..<count {
          for user in 0..<users { ask(user) }
        }
        return Double(Clock.monotonic() - start) / Double(count * users)
      }
      return round(max(1, Int(length / round(1) / Double(users))))
    }
    var ones = [[Double]](repeating: [], count: peers.count)
    var alls = ones
    for _ in 0..<runs {
      for (index, peer) in peers.enumerated() {
        // Users ask about different ones.
        ones[index].append(time { peer.ask($0, $0 * 131 % experiments) })
        alls[index].append(time { peer.askAll($0) })
      }
    }
    one = ones.map { Runs($0) }
    all = alls.map { Runs($0) }
  }

  /// How many variants all users get together. Each engine buckets in its own way, but lets the same users in.
  static func variants(_ peers: [any Peer], users: Int, experiments: Int) -> Int {
    let counts = peers.map { peer in
      (0..<users).reduce(0) { sum, user in
        sum + (0..<experiments).count { peer.isAssigned(user, $0) }
      }
    }
    precondition(counts.allSatisfy { $0 == counts[0] }, "the engines' rules differ: \(counts)")
    return counts[0]
  }
}

extension PeerTimes {
  static func table(isSmoke: Bool) throws -> Table {
    var table = Table(
      "The same rules in other engines: which variant does a user get, of one experiment and of all",
      columns: Scenario.columns.dropLast() + [
        Table.Column("question", "", .left), Table.Column("calls"), Table.Column("engine", "", .left),
        Table.Column("form", "", .left), Table.Column("time", "ns"), Table.Column("spread", "%"),
        Table.Column("times turnout's", decimals: 1), Table.Column("variants", decimals: 1),
      ])
    let yggdrasil = PeerLibrary("yggdrasil_engine", "yggdrasil_engine/lib/libyggdrasilffi.so")
    let flipt = PeerLibrary("flipt_client", "ext/linux_x86_64/libfliptengine.so")
    for experiments in isSmoke ? [10] : [1, 100, 1000] {
      for isTargeted in [false, true] {
        let scenario = Scenario(experiments: experiments, isTargeted: isTargeted)
        Progress.show("peers, \(scenario.name)")
        let users = (0..<8).map { scenario.userKey($0) }
        var peers: [any Peer] = [try Turnout(scenario, scenario.tables(), users: users)]
        if let yggdrasil {
          peers.append(YggdrasilFlat(scenario, yggdrasil, users: users))
          peers.append(YggdrasilJSON(scenario, yggdrasil, users: users))
        }
        if let flipt { peers.append(Flipt(scenario, flipt, users: users)) }
        let variants = variants(peers, users: users.count, experiments: experiments)
        let times = PeerTimes(
          peers, users: users.count, experiments: experiments, runs: isSmoke ? 1 : 7,
          length: isSmoke ? 0 : 20_000_000)
        for (question, runs) in [("one", times.one), ("all", times.all)] {
          let isAll = question == "all"
          for (peer, its) in zip(peers, runs) {
            table.append(
              scenario.cells.dropLast() + [
                .text(question), .number(isAll && !peer.takesAll ? experiments : 1), .text(peer.name),
                .text(peer.form), .number(its.median), .number(its.spread),
                .number(its.median / runs[0].median),
                isAll ? .number(Double(variants) / Double(users.count)) : .missing,
              ])
          }
        }
      }
    }
    Progress.clear()
    for (name, library) in [("yggdrasil-engine", yggdrasil), ("flipt-client", flipt)] where library == nil {
      let row: [Table.Value] = [.missing, "-", "-", .missing, .text(name), "not installed: .ci/setup bench"]
      table.append(row + [.missing, .missing, .missing, .missing])
    }
    return table
  }
}
