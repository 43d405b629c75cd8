// What a service manager such as systemd tells an edge and hears from it.

import Glibc
import Kernel
import ProgramSupport
import Testing

@Suite struct ServiceManagerTests {
  @Test func `the service manager hears when it is ready, reloads and ends`() throws {
    let folder = try Folder()
    let manager = try ServiceManagerPeer(in: folder)
    let edge = try House(folder: folder) { $0.variables["NOTIFY_SOCKET"] = manager.path }.edge
    edge.mayEnd = true
    try eventually("it says that it is ready") { manager.heard() == ["READY=1\nSTATUS=serving"] }
    try edge.reload { _ in }
    try eventually("it says that it is ready again") { manager.heard().count == 3 }
    #expect(manager.heard()[1].hasPrefix("RELOADING=1\nMONOTONIC_USEC="))
    #expect(manager.heard()[2] == "READY=1")
    edge.process.signal(SIGTERM)
    #expect(try edge.process.exitCode() == 0)
    #expect(manager.heard().dropFirst(3) == ["STOPPING=1"])
  }

  @Test func `it is not ready before it can decide`() throws {
    let folder = try Folder()
    let manager = try ServiceManagerPeer(in: folder)
    let site = try Site()
    let upstream = try ScriptedUpstream(site)
    var settings = EdgeSettings(upstream, site)
    settings.variables["NOTIFY_SOCKET"] = manager.path
    let edge = try EdgeProcess(settings, folder: folder, waitsUntilReady: false)
    #expect(try edge.ready().status == 503)
    #expect(manager.heard().isEmpty)
    try site.publish("prod", 1)
    try eventually("it says that it is ready") { manager.heard() == ["READY=1\nSTATUS=serving"] }
  }

  @Test func `a watchdog hears of it as long as every worker turns`() throws {
    let folder = try Folder()
    let manager = try ServiceManagerPeer(in: folder)
    let edge = try House(folder: folder) {
      $0.workers = 2
      $0.variables = ["NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "400000"]
    }.edge
    let alive = "WATCHDOG=1"
    try eventually("it is alive") { manager.heard().count { $0 == alive } > 3 }
    let seen = manager.heard().count
    try eventually("it goes on") { manager.heard().count > seen + 3 }
    #expect(try edge.get("/health").status == 200)
  }

  @Test func `the former process names its successor to the service manager`() throws {
    let folder = try Folder()
    let manager = try ServiceManagerPeer(in: folder)
    let edge = try House(folder: folder) {
      $0.members = [#""handover": "handover.sock""#]
      $0.variables["NOTIFY_SOCKET"] = manager.path
    }.edge
    let former = try edge.takeOver()
    #expect(try former.exitCode() == 0)
    try eventually("both have spoken") { manager.heard().count == 3 }
    #expect(manager.heard().contains("MAINPID=\(edge.process.pid)"))
    #expect(!manager.heard().contains("STOPPING=1"))
  }

  @Test func `sockets that it is started with are its listeners, and stay the manager's`() throws {
    let (tcp, port) = try Plug.listen()
    let folder = try Folder()
    let path = folder.path("lent.sock")
    let unix = try Socket.listen(.unix(path: path), isShared: false).release()
    let site = try Site()
    try site.publish("prod", 1)
    let upstream = try ScriptedUpstream(site)
    var settings = EdgeSettings(upstream, site)
    settings.workers = 2
    settings.launcher = ServiceManagerPeer.passing([tcp, unix])
    // As variables, since the file speaks of the ports that this test did not choose.
    settings.variables["TURNOUT_EDGE_LISTEN"] = "127.0.0.1:\(port),unix:\(path)"
    let edge = try EdgeProcess(settings, folder: folder)
    edge.mayEnd = true
    Socket.close(tcp)
    Socket.close(unix)
    #expect(try RawClient(port: port).get("/decide?user_key=u").status == 200)
    #expect(try RawClient(path: path).get("/decide?user_key=u").status == 200)
    edge.process.signal(SIGTERM)
    #expect(try edge.process.exitCode() == 0)
    #expect(File.exists(path), "it is not the edge's to remove")
  }

  @Test func `a socket that no setting names is refused`() throws {
    let (tcp, _) = try Plug.listen()
    let folder = try Folder()
    try folder.write(
      "edge.json",
      """
      {"listen": ["unix:e.sock"], "admin": "unix:a.sock",
      "upstream": {"url": "file:site", "environments": ["prod"], "allowUnsigned": true}}
      """)
    let command =
      ServiceManagerPeer.passing([tcp]) + [
        Program.built + "/turnout-edge", "--config", folder.path("edge.json"),
      ]
    let result = try Program.run(command[0], Array(command.dropFirst()))
    Socket.close(tcp)
    #expect(result.code == 2)
    #expect(result.errors.contains("the service manager passes sockets"))
  }
}
