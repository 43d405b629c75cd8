// What must not get out: everything that an edge says in a run is searched for the bytes of every key it was given.

import Bytes
import Glibc
import JSON
import Kernel
import ProgramSupport
import Snapshots
import Testing
import Trust

/// A key and the forms in which it could be found.
private struct Secret {
  let name: String
  let forms: [[UInt8]]

  init(_ name: String, _ bytes: [UInt8]) {
    self.name = name
    var forms = [bytes]
    let hex = bytes.map { byte in String(byte >> 4, radix: 16) + String(byte & 15, radix: 16) }.joined()
    forms += [hex, hex.uppercased()].map { Array($0.utf8) }
    // Wherever in a text of base64 it begins; the digits at its ends depend on what stands beside it.
    for shift in 0..<3 {
      var text: [UInt8] = []
      ([UInt8](repeating: 0, count: shift) + bytes).withBytes { Base64.encode($0, into: &text) }
      let middle = Array(text.dropFirst(shift == 0 ? 0 : shift + 1).dropLast(4))
      forms.append(middle)
      forms.append(
        middle.map {
          $0 == UInt8(ascii: "+") ? UInt8(ascii: "-") : $0 == UInt8(ascii: "/") ? UInt8(ascii: "_") : $0
        })
    }
    self.forms = forms
  }

  func stands(in text: [UInt8]) -> Bool {
    forms.contains { form in
      text.indices.dropLast(form.count - 1).contains { start in
        text[start] == form[0] && text[start...].starts(with: form)
      }
    }
  }
}

@Suite struct SecretTests {
  /// The 32 secret bytes of an elliptic curve's private key.
  private static func scalar(ofKey pem: [UInt8]) throws -> [UInt8] {
    let lines = String(decoding: pem, as: UTF8.self).split(separator: "\n").filter { !$0.hasPrefix("-") }
    var bytes: [UInt8] = []
    guard Array(lines.joined().utf8).withBytes({ Base64.decode($0, into: &bytes) }) else {
      throw Failure("no PEM")
    }
    // An INTEGER 1, then an OCTET STRING of 32 bytes.
    let mark: [UInt8] = [2, 1, 1, 4, 32]
    let start = try #require(
      (0..<bytes.count - 37).first { Array(bytes[$0..<($0 + 5)]) == mark })
    return Array(bytes[(start + 5)..<(start + 37)])
  }

  @Test func `no key is in anything that an edge says`() throws {
    let folder = try Folder()
    _ = try Certificates(in: folder)
    let asked = "the-key-that-a-client-sends-0123456789"
    var secrets = [
      Secret("a client's key", Array(asked.utf8)), Secret("a wrong key", Array("w-\(asked)".utf8)),
    ]
    for name in ["exposures", "visitors"] {
      let key = SecureRandom.bytes(32)
      let hex = key.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
      try folder.write(name + ".key", hex + "\n")
      secrets.append(Secret(name + ".keyFile", key))
    }
    for name in ["server", "client"] {
      secrets.append(Secret(name + ".key", try Self.scalar(ofKey: folder.read(name + ".key"))))
    }
    let signing = try PrivateKey.generate()
    let site = Site(keys: [signing], threshold: 1)
    try site.publish("prod", 1)
    try site.write(to: folder, under: "site")
    let nginx = try Nginx(site, asksForCertificate: true)
    try folder.write("upstream-ca.pem", nginx.folder.read("ca.pem"))
    for end in ["pem", "key"] { try folder.write("upstream." + end, nginx.folder.read("client." + end)) }
    secrets.append(Secret("upstream.clientKey", try Self.scalar(ofKey: folder.read("upstream.key"))))

    let collector = try DatagramPeer()
    var settings = EdgeSettings("https://localhost:\(nginx.securePort)/", site)
    settings.upstream = [
      #""caFile": "upstream-ca.pem", "clientCertificate": "upstream.pem", "clientKey": "upstream.key""#
    ]
    settings.members = [
      #""tls": {"certificate": "server.pem", "key": "server.key"}"#,
      #""auth": {"keys": [\#(configured(asked))]}"#,
      #""exposures": {"collector": "127.0.0.1:\#(collector.port)", "keyFile": "exposures.key", "flushInterval": "1ms"}"#,
      #""visitors": {"cookie": true, "sticky": "header", "keyFile": "visitors.key"}"#,
    ]
    let edge = try EdgeProcess(settings, folder: folder)

    var said: [(name: String, bytes: [UInt8])] = []
    func note(_ name: String, _ answer: Answer) {
      let head = answer.fields.map { "\($0): \($1)\r\n" }.joined()
      said.append((name, Array(head.utf8) + answer.body))
    }
    for key in [asked, "w-" + asked, ""] {
      for target in [
        "/decide?user_key=u", "/decide", "/decide?user_key=u&env=none", "/api/v1/client-snapshot", "/nothing",
        "/configs/prod/manifest.json", "/configs/prod/snapshots/latest.json", "/ofrep/v1/evaluate/flags",
        "/health",
      ] {
        let client = try edge.unixClient()
        note(target, try client.ask("GET \(target) HTTP/1.1\r\nHost: e\r\nX-API-Key: \(key)\r\n\r\n"))
      }
      let head = "POST /api/v1/decide HTTP/1.1\r\nHost: e\r\nAuthorization: Bearer \(key)\r\n"
      let body = #"{"subjectId":"u"}"#
      note("decide", try edge.unixClient().ask(head + "Content-Length: \(body.utf8.count)\r\n\r\n" + body))
      note("bad", try edge.unixClient().ask(head + "Content-Length: x\r\n\r\n"))
    }
    // Somebody who does not speak TLS, and two reloads: one that works, and one of a key file that is none.
    if let answer = try? edge.client().get("/health") { note("no TLS", answer) }
    try edge.reload { _ in }
    let exposures = try folder.read("exposures.key")
    try folder.write("server.key", Array(try folder.read("server.key").dropLast(40)))
    try edge.reload { _ in }
    for target in ["/health", "/ready", "/metrics", "/snapshot", "/explain?user_key=u", "/nothing"] {
      note(target, try edge.admin(target))
    }
    while let (bytes, _) = collector.receive(within: 0.5) { said.append(("datagram", bytes)) }
    #expect(said.contains { $0.name == "datagram" })
    said.append(("log", try folder.read("log.0")))
    #expect(try edge.events("reload_failed").count == 1)
    // Configurations that are refused for their keys.
    for broken in [Array(exposures.dropLast(2)) + Array("zz\n".utf8), exposures + exposures + exposures] {
      try folder.write("exposures.key", broken)
      let check = try Program.run(
        Program.built + "/turnout-edge", ["--config", folder.path("edge.json"), "--check"])
      #expect(check.code == 2)
      said.append(("check", Array((check.output + check.errors).utf8)))
    }
    for (name, bytes) in said where !bytes.isEmpty {
      for secret in secrets { #expect(!secret.stands(in: bytes), "\(secret.name) is in \(name)") }
    }
    #expect(said.count > 40)
    // The search finds what is there.
    let proof = Array("{\"key\":\"".utf8) + exposures
    #expect(secrets.contains { $0.stands(in: proof) })
  }
}
