// Where the upstream is: http, https or a folder.

import Kernel

/// An upstream's address taken apart.
package struct UpstreamAddress: Equatable, Sendable {
  package enum Kind: Equatable, Sendable { case http, https, file }

  package let kind: Kind
  package let host: String
  package let port: UInt16
  /// What stands before `configs/`: a path with a slash at both ends, or a folder without one at its end.
  package let base: String

  /// Takes `http://host[:port][/base]`, `https://...` or `file:folder` apart; nil if it is none of them.
  package init?(_ url: String) {
    if url.hasPrefix("file:") {
      var path = String(url.dropFirst(5))
      if path.hasPrefix("//") { path = String(path.dropFirst(2)) }
      while path.hasSuffix("/"), path.count > 1 { path.removeLast() }
      guard !path.isEmpty else { return nil }
      kind = .file
      host = ""
      port = 0
      base = path
      return
    }
    let rest: Substring
    if url.hasPrefix("http://") {
      kind = .http
      rest = url.dropFirst(7)
    } else if url.hasPrefix("https://") {
      kind = .https
      rest = url.dropFirst(8)
    } else {
      return nil
    }
    let slash = rest.firstIndex(of: "/") ?? rest.endIndex
    let authority = String(rest[..<slash])
    var path = String(rest[slash...])
    guard path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), !path.contains("?"), !path.contains("#") else {
      return nil
    }
    if !path.hasSuffix("/") { path += "/" }
    base = path
    let defaultPort: UInt16 = kind == .http ? 80 : 443
    let named = Endpoint(authority) ?? Endpoint("\(authority):\(defaultPort)")
    guard case .tcp(let host, let port)? = named, !host.contains("@") else { return nil }
    self.host = host
    self.port = port
  }

  /// The value of the Host header.
  var hostField: String {
    let name = host.contains(":") ? "[\(host)]" : host
    return port == (kind == .http ? 80 : 443) ? name : "\(name):\(port)"
  }
}
