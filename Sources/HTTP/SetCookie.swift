// Writes Set-Cookie lines (RFC 6265 section 4.1) that all have the same attributes: for the whole site, for a
// year, out of reach of scripts, and not sent along with what other sites make a browser ask.

package import Bytes

package struct SetCookie: Sendable {
  /// The longest domain (RFC 1035 section 2.3.4), in bytes.
  package static var domainMax: Int { 253 }

  private let domain: ByteView

  /// Cookies of `domain` and all below it, or with an empty one of the host that was asked alone. The view must
  /// stay as it is for as long as this value is used.
  package init(domain: ByteView) {
    self.domain = domain
  }

  /// Appends the line of a cookie. A secure one is sent over TLS alone. `value` holds no blank, comma or ";".
  @_noAllocation @_noLocks
  package func write(_ name: StaticString, _ value: ByteView, isSecure: Bool, to lines: inout Output) {
    lines.append("Set-Cookie: ")
    lines.append(name)
    lines.append("=")
    lines.append(value)
    lines.append("; Path=/; Max-Age=31536000")
    if !domain.isEmpty {
      lines.append("; Domain=")
      lines.append(domain)
    }
    lines.append("; HttpOnly; SameSite=Lax")
    if isSecure { lines.append("; Secure") }
    lines.append("\r\n")
  }

  /// Whether `text` can be the domain of a cookie: labels of letters, digits and "-", joined by dots.
  package static func isDomain(_ text: [UInt8]) -> Bool {
    guard text.count <= domainMax else { return false }
    return text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { label in
      guard (1...63).contains(label.count), label.first != UInt8(ascii: "-"), label.last != UInt8(ascii: "-")
      else { return false }
      return label.allSatisfy { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"): true
        default: false
        }
      }
    }
  }
}
