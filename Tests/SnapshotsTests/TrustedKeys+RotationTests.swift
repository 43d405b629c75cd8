import Bytes
import Snapshots
import TestSupport
import Testing
import Trust

/// Four people with a key each, of whom some are trusted at a time.
private struct Circle {
  let keys: [PrivateKey]

  init() throws {
    keys = try (0..<4).map { _ in try PrivateKey.generate() }
  }

  func trusting(_ members: [Int], threshold: Int = 1, number: Int = 0) -> TrustedKeys {
    TrustedKeys(keys: members.map { keys[$0].publicKey }, threshold: threshold, number: number)
  }

  /// The file that says to trust `next`, signed by `signers`.
  func file(_ next: TrustedKeys, _ signers: Int..., type: String = TrustedKeys.rotationType) throws -> [UInt8]
  {
    try Envelope(next.encode(), type: type, signedBy: signers.map { keys[$0] }).encode()
  }
}

private func verdict(_ former: TrustedKeys, _ file: [UInt8]) -> Refusal.Reason? {
  do throws(Refusal) {
    _ = try former.next(file)
    return nil
  } catch {
    return error.reason
  }
}

struct TrustedKeysRotationTests {
  private let circle: Circle

  init() throws {
    circle = try Circle()
  }

  @Test func `a step signed by enough of both is believed`() throws {
    let former = circle.trusting([0, 1], threshold: 2)
    let next = try former.next(circle.file(circle.trusting([1, 2, 3], threshold: 2, number: 1), 0, 1, 2))
    #expect(next.number == 1)
    #expect(next.threshold == 2)
    #expect(next.keys.map(\.id) == [1, 2, 3].map { circle.keys[$0].publicKey.id })
    // From there the next one follows.
    #expect(verdict(next, try circle.file(circle.trusting([3], number: 2), 2, 3)) == nil)
  }

  @Test func `neither the former nor the new keys can take a step alone`() throws {
    let former = circle.trusting([0, 1], threshold: 2)
    let new = circle.trusting([2, 3], threshold: 2, number: 1)
    #expect(verdict(former, try circle.file(new, 0, 1, 2, 3)) == nil)
    for signers in [[2, 3], [0, 1], [0, 1, 2], [0, 2, 3], [0, 0, 2, 3], [0, 1, 2, 2], []] {
      let envelope = try Envelope(
        new.encode(), type: TrustedKeys.rotationType, signedBy: signers.map { circle.keys[$0] })
      #expect(verdict(former, envelope.encode()) == .signature, "\(signers)")
    }
  }

  @Test func `whom a step leaves out is trusted no more`() throws {
    let former = circle.trusting([0])
    let next = try former.next(circle.file(circle.trusting([1], number: 1), 0, 1))
    let manifest = Array("{}".utf8)
    let old = try Envelope(manifest, type: Envelope.manifestType, signedBy: [circle.keys[0]])
    #expect(throws: Refusal.self) { try old.verified(Envelope.manifestType, by: next) }
    #expect(verdict(next, try circle.file(circle.trusting([0], number: 2), 0)) == .signature)
  }

  @Test func `steps are taken one at a time`() throws {
    let former = circle.trusting([0], number: 4)
    for number in [0, 1, 3, 4, 6, 7, 1000] {
      #expect(
        verdict(former, try circle.file(circle.trusting([0], number: number), 0)) == .number, "\(number)")
    }
    #expect(verdict(former, try circle.file(circle.trusting([0], number: 5), 0)) == nil)
  }

  @Test func `fifty steps lead to the last one, and none of them can be left out`() throws {
    // Each step hands over from one to the next of the four.
    let files = try (1...50).map { number in
      try circle.file(circle.trusting([number % 4], number: number), (number - 1) % 4, number % 4)
    }
    var trusted = circle.trusting([0])
    for file in files { trusted = try trusted.next(file) }
    #expect(trusted.number == 50)
    #expect(trusted.keys == [circle.keys[50 % 4].publicKey])
    for left in files.indices.dropLast() {
      var trusted = circle.trusting([0])
      for file in files[..<left] { trusted = try trusted.next(file) }
      #expect(verdict(trusted, files[left + 1]) != nil)
    }
  }

  @Test func `what is no trust file is refused`() throws {
    let former = circle.trusting([0])
    let next = circle.trusting([0], number: 1)
    let file = try circle.file(next, 0)
    #expect(verdict(former, []) == .malformed)
    #expect(verdict(former, Array("<html>".utf8)) == .malformed)
    // A key file is not signed, and what was signed as something else is no trust file.
    #expect(verdict(former, next.encode()) == .malformed)
    #expect(verdict(former, try circle.file(next, 0, type: Envelope.manifestType)) == .malformed)
    let other = try Envelope(Array("{}".utf8), type: TrustedKeys.rotationType, signedBy: [circle.keys[0]])
    #expect(verdict(former, other.encode()) == .malformed)
    // At the limit, and above it.
    let room = TrustedKeys.rotationByteMax - file.count
    #expect(verdict(former, file + [UInt8](repeating: 0x20, count: room)) == nil)
    #expect(verdict(former, file + [UInt8](repeating: 0x20, count: room + 1)) == .oversized)
  }

  @Test func `a trust file that was damaged anywhere leads nowhere else`() throws {
    let former = circle.trusting([0])
    let file = try circle.file(circle.trusting([1], number: 1), 0, 1)
    let next = try former.next(file)
    for index in file.indices {
      for byte in [file[index] ^ 1, file[index] ^ 0x20, UInt8(ascii: "\""), UInt8(ascii: "A")] {
        var damaged = file
        damaged[index] = byte
        guard let reached = try? former.next(damaged) else { continue }
        #expect(
          reached.keys == next.keys && reached.number == next.number && reached.threshold == next.threshold)
      }
    }
    for count in file.indices { #expect(verdict(former, Array(file[..<count])) != nil) }
  }

  @Test func `a trust file may stand in for the key file`() throws {
    let read = try TrustedKeys(decoding: circle.file(circle.trusting([1, 2], threshold: 2, number: 7), 0))
    #expect(read.number == 7)
    #expect(read.threshold == 2)
    #expect(read.keys == [1, 2].map { circle.keys[$0].publicKey })
    let plain = circle.trusting([0], number: 3)
    #expect(try TrustedKeys(decoding: plain.encode()).number == 3)
    let manifest = try Envelope(Array("{}".utf8), type: Envelope.manifestType, signedBy: [circle.keys[0]])
    #expect(throws: Refusal.self) { try TrustedKeys(decoding: manifest.encode()) }
    for number in ["-1", "1.5", "\"1\"", "1e300"] {
      let text = String(decoding: plain.encode(), as: UTF8.self)
        .split(separator: "\"number\":3").joined(separator: "\"number\":\(number)")
      #expect(throws: Refusal.self, "\(text)") { try TrustedKeys(decoding: Array(text.utf8)) }
    }
  }

  @Test func `what a stolen key had accepted binds no longer once the key is out`() throws {
    let manifest = Manifest(
      environment: "prod", version: 1 << 40, path: "configs/prod/snapshots/1.json", sha256: "ab", length: 1,
      issuedAt: 1e15, expiresAt: 2e15)
    let ids = circle.keys.map(\.publicKey.id)
    let accepted = Accepted(manifest, signers: [ids[0], ids[1]])
    #expect(try Accepted(decoding: accepted.encode()) == accepted)
    // Enough of them are still trusted.
    #expect(accepted.binds(under: circle.trusting([0, 1], threshold: 2)))
    #expect(accepted.binds(under: circle.trusting([1, 2])))
    #expect(accepted.binds(under: nil))
    // Or not.
    #expect(!accepted.binds(under: circle.trusting([2, 3])))
    #expect(!accepted.binds(under: circle.trusting([1, 2], threshold: 2)))
    #expect(!Accepted(manifest, signers: []).binds(under: circle.trusting([0])))
    // A record of before this was written down binds always.
    let old = try Accepted(decoding: Array("{\"version\":1,\"sha256\":\"ab\",\"issuedAt\":1}".utf8))
    #expect(old.signers == nil)
    #expect(old.binds(under: circle.trusting([0])))
    #expect(throws: Refusal.self) {
      try Accepted(decoding: Array("{\"version\":1,\"sha256\":\"ab\",\"issuedAt\":1,\"signedBy\":[1]}".utf8))
    }
  }
}
