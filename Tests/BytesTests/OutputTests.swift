import Bytes
import TestSupport
import Testing

struct OutputTests {
  /// What `body` leaves in a region of `capacity` bytes, all of them "." before, and whether it overflowed.
  private func write(
    _ capacity: Int, _ body: (inout Output) -> Void
  ) -> (memory: String, written: String, isOverflowing: Bool) {
    GuardedBytes([UInt8](repeating: UInt8(ascii: "."), count: capacity)).withRegion { region in
      var output = Output(region)
      body(&output)
      #expect(output.count <= output.capacity)
      return (String(region.bytes), String(output.written), output.isOverflowing)
    }
  }

  @Test func `what is appended stands in order`() {
    let result = write(8) { output in
      output.append(0x61)
      output.append("bc")
      output.append(ByteView.empty)
      output.append(("def" as StaticString).bytes)
    }
    #expect(result == ("abcdef..", "abcdef", false))
  }

  @Test func `a full output takes nothing more and says so`() {
    #expect(write(3) { $0.append("abc") } == ("abc", "abc", false))
    #expect(write(3) { $0.append("abcd") } == ("...", "", true))
    #expect(write(0) { $0.append(0x61) } == ("", "", true))
  }

  @Test func `after an overflow nothing is written, though it would fit`() {
    let result = write(6) { output in
      output.append("ab")
      output.append("cdefg")
      output.append("x")
      output.append(0x79)
      output.append(decimal: 1)
    }
    #expect(result == ("ab....", "ab", true))
  }

  @Test func `rewinding forgets the overflow and what came since`() {
    let result = write(4) { output in
      output.append("ab")
      let mark = output.count
      output.append("cde")
      output.rewind(to: mark)
      output.append("cd")
    }
    #expect(result == ("abcd", "abcd", false))
  }

  @Test func `room that was written by hand counts once it is taken`() {
    let result = write(6) { output in
      output.append("ab")
      guard let room = output.room(4) else {
        Issue.record("no room")
        return
      }
      room.store(0x63, at: 0)
      room.store(0x64, at: 1)
      output.advance(by: 1)
    }
    #expect(result == ("abcd..", "abc", false))
  }

  @Test func `room that is not there is an overflow`() {
    let result = write(6) { output in
      output.append("ab")
      let tooMuch = output.room(5)
      // Nor is there any after an overflow.
      let another = output.room(1)
      #expect(tooMuch?.count == nil && another?.count == nil)
    }
    #expect(result == ("ab....", "ab", true))
  }

  @Test func `an output may go on behind what stands in the region`() {
    GuardedBytes("abcdef".utf8).withRegion { region in
      var output = Output(region, count: 2)
      output.append("XY")
      #expect(String(output.written) == "abXY")
      #expect(String(region.bytes) == "abXYef")
    }
  }

  @Test(arguments: [0, 1, 9, 10, -1, -10, 65_536, 1_000_000_007, .max, .min])
  func `a decimal number is written as Swift writes it`(_ value: Int) {
    #expect(write(20) { $0.append(decimal: value) }.written == "\(value)")
  }

  @Test(arguments: [
    (0, 1, "0"), (0xABC, 3, "abc"), (0xABC, 5, "00abc"), (0xABC, 2, "bc"), (.max, 16, "ffffffffffffffff"),
  ])
  func `a hexadecimal number has as many digits as it is told`(
    _ value: UInt64, _ digits: Int, _ expected: String
  ) {
    #expect(write(16) { $0.append(hex: value, digits: digits) }.written == expected)
  }

  @Test(arguments: [(0, "[   0]"), (7, "[   7]"), (1234, "[1234]")])
  func `a number is patched in at the right of its field`(_ value: Int, _ expected: String) {
    let result = write(6) { output in
      output.append("[    ]")
      output.patch(ByteRange(start: 1, count: 4), withDecimal: value)
    }
    #expect(result.written == expected)
  }

  @Test func `a number that is wider than its field traps`() async {
    await #expect(processExitsWith: .failure) {
      GuardedBytes("[  ]".utf8).withRegion { region in
        Output(region, count: 4).patch(ByteRange(start: 1, count: 2), withDecimal: 100)
      }
    }
  }

  @Test func `going back cannot go forward`() async {
    await #expect(processExitsWith: .failure) {
      GuardedBytes("abcd".utf8).withRegion { region in
        var output = Output(region, count: 1)
        output.rewind(to: 2)
      }
    }
  }

  @Test func `an array takes what a body writes`() {
    #expect([UInt8](capacity: 9) { $0.append("ab") } == [0x61, 0x62])
    #expect([UInt8](capacity: 0) { _ in } == [])
    var array: [UInt8] = [1]
    array.append(("a" as StaticString).bytes)
    array.append("b")
    #expect(array == [1, 0x61, 0x62])
  }
}
