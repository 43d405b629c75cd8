// What the project wants to reach, each goal beside what was seen.

package struct Goals {
  package private(set) var table = Table(
    "what is to be reached",
    columns: [
      Table.Column("goal", "", .left), Table.Column("wanted", "", .left), Table.Column("seen", decimals: 2),
      Table.Column("+-", "%"), Table.Column("verdict", "", .left),
    ])

  package init() {}

  /// `seen` is nil where it was not measured; otherwise its median counts.
  package mutating func add(_ name: String, atMost wanted: Double, _ seen: Runs?) {
    append(name, "<= \(wanted)", seen, isReached: seen.map { $0.median <= wanted })
  }

  package mutating func add(_ name: String, atLeast wanted: Double, _ seen: Runs?) {
    append(name, ">= \(wanted)", seen, isReached: seen.map { $0.median >= wanted })
  }

  private mutating func append(_ name: String, _ wanted: String, _ seen: Runs?, isReached: Bool?) {
    table.append([
      .text(name), .text(wanted), .number(seen?.median), .number(seen?.spread),
      .text(isReached.map { $0 ? "reached" : "MISSED" } ?? "not measured"),
    ])
  }
}
