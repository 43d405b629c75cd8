// A real web server as upstream, in the clear and over TLS with certificates made for the test.

import Glibc
import JSON
import Kernel
import Snapshots
import ProgramSupport
import Testing

/// nginx over a folder with the signed layout.
final class Nginx {
  let folder: Folder
  let plainPort: UInt16
  let securePort: UInt16
  private let process: Program

  init(_ site: Site, certificate: String = "server", asksForCertificate: Bool = false) throws {
    folder = try Folder()
    _ = try Certificates(in: folder)
    try site.write(to: folder, under: "site")
    plainPort = try Plug.freePort()
    securePort = try Plug.freePort()
    let verify = asksForCertificate ? "ssl_verify_client on; ssl_client_certificate ca.pem;" : ""
    try folder.write(
      "nginx.conf",
      """
      daemon off;
      master_process off;
      pid nginx.pid;
      error_log error.log;
      events {}
      http {
        access_log access.log;
        client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
        uwsgi_temp_path uwsgi; scgi_temp_path scgi;
        root \(folder.path("site"));
        server { listen 127.0.0.1:\(plainPort); }
        server {
          listen 127.0.0.1:\(securePort) ssl;
          ssl_certificate \(certificate).pem;
          ssl_certificate_key \(certificate).key;
          \(verify)
        }
      }
      """)
    process = try Program(
      "/usr/sbin/nginx",
      ["-p", folder.path, "-c", folder.path("nginx.conf"), "-e", folder.path("error.log")],
      errors: folder.path("stderr.log"))
    try eventually("nginx listens") {
      guard process.isRunning else { throw Failure("nginx ended: \((try? folder.text("stderr.log")) ?? "")") }
      return (try? RawClient(port: securePort)) != nil && (try? RawClient(port: plainPort)) != nil
    }
  }

  func signal(_ number: Int32) { process.signal(number) }

  /// The lines of its access log.
  func accesses() throws -> [Substring] {
    // nginx may not have opened it yet.
    ((try? folder.text("access.log")) ?? "").split(separator: "\n")
  }

  func settings(_ site: Site, _ members: [String]) -> EdgeSettings {
    var settings = EdgeSettings("https://localhost:\(securePort)/", site)
    settings.upstream = members
    return settings
  }

  func member(_ name: String, _ file: String) -> String { "\"\(name)\": \"\(folder.path(file))\"" }
}

@Suite struct NginxTests {
  @Test func `nginx serves the signed layout in the clear`() throws {
    let site = try Site()
    try site.publish("prod", 1)
    let nginx = try Nginx(site)
    let edge = try EdgeProcess(EdgeSettings("http://127.0.0.1:\(nginx.plainPort)", site))
    #expect(try edge.version() == 1)
    #expect(try edge.state()?["signed"]?.bool == true)
    try eventually("nginx answers 304") {
      try nginx.accesses().contains { $0.contains("manifest.json") && $0.contains("\" 304 0 ") }
    }
    // Of another length: nginx makes its ETag of the length and the second of the last change.
    try site.publish("prod", 10)
    try site.write(to: nginx.folder, under: "site")
    try edge.wait(forVersion: 10)
  }

  @Test func `nginx serves it over TLS to who trusts its authority`() throws {
    let site = try Site()
    try site.publish("prod", 1, padding: 500_000)
    let nginx = try Nginx(site)
    var settings = nginx.settings(site, [nginx.member("caFile", "ca.pem")])
    let edge = try EdgeProcess(settings)
    #expect(try edge.version() == 1)
    try site.publish("prod", 10, padding: 500_000)
    try site.write(to: nginx.folder, under: "site")
    try edge.wait(forVersion: 10)
    // A certificate may name an address too.
    settings.url = "https://127.0.0.1:\(nginx.securePort)/"
    #expect(try EdgeProcess(settings).version() == 10)
  }

  @Test func `a certificate that is not trusted or has another name is refused`() throws {
    let site = try Site()
    try site.publish("prod", 1)
    let nginx = try Nginx(site)
    let elsewhere = try Nginx(site, certificate: "elsewhere")
    for settings in [
      nginx.settings(site, [nginx.member("caFile", "other-ca.pem")]), nginx.settings(site, []),
      elsewhere.settings(site, [elsewhere.member("caFile", "ca.pem")]),
    ] {
      let edge = try EdgeProcess(settings, waitsUntilReady: false)
      let line = try edge.event("snapshot_refused")
      #expect(line["reason"]?.text == "tls")
      #expect(line["message"]?.text?.contains("certificate") == true)
      #expect(try edge.ready().status == 503)
    }
    #expect(try elsewhere.accesses().isEmpty)
  }

  @Test func `an upstream that asks who we are is told`() throws {
    let site = try Site()
    try site.publish("prod", 1)
    let nginx = try Nginx(site, asksForCertificate: true)
    let authority = nginx.member("caFile", "ca.pem")
    let known = [
      authority, nginx.member("clientCertificate", "client.pem"), nginx.member("clientKey", "client.key"),
    ]
    #expect(try EdgeProcess(nginx.settings(site, known)).version() == 1)
    let stranger = [
      authority, nginx.member("clientCertificate", "stranger.pem"), nginx.member("clientKey", "stranger.key"),
    ]
    for members in [[authority], stranger] {
      let edge = try EdgeProcess(nginx.settings(site, members), waitsUntilReady: false)
      try edge.event("snapshot_refused")
      #expect(try edge.ready().status == 503)
    }
    // A key that does not belong to the certificate is found before anything starts.
    try nginx.folder.write("trust.json", site.trusted.encode())
    let others = [known[1], nginx.member("clientKey", "stranger.key")].joined(separator: ", ")
    let path = try nginx.folder.write(
      "edge.json",
      """
      {"upstream": {"url": "https://localhost/", "environments": ["prod"], "trust": "trust.json", \(others)}}
      """)
    let check = try Program.run(Program.built + "/turnout-edge", ["--config", path, "--check"])
    #expect(check.code == 1)
    #expect(check.errors.contains("stranger.key"))
  }

  @Test func `an upstream in the clear is no TLS`() throws {
    let site = try Site()
    try site.publish("prod", 1)
    let nginx = try Nginx(site)
    var settings = nginx.settings(site, [nginx.member("caFile", "ca.pem")])
    settings.url = "https://localhost:\(nginx.plainPort)/"
    let edge = try EdgeProcess(settings, waitsUntilReady: false)
    #expect(try edge.event("snapshot_refused")["reason"]?.text == "tls")
  }
}
