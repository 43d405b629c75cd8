// What a reload takes up is told by the tests of each part; here: what it does not.

import JSON
import Kernel
import ProgramSupport
import Testing

@Suite struct ReloadsTests {
  @Test func `what waits for the next start is named`() throws {
    let folder = try Folder()
    try folder.write("exposures.key", String(repeating: "0123456789abcdef", count: 2))
    let edge = try House(folder: folder).edge
    try edge.reload { _ in }
    #expect(try edge.events("restart_needed").isEmpty)
    try edge.reload {
      $0.workers = 2
      $0.limits = [#""rate": 1000"#, #""body": "32KiB""#]
      // Whether there is a key is not for a reload to change.
      $0.members = [#""exposures": {"keyFile": "exposures.key"}"#]
    }
    #expect(try edge.events("reloaded").count == 2)
    #expect(try edge.events("restart_needed").count == 1)
    let line = try edge.event("restart_needed")
    #expect(line["settings"]?.text == "exposures.keyFile limits.body workers")
    // What was taken back waits no more.
    try edge.reload {
      $0.workers = 1
      $0.limits = []
      $0.members = []
    }
    #expect(try edge.events("restart_needed").count == 1)
    #expect(try edge.version() == 1)
  }

  @Test func `a configuration that is wrong changes nothing, and is told`() throws {
    let edge = try House().edge
    try edge.reload { $0.members = [#""drainDelay": "11s""#] }
    #expect(try edge.event("reload_failed")["reason"]?.text?.contains("drainDelay") == true)
    #expect(try edge.events("reloaded").isEmpty)
    #expect(try edge.version() == 1)
  }
}
