// The program that measures the engine still runs: each of its cases once.

import JSON
import Kernel
import ProgramSupport
import Testing

struct EngineTests {
  @Test func `the engine's benchmark prints each of its tables and writes it as JSON`() throws {
    let result = try Program.run(Program.built + "/bench-engine", ["--smoke"], within: 120)
    #expect(result.code == 0, "\(result.errors)")
    for (title, file) in [
      ("GET /decide on one thread", "engine"), ("A new snapshot", "engine-compile"),
      ("The same rules in other engines", "engine-peers"),
    ] {
      #expect(result.output.contains(title))
      _ = try Document(File.read("run/bench/smoke/\(file).json", limit: 1 << 20))
    }
  }

  @Test func `an unknown part is refused`() throws {
    let result = try Program.run(Program.built + "/bench-engine", ["peer"])
    #expect(result.code == 2)
    #expect(result.errors.contains("none of stages, compile and peers"))
  }
}
