import Bytes
import JSON
import TestSupport
import Testing

struct WriterTests {
  private func write(_ body: (inout Writer) -> Void) -> String {
    var writer = Writer()
    body(&writer)
    return String(decoding: writer.text, as: UTF8.self)
  }

  @Test func `commas stand between values and nowhere else`() {
    let text = write { writer in
      writer.object { writer in
        writer.key("empty")
        writer.object { _ in }
        writer.key("list")
        writer.array { writer in
          writer.integer(1)
          writer.array { _ in }
          writer.object { writer in
            writer.key("a")
            writer.null()
          }
          writer.bool(true)
          writer.bool(false)
          writer.raw(("[0]" as StaticString).bytes)
          writer.string("x")
          writer.number(0.5)
        }
        writer.key("items")
        writer.array(1...3) { $0.integer($1) }
      }
    }
    #expect(
      text == #"{"empty":{},"list":[1,[],{"a":null},true,false,[0],"x",0.5],"items":[1,2,3]}"#)
  }

  @Test func `names and strings are escaped`() {
    let text = write { writer in
      writer.object { writer in
        writer.key("a\"b")
        writer.string("line\nof \u{E9}" as String)
      }
    }
    #expect(text == #"{"a\"b":"line\nof é"}"#)
  }

  @Test func `the three ways to say a string agree`() {
    let literal: StaticString = "q\"\\\t\u{1F680}"
    let texts = [
      write { $0.string(literal) }, write { $0.string(literal.bytes) },
      write { $0.string(literal.description) },
    ]
    #expect(Set(texts) == [#""q\"\\\t🚀""#])
  }

  @Test(
    arguments: [
      (0, "0"), (1, "1"), (-1, "-1"), (0.1, "0.1"), (100, "100"), (999_999_999_999_999, "999999999999999"),
      (1e16, "1e+16"),
      (1e300, "1e+300"), (.leastNonzeroMagnitude, "5e-324"), (.infinity, "null"), (-.infinity, "null"),
      (.nan, "null"),
    ] as [(Double, String)])
  func `a number is short, and null where JSON has none`(_ value: Double, _ expected: String) {
    #expect(write { $0.number(value) } == expected)
  }

  @Test func `every finite number reads back`() throws {
    var random = Random(seed: 1)
    for _ in 0..<2_000 {
      let value = Double(bitPattern: random.next())
      guard value.isFinite else { continue }
      var writer = Writer()
      writer.number(value)
      #expect(try Document(writer.text).root.number == value)
    }
  }

  @Test(arguments: [0, -1, .max, .min])
  func `an integer is written whole`(_ value: Int) {
    #expect(write { $0.integer(value) } == "\(value)")
  }
}
