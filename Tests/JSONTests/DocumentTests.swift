import Bytes
import JSON
import TestSupport
import Testing

private func root(_ text: String) throws -> Element {
  try Document(Array(text.utf8)).root
}

private func fault(_ text: String) -> Fault? {
  do throws(Fault) {
    _ = try Document(Array(text.utf8))
    return nil
  } catch {
    return error
  }
}

struct DocumentTests {
  @Test func `values have their kind and nothing of another`() throws {
    let values = Array(try root("[{}, [], \"s\", 1.5, true, false, null]").elements)
    #expect(values.map { $0.kind } == [.object, .array, .string, .number, .bool, .bool, .null])
    #expect(values.map { $0.text } == [nil, nil, "s", nil, nil, nil, nil])
    #expect(values.map { $0.number } == [nil, nil, nil, 1.5, nil, nil, nil])
    #expect(values.map { $0.bool } == [nil, nil, nil, nil, true, false, nil])
    #expect(values.map { $0.isNull } == [false, false, false, false, false, false, true])
    for value in values {
      #expect(Array(value.members).isEmpty && Array(value.elements).isEmpty && value["s"] == nil)
    }
  }

  @Test func `a value knows where it stands`() throws {
    let values = Array(try root(" [ {\"a\" : 1} , [ ],\"\\n\",-1e5,true,false,null]").elements)
    #expect(
      values.map { String(decoding: $0.source, as: UTF8.self) }
        == ["{\"a\" : 1}", "[ ]", "\\n", "-1e5", "true", "false", "null"])
    #expect(values[0].range == ByteRange(from: 3, to: 12))
  }

  @Test func `members come in their order, past whatever their values hold`() throws {
    let object = try root("{\"z\":{\"a\":[1,{\"b\":2}]},\"a\":[[],[3]],\"\":null,\"m\":4}")
    #expect(object.members.map { $0.key.text } == ["z", "a", "", "m"])
    #expect(object.members.map { $0.value.kind } == [.object, .array, .null, .number])
    #expect(object["m"]?.integer == 4)
    #expect(object["z"]?["a"]?.elements.map { $0.kind } == [.number, .object])
    // "b" is a member of a member only.
    #expect(object["b"] == nil)
    #expect(object[""]?.isNull == true)
  }

  @Test func `a member is found by what its name means`() throws {
    let object = try root("{\"\\u0061b\":1, \"c\\\\d\":2}")
    #expect(object["ab"]?.integer == 1)
    #expect(object["c\\d"]?.integer == 2)
    #expect(object["\\u0061b"] == nil)
  }

  @Test func `reading every value again gives the document again`() throws {
    var random = Random(seed: 1)
    for _ in 0..<200 {
      let text = random.json()
      var writer = Writer()
      Self.copy(try root(text), to: &writer)
      #expect(try root(text).compacted() == writer.text, "\(text)")
    }
  }

  /// Written by walking, with every scalar as it stands in the source.
  private static func copy(_ element: Element, to writer: inout Writer) {
    switch element.kind {
    case .array: writer.array(element.elements) { copy($1, to: &$0) }
    case .object:
      // Writer takes names that are literals, so the members are put together here.
      var text = Array("{".utf8)
      for (position, member) in element.members.enumerated() {
        var value = Writer()
        copy(member.value, to: &value)
        text +=
          Array(position > 0 ? ",\"".utf8 : "\"".utf8) + member.key.source + Array("\":".utf8) + value.text
      }
      (text + Array("}".utf8)).withBytes { writer.raw($0) }
    case .string: (Array("\"".utf8) + element.source + Array("\"".utf8)).withBytes { writer.raw($0) }
    default: element.source.withBytes { writer.raw($0) }
    }
  }

  @Test(arguments: [
    (" [ 1 , 2 ] ", "[1,2]"), ("{ \"a b\" : \" \\\" , \" }", "{\"a b\":\" \\\" , \"}"),
    (" \"a \\\\\" ", "\"a \\\\\""),
    ("[\"\\\\\" , \"\\\"\" , 1]", "[\"\\\\\",\"\\\"\",1]"), ("\r\n\t1.0\n", "1.0"), ("\"\"", "\"\""),
    ("[ ]", "[]"),
  ])
  func `compacting takes the blanks between tokens and no other`(_ text: String, _ expected: String) throws {
    #expect(String(decoding: try root(text).compacted(), as: UTF8.self) == expected)
  }

  @Test func `a part compacts alone`() throws {
    let object = try root("{ \"a\" : { \"b\" : [ 1 , \"x y\" ] } , \"c\" : \" d \" }")
    #expect(object["a"]?.compacted() == Array("{\"b\":[1,\"x y\"]}".utf8))
    #expect(object["c"]?.compacted() == Array("\" d \"".utf8))
  }

  @Test(
    arguments: [
      ("0", 0), ("-0", 0), ("7", 7), ("-7", -7), ("1e3", 1000), ("1.5e1", 15), ("10.0", 10),
      ("9007199254740991", 9_007_199_254_740_991),
      ("1.5", nil), ("1e-1", nil), ("1e19", nil), ("-1e19", nil), ("1e400", nil), ("\"1\"", nil),
      ("true", nil), ("null", nil),
      ("9223372036854775808", nil), ("-9223372036854775808", Int.min),
    ] as [(String, Int?)])
  func `an integer is a number without fraction, however written`(_ text: String, _ expected: Int?) throws {
    #expect(try root(text).integer == expected)
  }

  @Test func `a fault of the text is the document's`() {
    #expect(fault("") == Fault(.unexpectedEnd, at: 0))
    #expect(fault("{\"a\":1,}") == Fault(.unexpectedByte, at: 7))
    #expect(fault("1 2") == Fault(.trailingBytes, at: 2))
    #expect(fault(String(repeating: "[", count: 65)) == Fault(.tooDeep, at: 64))
  }
}

struct DocumentMembersTests {
  @Test(arguments: [
    ("{\"a\":1,\"a\":1}", 8), ("{\"a\":1,\"b\":2,\"a\":3}", 14), ("{\"a\":1,\"\\u0061\":2}", 8),
    ("{\"\\u0061\":1,\"a\":2}", 13),
    ("{\"\\u0061\":1,\"\\u0061\":2}", 13), ("{\"\":1,\"\":2}", 7), ("{\"/\":1,\"\\/\":2}", 8),
    ("[{\"x\":{\"a\":1,\"a\":2}}]", 14),
    ("{\"\u{1F680}\":1,\"\\ud83d\\ude80\":2}", 11),
    // Both mean U+FFFD, so nobody could tell them apart.
    ("{\"\\ud800\":1,\"\\udc00\":2}", 13),
  ])
  func `a name that comes twice is refused where it comes again`(_ text: String, _ offset: Int) {
    #expect(fault(text) == Fault(.duplicateMember, at: offset))
  }

  @Test(arguments: [
    "{\"a\":1,\"A\":2}", "{\"a\":{\"a\":{\"a\":1}}}", "[{\"a\":1},{\"a\":1}]", "{\"a\":\"a\",\"b\":\"a\"}",
    // Unicode's composed and decomposed forms are two names: nothing is normalized.
    "{\"\u{E9}\":1,\"e\u{301}\":2}", "{\"a\":1,\"a\\u0000\":2}",
  ])
  func `names that only look alike are two`(_ text: String) {
    #expect(fault(text) == nil)
  }

  // From 17 members on a set is kept instead of comparing each with each.
  @Test(arguments: [2, 15, 16, 17, 18, 100], ["last", "l\\u0061st", "\\u006cast"])
  func `a name that comes twice is found in an object of any size`(_ count: Int, _ again: String) {
    let names = ["last"] + (0..<(count - 2)).map { "name\($0)" }
    let members = names.map { "\"\($0)\":1" }.joined(separator: ",")
    #expect(fault("{\(members),\"other\":1}") == nil)
    #expect(fault("{\(members),\"\(again)\":1}") == Fault(.duplicateMember, at: members.utf8.count + 3))
  }
}
