// The words one worker shares with the other threads. Each is written by one side only, and those of the hot
// path have a cache line to themselves.
//
// The protocol of publication: a worker makes its turn odd, then loads the catalog; at the end of the turn it
// makes it even. The publisher stores the new catalog, then reads the turns. Store before load on both sides,
// sequentially consistent: either the worker sees the new catalog, or the publisher sees the odd turn and
// waits for it to change before it frees what it replaced. Nobody locks, nobody counts references.

package import Bytes
import Synchronization

@safe package struct WorkerWords: @unchecked Sendable {
  /// Editions that can be pinned.
  package static var editionMax: Int { 256 }
  /// Names that wait to be taken by the publisher.
  private static var wantMax: UInt64 { 8 }
  private static var wordsPerLine: Int { 8 }

  private typealias Word = UnsafeMutablePointer<Atomic<UInt64>>

  private let turn: Word
  private let catalog: Word
  private let wantHead: Word
  private let wantTail: Word
  private let pins: Word
  private let counters: Word
  private let wants: ByteRegion
  private let counterCount: Int

  /// Words with room for `counterCount` counters; they live as long as the process.
  package init(counterCount: Int) {
    let count = 5 * Self.wordsPerLine + Self.editionMax + counterCount
    let words = Word.allocate(capacity: count)
    for index in 0..<count { unsafe (words + index).initialize(to: Atomic(0)) }
    unsafe turn = words
    unsafe catalog = words + Self.wordsPerLine
    unsafe wantHead = words + 2 * Self.wordsPerLine
    unsafe wantTail = words + 3 * Self.wordsPerLine
    unsafe pins = words + 4 * Self.wordsPerLine
    unsafe counters = pins + Self.editionMax
    self.counterCount = counterCount
    let wantBytes = Int(Self.wantMax) * (CatalogEntry.nameMax + 1)
    let memory = UnsafeMutableRawPointer.allocate(byteCount: wantBytes, alignment: 64)
    wants = unsafe ByteRegion(start: memory, count: wantBytes)
  }

  // MARK: - The worker's side

  /// Begins a turn: the catalog may be used until ``endTurn()``.
  package func beginTurn() -> Catalog {
    unsafe turn.pointee.store(turn.pointee.load(ordering: .relaxed) &+ 1, ordering: .sequentiallyConsistent)
    let address = unsafe UInt(catalog.pointee.load(ordering: .sequentiallyConsistent))
    guard let start = unsafe UnsafeRawPointer(bitPattern: address) else { return Catalog(.empty) }
    // The catalog's size stands before it.
    let count = unsafe start.load(as: Int.self)
    return unsafe Catalog(ByteView(start: start + 64, count: count))
  }

  /// Ends a turn: nothing of its catalog is used any more but what is pinned.
  package func endTurn() {
    unsafe turn.pointee.store(turn.pointee.load(ordering: .relaxed) &+ 1, ordering: .releasing)
  }

  /// Keeps an edition's documents from being freed until ``unpin(_:)``; within a turn.
  package func pin(_ edition: Int) { add(1, to: edition) }

  package func unpin(_ edition: Int) { add(.max, to: edition) }

  private func add(_ value: UInt64, to edition: Int) {
    precondition(edition < Self.editionMax)
    let pin = unsafe pins + edition
    unsafe pin.pointee.store(pin.pointee.load(ordering: .relaxed) &+ value, ordering: .releasing)
  }

  /// Asks the publisher for an environment; false if it has not taken the names asked for before.
  package func want(_ name: ByteView) -> Bool {
    precondition(name.count <= CatalogEntry.nameMax)
    let tail = unsafe wantTail.pointee.load(ordering: .relaxed)
    guard unsafe tail &- wantHead.pointee.load(ordering: .acquiring) < Self.wantMax else { return false }
    let slot = Int(tail % Self.wantMax) * (CatalogEntry.nameMax + 1)
    wants.store(UInt8(name.count), at: slot)
    wants.copy(name, to: slot + 1)
    unsafe wantTail.pointee.store(tail &+ 1, ordering: .releasing)
    return true
  }

  /// Adds to a counter, which only this worker writes.
  @inline(always)
  package func count(_ counter: Int, _ value: UInt64 = 1) {
    precondition(counter >= 0 && counter < counterCount)
    let word = unsafe counters + counter
    unsafe word.pointee.store(word.pointee.load(ordering: .relaxed) &+ value, ordering: .relaxed)
  }

  /// Sets a counter to what was counted elsewhere.
  @inline(always)
  package func set(_ counter: Int, _ value: UInt64) {
    precondition(counter >= 0 && counter < counterCount)
    unsafe (counters + counter).pointee.store(value, ordering: .relaxed)
  }

  // MARK: - The others' side

  package func read(_ counter: Int) -> UInt64 {
    precondition(counter >= 0 && counter < counterCount)
    return unsafe (counters + counter).pointee.load(ordering: .relaxed)
  }

  /// The next environment that was asked for, or nil. For the publisher alone.
  package func takeWant() -> String? {
    let head = unsafe wantHead.pointee.load(ordering: .relaxed)
    guard unsafe head != wantTail.pointee.load(ordering: .acquiring) else { return nil }
    let slot = Int(head % Self.wantMax) * (CatalogEntry.nameMax + 1)
    let count = Int(wants.bytes[slot])
    let name = String(wants.bytes.slice((slot + 1)..<(slot + 1 + count)))
    unsafe wantHead.pointee.store(head &+ 1, ordering: .releasing)
    return name
  }

  func publish(_ address: UInt) {
    unsafe catalog.pointee.store(UInt64(address), ordering: .sequentiallyConsistent)
  }

  func currentTurn() -> UInt64 {
    unsafe turn.pointee.load(ordering: .sequentiallyConsistent)
  }

  func isPinned(_ edition: Int) -> Bool {
    unsafe (pins + edition).pointee.load(ordering: .acquiring) != 0
  }
}
