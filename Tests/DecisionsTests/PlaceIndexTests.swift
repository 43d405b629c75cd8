import TestSupport
import Bytes
import Decisions
import Testing

struct PlaceIndexTests {
  @Test(arguments: [UInt64.max, 7 << 32, 0])
  func `what was added is found at its place, however many hashes meet`(mask: UInt64) {
    var random = Random(seed: 31)
    var index = PlaceIndex()
    var stored: [UInt64] = []
    for _ in 0..<2_000 {
      let value = UInt64.random(in: 0..<3_000, using: &random)
      let hash = Fingerprint.mix(value) & mask
      let found = index.place(hash) { stored[$0] == value }
      #expect(found == stored.firstIndex(of: value))
      guard found == nil else { continue }
      index.add(stored.count, hash)
      stored.append(value)
    }
    #expect(stored.count > 1_000)
  }

  @Test func `an empty index has nothing`() {
    #expect(PlaceIndex().place(0) { _ in true } == nil)
  }
}
