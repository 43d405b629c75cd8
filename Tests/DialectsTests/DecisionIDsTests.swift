import Bytes
import Dialects
import Testing

struct DecisionIDsTests {
  @Test func `ids are in order and no two are the same`() {
    var ids = DecisionIDs(seed: .max)
    let text = String(
      decoding: [UInt8](capacity: 4096) { output in
        for _ in 0..<20 { ids.write(to: &output) }
      }, as: UTF8.self)
    let list = text.split(separator: "\"").map(String.init)
    #expect(list.count == 20)
    #expect(list == list.sorted() && Set(list).count == 20)
    for id in list { #expect(id.utf8.count == 32 && id.hasPrefix("ffffffffffffffff")) }
  }
}
