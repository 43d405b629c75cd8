import Glibc
import Kernel
import Measuring
import Testing

struct ProcessesTests {
  @Test func `what a process uses is seen, and it ends with its owner`() throws {
    let child = try ChildProcess(["sh", "-c", "while :; do :; done"], processor: Threads.processors[0])
    let before = ChildProcess.processorTime(of: child.pid)
    try child.wait { (ChildProcess.processorTime(of: child.pid) - before).total > 0.05 }
    let used = ChildProcess.processorTime(of: child.pid)
    // Samples of the clock's tick add to the total, but for one tick of each kind.
    #expect(abs(used.user + used.system - used.total) < 0.05)
    #expect(child.residentBytes > 100_000)
    child.end()
    #expect(!child.isRunning)
    #expect(ChildProcess.processorTime(of: child.pid).total == 0)
  }

  @Test func `a process that waits for another one says so`() throws {
    let words = ["sh", "-c", "while :; do :; done"]
    let children = try (0..<2).map { _ in try ChildProcess(words, processor: Threads.processors[0]) }
    try children[0].wait { children.allSatisfy { ChildProcess.processorTime(of: $0.pid).waiting > 0.02 } }
  }

  @Test func `a process that will not end is killed`() throws {
    let log = "/tmp/turnout-deaf-\(getpid())"
    defer { unsafe unlink(log) }
    let child = try ChildProcess(
      ["sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 1; done"], log: log)
    try child.wait { child.output == "deaf\n" }
    child.end()
    #expect(!child.isRunning)
  }

  @Test func `a program that fails shows what it wrote`() throws {
    let log = "/tmp/turnout-measuring-\(getpid())"
    defer { unsafe unlink(log) }
    let failure = #expect(throws: BrokenProgram.self) {
      try ChildProcess.run(["sh", "-c", "echo out of luck >&2; exit 3"], log: log)
    }
    #expect(failure?.description == "sh failed:\nout of luck\n")
    #expect(throws: BrokenProgram.self) { try ChildProcess(["false"]).wait { false } }
  }

  @Test func `programs are found as the shell finds them`() {
    #expect(ChildProcess.find("sh")?.hasSuffix("/sh") == true)
    #expect(ChildProcess.find("no-such-program") == nil)
  }

  @Test func `a free port is free`() throws {
    let port = try ChildProcess.freePort(from: 19_000)
    let socket = try Socket.listen(.tcp(host: "127.0.0.1", port: port), isShared: false)
    #expect(try ChildProcess.freePort(from: port) > port)
    _ = socket.number
  }
}
