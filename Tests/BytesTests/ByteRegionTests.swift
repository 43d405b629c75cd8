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

  @Test func `a copy of any length is whole and touches nothing else`() {
    for count in 0...70 {
      let source = (0..<count).map { UInt8($0 + 1) }
      GuardedBytes([UInt8](repeating: 0, count: count + 2)).withRegion { region in
        GuardedBytes(source).withBytes { region.copy($0, to: 1) }
        #expect(Array(region.bytes) == [0] + source + [0])
      }
    }
  }

  @Test(arguments: [3, 7, 8, 12, 15, 16, 17, 31, 32, 33], [-5, -1, 1, 5])
  func `a copy of any length may overlap`(_ count: Int, _ shift: Int) {
    var expected = (0..<60).map { UInt8($0) }
    let from = 10
    expected.replaceSubrange(from + shift..<from + shift + count, with: expected[from..<from + count])
    GuardedBytes((0..<60).map { UInt8($0) }).withRegion { region in
      region.copy(region.bytes.slice(from..<from + count), to: from + shift)
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
