// One edge takes the place of another: no request fails, whatever either of them does wrong.

import Glibc
import JSON
import Kernel
import ProgramSupport
import Synchronization
import Testing

/// Who asks without pause, on connections that it keeps as long as it may, or on one for each request.
private final class Asker: Sendable {
  let answers = Tally()
  private let faults = Mutex<[String]>([])
  private let isOver = Gate()
  private let hasEnded = Gate()

  init(
    keeps: Bool, asks target: String = "/decide?user_key=u",
    connect: @escaping @Sendable () throws -> RawClient
  ) throws {
    try Threads.start("asker") { [self] in
      while !isOver.isOpen {
        do {
          try ask(target, keeps ? 1000 : 1, connect())
        } catch {
          faults.withLock { $0.append("\(error)") }
        }
      }
      hasEnded.open()
    }
  }

  private func ask(_ target: String, _ count: Int, _ client: RawClient) throws {
    for number in 1...count where !isOver.isOpen {
      let answer = try client.get(target, number == count ? ["Connection: close"] : [])
      guard answer.status == 200 else { throw Failure("\(answer.status) \(answer.text)") }
      answers.add()
      if answer["Connection"] == "close" { return }
    }
  }

  /// Has it end; what went wrong.
  func end() -> [String] {
    isOver.open()
    hasEnded.pass()
    return faults.withLock { $0 }
  }
}

@Suite struct HandoverTests {
  private static let setting = #""handover": "handover.sock""#

  @Test func `not one request fails while edges take over from each other`() throws {
    let house = try House {
      $0.members = [Self.setting]
      $0.workers = 2
    }
    let edge = house.edge
    let (port, adminPort, path) = (edge.port, edge.adminPort, edge.folder.path("edge.sock"))
    var askers: [Asker] = []
    for keeps in [true, false] {
      askers.append(try Asker(keeps: keeps) { try RawClient(port: port) })
      askers.append(try Asker(keeps: keeps) { try RawClient(path: path) })
    }
    askers.append(try Asker(keeps: false, asks: "/ready") { try RawClient(port: adminPort) })
    for (round, workers) in [1, 3, 2].enumerated() {
      let before = askers.map(\.answers.value)
      try eventually("everyone is answered") {
        zip(askers, before).allSatisfy { $0.answers.value > $1 + 20 }
      }
      let former = try edge.takeOver { $0.workers = workers }
      #expect(try edge.event("started")["tookOver"]?.bool == true)
      #expect(try former.exitCode() == 0)
      let log = try edge.folder.text("log.\(round)")
      #expect(log.contains(#""event":"ended","connectionsCut":false"#))
      #expect(File.exists(path), "the file is the new one's")
    }
    let before = askers.map(\.answers.value)
    try eventually("everyone is answered by the last one") {
      zip(askers, before).allSatisfy { $0.answers.value > $1 + 20 }
    }
    for asker in askers { #expect(asker.end() == []) }
    edge.mayEnd = true
    edge.process.signal(SIGTERM)
    #expect(try edge.process.exitCode() == 0)
    #expect(!File.exists(path))
    #expect(!File.exists(edge.folder.path("handover.sock")))
  }

  @Test func `a request under way is answered by whom it was sent to`() throws {
    let edge = try House { $0.members = [Self.setting] }.edge
    let half = try edge.unixClient()
    try half.send(
      "POST /api/v1/decide HTTP/1.1\r\nHost: e\r\nContent-Length: \(ServingTests.body.utf8.count)\r\n\r\n{")
    try half.waitUntilRead()
    let former = try edge.takeOver()
    try eventually("the former one leaves") { try edge.folder.text("log.0").contains(#""event":"ending""#) }
    #expect(former.isRunning)
    try half.send(String(ServingTests.body.dropFirst()))
    let answer = try half.read()
    #expect(answer.status == 200)
    #expect(answer["Connection"] == "close")
    #expect(try former.exitCode() == 0)
  }

  @Test func `a successor that dies before it is ready leaves everything as it was`() throws {
    let house = try House { $0.members = [Self.setting] }
    let edge = house.edge
    // There is no such environment, so the successor gets the listeners and is never ready.
    let file = try edge.configured { $0.environments = ["prod", "missing"] }
    for round in 1...2 {
      let successor = try Program(Program.built + "/turnout-edge", ["--config", file])
      try eventually("the successor has the listeners") { try edge.events("handover_begun").count == round }
      #expect(try edge.ready().status == 200)
      try house.site.publish("prod", round + 1)
      try edge.wait(forVersion: round + 1)
      successor.kill()
      try eventually("it is given up") { try edge.events("handover_failed").count == round }
      for _ in 0..<20 { #expect(try edge.get("/decide?user_key=u").status == 200) }
      // What came meanwhile is kept once it is clear who keeps it.
      try eventually("it is kept") {
        File.exists(edge.folder.path("state/configs/prod/snapshots/\(round + 1).json"))
      }
    }
  }

  @Test func `told to end while a successor gets ready it ends, and the successor does`() throws {
    let edge = try House { $0.members = [Self.setting] }.edge
    edge.mayEnd = true
    let file = try edge.configured { $0.environments = ["prod", "missing"] }
    let successor = try Program(
      Program.built + "/turnout-edge", ["--config", file], errors: edge.folder.path("successor"))
    try edge.event("handover_begun")
    edge.process.signal(SIGTERM)
    #expect(try edge.process.exitCode() == 0)
    successor.kill()
  }

  @Test func `whoever is no edge gets nothing done`() throws {
    let edge = try House { $0.members = [Self.setting] }.edge
    let path = edge.folder.path("handover.sock")
    for (round, words) in ["X", "", "GET / HTTP/1.1\r\n\r\n"].enumerated() {
      let stranger = try RawClient(path: path)
      try eventually("it is given the listeners") { try edge.events("handover_begun").count == round + 1 }
      if words.isEmpty { stranger.endSending() } else { try stranger.send(words) }
      try eventually("it is given up") { try edge.events("handover_failed").count == round + 1 }
      #expect(try edge.get("/decide?user_key=u").status == 200)
    }
  }

  @Test(.enabled(if: geteuid() == 0)) func `another user's process is refused on both sides`() throws {
    let edge = try House { $0.members = [Self.setting] }.edge
    let path = edge.folder.path("handover.sock")
    unsafe chmod(edge.folder.path, 0o755)
    unsafe chmod(path, 0o777)
    let other = ["--reuid", "65534", "--regid", "65534", "--clear-groups"]
    _ = try Program.run(
      "/usr/bin/setpriv", other + ["curl", "-s", "--max-time", "5", "--unix-socket", path, "http://edge/"])
    try edge.event("handover_refused")
    #expect(try edge.events("handover_begun").isEmpty)
    let file = try edge.configured { $0.members = [Self.setting, #""sandbox": false"#] }
    unsafe chmod(file, 0o644)
    let result = try Program.run(
      "/usr/bin/setpriv", other + [Program.built + "/turnout-edge", "--config", file])
    #expect(result.code == 1)
    #expect(result.errors.contains("Another user's process listens there"))
    #expect(try edge.get("/decide?user_key=u").status == 200)
  }
}
