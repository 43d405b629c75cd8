// A fixed number of equal buffers in one mapping. The last one given back is the first one taken again, so
// few of them are ever touched; those beyond the warm ones return their pages to the kernel.
//
// Of most buffers only the beginning is used. Were all beginnings a power of two apart, they would share a few sets of
// the processor's caches, and 64 connections would drive each other's answers out: so each begins on another line of its
// first page.

import Bytes
import Kernel

struct BufferPool: ~Copyable {
  private let memory: Memory
  private let freeMemory: Memory
  private let free: Cells<UInt32>
  private var freeCount: Int
  private let size: Int
  /// Bytes from one buffer to the next: whole pages, since only those can be released, and no other buffer's.
  private let stride: Int
  /// Buffers that keep their pages while unused.
  private let warmCount: Int

  init(count: Int, size: Int, warmCount: Int) throws(SystemFailure) {
    let stride = (size + 2 * Self.pageSize - 1) / Self.pageSize * Self.pageSize
    let memory = try Memory(byteCount: count * stride)
    let freeMemory = try Memory(byteCount: count * 4)
    free = Cells(freeMemory.region, count: count)
    freeCount = count
    self.memory = memory
    self.freeMemory = freeMemory
    self.size = size
    self.stride = stride
    self.warmCount = warmCount
    for index in 0..<count { free[index] = UInt32(count - 1 - index) }
  }

  /// The index of a buffer, or nil when all are taken.
  mutating func take() -> Int? {
    guard freeCount > 0 else { return nil }
    freeCount -= 1
    return Int(free[freeCount])
  }

  mutating func giveBack(_ index: Int) {
    if index >= warmCount { Memory.release(pages(of: index)) }
    free[freeCount] = UInt32(index)
    freeCount += 1
  }

  func region(_ index: Int) -> ByteRegion {
    // Seven lines hold a usual answer.
    let line = index &* 7 % (Self.pageSize / 64)
    return pages(of: index).part(from: line * 64, count: size)
  }

  private func pages(of index: Int) -> ByteRegion {
    memory.region.part(from: index * stride, count: stride)
  }

  private static var pageSize: Int { 4096 }
}
