// A folder of its own with a key and what `turnout sign` lays out for edges to follow: `trust.json` and `site`.

import Kernel
import Glibc

package final class SignedSite {
  package let folder: String
  private let tool: String

  package init(for name: String) throws {
    folder = "/tmp/turnout-\(name)-\(getpid())"
    tool = try ChildProcess.beside("turnout")
    try File.makeDirectory(folder)
    try ChildProcess.run(
      [tool, "keygen", "--private", folder + "/key.pem", "--trust", folder + "/trust.json"], log: log)
  }

  deinit {
    _ = try? ChildProcess.run(["rm", "-rf", folder], log: "/dev/null")
  }

  private var log: String { folder + "/tool.log" }

  /// Signs a snapshot, which becomes the one that edges are told of.
  package func sign(_ document: [UInt8]) throws {
    let path = folder + "/snapshot.json"
    try File.replace(path, with: document)
    try ChildProcess.run(
      [tool, "sign", "--snapshot", path, "--key", folder + "/key.pem", "--out", folder + "/site"], log: log)
  }
}
