// A wall clock that jumps under the real program: expiry sees it, timers and connections do not.

import Bytes
import Glibc
import JSON
import Kernel
import ProgramSupport
import Snapshots
import Testing

/// An edge whose wall clock a test can move.
private final class MovedClock {
  let folder: Folder
  let variables: [String: String]

  init() throws {
    folder = try Folder()
    try folder.write("offset", [UInt8](repeating: 0, count: 8))
    variables = [
      "LD_PRELOAD": try Shim.make("moved_clock", in: folder), "CLOCK_OFFSET_FILE": folder.path("offset"),
    ]
  }

  /// Where the edge's clock stands from now on, in seconds from the true one.
  func move(to seconds: Int) throws {
    let offset = Int64(seconds) * 1_000_000_000
    let bytes = (0..<8).map { UInt8(truncatingIfNeeded: offset >> (8 * Int64($0))) }
    // In place: the program has the file mapped.
    let descriptor = Descriptor(unsafe open(folder.path("offset"), O_WRONLY))
    guard unsafe pwrite(descriptor.number, bytes, 8, 0) == 8 else { throw SystemFailure("pwrite") }
  }
}

private let day = 86_400
private let year = 365 * day

@Suite struct ClockTests {
  @Test func `whichever way the clock jumps, nobody's connection, deadline or decision is lost`() throws {
    let clock = try MovedClock()
    let house = try House {
      $0.variables = clock.variables
      $0.limits = [#""idleTimeout": "3s""#, #""headerTimeout": "2s""#]
    }
    let edge = house.edge
    let busy = try edge.client()
    #expect(try busy.get("/health").status == 200)
    for offset in [day, -day, 10 * year, -10 * year, 0] {
      let idle = try edge.client()
      #expect(try idle.get("/health").status == 200)
      let slow = try edge.unixClient()
      try slow.send("GET /health HTTP/1.1\r\nHost: ")
      try slow.waitUntilRead()
      try clock.move(to: offset)
      // The Date of an answer is right within a second.
      try eventually("the date follows", within: 5) {
        let date = Timestamp.text(milliseconds: Double(Clock.wall() / 1_000_000) + Double(offset) * 1000)
        return try busy.get("/health")["Date"]?.contains(" \(date.prefix(4)) ") == true
      }
      #expect(try busy.get("/decide?user_key=u").status == 200)
      // A head may still be finished, and an idle connection is still there.
      try slow.send("e\r\n\r\n")
      #expect(try slow.read().status == 200)
      #expect(try idle.get("/health").status == 200)
      // The upstream is still asked, once every interval.
      let count = house.upstream.requests.count
      try eventually("it asks again", within: 5) { house.upstream.requests.count > count }
      #expect(house.upstream.requests.count < count + 20)
    }
    #expect(try edge.metric("turnout_idle_timeouts_total") == 0)
    #expect(try edge.version() == 1)
  }

  @Test func `a clock that runs ahead lets a manifest expire, and one set right makes it good again`() throws
  {
    let clock = try MovedClock()
    let house = try House { $0.variables = clock.variables }
    try clock.move(to: day)
    let start = seconds()
    try house.edge.event("snapshot_expired")
    print("expiry was noticed after \(Int((seconds() - start) * 1000)) ms")
    #expect(try house.edge.version() == 1)
    // Nothing is accepted that is over by now.
    try house.site.publish("prod", 2)
    try house.edge.event("snapshot_refused") { $0["reason"]?.text == "expired" }
    #expect(try house.edge.version() == 1)
    try clock.move(to: 0)
    try house.edge.wait(forVersion: 2)
    #expect(try house.edge.state()?["expired"]?.bool == false)
  }

  @Test func `a clock set back makes nothing fresh that was over when the newest was issued`() throws {
    let clock = try MovedClock()
    let house = try House { $0.variables = clock.variables }
    try house.site.publish("prod", 2) {
      $0.issuedAt += 600_000
      $0.expiresAt += 600_000
    }
    try house.edge.wait(forVersion: 2)
    try clock.move(to: -10 * year)
    // A thief of an old file that was meant to end five minutes from now.
    try house.site.publish("prod", 3, lifetime: 300)
    try house.edge.event("snapshot_refused") { $0["reason"]?.text == "expired" }
    #expect(try house.edge.version() == 2)
    // Across a restart too.
    try house.edge.restart()
    try house.edge.event("snapshot_refused") { $0["reason"]?.text == "expired" }
    #expect(try house.edge.version() == 2)
    try house.site.publish("prod", 3)
    try house.edge.wait(forVersion: 3)
  }
}
