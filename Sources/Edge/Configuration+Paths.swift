// The folders that an edge needs once it runs: what its sandbox lets it see. Folders, not files: what is renewed is
// most often another file of the same name.

import Kernel

extension Configuration {
  func paths(_ variables: [String: String]) -> [(path: String, use: Sandbox.Use)] {
    let files = [
      tls.certificate, tls.key, tls.clientAuthorities, upstream.trust, upstream.authorities,
      upstream.clientCertificate, upstream.clientKey, exposures.key, visitors.key,
      variables["SSL_CERT_FILE"],
    ]
    var read = Self.systemPaths + [directory] + files.compactMap { $0.map(File.directory) }
    if let folder = variables["SSL_CERT_DIR"] { read.append(folder) }
    if let address = UpstreamAddress(upstream.url), address.kind == .file { read.append(address.base) }
    let sockets = (listen + [admin] + (handover.map { [.unix(path: $0)] } ?? []))
      .compactMap { endpoint in if case .unix(let path) = endpoint { File.directory(of: path) } else { nil } }
    return read.map { ($0, .reading) } + sockets.map { ($0, .removing) } + [(makeStateFolder(), .writing)]
  }

  /// The state folder, or while something stands in its way the one above it, so that it can be made later.
  private func makeStateFolder() -> String {
    let isThere =
      (try? File.makeDirectory(stateDirectory)) != nil && (try? File.names(in: stateDirectory)) != nil
    return isThere ? stateDirectory : File.directory(of: stateDirectory)
  }

  /// Names, certificates, libraries that are loaded when a name is looked up, and what the process asks of itself.
  private static var systemPaths: [String] {
    ["/etc", "/usr", "/lib", "/lib64", "/run", "/proc", "/dev", "/sys/devices/system/cpu"]
  }
}
