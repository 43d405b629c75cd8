// Bodies: RFC 8259. A body that is no JSON is a fault of the question, so the connection stays.

extension Row {
  private static func json(_ section: String, _ name: String, _ body: String) -> Row {
    served("RFC 8259 \(section)", name, post("/api/v1/decide", body))
  }

  private static func notJSON(
    _ section: String, _ name: String, _ body: some Collection<UInt8>, _ code: String = "MALFORMED_BODY"
  ) -> Row {
    let head = "POST /api/v1/decide HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.count)\r\n\r\n"
    return served("RFC 8259 \(section)", name, Array(head.utf8) + Array(body), Expected(400, code))
  }

  private static func notJSON(
    _ section: String, _ name: String, _ body: String, _ code: String = "MALFORMED_BODY"
  ) -> Row {
    notJSON(section, name, body.utf8, code)
  }

  /// A body whose attributes have one member with this value.
  private static func attribute(_ value: String) -> String {
    #"{"subjectId":"u","attributes":{"a":\#(value)}}"#
  }

  private static func nested(_ levels: Int, _ open: String, _ close: String) -> String {
    String(repeating: open, count: levels) + "1" + String(repeating: close, count: levels)
  }

  static let bodies: [Row] = [
    json("2", "blanks of every kind", " \t\r\n{ \"subjectId\"\t:\r\"u\"\n} \r\n\t"),
    json("4", "members that nobody knows", #"{"x":[1,{"y":null}],"subjectId":"u","z":{}}"#),
    json("4", "a member that stands twice: the last one counts", #"{"subjectId":1,"subjectId":"u"}"#),
    json("4", "an escape in a name", #"{"\u0073ubjectId":"u"}"#),
    json("4", "an empty name", attribute("1").replacing(#""a""#, with: #""""#)),
    json("7", "every escape", attribute(#""\"\\\/\b\f\n\r\t\u00e9\u00E9""#)),
    json("7", "an escaped NUL", attribute(#""\u0000""#)),
    json("7", "a pair of surrogates", attribute(#""\uD83D\uDE00""#)),
    json("8.2", "half a pair of surrogates", attribute(#""\uD83D""#)),
    json("8.2", "the other half", attribute(#""\uDE00""#)),
    json("8.2", "the halves the wrong way round", attribute(#""\uDE00\uD83D""#)),
    json("8.1", "characters of two, three and four bytes", attribute("\"\u{E9}\u{20AC}\u{1F600}\"")),
    json("7", "a DEL", attribute("\"\u{7F}\"")),
    json("9", "64 levels", #"{"subjectId":"u","attributes":{"a":\#(nested(62, "[", "]"))}}"#),
    json(
      "9", "64 levels of objects", #"{"subjectId":"u","attributes":{"a":\#(nested(62, "{\"a\":", "}"))}}"#),
    json("9", "many arrays, none deep", attribute("[\(String(repeating: "[],", count: 5000))[]]")),
    notJSON("2", "blanks alone", " \r\n\t "),
    notJSON("2", "a number", "1"),
    notJSON("2", "a string", "\"u\""),
    notJSON("2", "true", "true"),
    notJSON("2", "null", "null"),
    notJSON("2", "an array", "[]"),
    notJSON("2", "an object that does not end", #"{"subjectId":"u""#),
    notJSON("2", "something behind the object", #"{"subjectId":"u"} x"#),
    notJSON("2", "two objects", #"{"subjectId":"u"}{}"#),
    notJSON("2", "a comma behind the object", #"{"subjectId":"u"},"#),
    notJSON("2", "a NUL behind the object", "{\"subjectId\":\"u\"}\u{0}"),
    notJSON("2", "a form feed for a blank", "{\u{C}\"subjectId\":\"u\"}"),
    notJSON("2", "a vertical tab for a blank", "{\u{B}\"subjectId\":\"u\"}"),
    notJSON("2", "a blank of Unicode", "{\u{A0}\"subjectId\":\"u\"}"),
    notJSON("2", "a comment", #"{/* a */"subjectId":"u"}"#),
    notJSON("2", "a comment to the end of the line", "{// a\n\"subjectId\":\"u\"}"),
    notJSON("3", "a word in capitals", attribute("TRUE")),
    notJSON("3", "half a word", attribute("tru")),
    notJSON("3", "more than a word", attribute("truex")),
    notJSON("3", "a word that is none", attribute("undefined")),
    notJSON("4", "a name without quotes", #"{subjectId:"u"}"#),
    notJSON("4", "a name in single quotes", #"{'subjectId':"u"}"#),
    notJSON("4", "a number for a name", #"{1:"u"}"#),
    notJSON("4", "no colon", #"{"subjectId" "u"}"#),
    notJSON("4", "two colons", #"{"subjectId"::"u"}"#),
    notJSON("4", "an equals sign for the colon", #"{"subjectId"="u"}"#),
    notJSON("4", "no value", #"{"subjectId":}"#),
    notJSON("4", "a name alone", #"{"subjectId"}"#),
    notJSON("4", "a comma at the end", #"{"subjectId":"u",}"#),
    notJSON("4", "a comma at the beginning", #"{,"subjectId":"u"}"#),
    notJSON("4", "two commas", #"{"subjectId":"u",,"a":1}"#),
    notJSON("4", "no comma", #"{"subjectId":"u" "a":1}"#),
    notJSON("4", "a semicolon for the comma", #"{"subjectId":"u";"a":1}"#),
    notJSON("4", "the bracket of an array", #"{"subjectId":"u"]"#),
    notJSON("5", "a comma at the end of an array", attribute("[1,]")),
    notJSON("5", "a comma at the beginning of an array", attribute("[,1]")),
    notJSON("5", "a comma alone", attribute("[,]")),
    notJSON("5", "two commas in an array", attribute("[1,,2]")),
    notJSON("5", "no comma in an array", attribute("[1 2]")),
    notJSON("5", "a colon in an array", attribute("[1:2]")),
    notJSON("5", "the bracket of an object", attribute("[1}")),
    notJSON("7", "a string in single quotes", attribute("'a'")),
    notJSON("7", "a string that does not end", attribute("\"a")),
    notJSON("7", "an LF in a string", attribute("\"a\nb\"")),
    notJSON("7", "a tab in a string", attribute("\"a\tb\"")),
    notJSON("7", "a NUL in a string", attribute("\"a\u{0}b\"")),
    notJSON("7", "the last control character in a string", attribute("\"\u{1F}\"")),
    notJSON("7", "an escape that is none", attribute(#""\a""#)),
    notJSON("7", "an escape in capitals", attribute(#""\N""#)),
    notJSON("7", "an escape of C", attribute(#""\x41""#)),
    notJSON("7", "an escaped quote of the other kind", attribute(#""\'""#)),
    notJSON("7", "three digits", attribute(#""\u004""#)),
    notJSON("7", "a letter that is no digit", attribute(#""\u004g""#)),
    notJSON("7", "braces around the digits", attribute(#""\u{41}""#)),
    notJSON("7", "a backslash at the end", attribute(#""\"#)),
    notJSON("8.1", "a byte order mark", "\u{FEFF}{\"subjectId\":\"u\"}"),
    notJSON("8.1", "UTF-16", Array("{\u{0}\"\u{0}s\u{0}".utf8)),
    notJSON("9", "65 levels", attribute(nested(63, "[", "]"))),
    notJSON("9", "65 levels of objects", attribute(nested(63, "{\"a\":", "}"))),
    notJSON("9", "ten thousand levels", attribute(nested(10_000, "[", "]"))),
    notJSON("9", "levels without end", String(repeating: "[", count: 65_536)),
    notJSON("9", "objects without end", String(repeating: "{\"a\":", count: 13_000)),
    notJSON("2", "the smallest rubbish", "x"),
    notJSON("2", "what a form sends", "subjectId=u&attributes=%7B%7D"),
    notJSON("2", "XML", "<subjectId>u</subjectId>"),
  ]

  static let numbers: [Row] = [
    "0", "-0", "7", "-7", "10", "0.0", "-0.5", "1.25", "1e5", "1E5", "1e+5", "1e-5", "0e0", "1.5e10", "1e400",
    "-1e400", "1e-400", "9007199254740993", "123456789012345678901234567890",
    "0." + String(repeating: "0", count: 500) + "1",
  ].map { json("6", "the number \($0.prefix(40))", attribute($0)) }

  static let noNumbers: [Row] = [
    "+1", "01", "-01", "00", "1.", ".5", "-.5", "1.e5", "1e", "1e+", "1E-", "-", "- 1", "--1", "1.2.3",
    "1e5.5",
    "1 e5", "0x1", "1_000", "1,5e", "Infinity", "-Infinity", "NaN", "1a", "\u{661}", "1\u{0}",
  ].map { notJSON("6", "\($0.debugDescription) is no number", attribute($0)) }

  static let malformedUTF8: [Row] = [
    ("a byte that continues nothing", [0x80]), ("a beginning alone", [0xC3]),
    ("too long for its value", [0xC0, 0x80]),
    ("too long for a slash", [0xC0, 0xAF]), ("too long, of three bytes", [0xE0, 0x80, 0x80]),
    ("too long, of four bytes", [0xF0, 0x80, 0x80, 0x80]), ("half a pair of surrogates", [0xED, 0xA0, 0x80]),
    ("above all characters", [0xF4, 0x90, 0x80, 0x80]),
    ("a beginning of five bytes", [0xF8, 0x88, 0x80, 0x80, 0x80]),
    ("two of three bytes", [0xE2, 0x82]), ("three of four bytes", [0xF0, 0x9F, 0x98]), ("FE", [0xFE]),
    ("FF", [0xFF]),
    ("Latin-1", [0xE9, 0x61]),
  ].map { (name: String, bytes: [UInt8]) -> Row in
    notJSON(
      "8.1", "UTF-8: \(name)",
      Array(#"{"subjectId":"u","attributes":{"a":""#.utf8) + bytes + Array(#""}}"#.utf8))
  }

  /// What is JSON, but no question.
  static let questions: [Row] = [
    notJSON("4", "no subject", "{}", "MISSING_SUBJECT"),
    notJSON("7", "an empty subject", #"{"subjectId":""}"#, "INVALID_SUBJECT"),
    notJSON("3", "a number for a subject", #"{"subjectId":1}"#, "INVALID_SUBJECT"),
    notJSON("3", "null for a subject", #"{"subjectId":null}"#, "INVALID_SUBJECT"),
    json("7", "a subject of 256 bytes", "{\"subjectId\":\"\(String(repeating: "u", count: 256))\"}"),
    notJSON(
      "7", "a subject of 257 bytes", "{\"subjectId\":\"\(String(repeating: "u", count: 257))\"}",
      "INVALID_SUBJECT"),
    notJSON("5", "an array for attributes", #"{"subjectId":"u","attributes":[]}"#, "INVALID_CONTEXT"),
    notJSON("5", "a string for flags", #"{"subjectId":"u","flagKeys":"a"}"#, "INVALID_FLAG_KEYS"),
    notJSON(
      "5", "129 flags",
      "{\"subjectId\":\"u\",\"flagKeys\":[\(String(repeating: "\"a\",", count: 128))\"a\"]}",
      "INVALID_FLAG_KEYS"),
    json(
      "5", "128 flags", "{\"subjectId\":\"u\",\"flagKeys\":[\(String(repeating: "\"a\",", count: 127))\"a\"]}"
    ),
  ]
}

extension String {
  fileprivate func replacing(_ part: String, with other: String) -> String {
    var rest = Substring(self)
    var result = ""
    while let character = rest.first {
      if rest.hasPrefix(part) {
        result += other
        rest = rest.dropFirst(part.count)
      } else {
        result.append(character)
        rest = rest.dropFirst()
      }
    }
    return result
  }
}
