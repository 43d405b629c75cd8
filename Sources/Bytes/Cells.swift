// Typed arrays over memory that somebody else holds: `Cells` to write, `Rows` to read. Trivial values with
// bounds-checked access, so that code on the decide path needs neither an Array nor an unsafe pointer.

/// `count` elements in a region of boot-time memory.
@safe @usableFromInline package struct Cells<Element: BitwiseCopyable>: @unchecked Sendable {
  @usableFromInline let start: UnsafeMutablePointer<Element>
  @usableFromInline package let count: Int

  /// The first `count` elements of `region`, which must be aligned for them and large enough.
  @inline(always)
  package init(_ region: ByteRegion, count: Int) {
    precondition(count * MemoryLayout<Element>.stride <= region.count)
    precondition(unsafe UInt(bitPattern: region.start) % UInt(MemoryLayout<Element>.alignment) == 0)
    unsafe start = region.start.assumingMemoryBound(to: Element.self)
    self.count = count
  }

  @inline(always)
  package subscript(index: Int) -> Element {
    get {
      precondition(UInt(bitPattern: index) < UInt(bitPattern: count))
      return unsafe start[index]
    }
    nonmutating _modify {
      precondition(UInt(bitPattern: index) < UInt(bitPattern: count))
      yield unsafe &start[index]
    }
  }

  /// Sets as many elements as there are lanes, from `index` on.
  @inline(always)
  package func store<Lanes: SIMD & BitwiseCopyable>(_ lanes: Lanes, at index: Int)
  where Lanes.Scalar == Element {
    precondition(index >= 0 && index <= count &- Lanes.scalarCount)
    unsafe UnsafeMutableRawPointer(start + index).storeBytes(of: lanes, as: Lanes.self)
  }

  /// Sets the first `count` elements to `value`.
  @inline(always)
  package func fill(_ value: Element, count: Int) {
    precondition(count <= self.count)
    var index = 0
    while index < count {
      unsafe start[index] = value
      index &+= 1
    }
  }
}

/// `count` elements of a published, immutable table.
@safe @usableFromInline package struct Rows<Element: BitwiseCopyable>: @unchecked Sendable {
  @usableFromInline let start: UnsafePointer<Element>
  @usableFromInline package let count: Int

  /// The elements of `view`, which must be aligned for them.
  @inline(always)
  package init(_ view: ByteView) {
    // A view of nothing stands anywhere.
    precondition(
      unsafe view.isEmpty || UInt(bitPattern: view.start) % UInt(MemoryLayout<Element>.alignment) == 0)
    unsafe start = view.start.assumingMemoryBound(to: Element.self)
    count = view.count / MemoryLayout<Element>.stride
  }

  @inline(always)
  package subscript(index: Int) -> Element {
    precondition(UInt(bitPattern: index) < UInt(bitPattern: count))
    return unsafe start[index]
  }
}
