// The edge as a container has it: alone in a root folder that it cannot write to, as a user without rights, under the
// profiles that container runtimes put around it. Without a runtime, so what one would do a script does.

import Glibc
import JSON
import Kernel
import ProgramSupport
import Snapshots
import Testing

@Suite(.enabled(if: geteuid() == 0)) struct ContainerTests {
  private static let configs = Python.root + "/configs/container"

  @Test(arguments: [
    // What Docker's and containerd's own profiles do, as far as an edge is concerned.
    (profile: "no-io-uring", driver: "epoll"),
    (profile: configs + "/seccomp.json", driver: "io_uring"),
    (profile: configs + "/seccomp.json", driver: "epoll"),
  ])
  func `it runs in the image's root, and all of it`(profile: String, driver: String) throws {
    let folder = try Folder()
    let root = folder.path("root")
    try Program.check(Self.configs + "/root.sh", [Program.built + "/turnout-edge", root])
    #expect(!File.exists(root + "/bin/sh"))
    let site = try Site()
    try site.publish("prod", 1)
    let upstream = try ScriptedUpstream(site)
    let (port, adminPort) = (try Plug.freePort(), try Plug.freePort())
    try folder.write("root/etc/turnout/edge.json", try File.read(Self.configs + "/edge.json", limit: 1 << 16))
    try folder.write("root/etc/turnout-keys/trust.json", site.trusted.encode())
    let collector = try DatagramPeer()
    var variables = [
      "LISTEN": "127.0.0.1:\(port)", "ADMIN": "127.0.0.1:\(adminPort)",
      // A name, so that looking one up is part of it.
      "UPSTREAM_URL": upstream.url.replacing("127.0.0.1", with: "localhost"),
      "UPSTREAM_POLL_INTERVAL": "100ms",
      "EXPOSURES_COLLECTOR": "localhost:\(collector.port)",
    ]
    if driver == "epoll" { variables["DRIVER"] = driver }
    // A run of the tests may be about one driver.
    let expected = driver == "epoll" ? driver : Backend.underTest.rawValue
    // The image's own hosts are the runtime's to write.
    try folder.write("root/etc/hosts", "127.0.0.1 localhost\n")
    let log = folder.path("log")
    let edge = try Program(
      try Python.path(),
      [
        Python.support + "/container.py", root, profile, "/usr/bin/turnout-edge", "--config",
        "/etc/turnout/edge.json",
      ], variables: Dictionary(uniqueKeysWithValues: variables.map { ("TURNOUT_EDGE_" + $0, $1) }),
      errors: log)
    func admin(_ target: String) throws -> Answer { try RawClient(port: adminPort).get(target) }
    do {
      try eventually("it is ready") { (try? admin("/ready").status) == 200 }
    } catch {
      throw Failure("\(error)\n\((try? folder.text("log")) ?? "")")
    }
    #expect(try RawClient(port: port).get("/decide?user_key=u").status == 200)
    #expect(try admin("/explain?user_key=u").status == 200)
    #expect(try admin("/metrics").metric("turnout_io_backend{backend=\"\(expected)\"}") == 1)
    #expect(try admin("/metrics").metric("process_resident_memory_bytes") < 64 << 20)
    #expect(collector.receive(within: 10) != nil)
    let status = String(decoding: try File.readVirtual("/proc/\(edge.pid)/status"), as: UTF8.self)
    #expect(status.contains("Uid:\t65532\t65532"))
    #expect(status.contains("CapBnd") && status.contains("CapEff:\t0000000000000000"))
    try site.publish("prod", 2)
    try eventually("it follows its upstream") {
      try RawClient(port: port).get("/decide?user_key=u").json()["config_version"]?.integer == 2
    }
    // A reload reads files, and writes to the log.
    edge.signal(SIGHUP)
    try eventually("it reads its configuration anew") {
      try folder.text("log").contains(#""event":"reloaded""#)
    }
    edge.signal(SIGTERM)
    #expect(try edge.exitCode() == 0)
    #expect(!(try folder.text("log").contains(#""level":"error""#)))
  }
}

@Suite struct ManifestTests {
  @Test func `Kubernetes takes the manifests, and has no member that it does not know`() throws {
    let folder = Python.root + "/configs/kubernetes"
    let files = try File.names(in: folder).map { folder + "/" + $0 }
    #expect(files.count == 2)
    let program = File.directory(of: try Python.path()) + "/kubernetes-validate"
    let result = try Program.run(program, ["--strict"] + files, within: 60)
    #expect(result.code == 0, "\(result.output) \(result.errors)")
  }
}
