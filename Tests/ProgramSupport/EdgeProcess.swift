// The real program, started with a configuration of the test's own on ports of its own.

import Glibc
package import JSON
import Kernel
package import Snapshots
import Testing

/// What a configuration says beyond ports and folders.
package struct EdgeSettings {
  package var url = ""
  package var environments = ["prod"]
  package var workers = 1
  /// A key file's content; nil for none.
  package var trusted: TrustedKeys?
  package var pollInterval = "100ms"
  /// Further members of "upstream", such as `"timeout": "1s"`.
  package var upstream: [String] = []
  /// Members of "limits".
  package var limits: [String] = []
  /// Further members of the configuration.
  package var members: [String] = []
  package var stateDirectory = "state"
  package var variables: [String: String] = [:]
  /// What starts it, in front of its own command.
  package var launcher: [String] = []
  /// The most descriptors it may have open; nil for as many as this process.
  package var descriptorMax: Int?

  package init(_ url: String, _ site: Site, environments: [String] = ["prod"]) {
    self.url = url
    trusted = site.trusted
    self.environments = environments
  }

  package init(_ upstream: ScriptedUpstream, _ site: Site, environments: [String] = ["prod"]) {
    self.init(upstream.url, site, environments: environments)
  }
}

package final class EdgeProcess {
  package let folder: Folder
  package private(set) var port: UInt16 = 0
  package private(set) var adminPort: UInt16 = 0
  package private(set) var process: Program
  private var settings: EdgeSettings
  private var run = 0
  /// Whether it is no fault that the process is gone at the end.
  package var mayEnd = false
  /// What must live as long as the edge, such as its upstream.
  package var owned: [AnyObject] = []

  /// Starts an edge. With `waitsUntilReady` it can decide when this returns.
  package init(_ settings: EdgeSettings, folder: Folder? = nil, waitsUntilReady: Bool = true) throws {
    let folder = try folder ?? Folder()
    self.folder = folder
    self.settings = settings
    var tries = 0
    while true {
      port = try Plug.freePort()
      adminPort = try Plug.freePort()
      process = try Self.start(settings, folder, port, adminPort, errors: folder.path("log.0"))
      do {
        try waitUntilStarted()
        break
      } catch {
        // Somebody else may have taken a port meanwhile.
        tries += 1
        guard tries < 5, (try? folder.text("log.0"))?.contains("in use") == true else { throw error }
        try File.remove(folder.path("log.0"))
      }
    }
    if waitsUntilReady { try waitUntilReady() }
  }

  deinit {
    // Whatever a test does, the edge ends only when it is told to.
    if !mayEnd, !process.isRunning {
      let log = (try? folder.text("log.\(run)")) ?? ""
      Issue.record("the edge ended by itself with \((try? process.exitCode()) ?? -1): \(log.prefix(6000))")
    }
  }

  private static func start(
    _ settings: EdgeSettings, _ folder: Folder, _ port: UInt16, _ adminPort: UInt16, errors: String
  ) throws -> Program {
    let file = try configure(settings, folder, port, adminPort)
    var command = settings.launcher + [Program.built + "/turnout-edge", "--config", file]
    if let limit = settings.descriptorMax { command = ["/usr/bin/prlimit", "--nofile=\(limit)"] + command }
    return try Program(
      command[0], Array(command.dropFirst()), variables: settings.variables, errors: errors)
  }

  /// Writes the configuration and what it names; the path of its file.
  private static func configure(
    _ settings: EdgeSettings, _ folder: Folder, _ port: UInt16, _ adminPort: UInt16
  ) throws -> String {
    var upstream = ["\"url\": \"\(settings.url)\"", "\"pollInterval\": \"\(settings.pollInterval)\""]
    upstream.append(
      "\"environments\": [\(settings.environments.map { "\"\($0)\"" }.joined(separator: ", "))]")
    if let trusted = settings.trusted {
      try folder.write("trust.json", trusted.encode())
      upstream.append("\"trust\": \"trust.json\"")
    }
    upstream += settings.upstream
    let text = """
      {
        "listen": ["127.0.0.1:\(port)", "unix:edge.sock"],
        "admin": "127.0.0.1:\(adminPort)",
        "workers": \(settings.workers),
        "stateDirectory": "\(settings.stateDirectory)",
        "upstream": {\(upstream.joined(separator: ", "))},
        "limits": {\(settings.limits.joined(separator: ", "))}\(settings.members.map { ", " + $0 }.joined())
      }
      """
    return try folder.write("edge.json", text)
  }

  /// Ends it without mercy and starts it again, on the same ports and the same state.
  package func restart(waitsUntilReady: Bool = true, change: (inout EdgeSettings) -> Void = { _ in }) throws {
    process.kill()
    change(&settings)
    run += 1
    process = try Self.start(settings, folder, port, adminPort, errors: folder.path("log.\(run)"))
    try waitUntilStarted()
    if waitsUntilReady { try waitUntilReady() }
  }

  /// Starts another edge beside it, which is to take over, and is this one from now on; returns when it has started.
  /// The former one, for its exit code.
  package func takeOver(change: (inout EdgeSettings) -> Void = { _ in }) throws -> Program {
    let former = process
    change(&settings)
    run += 1
    process = try Self.start(settings, folder, port, adminPort, errors: folder.path("log.\(run)"))
    try waitUntilStarted()
    return former
  }

  /// A configuration like its own, for another process.
  package func configured(change: (inout EdgeSettings) -> Void) throws -> String {
    var settings = settings
    change(&settings)
    return try Self.configure(settings, folder, port, adminPort)
  }

  /// Writes another configuration and has it read anew; returns when the log says that this was done, or failed.
  package func reload(change: (inout EdgeSettings) -> Void) throws {
    func reloads() throws -> Int { try events("reloaded").count + events("reload_failed").count }
    let before = try reloads()
    change(&settings)
    _ = try Self.configure(settings, folder, port, adminPort)
    process.signal(SIGHUP)
    try eventually("the configuration is read anew") { try reloads() > before }
  }

  // MARK: - What it says

  /// The lines of its log so far; a line that is not JSON fails the test.
  package func log() throws -> [Element] {
    let text = try folder.read("log.\(run)")
    // A line may be half written.
    let lines = text.split(separator: 0x0A, omittingEmptySubsequences: true)
    let whole = text.last == 0x0A ? lines[...] : lines.dropLast()
    return try whole.map { line in
      do {
        return try Document(Array(line)).root
      } catch {
        throw Failure("no JSON: \(String(decoding: line, as: UTF8.self))")
      }
    }
  }

  package func events(_ event: String) throws -> [Element] {
    try log().filter { $0["event"]?.text == event }
  }

  /// The first line of that event for which `condition` holds, waited for.
  @discardableResult
  package func event(
    _ event: String, within limit: Double = 15, where condition: (Element) -> Bool = { _ in true }
  ) throws -> Element {
    do {
      return try eventually("the event \(event) comes", within: limit) {
        try events(event).first(where: condition)
      }
    } catch {
      throw Failure("\(error)\n" + ((try? folder.text("log.\(run)")) ?? ""))
    }
  }

  private func waitUntilStarted() throws {
    try eventually("the edge starts") {
      guard process.isRunning else {
        throw Failure("the edge ended at once: \((try? folder.text("log.\(run)")) ?? "")")
      }
      guard File.exists(folder.path("log.\(run)")) else { return false }
      return try !events("started").isEmpty
    }
  }

  package func waitUntilReady() throws {
    do {
      try eventually("the edge is ready") { try ready().status == 200 }
    } catch {
      throw Failure("\(error)\n" + ((try? folder.text("log.\(run)")) ?? ""))
    }
  }

  // MARK: - What it answers

  package func client() throws -> RawClient { own(try RawClient(port: port)) }

  package func unixClient() throws -> RawClient { own(try RawClient(path: folder.path("edge.sock"))) }

  private func own(_ client: RawClient) -> RawClient {
    client.owner = self
    return client
  }

  package func get(_ target: String) throws -> Answer { try client().get(target) }

  package func admin(_ target: String) throws -> Answer { try RawClient(port: adminPort).get(target) }

  package func ready() throws -> Answer { try admin("/ready") }

  /// What /ready says of one environment.
  package func state(_ environment: String = "prod") throws -> Element? {
    try ready().json()["environments"]?.elements.first { $0["environment"]?.text == environment }
  }

  /// The version that decides now.
  package func version(_ environment: String = "prod") throws -> Int? {
    let answer = try get("/decide?user_key=u&env=\(environment)")
    return answer.status == 200 ? try answer.json()["config_version"]?.integer : nil
  }

  /// Waits for a version.
  package func wait(forVersion version: Int, _ environment: String = "prod") throws {
    try eventually("version \(version) of \(environment) is served") {
      try self.version(environment) == version
    }
  }

  /// The value of a series, such as `name{label="value"}`.
  package func metric(_ series: String) throws -> Int { try admin("/metrics").metric(series) }

  /// Refusals so far for one reason.
  package func refusals(_ reason: Refusal.Reason) throws -> Int {
    try metric("turnout_snapshots_refused_total{reason=\"\(reason.rawValue)\"}")
  }
}
