import Bytes
import Dialects
import JSON
import Testing

struct ClientFaultTests {
  private func text(_ fault: ClientFault) -> [UInt8] { [UInt8](capacity: 1024) { fault.write(to: &$0) } }

  @Test func `a fault is an object with a sentence and a code`() {
    #expect(
      String(decoding: text(ClientFault("CODE", "Do this.")), as: UTF8.self)
        == "{\"error\":\"Do this.\",\"errorCode\":\"CODE\"}")
    #expect(
      String(decoding: text(ClientFault("CODE", "Do this.", fault: Fault(.tooDeep, at: 42))), as: UTF8.self)
        == "{\"error\":\"Do this. (more than 64 levels of nesting at byte 42)\",\"errorCode\":\"CODE\"}")
  }

  @Test(
    arguments: [
      .unexpectedEnd, .unexpectedByte, .invalidNumber, .invalidEscape, .controlCharacter, .invalidUTF8,
      .tooDeep,
      .trailingBytes, .duplicateMember, .tooLarge,
    ] as [Fault.Kind])
  func `whatever a text is no JSON for, the answer is JSON`(_ kind: Fault.Kind) throws {
    let text = text(ClientFault("CODE", "Send \\\"JSON\\\".", fault: Fault(kind, at: 0)))
    #expect(try Document(text).root["error"]?.text?.hasPrefix("Send \"JSON\". (") == true)
  }
}
