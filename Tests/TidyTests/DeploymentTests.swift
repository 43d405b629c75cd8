// The units, images and manifests of configs are true to the programs: what they name is there, and what two of them
// say of one thing is the same.

import Edge
import Foundation
import Testing

struct DeploymentTests {
  private func file(_ name: String) throws -> String {
    try String(contentsOfFile: root + "/configs/" + name, encoding: .utf8)
  }

  /// The values of a key in a unit, in order.
  private func values(_ key: String, _ unit: String) throws -> [String] {
    try file("systemd/" + unit).split(separator: "\n").compactMap { line in
      line.hasPrefix(key + "=") ? String(line.dropFirst(key.count + 1)) : nil
    }
  }

  /// The configuration that a manifest holds.
  private func configuration(in manifest: String) throws -> Configuration {
    let lines = try file("kubernetes/" + manifest).split(separator: "\n", omittingEmptySubsequences: false)
    let start = try #require(lines.firstIndex { $0.hasSuffix("edge.json: |") })
    let text = lines[(start + 1)...].prefix { $0.hasPrefix("    ") }.joined(separator: "\n")
    return try Configuration(Array(text.utf8), directory: "/etc/turnout", environment: [:])
  }

  /// The number that stands behind a key.
  private func number(_ key: String, in manifest: String) throws -> Int {
    let text = try file("kubernetes/" + manifest)
    let match = try #require(text.firstMatch(of: try Regex("\(key): ([0-9]+)")))
    return try #require(Int(match[1].substring ?? ""))
  }

  @Test func `the edge's unit has the sockets and the folder that its configuration names, and time to end`()
    throws
  {
    let configuration = try Configuration(file: root + "/configs/systemd/edge.json", environment: [:])
    let sockets = try values("ListenStream", "turnout-edge.socket").map {
      $0.hasPrefix("/") ? "unix:" + $0 : $0
    }
    #expect(Set(sockets) == Set((configuration.listen + [configuration.admin]).map { "\($0)" }))
    #expect(try values("StateDirectory", "turnout-edge.service") == ["turnout-edge"])
    #expect(configuration.stateDirectory == "/var/lib/turnout-edge")
    #expect(
      try values("ExecStart", "turnout-edge.service") == [
        "/usr/bin/turnout-edge --config /etc/turnout/edge.json"
      ])
    // Both settings may be at their longest: a stop that is cut short is worse than one that waits.
    let stop = try #require(values("TimeoutStopSec", "turnout-edge.service").first)
    #expect(Int(stop.dropLast())! * 1_000_000_000 > Int(configuration.drainTime) + 10_000_000_000)
  }

  @Test(
    .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/systemd-analyze")),
    arguments: [
      "turnout-edge.service", "turnout-collector.service",
    ])
  func `a unit leaves its program no more than it needs`(unit: String) throws {
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(filePath: "/usr/bin/systemd-analyze")
    process.arguments = ["security", "--offline=true", "--threshold=15", root + "/configs/systemd/" + unit]
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    // The threshold is in tenths.
    #expect(process.terminationStatus == 0, "\(output.suffix(200))")
  }

  @Test(arguments: ["sidecar.yaml", "daemonset.yaml"])
  func `a manifest's configuration loads, its probes ask the admin port and it leaves time to end`(
    name: String
  ) throws {
    let configuration = try configuration(in: name)
    let text = try file("kubernetes/" + name)
    let port = try #require("\(configuration.admin)".split(separator: ":").last)
    #expect(text.contains("- name: admin\n              containerPort: \(port)\n"))
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] { #expect(text.contains(probe)) }
    #expect(text.matches(of: /port: admin/).count == 3)
    let grace = try number("terminationGracePeriodSeconds", in: name) * 1_000_000_000
    #expect(grace > Int(configuration.drainDelay + configuration.drainTime))
    for path in [configuration.stateDirectory, "/etc/turnout-keys"] {
      #expect(text.contains("mountPath: \(path)\n"))
    }
    #expect(configuration.upstream.trust == "/etc/turnout-keys/trust.json")
  }

  @Test func `the image copies what its build is given, and starts as its configuration says`() throws {
    let dockerfile = try file("container/Dockerfile")
    let ignored = try String(contentsOfFile: root + "/.dockerignore", encoding: .utf8)
    for copy in dockerfile.matches(of: #/(?m)^COPY ([^-]\S*) /#) {
      #expect(ignored.contains("!\(copy.1)\n"), "\(copy.1) is ignored")
      #expect(FileManager.default.fileExists(atPath: root + "/" + copy.1))
    }
    let configuration = try Configuration(file: root + "/configs/container/edge.json", environment: [:])
    for port in ["7070", "7071"] { #expect(dockerfile.contains(try Regex("EXPOSE .*\(port)"))) }
    #expect("\(configuration.admin)" == "0.0.0.0:7071")
    #expect(dockerfile.contains("\nUSER 65532:65532\n"))
    // The folders that the image is made with.
    let script = try file("container/root.sh")
    for path in [configuration.stateDirectory, "/etc/turnout-keys"] {
      #expect(script.contains(String(path.dropFirst())))
    }
  }

  @Test func `the seccomp profile allows by name, io_uring among them, and nothing that changes the machine`()
    throws
  {
    let data = try Data(contentsOf: URL(filePath: root + "/configs/container/seccomp.json"))
    let profile = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    #expect(profile["defaultAction"] as? String == "SCMP_ACT_ERRNO")
    let rules = try #require(profile["syscalls"] as? [[String: Any]])
    #expect(rules.allSatisfy { $0["action"] as? String == "SCMP_ACT_ALLOW" })
    let names = Set(rules.flatMap { $0["names"] as? [String] ?? [] })
    for name in ["io_uring_setup", "io_uring_enter", "io_uring_register", "epoll_wait", "execve"] {
      #expect(names.contains(name), "\(name) is missing")
    }
    for name in ["mount", "ptrace", "bpf", "init_module", "setns", "unshare", "keyctl", "reboot", "chroot"] {
      #expect(!names.contains(name), "\(name) is allowed")
    }
  }
}
