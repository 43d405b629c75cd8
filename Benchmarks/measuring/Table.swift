// What a program measured, as rows: printed so that a stranger reads it in a minute, and kept as JSON beside the
// machine and the command that a figure counts with.

import Bytes
import JSON
import Kernel

package struct Table {
  package enum Alignment: Sendable { case left, right }

  package struct Column: Sendable {
    package let name: String
    /// What its numbers count; empty for text.
    package let unit: String
    package let alignment: Alignment
    /// Digits behind the point that are printed; the JSON has all of them.
    package let decimals: Int

    package init(_ name: String, _ unit: String = "", _ alignment: Alignment = .right, decimals: Int = 0) {
      self.name = name
      self.unit = unit
      self.alignment = alignment
      self.decimals = decimals
    }
  }

  package enum Value: Sendable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
    case text(String)
    case number(Double)
    /// Not measured: printed as "-", null in JSON.
    case missing

    package init(stringLiteral text: String) { self = .text(text) }
    package init(integerLiteral number: Int) { self = .number(Double(number)) }
    package static func number(_ number: Int) -> Value { .number(Double(number)) }
    package static func number(_ number: Double?) -> Value { number.map { .number($0) } ?? .missing }
  }

  /// One sentence: what was measured, and what is better.
  package let title: String
  package let columns: [Column]
  package private(set) var rows: [[Value]] = []

  package init(_ title: String, columns: [Column]) {
    self.title = title
    self.columns = columns
  }

  package mutating func append(_ row: [Value]) {
    precondition(row.count == columns.count)
    rows.append(row)
  }

  /// The title, the columns' names and units, the rows.
  package var text: String {
    let head = [columns.map(\.name)] + (columns.contains { !$0.unit.isEmpty } ? [columns.map(\.unit)] : [])
    let cells = head + rows.map { zip($0, columns).map { $0.text(decimals: $1.decimals) } }
    let widths = columns.indices.map { index in cells.map { $0[index].count }.max()! }
    let lines = cells.map { row in
      var line = ""
      for (index, cell) in row.enumerated() {
        let blanks = String(repeating: " ", count: widths[index] - cell.count)
        line += columns[index].alignment == .left ? cell + blanks : blanks + cell
        line += "  "
      }
      while line.last == " " { line.removeLast() }
      return line
    }
    return ([title] + lines).joined(separator: "\n") + "\n"
  }

  /// Prints the table, and writes the same rows to `run/bench/NAME.json`.
  package func report(as name: String) throws {
    Array((text + "\n").utf8).withBytes { Process.writeOutput($0) }
    let path = "run/bench/\(name).json"
    try File.makeDirectory(File.directory(of: path))
    try File.replace(path, with: json(Machine()))
  }

  /// An object: the title, the machine, the columns, and each row as an array in their order.
  package func json(_ machine: Machine) -> [UInt8] {
    var writer = Writer()
    writer.object { writer in
      writer.key("title")
      writer.string(title)
      machine.write(to: &writer)
      writer.key("columns")
      writer.array(columns) { writer, column in
        writer.object { writer in
          writer.key("name")
          writer.string(column.name)
          writer.key("unit")
          writer.string(column.unit)
        }
      }
      writer.key("rows")
      writer.array(rows) { writer, row in
        writer.array(row) { writer, value in
          switch value {
          case .text(let text): writer.string(text)
          case .number(let number): writer.number(number)
          case .missing: writer.null()
          }
        }
      }
    }
    return writer.text + [UInt8(ascii: "\n")]
  }
}

extension Table.Value {
  /// Whole numbers with their thousands apart: 1,234,567.8.
  fileprivate func text(decimals: Int) -> String {
    switch self {
    case .text(let text): return text
    case .missing: return "-"
    case .number(let number):
      guard number.isFinite, abs(number) < 1e15 else { return String(number) }
      var scale = 1
      for _ in 0..<decimals { scale *= 10 }
      let scaled = Int((abs(number) * Double(scale)).rounded())
      var whole = Array(String(scaled / scale))
      for place in stride(from: whole.count - 3, to: 0, by: -3) { whole.insert(",", at: place) }
      let fraction = String(String(scale + scaled % scale).dropFirst())
      return (number < 0 && scaled > 0 ? "-" : "") + String(whole) + (decimals > 0 ? "." + fraction : "")
    }
  }
}
