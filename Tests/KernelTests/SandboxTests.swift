// Each thing that a sandbox forbids is tried, in a process of its own, since there is no way back.

import Glibc
import Kernel
import ProgramSupport
import Testing

struct SandboxTests {
  @Test func `files outside the sandbox are out of reach`() async throws {
    let inside = try Folder()
    let outside = try Folder()
    try inside.write("kept", "x")
    try outside.write("secret", "x")
    await #expect(processExitsWith: .success) {
      [inside = inside.path as String, outside = outside.path as String] in
      try Sandbox.renounce()
      try Sandbox.hide()
      guard
        try Sandbox.keepToFiles([(inside, .writing), ("/etc", .reading), ("/nowhere", .reading)]) > 0
      else { exit(EXIT_SUCCESS) }
      _ = try File.read(inside + "/kept", limit: 100)
      try File.replace(inside + "/new", with: [1])
      _ = try File.read("/etc/passwd", limit: 1 << 20)
      for path in [outside + "/secret", "/proc/self/status"] {
        #expect(throws: SystemFailure.self) { try File.read(path, limit: 100) }
      }
      #expect(throws: SystemFailure.self) { try File.replace(outside + "/new", with: [1]) }
      #expect(throws: SystemFailure.self) { try File.replace("/etc/turnout-test", with: []) }
      #expect(throws: SystemFailure.self) {
        _ = try Socket.listen(.tcp(host: "127.0.0.1", port: 0), isShared: false)
      }
      _ = try Socket.listen(.unix(path: inside + "/s"), isShared: false)
    }
  }

  @Test func `calls that change who a process is, or start another, are refused`() async {
    await #expect(processExitsWith: .success) {
      try Sandbox.renounce()
      guard try Sandbox.refuseCalls() else { exit(EXIT_SUCCESS) }
      #expect(throws: (any Error).self) { try Program("/bin/true", []) }
      #expect(unsafe mount("none", "/mnt", "tmpfs", 0, nil) == -1)
      #expect(errno == EPERM)
      #expect(unsafe chroot("/") == -1)
      // What it needs still works.
      let waker = try Waker()
      try Threads.start("thread") { waker.wake() }
      waker.wait(milliseconds: 5_000)
      _ = try Socket.listen(.tcp(host: "127.0.0.1", port: 0), isShared: true)
      _ = try Driver(Backend.underTest, waker: Waker())
    }
  }
}
