import Bytes
import TestSupport
import Testing

struct CellsTests {
  @Test func `rows read what cells wrote`() {
    GuardedBytes([UInt8](repeating: 0, count: 32)).withRegion { region in
      let cells = Cells<UInt32>(region, count: 8)
      for index in 0..<8 { cells[index] = UInt32(index * index) }
      cells[3] += 1
      let rows = Rows<UInt32>(region.bytes)
      #expect(rows.count == 8)
      #expect((0..<8).map { rows[$0] } == [0, 1, 4, 10, 16, 25, 36, 49])
      #expect((0..<8).map { cells[$0] } == [0, 1, 4, 10, 16, 25, 36, 49])
    }
  }

  @Test func `filling touches the first elements and no more`() {
    GuardedBytes([UInt8](repeating: 0, count: 8)).withRegion { region in
      Cells<UInt16>(region, count: 4).fill(0x0101, count: 3)
      #expect(Array(region.bytes) == [1, 1, 1, 1, 1, 1, 0, 0])
    }
  }

  @Test func `lanes are stored from any element on, and not behind the last one`() async {
    GuardedBytes([UInt8](repeating: 0, count: 48)).withRegion { region in
      let cells = Cells<UInt32>(region, count: 12)
      cells.store(SIMD8<UInt32>(1, 2, 3, 4, 5, 6, 7, 8), at: 3)
      #expect((0..<12).map { cells[$0] } == [0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0])
    }
    await #expect(processExitsWith: .failure) {
      GuardedBytes([UInt8](repeating: 0, count: 48)).withRegion {
        Cells<UInt32>($0, count: 11).store(SIMD8<UInt32>(), at: 4)
      }
    }
  }

  @Test func `a rest that holds no whole element is no row`() {
    GuardedBytes([UInt8](repeating: 0, count: 16)).withRegion { region in
      #expect(Rows<UInt64>(region.bytes.slice(0..<15)).count == 1)
    }
  }

  @Test func `an element outside the array traps`() async {
    await #expect(processExitsWith: .failure) {
      GuardedBytes([UInt8](repeating: 0, count: 8)).withRegion { _ = Cells<UInt32>($0, count: 1)[1] }
    }
    await #expect(processExitsWith: .failure) {
      GuardedBytes([UInt8](repeating: 0, count: 8)).withRegion { Cells<UInt32>($0, count: 1)[1] = 0 }
    }
    await #expect(processExitsWith: .failure) {
      GuardedBytes([UInt8](repeating: 0, count: 8)).withBytes { _ = Rows<UInt32>($0)[2] }
    }
    await #expect(processExitsWith: .failure) {
      GuardedBytes([UInt8](repeating: 0, count: 8)).withRegion {
        Cells<UInt32>($0, count: 1).fill(0, count: 2)
      }
    }
  }

  @Test func `a region that is too small or askew traps`() async {
    await #expect(processExitsWith: .failure) {
      GuardedBytes([UInt8](repeating: 0, count: 8)).withRegion { _ = Cells<UInt32>($0, count: 3) }
    }
    await #expect(processExitsWith: .failure) {
      GuardedBytes([UInt8](repeating: 0, count: 8)).withRegion {
        _ = Cells<UInt32>($0.part(from: 2, count: 4), count: 1)
      }
    }
    await #expect(processExitsWith: .failure) {
      GuardedBytes([UInt8](repeating: 0, count: 8)).withBytes { _ = Rows<UInt32>($0.dropping(2)) }
    }
  }
}
