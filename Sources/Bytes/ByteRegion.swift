// A region of memory that was mapped at boot and is never given back while anybody can hold this value.
// That promise, made by whoever creates one, is what makes reading and writing through it safe.

/// Memory of `count` bytes that outlives its users.
@safe @usableFromInline package struct ByteRegion: @unchecked Sendable {
  @usableFromInline package let start: UnsafeMutableRawPointer
  /// Bytes.
  @usableFromInline package let count: Int

  /// `start` must stay mapped, readable and writable, for as long as any copy of this value is used.
  @unsafe @inline(always)
  package init(start: UnsafeMutableRawPointer, count: Int) {
    unsafe self.start = start
    self.count = count
  }

  /// A region without bytes.
  package static var empty: ByteRegion {
    unsafe ByteRegion(start: UnsafeMutableRawPointer(bitPattern: 1)!, count: 0)
  }

  /// The part of `count` bytes from `offset`; traps outside the region.
  @inline(always)
  package func part(from offset: Int, count: Int) -> ByteRegion {
    precondition(offset >= 0 && count >= 0 && offset <= self.count - count)
    return unsafe ByteRegion(start: start + offset, count: count)
  }

  /// All bytes, to read.
  @inline(always)
  package var bytes: ByteView { unsafe ByteView(start: start, count: count) }

  /// Stores one byte; traps outside the region.
  @inline(always)
  package func store(_ byte: UInt8, at offset: Int) {
    precondition(UInt(bitPattern: offset) < UInt(bitPattern: count))
    unsafe (start + offset).storeBytes(of: byte, as: UInt8.self)
  }

  /// Stores a number in little-endian order; traps outside the region.
  @inline(always)
  package func store<Number: FixedWidthInteger & BitwiseCopyable>(littleEndian number: Number, at offset: Int)
  {
    precondition(offset >= 0 && offset <= count &- MemoryLayout<Number>.size)
    unsafe (start + offset).storeBytes(of: number.littleEndian, as: Number.self)
  }

  /// Copies `source` to `offset`; traps outside the region. Overlap with the source is allowed.
  @inline(always)
  package func copy(_ source: ByteView, to offset: Int) {
    precondition(offset >= 0 && source.count <= count &- offset)
    let target = unsafe start + offset
    // Short runs are most of what answers are made of: two words that may overlap, without a call.
    if source.count >= 16, source.count <= 32 {
      let first = unsafe source.start.loadUnaligned(as: SIMD2<UInt64>.self)
      let last = unsafe source.start.loadUnaligned(
        fromByteOffset: source.count &- 16, as: SIMD2<UInt64>.self)
      unsafe target.storeBytes(of: first, as: SIMD2<UInt64>.self)
      unsafe target.storeBytes(of: last, toByteOffset: source.count &- 16, as: SIMD2<UInt64>.self)
    } else if source.count >= 8, source.count < 16 {
      let first = unsafe source.start.loadUnaligned(as: UInt64.self)
      let last = unsafe source.start.loadUnaligned(fromByteOffset: source.count &- 8, as: UInt64.self)
      unsafe target.storeBytes(of: first, as: UInt64.self)
      unsafe target.storeBytes(of: last, toByteOffset: source.count &- 8, as: UInt64.self)
    } else {
      unsafe target.copyMemory(from: source.start, byteCount: source.count)
    }
  }
}
