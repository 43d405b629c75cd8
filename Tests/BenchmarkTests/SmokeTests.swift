// The programs that measure still run. What they measure is not looked at: a test that knows times fails on a busy
// machine.

import Kernel
import LoadGenerator
import ProgramSupport
import Testing

struct SmokeTests {
  /// Runs a program in a folder of its own, where it writes its figures.
  private func run(_ words: String, in folder: Folder) throws -> String {
    let result = try Program.run(
      "/bin/sh", ["-c", "cd \(folder.path) && exec \(Program.built)/\(words)"], within: 60)
    #expect(result.code == 0, "\(result.errors)")
    return result.output
  }

  @Test func `bench-serve has a line for each server, installed or not`() throws {
    let folder = try Folder()
    let lines = try run("bench-serve --smoke", in: folder).split(separator: "\n")
    for server in ["edge", "responder", "nginx", "nginx-lua", "haproxy"] {
      #expect(lines.filter { $0.contains(" \(server) ") }.count >= 6, "\(server)")
    }
    for name in ["serve", "serve-goals"] {
      #expect(try folder.text("run/bench/\(name).json").contains("\"rows\":"))
    }
  }

  @Test func `bench-swap has a line for each case, and fails where the edge does not follow`() throws {
    let folder = try Folder()
    let output = try run("bench-swap --smoke", in: folder)
    let rows = output.split(separator: "\n").map { $0.split(separator: " ") }.filter { Int($0[0]) != nil }
    for placement in ["worker", "edge"] { #expect(rows.count { $0[1] == placement } == 4) }
    for row in rows where row[2] == "0" { #expect(row[3] == "0.0", "\(row)") }
    #expect(output.contains("first answer"))
    for name in ["swap", "swap-goals"] {
      #expect(try folder.text("run/bench/\(name).json").contains("\"rows\":"))
    }
  }

  @Test func `bench-load asks a server at a rate and without one`() throws {
    let folder = try Folder()
    try folder.write("answer", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
    let socket = folder.path("socket")
    let size = try Requests(target: "/{user}").size
    let responder = try Program(
      Program.built + "/bench-responder", [socket, "\(size)", folder.path("answer")])
    try eventually("the responder listens") {
      #expect(responder.isRunning)
      return (try? BlockingStream(to: .unix(path: socket), timeout: 1)) != nil
    }
    for pace in ["", "--rate 1000"] {
      let output = try run("bench-load unix:\(socket) --target /{user} --smoke \(pace)", in: folder)
      #expect(output.contains("p99.99"))
      #expect(try folder.text("run/bench/load.json").contains("\"rows\":"))
    }
  }
}
