// What a running edge has given up, as the system sees it.

import Glibc
import JSON
import Kernel
import ProgramSupport
import Testing

@Suite struct SandboxTests {
  /// A line of /proc/PID/status.
  private func status(_ edge: EdgeProcess, _ name: String, task: String? = nil) throws -> Substring? {
    let path = "/proc/\(edge.process.pid)" + (task.map { "/task/\($0)" } ?? "") + "/status"
    return String(decoding: try File.readVirtual(path), as: UTF8.self).split(separator: "\n")
      .first { $0.hasPrefix(name + ":") }?.split(whereSeparator: \.isWhitespace).last
  }

  @Test func `no thread can gain a right or make a call that a proxy does not need`() throws {
    let edge = try House { $0.workers = 2 }.edge
    let line = try edge.event("sandboxed")
    #expect(line["seccomp"]?.bool == true)
    for task in try File.names(in: "/proc/\(edge.process.pid)/task") {
      #expect(try status(edge, "NoNewPrivs", task: task) == "1")
      for name in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        #expect(try status(edge, name, task: task) == "0000000000000000", "\(name)")
      }
      #expect(try status(edge, "Seccomp", task: task) == "2")
    }
  }

  @Test func `without a sandbox it still gives up its rights`() throws {
    let edge = try House { $0.members = [#""sandbox": false"#] }.edge
    #expect(try status(edge, "NoNewPrivs") == "1")
    #expect(try status(edge, "CapEff") == "0000000000000000")
    // This process may run under a filter itself.
    let own = String(decoding: try File.readVirtual("/proc/self/status"), as: UTF8.self)
    let filters = own.split(separator: "\n").first { $0.hasPrefix("Seccomp_filters:") }?
      .split(whereSeparator: \.isWhitespace).last
    #expect(try status(edge, "Seccomp_filters") == filters)
    #expect(try edge.events("sandboxed").isEmpty)
  }

  @Test func `it reads what it was told of at the start, renewed too, and nothing else`() throws {
    let folder = try Folder()
    _ = try Certificates(in: folder)
    let elsewhere = try Folder()
    _ = try Certificates(in: elsewhere)
    func tls(_ folder: Folder, _ name: String) -> [String] {
      [#""tls": {"certificate": "\#(folder.path(name + ".pem"))", "key": "\#(folder.path(name + ".key"))"}"#]
    }
    let edge = try House(folder: folder) { $0.members = tls(folder, "server") }.edge
    try #require(edge.event("sandboxed")["landlock"]?.integer ?? 0 > 0)
    // A file that is put in another's place, as those who renew certificates do.
    for name in ["server.pem", "server.key"] {
      try folder.write(name, try folder.read(name.replacing("server", with: "renewed")))
    }
    try edge.reload { _ in }
    #expect(try edge.events("reloaded").count == 1)
    try edge.reload { $0.members = tls(elsewhere, "server") }
    let failure = try edge.event("reload_failed")
    #expect(failure["reason"]?.text?.contains("server.pem") == true)
    #expect(try edge.admin("/ready").status == 200)
  }
}
