import ProgramSupport
import Testing
import Trust

@Suite struct TLSCertificateTests {
  /// Whoever starts a program has no terminal to type at, and whoever reloads it must not have to wait.
  @Test func `a private key with a pass phrase is refused by either side`() throws {
    let certificates = try Certificates(in: Folder())
    let certificate = certificates.path("client.pem")
    let locked = certificates.path("locked.key")
    try Program.check(
      "/usr/bin/openssl",
      ["pkey", "-in", certificates.path("client.key"), "-aes256", "-passout", "pass:secret", "-out", locked])
    for key in [certificates.path("client.key"), locked] {
      func client() throws { _ = try TLSClientSettings(authorities: nil, certificate: certificate, key: key) }
      func server() throws {
        _ = try TLSServerSettings(certificate: certificate, key: key, clientAuthorities: nil)
      }
      for side in [client, server] {
        if key == locked {
          #expect(throws: TrustFailure.self) { try side() }
        } else {
          try side()
        }
      }
    }
  }
}
