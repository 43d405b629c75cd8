// JSON: the reader and the document agree on what is JSON, what is written is read as what was meant, and to write it
// again changes nothing.

import Bytes
import JSON

final class JSONLaw: Law {
  func check(_ input: ByteView) throws {
    let end = try walk(input)
    let text = [UInt8](input)
    let document: Document
    do throws(Fault) {
      document = try Document(text)
    } catch {
      if case .duplicateMember = error.kind { return try hold(end == nil, "only JSON has members twice") }
      return try hold(end == error, "reader and document name one fault: \(String(describing: end)) \(error)")
    }
    try hold(end == nil, "what a document reads the reader reads: \(String(describing: end))")
    try checkCut(input)
    let written = try write(document.root)
    let again = try Document(written)
    try hold(try write(again.root) == written, "what was written is written again as it is")
    let compact = document.root.compacted()
    try hold(try Document(compact).root.compacted() == compact, "what has no blanks loses none")
    try hold(try write(Document(compact).root) == written, "blanks mean nothing")
  }

  /// Reads all tokens; what is wrong with the text, or nil.
  private func walk(_ text: ByteView) throws -> Fault? {
    var reader = Reader()
    while true {
      let before = reader.offset
      let token = reader.next(text)
      try hold((0...Reader.depthMax).contains(reader.depth), "the depth is bounded: \(reader.depth)")
      try hold(
        reader.offset >= before && reader.offset <= text.count, "the reader goes on, and stays in the text")
      switch token {
      case .end:
        try hold(reader.depth == 0 && reader.offset == text.count, "a text ends where it ends")
        return nil
      case .invalid(let fault):
        try hold(reader.next(text) == token, "a fault stays")
        try hold(fault.offset <= text.count, "a fault is in the text")
        return fault
      case .key(let quoted), .string(let quoted):
        let meaning = [UInt8](capacity: Int(quoted.range.count)) { quoted.decode(text, into: &$0) }
        try hold(meaning.withBytes { UTF8Check.isValid($0) }, "a string means UTF-8")
        if !quoted.hasEscapes {
          try hold(meaning == [UInt8](text.slice(quoted.range)), "without escapes it stands")
        }
      case .number(let range): try checkNumber(text.slice(range))
      default: break
      }
      try hold(reader.offset > before, "every token has a byte")
    }
  }

  private func checkNumber(_ text: ByteView) throws {
    let value = DoubleParser.parse(text)
    guard let expected = Double(String(text)) else {
      throw Broken(description: "\(String(text)) is a number")
    }
    try hold(value.bitPattern == expected.bitPattern, "\(String(text)) is \(expected), not \(value)")
  }

  /// The beginning of a JSON text is JSON, or ends too early, or within a character.
  private func checkCut(_ text: ByteView) throws {
    let cut = text.chance(text.count)
    guard let fault = try walk(text.slice(0..<cut)) else { return }
    switch fault.kind {
    case .unexpectedEnd: break
    case .invalidUTF8: try hold(text[cut] & 0xC0 == 0x80, "only a cut within a character spoils it")
    default: throw Broken(description: "a text cut at \(cut) ends too early: \(fault)")
    }
  }

  private func write(_ element: Element) throws -> [UInt8] {
    var writer = Writer()
    write(element, to: &writer)
    return writer.text
  }

  private func write(_ element: Element, to writer: inout Writer) {
    switch element.kind {
    case .null: writer.null()
    case .bool: writer.bool(element.bool!)
    case .number: writer.number(element.number!)
    case .string: element.string!.withBytes { writer.string($0) }
    case .array: writer.array(element.elements) { write($1, to: &$0) }
    case .object:
      writer.object { writer in
        for (key, value) in element.members {
          var name: [UInt8] = []
          key.string!.withBytes { name.append(jsonString: $0) }
          // The writer's own keys are literals, so a member goes in as a whole.
          name.append(UInt8(ascii: ":"))
          name += (try? write(value)) ?? []
          name.withBytes { writer.raw($0) }
        }
      }
    }
  }
}
