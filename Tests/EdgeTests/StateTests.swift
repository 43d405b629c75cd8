// What an edge keeps on its disk, and what becomes of it: upstream down, files broken, killed at any moment.

import Bytes
import Glibc
import JSON
import Kernel
import Snapshots
import ProgramSupport
import Testing

@Suite struct StateTests {
  /// An edge that has version 1 and then 2 in its state, with the upstream gone.
  private func seasoned() throws -> House {
    let house = try House()
    try house.site.publish("prod", 2)
    try house.edge.wait(forVersion: 2)
    house.upstream.stop()
    return house
  }

  private func corrupt(_ folder: Folder, _ name: String) throws {
    var bytes = try folder.read(name)
    bytes[bytes.count / 2] ^= 1
    try folder.write(name, bytes)
  }

  @Test func `with the upstream down a restarted edge answers from its disk and says so`() throws {
    let edge = try seasoned().edge
    try edge.event("snapshot_refused") { $0["reason"]?.text == "unreachable" }
    #expect(try edge.state()?["source"]?.text == "upstream")
    try edge.restart()
    #expect(try edge.version() == 2)
    #expect(try edge.state()?["source"]?.text == "disk")
    #expect(try edge.state()?["signed"]?.bool == true)
    #expect(try edge.metric(#"turnout_snapshot_from_disk{environment="prod"}"#) == 1)
    #expect(try edge.get("/configs/prod/manifest.json").status == 200)
  }

  @Test func `an environment that a request asked for is kept as well`() throws {
    let house = try House()
    try house.site.publish("asked", 1)
    try eventually("it is followed") { try house.edge.version("asked") == 1 }
    house.upstream.stop()
    try house.edge.restart()
    try eventually("it is loaded from the disk") { try house.edge.version("asked") == 1 }
    #expect(try house.edge.state("asked")?["source"]?.text == "disk")
  }

  @Test(arguments: [
    "state/configs/prod/manifest.json", "state/configs/prod/snapshots/2.json",
  ])
  func `where the current generation is broken the one before it serves`(name: String) throws {
    let edge = try seasoned().edge
    for breakIt: (Folder) throws -> Void in [
      { try corrupt($0, name) }, { try $0.write(name, []) },
      {
        try File.remove($0.path(name)); try File.makeDirectory($0.path(name))
      },
      { folder in
        guard unsafe rmdir(folder.path(name)) == 0, unsafe mkfifo(folder.path(name), 0o644) == 0 else {
          throw SystemFailure("mkfifo")
        }
      },
    ] {
      edge.process.kill()
      try breakIt(edge.folder)
      try edge.restart()
      #expect(try edge.version() == 1)
      #expect(try edge.state()?["source"]?.text == "disk")
      #expect(try !edge.events("state_refused").isEmpty)
    }
  }

  @Test(arguments: ["accepted.json", "manifest.previous.json"])
  func `whatever stands in the place of the other records, it serves and goes on`(name: String) throws {
    let house = try House()
    try house.site.publish("prod", 2)
    try house.edge.wait(forVersion: 2)
    let edge = house.edge
    let path = "state/configs/prod/" + name
    for (version, breakIt): (Int, (Folder) throws -> Void) in [
      (3, { try corrupt($0, path) }), (4, { try $0.write(path, []) }),
      (5, { try $0.write(path, $0.read("state/configs/prod/snapshots/4.json")) }),
      (
        6,
        {
          try File.remove($0.path(path)); try File.makeDirectory($0.path(path))
        }
      ),
      (
        7,
        { folder in
          guard unsafe rmdir(folder.path(path)) == 0, unsafe mkfifo(folder.path(path), 0o644) == 0 else {
            throw SystemFailure("mkfifo")
          }
        }
      ),
    ] {
      edge.process.kill()
      try breakIt(edge.folder)
      try edge.restart()
      try house.site.publish("prod", version)
      try edge.wait(forVersion: version)
    }
  }

  @Test func `files of another environment or version are not taken for its own`() throws {
    let site = try Site()
    for name in ["prod", "other"] { try site.publish(name, 1) }
    let upstream = try ScriptedUpstream(site)
    let edge = try EdgeProcess(EdgeSettings(upstream, site, environments: ["prod", "other"]))
    let (prod, other) = ("state/configs/prod/", "state/configs/other/")
    for (name, from, reason): (String, String, Refusal.Reason) in [
      (prod + "manifest.json", other + "manifest.json", .environment),
      (prod + "snapshots/1.json", other + "snapshots/1.json", .length),
    ] {
      upstream.answer { _ in .answer(500, [], []) }
      edge.process.kill()
      let whole = try edge.folder.read(name)
      try edge.folder.write(name, try edge.folder.read(from))
      try edge.restart(waitsUntilReady: false)
      #expect(try edge.event("state_refused")["reason"]?.text == reason.rawValue)
      try edge.wait(forVersion: 1, "other")
      #expect(try edge.version() == nil)
      upstream.answer { site.reply($0) }
      try edge.waitUntilReady()
      try eventually("it is kept again") { try edge.folder.read(name) == whole }
    }
  }

  @Test func `with both generations broken it lives and is not ready`() throws {
    let edge = try seasoned().edge
    edge.process.kill()
    try corrupt(edge.folder, "state/configs/prod/snapshots/2.json")
    try corrupt(edge.folder, "state/configs/prod/snapshots/1.json")
    try edge.restart(waitsUntilReady: false)
    try eventually("both are refused") { try edge.events("state_refused").count == 2 }
    #expect(try edge.ready().status == 503)
    #expect(try edge.get("/health").status == 200)
    #expect(try edge.get("/decide?user_key=u").status == 503)
  }

  @Test func `a broken generation does not push out the good one before it`() throws {
    let house = try House()
    try house.site.publish("prod", 2)
    try house.edge.wait(forVersion: 2)
    let edge = house.edge
    edge.process.kill()
    try edge.folder.write("state/configs/prod/manifest.json", "broken")
    try edge.restart()
    try edge.wait(forVersion: 2)
    // The upstream gave version 2 again; version 1 is still behind it.
    try eventually("version 2 is kept again") {
      try edge.folder.text("state/configs/prod/manifest.json").hasPrefix("{")
    }
    house.upstream.stop()
    edge.process.kill()
    try edge.folder.write("state/configs/prod/manifest.json", "broken")
    try edge.restart()
    #expect(try edge.version() == 1)
  }

  @Test func `version 3 after 5 is refused, across a restart too`() throws {
    let house = try House()
    let edge = house.edge
    try house.site.publish("prod", 5)
    try edge.wait(forVersion: 5)
    try house.site.publish("prod", 3)
    try edge.event("snapshot_refused") { $0["reason"]?.text == "rollback" }
    #expect(try edge.version() == 5)
    #expect(try edge.refusals(.rollback) >= 1)
    try edge.restart()
    try edge.event("snapshot_refused") { $0["reason"]?.text == "rollback" }
    #expect(try edge.version() == 5)
    // Even when the snapshots themselves are lost.
    edge.process.kill()
    for name in ["manifest.json", "manifest.previous.json"] {
      try File.remove(edge.folder.path("state/configs/prod/" + name))
    }
    try edge.restart(waitsUntilReady: false)
    try edge.event("snapshot_refused") { $0["reason"]?.text == "rollback" }
    #expect(try edge.ready().status == 503)
    try house.site.publish("prod", 6)
    try edge.wait(forVersion: 6)
  }

  @Test func `state that another key signed is not used`() throws {
    let edge = try seasoned().edge
    let other = try Site()
    try edge.restart(waitsUntilReady: false) { $0.trusted = other.trusted }
    try edge.event("state_refused") { $0["reason"]?.text == "signature" }
    #expect(try edge.ready().status == 503)
  }

  @Test func `a state folder that cannot be written does not keep it from serving`() throws {
    let folder = try Folder()
    try folder.write("state", "a file, not a folder")
    let site = try Site()
    try site.publish("prod", 1)
    let upstream = try ScriptedUpstream(site)
    let edge = try EdgeProcess(EdgeSettings(upstream, site), folder: folder)
    #expect(try edge.version() == 1)
    try edge.event("state_not_kept")
    #expect(try edge.refusals(.storage) >= 1)
    try site.publish("prod", 2)
    try edge.wait(forVersion: 2)
    // Once there is room it is kept, without a new version.
    try File.remove(folder.path("state"))
    try eventually("version 2 is kept") { File.exists(folder.path("state/configs/prod/snapshots/2.json")) }
    upstream.stop()
    try eventually("its record is kept") { File.exists(folder.path("state/configs/prod/accepted.json")) }
    try edge.restart()
    #expect(try edge.version() == 2)
  }

  @Test func `killed at any moment it comes back with the old or the new version`() throws {
    let site = try Site()
    try site.publish("prod", 1)
    let version = Tally()
    version.add()
    let upstream = try ScriptedUpstream { request in
      if request.isManifest { try? site.publish("prod", version.add()) }
      return site.reply(request)
    }
    var settings = EdgeSettings(upstream, site)
    settings.pollInterval = "1ms"
    let edge = try EdgeProcess(settings)
    var random = Seeded(seed: 50)
    var (round, kept) = (0, 0)
    let end = seconds() + 8
    while seconds() < end {
      // Versions come as fast as they can be kept; somewhere in the next one it is killed.
      let seen = try eventually("a version comes") { try edge.version().flatMap { $0 > kept ? $0 : nil } }
      usleep(UInt32.random(in: 0..<20_000, using: &random))
      edge.process.kill()
      let published = version.value
      try edge.restart(waitsUntilReady: false)
      kept = try #require(try edge.event("snapshot_loaded")["version"]?.integer)
      #expect(kept >= seen && kept <= published, "round \(round): \(seen) <= \(kept) <= \(published)")
      #expect(try edge.events("state_refused").isEmpty, "round \(round)")
      round += 1
    }
    print(
      "killed \(round) times while versions were kept, \(version.value) of them: the old or the new each time"
    )
    #expect(round > 10)
  }
}
