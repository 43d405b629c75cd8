// A disk that is full or may not be written: nobody who asks notices, and what was kept before stays.

import JSON
import Kernel
import ProgramSupport
import Snapshots
import Testing
import Trust

@Suite(.enabled(if: SmallDisk.isPossible, "a tmpfs cannot be mounted here"))
struct StateDiskTests {
  @Test(arguments: [true, false])
  func `without room it serves what is new, and keeps it once there is room`(isFull: Bool) throws {
    let disk = try SmallDisk()
    let site = Site(keys: [try PrivateKey.generate(), try PrivateKey.generate()], threshold: 1)
    let (first, second) = (site.keys[0], site.keys[1])
    try site.publish("prod", 1, with: [first])
    let upstream = try ScriptedUpstream(site)
    var settings = EdgeSettings(upstream, site)
    settings.trusted = TrustedKeys(keys: [first.publicKey], threshold: 1)
    settings.stateDirectory = disk.folder.path("state")
    let edge = try EdgeProcess(settings)
    let client = try edge.client()
    var decisions = 0
    func decide(_ count: Int) throws {
      for _ in 0..<count {
        #expect(try client.get("/decide?user_key=u\(decisions)").status == 200)
        decisions += 1
      }
    }
    if isFull { try disk.fill(leaving: 0) } else { try disk.setReadOnly(true) }
    let before = try disk.folder.read("state/configs/prod/manifest.json")
    // A new version and a rotation of keys on top.
    try site.rotate(
      to: TrustedKeys(keys: [second.publicKey], threshold: 1, number: 1), signedBy: [first, second])
    try site.publish("prod", 2, with: [second])
    try edge.wait(forVersion: 2)
    try decide(1000)
    #expect(try edge.events("state_not_kept").count == 1)
    #expect(try edge.events("trust_not_kept").count == 1)
    #expect(try edge.refusals(.storage) > 0)
    #expect(try disk.folder.read("state/configs/prod/manifest.json") == before)
    #expect(!File.exists(disk.folder.path("state/configs/prod/snapshots/2.json")))

    if isFull { try disk.release() } else { try disk.setReadOnly(false) }
    let start = seconds()
    try edge.event("state_kept")
    print("kept \(Int((seconds() - start) * 1000)) ms after there was room, \(decisions) decisions meanwhile")
    try decide(100)
    upstream.stop()
    try edge.restart()
    #expect(try edge.version() == 2)
    #expect(try edge.metric("turnout_trust_number") == 1)
  }
}
