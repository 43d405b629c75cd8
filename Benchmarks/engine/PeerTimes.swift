// Engines asked the same, one after the other in each run, so that what the machine does meanwhile meets all of them.

import Kernel
import Measuring

struct PeerTimes {
  /// Nanoseconds of processor time of a question about one experiment, and about all, by engine.
  private(set) var one: [Runs]
  private(set) var all: [Runs]

  /// `length` nanoseconds for each question of a run; at least one question of each user.
  init(_ peers: [any Peer], users: Int, experiments: Int, runs: Int, length: Double) {
    func time(_ ask: (Int) -> Void) -> Double {
      func round(_ count: Int) -> Double {
        let start = ThreadClock.nanoseconds()
        for _ in 0..<count {
          for user in 0..<users { ask(user) }
        }
        return (ThreadClock.nanoseconds() - start) / Double(count * users)
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
  private static let yggdrasil = PeerLibrary(
    "yggdrasil_engine", "yggdrasil_engine/lib/libyggdrasilffi.so")
  private static let flipt = PeerLibrary("flipt_client", "ext/linux_x86_64/libfliptengine.so")
  private static let userCount = 8

  /// Turnout, and the peers that are installed.
  private static func peers(_ scenario: Scenario) throws -> [any Peer] {
    let users = (0..<userCount).map { scenario.userKey($0) }
    var peers: [any Peer] = [try Turnout(scenario, scenario.tables(), users: users)]
    if let yggdrasil {
      peers.append(YggdrasilFlat(scenario, yggdrasil, users: users))
      peers.append(YggdrasilJSON(scenario, yggdrasil, users: users))
    }
    if let flipt { peers.append(Flipt(scenario, flipt, users: users)) }
    return peers
  }

  static func table(isSmoke: Bool) throws -> Table {
    var table = Table(
      "The same rules in other engines: which variant does a user get, of one experiment and of all",
      columns: Scenario.columns.dropLast() + [
        Table.Column("question", "", .left), Table.Column("calls"), Table.Column("engine", "", .left),
        Table.Column("form", "", .left), Table.Column("time", "ns"), Table.Column("spread", "%"),
        Table.Column("by turnout's", "time", decimals: 1), Table.Column("counted", "instr."),
        Table.Column("by turnout's", "instr.", decimals: 1), Table.Column("variants", decimals: 1),
      ])
    for experiments in isSmoke ? [10] : [1, 100, 1000] {
      for isTargeted in isSmoke ? [true] : [false, true] {
        let scenario = Scenario(experiments: experiments, isTargeted: isTargeted)
        Progress.show("peers, \(scenario.name)")
        let peers = try peers(scenario)
        let variants = variants(peers, users: userCount, experiments: experiments)
        let times = PeerTimes(
          peers, users: userCount, experiments: experiments, runs: isSmoke ? 1 : 7,
          length: isSmoke ? 0 : 20_000_000)
        let calls = try Callgrind.isInstalled ? count(scenario) : nil
        for (method, runs) in [("ask", times.one), ("askAll", times.all)] {
          let isAll = method == "askAll"
          let questions = Double(isAll ? userCount : userCount * countedAsks)
          let counts = peers.map {
            calls?.instructions(of: "\(type(of: $0))", method).map { $0 / questions }
          }
          for (index, peer) in peers.enumerated() {
            let count = counts[index]
            let ratio = count.flatMap { count in counts[0].map { count / $0 } }
            table.append(
              scenario.cells.dropLast() + [
                isAll ? "all" : "one", .number(isAll && !peer.takesAll ? experiments : 1),
                .text(peer.name), .text(peer.form), .number(runs[index].median),
                .number(runs[index].spread), .number(runs[index].median / runs[0].median), .number(count),
                .number(ratio), isAll ? .number(Double(variants) / Double(userCount)) : .missing,
              ])
          }
        }
      }
    }
    Progress.clear()
    for (name, library) in [("yggdrasil-engine", yggdrasil), ("flipt-client", flipt)] where library == nil {
      let row: [Table.Value] = [.missing, "-", "-", .missing, .text(name), "not installed: .ci/setup bench"]
      table.append(row + [Table.Value](repeating: .missing, count: 6))
    }
    return table
  }

  private static func count(_ scenario: Scenario) throws -> Calls {
    try Callgrind.count(
      ["peers", "\(scenario.experiments)", "\(scenario.isTargeted)"], as: "peers-\(scenario.name)")
  }

  /// Questions about one experiment that each user asks while callgrind watches: the first ones after another kind of
  /// question find the allocator's lists in disorder.
  private static let countedAsks = 16

  /// What callgrind watches: each user's questions, after each was answered before.
  static func runCounted(_ scenario: Scenario) throws {
    let peers = try peers(scenario)
    for peer in peers {
      for user in 0..<userCount {
        peer.askAll(user)
        peer.ask(user, user * 131 % scenario.experiments)
      }
    }
    countedRound(peers, scenario.experiments)
  }

  @inline(never)
  private static func countedRound(_ peers: [any Peer], _ experiments: Int) {
    for peer in peers {
      for index in 0..<countedAsks * userCount { peer.ask(index % userCount, index * 131 % experiments) }
      for user in 0..<userCount { peer.askAll(user) }
    }
  }
}
