import Bytes
import HTTP
import TestSupport
import Testing

struct CursorTests {
  // A value is scanned by words of eight bytes: no place in a word may be special.
  @Test(arguments: UInt8.min...UInt8.max)
  func `a byte is in a field value, or not, wherever it stands`(_ byte: UInt8) {
    let isText = byte == 0x09 || (byte >= 0x20 && byte != 0x7F)
    for count in [1, 7, 8, 9, 15, 16, 17, 33] {
      for position in 0..<count {
        var value = [UInt8](repeating: 0x61, count: count)
        value[position] = byte
        let text = "GET / HTTP/1.1\r\nHost: a\r\nX: ".utf8 + value + "\r\n\r\n".utf8
        let outcome = Parsed(text)
        if isText, case .head = outcome { continue }
        #expect(!isText && outcome == .invalid(.malformedField), "at \(position) of \(count)")
      }
    }
  }

  @Test(arguments: UInt8.min...UInt8.max)
  func `a byte is in a target, or not, wherever it stands`(_ byte: UInt8) {
    let isTarget = (0x21...0x7E).contains(byte) && byte != UInt8(ascii: "#")
    for count in [1, 7, 8, 9, 15, 16, 17, 33] {
      for position in 0..<count {
        var target = [UInt8](repeating: 0x61, count: count)
        target[position] = byte
        let text = "GET /".utf8 + target + " HTTP/1.1\r\nHost: a\r\n\r\n".utf8
        let outcome = Parsed(text)
        if isTarget, case .head(let request) = outcome, request.headCount == text.count { continue }
        // What ends a target early leaves a line that is no request line.
        let rejection: Rejection = byte == 0x20 || byte == 0x0D ? .malformedRequestLine : .malformedTarget
        #expect(!isTarget && outcome == .invalid(rejection), "at \(position) of \(count)")
      }
    }
  }
}
