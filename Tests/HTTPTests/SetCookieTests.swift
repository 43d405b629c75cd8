import Bytes
import HTTP
import Testing

struct SetCookieTests {
  private func line(_ domain: String, isSecure: Bool) -> String {
    Array(domain.utf8).withBytes { domain in
      Array("v-1_".utf8).withBytes { value in
        let cookie = SetCookie(domain: domain)
        return String(
          decoding: [UInt8](capacity: 512) { cookie.write("n", value, isSecure: isSecure, to: &$0) },
          as: UTF8.self)
      }
    }
  }

  @Test func `a cookie is for the whole site and a year, and out of reach of scripts and other sites`() {
    #expect(
      line("", isSecure: false) == "Set-Cookie: n=v-1_; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax\r\n")
    #expect(
      line("example.com", isSecure: true)
        == "Set-Cookie: n=v-1_; Path=/; Max-Age=31536000; Domain=example.com; HttpOnly; SameSite=Lax; Secure\r\n"
    )
  }

  @Test(arguments: ["example.com", "a", "A-1.b.co", String(repeating: "a.", count: 126) + "a"])
  func `names of hosts are domains`(_ text: String) {
    #expect(SetCookie.isDomain(Array(text.utf8)))
  }

  @Test(arguments: [
    "", ".", ".example.com", "example.com.", "a..b", "-a.com", "a-.com", "a;b", "a b", "a\r\nb", "é.com",
    "a_b.com",
    String(repeating: "a", count: 64), String(repeating: "a.", count: 127),
  ])
  func `nothing else is a domain`(_ text: String) {
    #expect(!SetCookie.isDomain(Array(text.utf8)))
  }
}
