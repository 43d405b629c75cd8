// Anonymous memory from the kernel, given back when its owner goes. Only pages that are touched cost
// anything, so capacities can be generous; pages are zero at first.

package import Bytes
internal import CLiburing
import Glibc

package struct Memory: ~Copyable, Sendable {
  package let region: ByteRegion

  /// `byteCount` bytes aligned to a page.
  package init(byteCount: Int) throws(SystemFailure) {
    let start = unsafe mmap(
      nil, max(byteCount, 1), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    guard unsafe start != MAP_FAILED, let start = unsafe start else {
      throw SystemFailure(
        "mmap of \(byteCount) bytes",
        remedy: "Raise the limit on virtual memory (ulimit -v), or lower the limits.")
    }
    region = unsafe ByteRegion(start: start, count: byteCount)
  }

  deinit {
    _ = unsafe munmap(region.start, max(region.count, 1))
  }

  /// Gives up ownership: the region stays mapped as long as the process lives.
  package consuming func leak() -> ByteRegion {
    let region = region
    discard self
    return region
  }

  /// Bytes that the heap may keep free at its end. Unless told, it keeps up to twice its largest array.
  private static var heapKept: Int32 { 1 << 20 }

  /// Makes the heap give back what is freed at its end, and large arrays as they go; for the start.
  package static func keepHeapSmall() {
    _ = mallopt(turnout_heap_trim_threshold, heapKept)
  }

  /// Gives back what is free within the heap: after work that needs much more of it than it leaves behind.
  package static func trimHeap() {
    malloc_trim(0)
  }

  /// Lets the kernel take the pages of a region back; they read as zero afterwards. It is made of whole pages: what the
  /// kernel takes of a part of one is the rest of that page too, which is somebody else's.
  package static func release(_ region: ByteRegion) {
    let isWhole = unsafe (UInt(bitPattern: region.start) | UInt(region.count)) % UInt(getpagesize()) == 0
    precondition(isWhole, "only whole pages can be released")
    _ = unsafe madvise(region.start, region.count, MADV_DONTNEED)
  }
}

/// Memory with several owners; given back when the last one lets go of it.
package final class SharedMemory: Sendable {
  private let memory: Memory

  package init(byteCount: Int) throws(SystemFailure) {
    memory = try Memory(byteCount: byteCount)
  }

  package var region: ByteRegion { memory.region }
}
