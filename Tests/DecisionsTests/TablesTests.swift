import Bytes
import Decisions
import JSON
import Testing

private func flags(_ keys: [String]) throws -> Compiled {
  try Compiled(
    """
    {"version": 1, "environment": "test", "experiments": [],
    "flags": \(list(keys) { "{\"key\":\($0.quoted),\"type\":\"boolean\",\"default\":true}" })}
    """)
}

extension Compiled {
  fileprivate func flag(_ key: String) -> Int? { Array(key.utf8).withBytes { tables.flag($0) } }
}

struct TablesTests {
  @Test func `a region that is not one whole table is none`() {
    var builder = TableBuilder()
    let bytes = builder.finish()
    func isTables(_ bytes: [UInt8]) -> Bool { Tables(Memory.kept(bytes)) != nil }
    #expect(isTables(bytes))
    #expect(!isTables([0]))
    #expect(!isTables(bytes.dropLast()))
    #expect(!isTables(bytes + [0]))
    for offset in 0..<8 {
      var damaged = bytes
      damaged[offset] ^= 0x40
      #expect(!isTables(damaged), "magic and size, byte \(offset)")
    }
  }

  @Test(arguments: [0, 1, 2, 3, 7, 8, 9, 100])
  func `every flag is found by its key, and no other key finds one`(_ count: Int) throws {
    let keys = (0..<count).map { "flag-\($0)" }
    let compiled = try flags(keys)
    for (index, key) in keys.enumerated() { #expect(compiled.flag(key) == index) }
    for key in ["", "flag-", "flag-\(count)", "FLAG-0", "flag-0 "] { #expect(compiled.flag(key) == nil) }
  }

  @Test func `keys of one hash are different flags`() throws {
    #expect(try flags(["user-36153"]).flag("user-226846") == nil)
    let both = try flags(["user-36153", "user-226846"])
    #expect(both.flag("user-36153") == 0)
    #expect(both.flag("user-226846") == 1)
  }
}
