// turnout trust next, turnout trust sign: the numbered file that tells edges whom to trust from then on.

import Arguments
import Bytes
import Kernel
import Snapshots
import Trust

enum Rotation {
  static let nextCommand = Command(
    "trust next", "make the trust file that changes whose signatures count",
    options: [
      Option("from", "FILE", "what edges trust now: the key file, or the newest trust file"),
      Option("to", "FILE", "the key file with the keys and the threshold from then on"),
      Option("key", "FILE", "a private key (PEM), former or new; may be repeated, each signs"),
      Option("out", "DIR", "the folder that configs/ stands in; the file must not exist there"),
    ])

  static let signCommand = Command(
    "trust sign", "add signatures to a trust file that is not complete",
    options: [
      Option("file", "FILE", "the trust file"),
      Option("from", "FILE", "what edges trust before it: the key file, or the trust file before"),
      Option("key", "FILE", "a private key (PEM), former or new; may be repeated, each signs"),
    ])

  static func next(_ invocation: Invocation) throws {
    let former = try TrustedKeys(decoding: Documents.small(invocation.required("from")))
    let new = try TrustedKeys(decoding: Documents.small(invocation.required("to")))
    let directory = try invocation.required("out")
    let next = TrustedKeys(keys: new.keys, threshold: new.threshold, number: former.number + 1)
    let envelope = try Envelope(
      next.encode(), type: TrustedKeys.rotationType, signedBy: Documents.privateKeys(invocation))
    let path = "\(directory)/\(Layout.trust(next.number))"
    try File.makeDirectory(File.directory(of: path))
    try File.create(path, with: envelope.encode(), mode: 0o644)
    try tell(envelope, of: next, after: former, path)
  }

  static func sign(_ invocation: Invocation) throws {
    let path = try invocation.required("file")
    let former = try TrustedKeys(decoding: Documents.small(invocation.required("from")))
    var envelope = try Envelope(decoding: File.read(path, limit: TrustedKeys.rotationByteMax))
    let next = try TrustedKeys(decoding: envelope.encode())
    let keys = try Documents.privateKeys(invocation)
    // Whoever signs again replaces what they signed before.
    envelope.signatures.removeAll { signature in keys.contains { $0.publicKey.id == signature.keyID } }
    try envelope.sign(with: keys)
    try File.replace(path, with: envelope.encode())
    try tell(envelope, of: next, after: former, path)
  }

  /// Says how far the file is, and refuses to call one done that no edge would believe.
  private static func tell(
    _ envelope: Envelope, of next: TrustedKeys, after former: TrustedKeys, _ path: String
  ) throws {
    print(
      "\(path): trust \(next.number), \(next.threshold) of \(next.keys.count) keys must sign from then on")
    let signed = (envelope.signers(among: former).count, envelope.signers(among: next).count)
    print(
      "signed by \(signed.0) of the \(former.threshold) needed former keys and \(signed.1) of the "
        + "\(next.threshold) needed new ones")
    do throws(Refusal) {
      _ = try former.next(envelope.encode())
    } catch {
      throw Refused("no edge would believe it yet: \(error.message); turnout trust sign adds signatures")
    }
  }
}
