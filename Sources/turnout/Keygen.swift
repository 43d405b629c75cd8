// turnout keygen: a key pair, and the key file that edges trust.

import Arguments
import Kernel
import Snapshots
import Trust

enum Keygen {
  static let command = Command(
    "keygen", "make an Ed25519 key and add it to a key file",
    options: [
      Option(
        "private", "FILE", "where the private key goes (PEM, readable by its owner alone); must not exist"),
      Option("trust", "FILE", "the key file to make, or to add the key to"),
      Option("threshold", "N", "how many keys of the file must sign; default: as it is, or 1"),
    ])

  static func run(_ invocation: Invocation) throws {
    let privatePath = try invocation.required("private")
    let trustPath = try invocation.required("trust")
    let key = try PrivateKey.generate()
    var keys: [PublicKey] = []
    var threshold = 1
    if File.exists(trustPath) {
      let trusted = try TrustedKeys(decoding: Documents.small(trustPath))
      keys = trusted.keys
      threshold = trusted.threshold
    }
    keys.append(key.publicKey)
    if let text = invocation["threshold"] {
      guard let number = Int(text), number >= 1, number <= keys.count else {
        throw UsageFault("--threshold needs a number from 1 to \(keys.count), the keys of the file")
      }
      threshold = number
    }
    try File.makeDirectory(File.directory(of: privatePath))
    try File.makeDirectory(File.directory(of: trustPath))
    try File.create(privatePath, with: key.pem(), mode: 0o600)
    try File.replace(trustPath, with: TrustedKeys(keys: keys, threshold: threshold).encode() + [0x0A])
    print("keyid \(key.publicKey.id)")
    print("private key in \(privatePath), trusted in \(trustPath) (\(threshold) of \(keys.count) must sign)")
  }
}
