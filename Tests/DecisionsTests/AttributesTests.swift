import TestSupport
import Bytes
import Decisions
import JSON
import Testing

/// Tables that name these attributes, in this order, and nothing else.
private func tables(_ attributes: [String]) -> Compiled {
  var builder = TableBuilder()
  for attribute in attributes {
    _ = builder.internCondition(
      attribute: Array(attribute.utf8), operation: .exists, isList: false, operands: [], source: [])
  }
  return Compiled(tables: builder.finish())
}

extension Compiled {
  /// What each attribute is in the context, or why the context is none.
  fileprivate func read(_ context: [UInt8]) -> Result<[String], ContextFault> {
    context.withBytes { context in
      workspace.text.rewind(to: 0)
      workspace.clearAttributes(tables)
      if let fault = workspace.readAttributes(context, tables) { return .failure(fault) }
      // A condition that asks for a value resolves its escapes first, as "why" relies on.
      workspace.decide(tables, userKey: .empty, context: context)
      for index in 0..<tables.conditions.count { _ = workspace.explain(condition: index, tables, context) }
      return .success(
        (0..<tables.attributes.count).map { slot in
          switch workspace.describe(attribute: slot, context) {
          case .missing: "missing"
          case .null: "null"
          case .composite: "composite"
          case .bool(let value): "\(value)"
          case .number(let value): "\(value)"
          case .string(let value): String(value).quoted
          }
        })
    }
  }

  fileprivate func read(_ context: String) -> Result<[String], ContextFault> { read(Array(context.utf8)) }
}

private func describe(_ value: Value?) -> String {
  switch value {
  case nil: "missing"
  case .composite, .array, .object: "composite"
  case .some(let value): value.json
  }
}

struct AttributesTests {
  @Test(arguments: [
    // An exact key comes before a dotted path, wherever they stand.
    ("a.b", "{\"a.b\":1,\"a\":{\"b\":2}}", "1.0"), ("a.b", "{\"a\":{\"b\":2},\"a.b\":1}", "1.0"),
    ("a.b", "{\"a.b\":null,\"a\":{\"b\":2}}", "null"), ("a.b", "{\"a\":{\"b\":2}}", "2.0"),
    ("a.b.c", "{\"a.b\":{\"c\":1}}", "missing"), ("a.b.c", "{\"a\":{\"b.c\":1}}", "missing"),
    ("a.b", "{\"x\":{\"a.b\":1}}", "missing"),
    // Nothing that a value only inherits is an attribute.
    ("toString", "{}", "missing"), ("a.toString", "{\"a\":{}}", "missing"), ("__proto__", "{}", "missing"),
    ("a.length", "{\"a\":\"abc\"}", "missing"), ("a.0", "{\"a\":\"abc\"}", "missing"),
    ("a.b", "{\"a\":null}", "missing"), ("a.b", "{\"a\":1}", "missing"), ("a.b", "{\"a\":true}", "missing"),
    ("toString", "{\"toString\":1}", "1.0"), ("__proto__.a", "{\"__proto__\":{\"a\":1}}", "1.0"),
    // Arrays have their indices and their length.
    ("a.0", "{\"a\":[7,8]}", "7.0"), ("a.1", "{\"a\":[7,8]}", "8.0"), ("a.2", "{\"a\":[7,8]}", "missing"),
    ("a.-1", "{\"a\":[7,8]}", "missing"), ("a.00", "{\"a\":[7,8]}", "missing"),
    ("a.length", "{\"a\":[7,8]}", "2.0"),
    ("a.length", "{\"a\":[]}", "0.0"), ("a.length", "{\"a\":{\"length\":5}}", "5.0"),
    ("a.0.1", "{\"a\":[[7,8],9]}", "8.0"), ("a.1.b", "{\"a\":[0,{\"b\":[]}]}", "composite"),
    ("a.1.length", "{\"a\":[0,[1,2,[3,4]]]}", "3.0"), ("a.length.b", "{\"a\":[{\"b\":1}]}", "missing"),
    ("a.11", "{\"a\":[0,1,2,3,4,5,6,7,8,9,10,11]}", "11.0"), ("a.1", "{\"a\":{\"1\":5}}", "5.0"),
    // Of members of one name the last one counts, whatever it is.
    ("a", "{\"a\":1,\"a\":2}", "2.0"), ("a", "{\"a\":1,\"\\u0061\":null}", "null"),
    ("a.b", "{\"a\":{\"b\":1},\"a\":{}}", "missing"), ("a.b", "{\"a\":{\"b\":1},\"a\":2}", "missing"),
    ("a.b", "{\"a\":{\"b\":1,\"b\":2}}", "2.0"), ("a.b", "{\"a\":2,\"a\":{\"b\":1}}", "1.0"),
    ("a.length", "{\"a\":[1],\"a\":{}}", "missing"), ("a.1", "{\"a\":[1,2],\"a\":[3]}", "missing"),
    ("a.b", "{\"a.b\":1,\"a.b\":2,\"a\":{\"b\":3}}", "2.0"), ("a.b", "{\"a.b\":1,\"a\":1}", "1.0"),
    // Odd names are names.
    ("", "{\"\":1}", "1.0"), (".", "{\"\":{\"\":1}}", "1.0"), ("a.", "{\"a\":{\"\":1}}", "1.0"),
    ("a..b", "{\"a\":{\"\":{\"b\":1}}}", "1.0"), ("é", "{\"\\u00e9\":1}", "1.0"),
    ("é", "{\"e\u{301}\":1}", "missing"),
    ("a\"b", "{\"a\\\"b\":1}", "1.0"), ("a", "{\"A\":1}", "missing"), ("a", "{\"aa\":1}", "missing"),
    // Values.
    ("a", "{\"a\":false}", "false"), ("a", "{\"a\":-0.5e1}", "-5.0"), ("a", "{\"a\":1e999}", "inf"),
    ("a", "{\"a\":\"\"}", "\"\""), ("a", "{\"a\":\"\\u0041\\n\"}", "\"A\\n\""),
    ("a", "{\"a\":{}}", "composite"),
    ("a", "{\"a\":\"\\ud800\"}", "\"\u{FFFD}\""),
  ])
  func `an attribute is an exact key or what a dotted path leads to`(
    _ attribute: String, _ context: String, _ expected: String
  ) throws {
    #expect(try tables([attribute]).read(context).get() == [expected])
    // The slots of other attributes do not get in the way.
    let crowd = tables(["b", "a", "a.b", attribute, "a.b.c", "a.0", "a.length"])
    let slot = ["b", "a", "a.b"].firstIndex(of: attribute) ?? 3
    #expect(try crowd.read(context).get()[slot] == expected)
  }

  @Test func `any context is read as the naive look-up reads it`() throws {
    var random = Random(seed: 3)
    for round in 0..<300 {
      let names = Array(Random.attributes.shuffled(using: &random).prefix(1 + random.below(20)))
      let compiled = tables(names)
      for _ in 0..<20 {
        let context = random.context(4)
        #expect(
          try compiled.read(context.json).get() == names.map { describe(context.attribute($0)) },
          "round \(round): \(names) in \(context.json)")
      }
    }
  }

  @Test(
    arguments: [
      ("", .unexpectedEnd, 0), ("{", .unexpectedEnd, 1), ("{\"a\":1", .unexpectedEnd, 6),
      ("{\"a\":1}x", .trailingBytes, 7), ("{a:1}", .unexpectedByte, 1),
      ("{\"a\":1,}", .unexpectedByte, 7), ("{\"a\":\"\u{1}\"}", .controlCharacter, 6),
      ("nul", .unexpectedEnd, 3),
      ("[1,", .unexpectedEnd, 3), ("1 2", .trailingBytes, 2), ("{\"a\":\"\\x\"}", .invalidEscape, 6),
    ] as [(String, Fault.Kind, Int)])
  func `a context that is no JSON names the place`(_ context: String, _ kind: Fault.Kind, _ offset: Int) {
    #expect(tables(["a"]).read(context) == .failure(.notJSON(Fault(kind, at: offset))))
    #expect(tables([]).read(context) == .failure(.notJSON(Fault(kind, at: offset))))
  }

  @Test(arguments: ["1", "null", "\"a\"", "[]", "[{\"a\":1}]", "true", " 1 "])
  func `a context that is JSON but no object is told apart`(_ context: String) {
    #expect(tables(["a"]).read(context) == .failure(.notAnObject))
  }

  @Test func `a context may be as deep as the reader goes, and no deeper`() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "{\"a\":", count: depth) + "1" + String(repeating: "}", count: depth)
    }
    let path = Array(repeating: "a", count: 64).joined(separator: ".")
    let compiled = tables([path, "a.a"])
    #expect(try compiled.read(nested(64)).get() == ["1.0", "composite"])
    #expect(compiled.read(nested(65)) == .failure(.notJSON(Fault(.tooDeep, at: 64 * 5))))
    let arrays = "{\"a\":" + String(repeating: "[", count: 63) + String(repeating: "]", count: 63) + "}"
    #expect(try compiled.read(arrays).get() == ["missing", "missing"])
  }

  @Test func `bytes that were damaged are a context or a fault, as for the reader of documents`() {
    var random = Random(seed: 4)
    let compiled = tables(Random.attributes)
    for _ in 0..<3000 {
      var context = Array(random.context(4).json.utf8)
      for _ in 0..<(1 + random.below(3)) {
        let place = random.below(context.count + 1)
        switch random.below(3) {
        case 0: context.removeSubrange(min(place, context.count)..<min(place + 1, context.count))
        case 1: context.insert(random.pick(Array("{}[]\",:\\u0.".utf8)), at: place)
        default: if place < context.count { context[place] = UInt8(random.below(256)) }
        }
      }
      let verdict = compiled.read(context)
      do {
        let document = try Document(context)
        if document.root.kind == .object {
          #expect(throws: Never.self, "\(String(decoding: context, as: UTF8.self))") { try verdict.get() }
        } else {
          #expect(verdict == .failure(.notAnObject))
        }
      } catch {
        // A document may not name a member twice, a context may.
        if error.kind != .duplicateMember { #expect(verdict == .failure(.notJSON(error))) }
      }
    }
  }
}
