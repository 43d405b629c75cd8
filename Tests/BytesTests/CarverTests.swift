import Bytes
import TestSupport
import Testing

struct CarverTests {
  @Test func `parts do not overlap and begin on cache lines of the region`() {
    GuardedBytes([UInt8](repeating: 0, count: 4096)).withRegion { region in
      var carver = Carver(region)
      let first = carver.region(1)
      let second = carver.region(65)
      let third: Cells<UInt64> = carver.cells(3)
      first.store(1, at: 0)
      second.store(2, at: 0)
      second.store(3, at: 64)
      third[2] = 4
      #expect(region.bytes[0] == 1)
      #expect(region.bytes[64] == 2)
      #expect(region.bytes[128] == 3)
      #expect(region.bytes.word(at: 192 + 16) == 4)
    }
  }

  @Test func `the last part may end where the region does`() {
    GuardedBytes([UInt8](repeating: 0, count: 128)).withRegion { region in
      var carver = Carver(region)
      _ = carver.region(64)
      #expect(carver.region(64).count == 64)
    }
  }

  @Test func `a region that is too small traps`() async {
    await #expect(processExitsWith: .failure) {
      GuardedBytes([UInt8](repeating: 0, count: 128)).withRegion { region in
        var carver = Carver(region)
        _ = carver.region(1)
        _ = carver.region(65)
      }
    }
  }
}
