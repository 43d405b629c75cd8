import Bytes
import TestSupport
import Testing

struct ByteRegionTests {
  @Test func `what is stored can be read`() {
    GuardedBytes([0, 0, 0]).withRegion { region in
      region.store(7, at: 2)
      region.copy(("ab" as StaticString).bytes, to: 0)
      #expect(Array(region.bytes) == [0x61, 0x62, 7])
      #expect(Array(region.part(from: 1, count: 2).bytes) == [0x62, 7])
    }
  }

  @Test(arguments: [0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5])
  func `a copy within the region may overlap`(_ from: Int, _ to: Int) {
    var expected = Array(0..<12) as [UInt8]
    expected.replaceSubrange(to..<(to + 6), with: expected[from..<(from + 6)])
    GuardedBytes(0..<12).withRegion { region in
      region.copy(region.bytes.slice(from..<(from + 6)), to: to)
      #expect(Array(region.bytes) == expected)
    }
  }

  @Test func `the empty region has no bytes`() {
    #expect(ByteRegion.empty.count == 0)
    #expect(ByteRegion.empty.bytes.isEmpty)
    ByteRegion.empty.copy(.empty, to: 0)
  }

  @Test func `a store outside the region traps`() async {
    await #expect(processExitsWith: .failure) {
      GuardedBytes([0, 0]).withRegion { $0.part(from: 0, count: 1).store(1, at: 1) }
    }
    await #expect(processExitsWith: .failure) {
      GuardedBytes([0, 0]).withRegion { $0.part(from: 1, count: 1).store(1, at: -1) }
    }
  }

  @Test func `a copy that ends outside the region traps`() async {
    await #expect(processExitsWith: .failure) {
      GuardedBytes([0, 0, 0]).withRegion {
        $0.part(from: 0, count: 2).copy(("ab" as StaticString).bytes, to: 1)
      }
    }
  }

  @Test func `a part outside the region traps`() async {
    await #expect(processExitsWith: .failure) {
      GuardedBytes([0, 0]).withRegion { _ = $0.part(from: 1, count: 2) }
    }
    await #expect(processExitsWith: .failure) {
      GuardedBytes([0, 0]).withRegion { _ = $0.part(from: -1, count: 1) }
    }
  }
}
