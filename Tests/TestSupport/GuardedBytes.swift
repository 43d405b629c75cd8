// Input that ends where readable memory ends: a parser that looks one byte too far faults at once instead of
// reading its neighbour's bytes. Bounds checks already stop ByteView; this stops whoever went around them.

package import Bytes
import Glibc

/// A copy of some bytes, flush against a page that can be neither read nor written.
@safe package struct GuardedBytes: ~Copyable {
  private let mapping: UnsafeMutableRawPointer
  private let mappingCount: Int
  private let count: Int

  package init(_ bytes: some Collection<UInt8>) {
    self.init(zeroCount: bytes.count)
    for (offset, byte) in bytes.enumerated() { region.store(byte, at: offset) }
  }

  /// So many zeros.
  package init(zeroCount: Int) {
    let pageCount = Int(getpagesize())
    count = zeroCount
    let readable = (count + pageCount - 1) / pageCount * pageCount
    mappingCount = readable + pageCount
    let mapped = unsafe mmap(nil, mappingCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let mapped = unsafe mapped, unsafe mapped != UnsafeMutableRawPointer(bitPattern: -1),
      unsafe mprotect(mapped + readable, pageCount, PROT_NONE) == 0
    else { fatalError("no memory to guard") }
    unsafe mapping = mapped
  }

  deinit {
    unsafe munmap(mapping, mappingCount)
  }

  /// Calls `body` with the bytes, which may be used until it returns.
  package borrowing func withBytes<Result>(_ body: (ByteView) throws -> Result) rethrows -> Result {
    try body(region.bytes)
  }

  /// Calls `body` with the bytes to read and to write, which may be used until it returns.
  package borrowing func withRegion<Result>(_ body: (ByteRegion) throws -> Result) rethrows -> Result {
    try body(region)
  }

  // Safe because the closures above borrow self, so the mapping lives until they return.
  private var region: ByteRegion {
    unsafe ByteRegion(start: mapping + (mappingCount - Int(getpagesize()) - count), count: count)
  }
}
