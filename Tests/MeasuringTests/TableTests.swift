import Measuring
import Testing

struct TableTests {
  private var table: Table {
    var table = Table(
      "what was measured",
      columns: [
        Table.Column("case", "", .left), Table.Column("time", "ns", decimals: 1), Table.Column("calls"),
      ])
    table.append(["short", .number(0.06), 1_234_567])
    table.append(["a longer name", .number(-1234.56), .missing])
    table.append(["none", .number(nil), "no tool"])
    return table
  }

  @Test func `a table is aligned under its names and units`() {
    let expected = """
      what was measured
      case               time      calls
                           ns
      short               0.1  1,234,567
      a longer name  -1,234.6          -
      none                  -    no tool

      """
    #expect(table.text == expected)
  }

  @Test func `the rows stand in the JSON as they were measured`() {
    let machine = Machine(
      kernel: "6.1", processor: "a \"fast\" one", cores: 2, date: "2026-01-02", command: ["bench", "--x"])
    let expected = #"""
      {"title":"what was measured","machine":{"kernel":"6.1","processor":"a \"fast\" one","cores":2},
      "date":"2026-01-02","command":["bench","--x"],
      "columns":[{"name":"case","unit":""},{"name":"time","unit":"ns"},{"name":"calls","unit":""}],
      "rows":[["short",0.06,1234567],["a longer name",-1234.56,null],["none",null,"no tool"]]}
      """#
    #expect(
      String(decoding: table.json(machine), as: UTF8.self) == expected.replacing("\n", with: "") + "\n")
  }

  @Test func `a table without units has no line of them`() {
    var table = Table("t", columns: [Table.Column("n")])
    table.append([999])
    #expect(table.text == "t\n  n\n999\n")
  }
}
