// Who asks without saying who: a visitor, known by a cookie that the edge gave out
// (docs/decisions/0033-visitors-cookie.md).

import Bytes
import HTTP
import Server
import Trust

/// What visitors are known and kept by, as each worker gets it.
struct VisitorParts: Sendable {
  var cookie: Bool
  var domain: [UInt8]
  var sticky: Configuration.Visitors.StickyCarrier?
}

struct Visitors {
  enum Outcome: Int, CaseIterable {
    case known, new, malformed
  }

  private static var cookieName: StaticString { "turnout_uid" }
  /// Digits of a visitor's key: 128 bits.
  private static var digitCount: Int { 32 }

  /// Whether a request may leave the user out.
  let isOn: Bool
  private let key: MessageKey
  private let cookie: SetCookie
  /// The count as 8 bytes, the 16 bytes made of it, and these as digits.
  private let scratch: ByteRegion
  private var madeCount: UInt64 = 0
  /// How the visitor of this request is known; nil if it names a user or nobody looked yet.
  private(set) var outcome: Outcome?

  /// Bytes of memory that keys are made in.
  static var byteCount: Int { 8 + MessageKey.tagCount + digitCount }

  /// `memory` is of ``byteCount`` bytes.
  init(isOn: Bool, cookie: SetCookie, memory: ByteRegion) {
    self.isOn = isOn
    self.cookie = cookie
    scratch = memory
    // Keys are a keyed digest of a count, which nobody can continue without this key; it never leaves the worker.
    key = MessageKey(SecureRandom.bytes(32))
  }

  /// Forgets the request before.
  mutating func forget() { outcome = nil }

  /// The user key of whoever sent the request: of the cookie, or a new one. It holds until the next request.
  @_noAllocation @_noLocks
  mutating func identify(_ exchange: inout Exchange) -> ByteView {
    let sent = Cookies.first(Self.cookieName, in: exchange.request.cookie, of: exchange.bytes)
    if let sent, Self.isKey(sent) {
      outcome = .known
      return sent
    }
    outcome = sent == nil ? .new : .malformed
    return makeKey()
  }

  private static func isKey(_ text: ByteView) -> Bool {
    guard text.count == digitCount else { return false }
    for offset in 0..<digitCount {
      switch text[offset] {
      case 0x30...0x39, 0x61...0x66: continue
      default: return false
      }
    }
    return true
  }

  private mutating func makeKey() -> ByteView {
    madeCount += 1
    scratch.store(littleEndian: madeCount, at: 0)
    key.tag(scratch.bytes.slice(0..<8), to: scratch, at: 8)
    var digits = Output(scratch.part(from: 8 + MessageKey.tagCount, count: Self.digitCount))
    digits.append(hex: scratch.bytes.word(at: 8).byteSwapped, digits: 16)
    digits.append(hex: scratch.bytes.word(at: 16).byteSwapped, digits: 16)
    return digits.written
  }

  /// Appends the line that gives a visitor without a cookie the key that was made, if there is one.
  @_noAllocation @_noLocks
  func write(isSecure: Bool, to lines: inout Output) {
    guard let outcome else { return }
    switch outcome {
    case .known: return
    case .new, .malformed:
      cookie.write(
        Self.cookieName, scratch.bytes.dropping(8 + MessageKey.tagCount), isSecure: isSecure, to: &lines)
    }
  }
}
