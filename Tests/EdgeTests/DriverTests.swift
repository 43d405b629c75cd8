// Which driver an edge takes: io_uring, or epoll where a container forbids that, said once; and neither in silence where
// a limit is in the way.

import Glibc
import JSON
import Kernel
import ProgramSupport
import Testing

struct DriverTests {
  private let folder: Folder
  private let site: Site
  private let upstream: ScriptedUpstream
  private let launcher: String

  init() throws {
    folder = try Folder()
    launcher = try Shim.launcher("forbid_io_uring", in: folder)
    site = try Site()
    try site.publish("prod", 1)
    upstream = try ScriptedUpstream(site)
  }

  /// An edge that is left to choose, and whose calls of io_uring fail with `code`.
  private func settings(_ code: Int32) -> EdgeSettings {
    var settings = EdgeSettings(upstream, site)
    settings.launcher = [launcher, String(code)]
    settings.variables = ["TURNOUT_EDGE_DRIVER": "auto"]
    return settings
  }

  @Test(arguments: [EPERM, ENOSYS, EINVAL])
  func `where io_uring is forbidden epoll serves, and one line says so`(code: Int32) throws {
    let edge = try EdgeProcess(settings(code))
    for _ in 0..<3 { #expect(try edge.version("prod") == 1) }
    let client = try edge.unixClient()
    #expect(try client.get("/decide?user_key=u").status == 200)
    #expect(try edge.metric("turnout_io_backend{backend=\"epoll\"}") == 1)
    #expect(try edge.events("no_io_uring").count == 1)
    #expect(try edge.events("started").first?["driver"]?.text == "epoll")
  }

  /// What becomes of an edge that asks for `driver` while its calls of io_uring fail with `code`, and that ends by itself.
  private func refused(_ code: Int32, _ driver: String) throws -> Program.Result {
    let file = try folder.write(
      "edge.json",
      """
      {"listen": ["127.0.0.1:\(try Plug.freePort())"], "admin": "127.0.0.1:\(try Plug.freePort())",
       "upstream": {"url": "file:.", "environments": ["prod"], "allowUnsigned": true}}
      """)
    return try Program.run(
      launcher, [String(code), Program.built + "/turnout-edge", "--config", file],
      variables: ["TURNOUT_EDGE_DRIVER": driver])
  }

  @Test(arguments: [(ENOMEM, "ulimit -l"), (EMFILE, "ulimit -n")])
  func `a limit that is too low ends the start, and the log names the limit`(code: Int32, remedy: String)
    throws
  {
    let result = try refused(code, "auto")
    #expect(result.code == 1)
    #expect(result.errors.contains(remedy), "\(result.errors)")
    #expect(!result.errors.contains("no_io_uring"))
  }

  @Test func `who asks for io_uring gets it or is told why not`() throws {
    let result = try refused(EPERM, "io_uring")
    #expect(result.code == 1)
    #expect(result.errors.contains("allow io_uring_setup"), "\(result.errors)")
  }

  @Test func `who asks for epoll gets it without a word`() throws {
    var settings = EdgeSettings(upstream, site)
    settings.variables = ["TURNOUT_EDGE_DRIVER": "epoll"]
    let edge = try EdgeProcess(settings)
    #expect(try edge.metric("turnout_io_backend{backend=\"epoll\"}") == 1)
    #expect(try edge.events("no_io_uring").isEmpty)
  }
}
