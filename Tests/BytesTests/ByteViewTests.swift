import Bytes
import TestSupport
import Testing

struct ByteViewTests {
  // Few letters, so that needles are found and almost found.
  private static func word(_ random: inout Random, _ counts: ClosedRange<Int>) -> [UInt8] {
    random.bytes(Int.random(in: counts, using: &random), of: [0x61, 0x62, 0xE1, 0x00])
  }

  @Test func `a view shows its bytes one by one, by fours and by eights`() {
    GuardedBytes(1...12).withBytes { view in
      #expect(view.count == 12)
      #expect(view[0] == 1 && view[11] == 12)
      #expect(view.word32(at: 8) == 0x0C0B_0A09)
      #expect(view.word(at: 4) == 0x0C0B_0A09_0807_0605)
      #expect(Array(view) == Array(1...12))
      #expect(Array(view.slice(2..<5)) == [3, 4, 5])
      #expect(Array(view.slice(ByteRange(start: 2, count: 3))) == [3, 4, 5])
      #expect(Array(view.dropping(10)) == [11, 12])
      #expect(view.dropping(12).isEmpty)
    }
  }

  @Test func `views are equal exactly when their bytes are`() {
    var random = Random(seed: 1)
    for _ in 0..<2_000 {
      let left = Self.word(&random, 0...20)
      var right = left
      if let position = right.indices.randomElement(using: &random) {
        switch Int.random(in: 0..<3, using: &random) {
        case 0: right[position] ^= 0x80
        case 1: right.remove(at: position)
        default: break
        }
      }
      GuardedBytes(left).withBytes { left in
        GuardedBytes(right).withBytes { right in
          #expect(left.equals(right) == (Array(left) == Array(right)), "\(Array(left)) \(Array(right))")
        }
      }
    }
  }

  @Test func `the first offset of a byte is the naive one`() {
    var random = Random(seed: 2)
    for _ in 0..<2_000 {
      // Neighbours of the byte that is looked for are what the word-wise search could take for it.
      let bytes = random.bytes(
        Int.random(in: 0...40, using: &random), of: [0x25, 0x26, 0x27, 0xA6, 0x00, 0xFF])
      let start = Int.random(in: 0...bytes.count, using: &random)
      let expected = bytes[start...].firstIndex(of: 0x26)
      GuardedBytes(bytes).withBytes { #expect($0.firstOffset(of: 0x26, from: start) == expected, "\(bytes)") }
    }
  }

  @Test(arguments: [0x00, 0x01, 0x7F, 0x80, 0xFF] as [UInt8])
  func `every byte is found at every offset`(_ byte: UInt8) {
    for count in 1...20 {
      for offset in 0..<count {
        var bytes = [UInt8](repeating: ~byte, count: count)
        bytes[offset] = byte
        GuardedBytes(bytes).withBytes { #expect($0.firstOffset(of: byte) == offset) }
      }
    }
  }

  @Test func `nothing is found behind the end`() {
    #expect(("abc" as StaticString).bytes.firstOffset(of: UInt8(ascii: "a"), from: 3) == nil)
    #expect(("abc" as StaticString).bytes.firstOffset(of: UInt8(ascii: "a"), from: 9) == nil)
    #expect(ByteView.empty.firstOffset(of: 0) == nil)
  }

  @Test func `containing, starting and ending are the naive ones`() {
    var random = Random(seed: 3)
    for _ in 0..<3_000 {
      let text = Self.word(&random, 0...24)
      let needle = Self.word(&random, 0...4)
      let places = text.count < needle.count ? 0..<0 : 0..<(text.count - needle.count + 1)
      let isContained = places.contains { text[$0..<($0 + needle.count)].elementsEqual(needle) }
      GuardedBytes(text).withBytes { text in
        GuardedBytes(needle).withBytes { needle in
          #expect(text.contains(needle) == isContained, "\(Array(text)) \(Array(needle))")
          #expect(text.starts(with: needle) == Array(text).starts(with: Array(needle)))
          #expect(text.ends(with: needle) == Array(text).reversed().starts(with: Array(needle).reversed()))
        }
      }
    }
  }

  @Test func `the empty needle is everywhere`() {
    for text: StaticString in ["", "a"] {
      #expect(text.bytes.contains(.empty))
      #expect(text.bytes.starts(with: .empty))
      #expect(text.bytes.ends(with: .empty))
    }
  }

  @Test func `case is ignored for ASCII letters and nothing else`() {
    for byte in UInt8.min...UInt8.max {
      let letter = Unicode.Scalar(byte)
      let expected = letter.isASCII ? letter.properties.lowercaseMapping.utf8.first! : byte
      #expect(byte.lowercased == expected)
    }
    #expect(("HoSt" as StaticString).bytes.equalsIgnoringCase("host"))
    #expect(!("HoSt" as StaticString).bytes.equalsIgnoringCase("hosts"))
    // "[" is "{" without the bit that makes a letter lower case.
    #expect(!("[" as StaticString).bytes.equalsIgnoringCase("{"))
  }

  @Test func `case is ignored wherever the letter stands, and no other byte is`() {
    let literal = "access-control-request-method" as StaticString
    for count in [1, 3, 4, 5, 7, 8, 9, 12, 16, 17, 29] {
      let lower = Array(String(literal.bytes.slice(0..<count)).utf8)
      for position in 0..<count {
        for byte in UInt8.min...UInt8.max {
          var text = Array(String(decoding: lower, as: UTF8.self).uppercased().utf8)
          text[position] = byte
          let expected = byte.lowercased == lower[position]
          GuardedBytes(text).withBytes { #expect(equals($0, literal, count) == expected) }
        }
      }
    }
  }

  /// A literal of each length, since one cannot be cut.
  private func equals(_ view: ByteView, _ whole: StaticString, _ count: Int) -> Bool {
    switch count {
    case 1: view.equalsIgnoringCase("a")
    case 3: view.equalsIgnoringCase("acc")
    case 4: view.equalsIgnoringCase("acce")
    case 5: view.equalsIgnoringCase("acces")
    case 7: view.equalsIgnoringCase("access-")
    case 8: view.equalsIgnoringCase("access-c")
    case 9: view.equalsIgnoringCase("access-co")
    case 12: view.equalsIgnoringCase("access-contr")
    case 16: view.equalsIgnoringCase("access-control-r")
    case 17: view.equalsIgnoringCase("access-control-re")
    default: view.equalsIgnoringCase(whole)
    }
  }

  @Test func `a literal is compared byte for byte`() {
    #expect(("na\u{EF}ve" as StaticString).bytes.equals("na\u{EF}ve"))
    #expect(!("naive" as StaticString).bytes.equals("Naive"))
    #expect(!("naive" as StaticString).bytes.equals("naiv"))
  }

  @Test func `an empty array has an empty view`() {
    #expect(([] as [UInt8]).withBytes { $0.count } == 0)
    #expect(Array(ByteView.empty) == [])
  }

  @Test func `ill-formed text is repaired`() {
    #expect([0x61, 0xFF, 0x62].withBytes { String($0) } == "a\u{FFFD}b")
  }
}

// Each of these would be a read of memory that belongs to somebody else.
struct ByteViewBoundsTests {
  @Test func `a byte outside the view traps`() async {
    await #expect(processExitsWith: .failure) { _ = ("abc" as StaticString).bytes[3] }
    await #expect(processExitsWith: .failure) { _ = ("abc" as StaticString).bytes[-1] }
  }

  @Test func `a word that ends outside the view traps`() async {
    await #expect(processExitsWith: .failure) { _ = ("abcdefgh" as StaticString).bytes.word(at: 1) }
    await #expect(processExitsWith: .failure) { _ = ("abcd" as StaticString).bytes.word32(at: 1) }
    await #expect(processExitsWith: .failure) { _ = ("abc" as StaticString).bytes.word(at: 0) }
    await #expect(processExitsWith: .failure) { _ = ("0123456789abcdef" as StaticString).bytes.words(at: 1) }
  }

  @Test func `a slice outside the view traps`() async {
    await #expect(processExitsWith: .failure) { _ = ("abc" as StaticString).bytes.slice(1..<4) }
    await #expect(processExitsWith: .failure) { _ = ("abc" as StaticString).bytes.slice(-1..<2) }
    await #expect(processExitsWith: .failure) { _ = ("abc" as StaticString).bytes.dropping(4) }
  }

  @Test func `the page behind guarded bytes cannot be read`() async {
    await #expect(processExitsWith: .failure) {
      GuardedBytes([1, 2, 3]).withBytes { bytes in
        // Printed, so that an optimised build does read it.
        print(unsafe bytes.start.load(fromByteOffset: 3, as: UInt8.self))
      }
    }
  }
}
