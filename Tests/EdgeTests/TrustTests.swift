// Rotation of trust against the real edge: how it finds its way to new keys, and what does not get it there.

import Bytes
import JSON
import Kernel
import ProgramSupport
import Snapshots
import Testing
import Trust

@Suite struct TrustTests {
  /// A site whose edges trust the first `count` of its four keys, and an edge that serves version 1 of it.
  private struct House {
    let site: Site
    let upstream: ScriptedUpstream
    let edge: EdgeProcess
    var keys: [PrivateKey] { site.keys }

    init(trusting count: Int, threshold: Int, _ change: (inout EdgeSettings) -> Void = { _ in }) throws {
      site = Site(keys: try (0..<4).map { _ in try PrivateKey.generate() }, threshold: threshold)
      try site.publish("prod", 1, with: Array(site.keys.prefix(threshold)))
      upstream = try ScriptedUpstream(site)
      var settings = EdgeSettings(upstream, site)
      settings.trusted = TrustedKeys(
        keys: site.keys.prefix(count).map(\.publicKey), threshold: threshold)
      settings.upstream = [#""timeout": "1s""#]
      change(&settings)
      edge = try EdgeProcess(settings)
      edge.owned = [upstream]
    }

    func trusting(_ members: [Int], threshold: Int = 1, number: Int) -> TrustedKeys {
      TrustedKeys(keys: members.map { keys[$0].publicKey }, threshold: threshold, number: number)
    }

    func rotate(to next: TrustedKeys, _ signers: Int...) throws {
      try site.rotate(to: next, signedBy: signers.map { keys[$0] })
    }

    func publish(_ version: Int, _ signers: Int..., change: (inout Manifest) -> Void = { _ in }) throws {
      try site.publish("prod", version, with: signers.map { keys[$0] }, change: change)
    }

    func trustNumber() throws -> Int { try edge.metric("turnout_trust_number") }

    func trustRefusals(_ reason: Refusal.Reason) throws -> Int {
      try edge.metric("turnout_trust_refused_total{reason=\"\(reason.rawValue)\"}")
    }

    /// Waits until the upstream's manifest of that version is refused for its signatures.
    func refusesSignature(since count: Int = 0) throws {
      try eventually("it is refused") {
        try edge.events("snapshot_refused").count { $0["reason"]?.text == "signature" } > count
      }
    }
  }

  // MARK: - Done right

  @Test func `an edge that knows only the former key finds its way to the new one, and stays there`() throws {
    let house = try House(trusting: 1, threshold: 1)
    #expect(try house.trustNumber() == 0)
    try house.rotate(to: house.trusting([1], number: 1), 0, 1)
    try house.publish(2, 1)
    try house.edge.wait(forVersion: 2)
    #expect(try house.trustNumber() == 1)
    #expect(try house.edge.refusals(.signature) == 0)
    #expect(try house.edge.event("trust_rotated")["number"]?.integer == 1)
    // What the former key signs counts for nothing any more, whatever its version.
    try house.publish(3, 0)
    try house.refusesSignature()
    #expect(try house.edge.version() == 2)

    // The upstream may lose the file or go: the step was taken.
    house.site[Layout.trust(1)] = nil
    for isDown in [false, true] {
      if isDown { house.upstream.stop() }
      try house.edge.restart()
      #expect(try house.edge.version() == 2)
      #expect(try house.trustNumber() == 1)
      #expect(try house.edge.state()?["source"]?.text == "disk")
      if !isDown { try house.refusesSignature() }
    }
  }

  @Test func `an edge that was away for fifty rotations takes them all at its start`() throws {
    let keys = try (0...50).map { _ in try PrivateKey.generate() }
    let site = Site(keys: [keys[0]], threshold: 1)
    for number in 1...50 {
      try site.rotate(
        to: TrustedKeys(keys: [keys[number].publicKey], threshold: 1, number: number),
        signedBy: [keys[number - 1], keys[number]])
    }
    try site.publish("prod", 1, with: [keys[50]])
    let upstream = try ScriptedUpstream(site)
    let edge = try EdgeProcess(EdgeSettings(upstream, site))
    #expect(try edge.version() == 1)
    #expect(try edge.metric("turnout_trust_number") == 50)
    #expect(upstream.requests.filter(\.isTrust).map(\.path) == (1...51).map { Layout.trust($0) })
    #expect(upstream.peak == 1)
    // From the first request to the last.
    let times = upstream.requests.map(\.time)
    print("fifty rotations took \(Int((times.last! - times[0]) * 1000)) ms")
    // From the disk it goes on at the end of the chain.
    try edge.restart()
    #expect(try edge.metric("turnout_trust_number") == 50)
    try eventually("the manifest is asked for again") { upstream.manifests(for: "prod").count > 1 }
    try eventually("only the next one is asked for") {
      upstream.requests.last(where: \.isTrust)?.path == Layout.trust(51)
    }
    // A new edge may be given the newest trust file as its key file.
    try edge.restart { $0.trusted = TrustedKeys(keys: [keys[50].publicKey], threshold: 1, number: 50) }
    #expect(try edge.version() == 1)
  }

  @Test func `no more steps are followed from one key file than the limit`() throws {
    let key = try PrivateKey.generate()
    let site = Site(keys: [key], threshold: 1)
    func trust(_ number: Int) -> TrustedKeys {
      TrustedKeys(keys: [key.publicKey], threshold: 1, number: number)
    }
    try site.publish("prod", 1)
    for number in 1...TrustedKeys.stepMax + 1 { try site.rotate(to: trust(number), signedBy: [key]) }
    let folder = try Folder()
    try File.makeDirectory(folder.path("state/configs/trust"))
    for number in 1...TrustedKeys.stepMax {
      // Without a flush each, which takes long.
      var file = try LogFile(appendingTo: folder.path("state/" + Layout.trust(number)))
      try site[Layout.trust(number)]!.withBytes { (bytes) throws(SystemFailure) in try file.append(bytes) }
    }
    let upstream = try ScriptedUpstream(site)
    let edge = try EdgeProcess(EdgeSettings(upstream, site), folder: folder)
    #expect(try edge.metric("turnout_trust_number") == TrustedKeys.stepMax)
    #expect(try edge.version() == 1)
    #expect(upstream.requests.filter(\.isTrust).isEmpty)
    // A newer key file begins anew.
    try edge.restart { $0.trusted = trust(1) }
    try site.publish("prod", 2)
    try edge.wait(forVersion: 2)
    #expect(try edge.metric("turnout_trust_number") == TrustedKeys.stepMax + 1)
    #expect(upstream.requests.filter(\.isTrust).map(\.path) == [Layout.trust(TrustedKeys.stepMax + 1)])
  }

  @Test func `several environments rotate together`() throws {
    let house = try House(trusting: 2, threshold: 2) { $0.environments = ["prod"] }
    let names = (0..<8).map { "e\($0)" }
    for name in names { try house.site.publish(name, 1, with: [house.keys[0], house.keys[1]]) }
    try house.edge.restart { $0.environments = names }
    for number in 1...5 {
      let members = number % 2 == 0 ? [0, 1] : [2, 3]
      try house.rotate(to: house.trusting(members, threshold: 2, number: number), 0, 1, 2, 3)
    }
    for name in names { try house.site.publish(name, 2, with: [house.keys[2], house.keys[3]]) }
    for name in names { try house.edge.wait(forVersion: 2, name) }
    #expect(try house.trustNumber() == 5)
    #expect(try house.edge.events("trust_rotated").map { $0["number"]?.integer } == [1, 2, 3, 4, 5])
    #expect(try house.edge.events("trust_refused").isEmpty)
  }

  // MARK: - Done wrong

  /// A trust file that is no next step, and the reason that is counted.
  struct Fault: Sendable, CustomTestStringConvertible {
    let name: String
    let reason: Refusal.Reason
    let reply: @Sendable ([PrivateKey]) throws -> Reply
    var testDescription: String { name }
  }

  /// From keys 0 and 1, both needed, to keys 2 and 3, both needed.
  private static func signed(
    _ name: String, by signers: [Int], number: Int = 1, _ reason: Refusal.Reason = .signature
  ) -> Fault {
    Fault(name: name, reason: reason) { keys in
      let next = TrustedKeys(keys: [keys[2].publicKey, keys[3].publicKey], threshold: 2, number: number)
      let envelope = try Envelope(
        next.encode(), type: TrustedKeys.rotationType, signedBy: signers.map { keys[$0] })
      return .answer(200, [], envelope.encode())
    }
  }

  private static func reply(_ name: String, _ reason: Refusal.Reason, _ reply: Reply) -> Fault {
    Fault(name: name, reason: reason) { _ in reply }
  }

  static let faults = [
    signed("by the new keys only", by: [2, 3]), signed("by the former only", by: [0, 1]),
    signed("below the former threshold", by: [0, 2, 3]), signed("below its own threshold", by: [0, 1, 2]),
    signed("one key twice", by: [0, 0, 2, 3]), signed("by nobody", by: []),
    signed("a lower number", by: [0, 1, 2, 3], number: 0, .number),
    signed("a step left out", by: [0, 1, 2, 3], number: 2, .number),
    Fault(name: "signed as a manifest", reason: .malformed) { keys in
      let next = TrustedKeys(keys: [keys[2].publicKey], threshold: 1, number: 1)
      return .answer(
        200, [], try Envelope(next.encode(), type: Envelope.manifestType, signedBy: keys).encode())
    },
    Fault(name: "a key that stands there twice", reason: .malformed) { keys in
      let next = TrustedKeys(keys: [keys[2].publicKey, keys[2].publicKey], threshold: 2, number: 1)
      return .answer(
        200, [], try Envelope(next.encode(), type: TrustedKeys.rotationType, signedBy: keys).encode())
    },
    reply("html", .malformed, .answer(200, [], Array("<html>".utf8))),
    reply("large", .oversized, .answer(200, [], [UInt8](repeating: 0x20, count: 65_537))),
    reply("endless", .oversized, .endless(head: "HTTP/1.1 200 OK\r\n\r\n")),
    reply("status", .status, .answer(500, [], [])),
    reply("not modified", .status, .answer(304, [], [])),
    reply("redirect", .status, .answer(302, ["Location: /configs/trust/2.json"], [])),
    reply("gzip", .protocolError, .answer(200, ["Content-Encoding: gzip"], [])),
    reply("cut short", .protocolError, .raw(Array("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".utf8))),
    reply("hang", .timeout, .hang),
  ]

  @Test(arguments: faults) func `a trust file that is no next step changes nothing`(fault: Fault) throws {
    let house = try House(trusting: 2, threshold: 2)
    let (site, keys) = (house.site, house.keys)
    house.upstream.answer { request in
      request.path == Layout.trust(1) ? (try? fault.reply(keys)) ?? .close : site.reply(request)
    }
    try house.publish(2, 2, 3)
    try house.refusesSignature()
    #expect(try house.edge.version() == 1)
    let line = try house.edge.event("trust_refused")
    #expect(line["reason"]?.text == fault.reason.rawValue, "\(line["message"]?.text ?? "")")
    #expect(try house.trustRefusals(fault.reason) > 0)
    #expect(try house.trustNumber() == 0)
    #expect(!File.exists(house.edge.folder.path("state/" + Layout.trust(1))))
    // It holds nothing up: who is trusted goes on signing.
    try house.publish(3, 0, 1)
    try house.edge.wait(forVersion: 3)
  }

  @Test func `without the step between, a later one is not even asked for`() throws {
    let house = try House(trusting: 1, threshold: 1)
    try house.rotate(to: house.trusting([2], number: 2), 0, 1, 2)
    try house.publish(2, 2)
    try house.refusesSignature()
    #expect(try house.trustNumber() == 0)
    #expect(!house.upstream.requests.contains { $0.path == Layout.trust(2) })
    #expect(try house.edge.events("trust_refused").isEmpty)
    // Once it is there, both are taken in one go.
    try house.rotate(to: house.trusting([1], number: 1), 0, 1)
    try house.edge.wait(forVersion: 2)
    #expect(try house.trustNumber() == 2)
  }

  // MARK: - What a thief of a key leaves behind

  @Test func `once a stolen key is out, the version and the time that it named bind no longer`() throws {
    let house = try House(trusting: 1, threshold: 1)
    try house.publish(1_000_000_000, 0) {
      $0.issuedAt += 1e12
      $0.expiresAt += 2e12
    }
    try house.edge.wait(forVersion: 1_000_000_000)
    // With the key still trusted there is no way back.
    try house.publish(2, 0)
    try house.edge.event("snapshot_refused") { $0["reason"]?.text == "rollback" }
    try house.rotate(to: house.trusting([1], number: 1), 0, 1)
    try house.publish(2, 1)
    try house.edge.wait(forVersion: 2)
    house.upstream.stop()
    try house.edge.restart()
    #expect(try house.edge.version() == 2)
    #expect(try house.edge.state()?["expired"]?.bool == false)
  }

  @Test func `a step that keeps the signers keeps the lowest version`() throws {
    let house = try House(trusting: 1, threshold: 1)
    try house.publish(5, 0)
    try house.edge.wait(forVersion: 5)
    try house.rotate(to: house.trusting([0, 1], number: 1), 0, 1)
    try house.publish(4, 0)
    try house.edge.event("snapshot_refused") { $0["reason"]?.text == "rollback" }
    #expect(try house.trustNumber() == 1)
    try house.edge.restart()
    try house.edge.event("snapshot_refused") { $0["reason"]?.text == "rollback" }
    #expect(try house.edge.version() == 5)
  }

  @Test func `the same snapshot signed by the new keys takes the place of what the former signed`() throws {
    let house = try House(trusting: 1, threshold: 1)
    try house.rotate(to: house.trusting([1], number: 1), 0, 1)
    // Issued earlier than what is served, by a clock that is behind.
    try house.publish(1, 1) { $0.issuedAt -= 60_000 }
    try eventually("the new signature is passed on") {
      let envelope = try Envelope(decoding: house.edge.get("/configs/prod/manifest.json").body)
      return envelope.signatures.map(\.keyID) == [house.keys[1].publicKey.id]
    }
    house.upstream.stop()
    try house.edge.restart()
    #expect(try house.edge.version() == 1)
  }

  // MARK: - The disk

  @Test func `a step that was broken on the disk is taken again`() throws {
    let house = try House(trusting: 1, threshold: 1)
    for number in 1...3 { try house.rotate(to: house.trusting([number], number: number), number - 1, number) }
    try house.publish(2, 3)
    try house.edge.wait(forVersion: 2)
    let folder = house.edge.folder
    let name = "state/" + Layout.trust(2)
    let whole = try folder.read(name)
    for content in [[], Array(whole.dropLast()), try folder.read("state/" + Layout.trust(3))] {
      house.edge.process.kill()
      try folder.write(name, content)
      try house.edge.restart()
      #expect(try !house.edge.events("state_refused").isEmpty)
      #expect(try house.edge.version() == 2)
      try eventually("it is kept again") { try folder.read(name) == whole }
      #expect(try house.trustNumber() == 3)
    }
    // Nobody gets in by way of the disk.
    house.edge.process.kill()
    let thief = try PrivateKey.generate()
    let next = TrustedKeys(keys: [thief.publicKey], threshold: 1, number: 4)
    let file = try Envelope(next.encode(), type: TrustedKeys.rotationType, signedBy: [thief])
    try folder.write("state/" + Layout.trust(4), file.encode())
    try house.edge.restart()
    #expect(try house.edge.event("state_refused")["reason"]?.text == "signature")
    #expect(try house.trustNumber() == 3)
  }

  @Test func `a step that cannot be kept is taken all the same, and kept when there is room`() throws {
    let house = try House(trusting: 1, threshold: 1)
    let folder = house.edge.folder
    // A file where the folder should be.
    try folder.write("state/configs/trust", "in the way")
    try house.rotate(to: house.trusting([1], number: 1), 0, 1)
    try house.publish(2, 1)
    try house.edge.wait(forVersion: 2)
    try house.edge.event("trust_not_kept")
    #expect(try house.trustRefusals(.storage) > 0)
    try File.remove(folder.path("state/configs/trust"))
    try eventually("it is kept") { File.exists(folder.path("state/" + Layout.trust(1))) }
    #expect(try house.edge.events("trust_not_kept").count == 1)
    house.upstream.stop()
    try house.edge.restart()
    #expect(try house.edge.version() == 2)
  }
}
