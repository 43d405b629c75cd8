import HTTP
import Testing

struct StatusTests {
  @Test(arguments: Status.allCases)
  func `a status line says its number`(_ status: Status) {
    let line = status.line.description
    #expect(line.hasPrefix("HTTP/1.1 \(status.rawValue) "))
    #expect(line.utf8.suffix(2).elementsEqual("\r\n".utf8))
    // A reason and no other line break.
    #expect(line.utf8.dropLast(2).dropFirst(13).allSatisfy { (0x20...0x7E).contains($0) })
    #expect(line.utf8.count > 15)
  }
}
