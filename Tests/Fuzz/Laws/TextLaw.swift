// Texts of single values against what the standard library, or a program without a thought for speed, makes of them.

import Bytes
import Kernel
import Decisions

final class TextLaw: Law {
  private let memory: Memory

  init() throws {
    memory = try Memory(byteCount: 1 << 20)
  }

  func check(_ input: ByteView) throws {
    let text = input.slice(0..<min(input.count, 4096))
    let bytes = [UInt8](text)
    let string = String(validating: bytes, as: UTF8.self)
    try hold(UTF8Check.isValid(text) == (string != nil), "UTF-8 is what the standard library takes for it")
    let isDigits = !bytes.isEmpty && bytes.allSatisfy { (0x30...0x39).contains($0) }
    try hold(Decimal.parse(text) == (isDigits ? Int(String(text)) : nil), "digits are a number")
    try checkBase64(text, bytes)
    try checkTimestamp(text)
    try checkAddress(text)
    try checkSearch(text, bytes)
    _ = SemanticVersion(text)
  }

  private func checkBase64(_ text: ByteView, _ bytes: [UInt8]) throws {
    var encoded: [UInt8] = []
    Base64.encode(text, into: &encoded)
    var output = Output(memory.region)
    Base64.encodeURL(text, into: &output)
    for form in [encoded, [UInt8](output.written)] {
      var decoded: [UInt8] = []
      try hold(form.withBytes { Base64.decode($0, into: &decoded) } && decoded == bytes, "base64 is undone")
    }
    var decoded: [UInt8] = []
    guard Base64.decode(text, into: &decoded) else { return }
    var again: [UInt8] = []
    decoded.withBytes { Base64.encode($0, into: &again) }
    let plain = bytes.filter { $0 != UInt8(ascii: "=") }.map { (byte: UInt8) -> UInt8 in
      switch byte {
      case UInt8(ascii: "-"): UInt8(ascii: "+")
      case UInt8(ascii: "_"): UInt8(ascii: "/")
      default: byte
      }
    }
    try hold(again.filter { $0 != UInt8(ascii: "=") } == plain, "a value has one spelling")
  }

  private func checkTimestamp(_ text: ByteView) throws {
    guard let moment = Timestamp.milliseconds(text) else { return }
    let written = Array(Timestamp.text(milliseconds: moment).utf8)
    guard let again = written.withBytes({ Timestamp.milliseconds($0) }) else {
      throw Broken(description: "a moment is written as one: \(String(decoding: written, as: UTF8.self))")
    }
    // Before the year 0 and after 9999 there is no such text: what a zone moves there stays at the end.
    guard (-62_167_219_200_000.0...253_402_300_799_999.0).contains(moment) else { return }
    try hold(again == moment.rounded(.down), "a moment is kept to the millisecond: \(moment) \(again)")
  }

  private func checkAddress(_ text: ByteView) throws {
    guard let address = IPAddress.parse(text) else { return }
    let groups = (0..<8).map { place in
      String((place < 4 ? address.high : address.low) >> UInt64(48 - 16 * (place % 4)) & 0xFFFF, radix: 16)
    }
    let again = Array(groups.joined(separator: ":").utf8).withBytes { IPAddress.parse($0) }
    try hold(again == address, "an address written out is the same one")
    try hold(text.count <= 45, "an address has a length")
  }

  /// The searches that look at many bytes at once.
  private func checkSearch(_ text: ByteView, _ bytes: [UInt8]) throws {
    guard let wanted = bytes.first else { return }
    let rest = text.dropping(1)
    let start = rest.chance(rest.count)
    let found = bytes.dropFirst(1 + start).firstIndex(of: wanted).map { $0 - 1 }
    try hold(rest.firstOffset(of: wanted, from: start) == found, "the first offset of a byte is found")
    let end = text.chance(text.count, 1)
    try hold(text.contains(text.slice((end / 2)..<end)), "a part is contained")
    try hold(text.equals(text.slice(0..<text.count)), "a text equals itself")
    var changed = bytes
    let place = text.chance(bytes.count - 1, 2)
    changed[place] ^= 1
    try hold(!changed.withBytes { $0.equals(text) }, "a bit makes a difference")
  }
}
