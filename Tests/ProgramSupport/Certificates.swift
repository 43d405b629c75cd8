// Certificates as a small company has them, made by openssl for one test.

import Kernel

package struct Certificates {
  package let folder: Folder

  /// An authority; servers for localhost (and a second certificate of it) and for another name; a client; and one
  /// of an authority nobody knows. Each is `NAME.pem` with `NAME.key` in `folder`.
  package init(in folder: Folder) throws {
    self.folder = folder
    for name in ["ca", "other-ca"] {
      try openssl(
        ["req", "-x509", "-days", "2", "-subj", "/CN=\(name)", "-out", folder.path(name + ".pem")] + key(name)
      )
    }
    for (name, authority, names) in [
      ("server", "ca", "DNS:localhost,IP:127.0.0.1"), ("renewed", "ca", "DNS:localhost,IP:127.0.0.1"),
      ("elsewhere", "ca", "DNS:elsewhere.example"), ("client", "ca", "DNS:edge"),
      ("stranger", "other-ca", "DNS:edge"),
    ] {
      try openssl(["req", "-subj", "/CN=\(name)", "-out", folder.path(name + ".csr")] + key(name))
      try folder.write(name + ".ext", "subjectAltName=\(names)\n")
      try openssl([
        "x509", "-req", "-in", folder.path(name + ".csr"), "-CA", folder.path(authority + ".pem"), "-CAkey",
        folder.path(authority + ".key"), "-CAcreateserial", "-days", "2", "-extfile",
        folder.path(name + ".ext"), "-out", folder.path(name + ".pem"),
      ])
    }
  }

  private func openssl(_ arguments: [String]) throws { try Program.check("/usr/bin/openssl", arguments) }

  private func key(_ name: String) -> [String] {
    [
      "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", folder.path(name + ".key"),
    ]
  }

  package func path(_ file: String) -> String { folder.path(file) }
}
