// The simulation as a program: a seed tells the same story each time, and many seeds hold.

import ProgramSupport
import Testing

struct SimulateTests {
  private func simulate(_ arguments: String...) throws -> Program.Result {
    try Program.run(Program.built + "/simulate", arguments, within: 120)
  }

  @Test(arguments: [7, 19, 475])
  func `a seed tells the same story each time`(seed: Int) throws {
    let first = try simulate("--seed", "\(seed)")
    #expect(first.code == 0, "\(first.output.suffix(500))")
    #expect(first.output.split(separator: "\n").count > 5)
    #expect(try simulate("--seed", "\(seed)").output == first.output)
  }

  @Test func `seeds hold`() throws {
    let result = try simulate("--seeds", "200")
    #expect(result.code == 0, "\(result.output)")
    #expect(result.output.contains("200 runs hold"))
  }

  @Test func `what is no number of seeds is refused`() throws {
    #expect(try simulate("--seeds", "0").code == 2)
    #expect(try simulate("--sed", "1").errors.contains("--seed"))
  }
}
