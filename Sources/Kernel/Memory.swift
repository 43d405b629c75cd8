// Anonymous memory from the kernel, given back when its owner goes. Only pages that are touched cost
// anything, so capacities can be generous; pages are zero at first.

package import Bytes
import Glibc

package struct Memory: ~Copyable {
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
    unsafe Memory.unmap(region)
  }

  /// Gives up ownership: the region stays mapped until somebody calls ``unmap(_:)``.
  package consuming func leak() -> ByteRegion {
    let region = region
    discard self
    return region
  }

  /// Gives a leaked region back. Nobody may use it afterwards.
  @unsafe package static func unmap(_ region: ByteRegion) {
    _ = unsafe munmap(region.start, max(region.count, 1))
  }

  /// Lets the kernel take the pages of a region back; they read as zero afterwards.
  package static func release(_ region: ByteRegion) {
    _ = unsafe madvise(region.start, region.count, MADV_DONTNEED)
  }
}
