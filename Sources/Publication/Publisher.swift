// The publisher's side: hands a new catalog to every worker and frees what it replaced once no worker can
// still look at it. Used by one thread.

package import Bytes

package struct Publisher {
  /// What is freed, and when it may be: when every worker has left the turn it was in.
  private struct Retired {
    var turns: [UInt64]
    /// Pins that must be gone as well.
    var edition: Int?
    var free: () -> Void
  }

  private let workers: [WorkerWords]
  /// Frees the current catalog.
  private var current: (() -> Void)?
  private var retired: [Retired] = []

  package init(_ workers: [WorkerWords]) {
    self.workers = workers
  }

  /// Bytes of memory that a catalog of so many entries needs.
  package static func byteCount(entries: Int) -> Int {
    64 + entries * MemoryLayout<CatalogEntry>.stride
  }

  /// Makes a catalog of `entries`, written into `region`, the current one. The region must be zeroed, aligned
  /// to a cache line and of ``byteCount(entries:)`` bytes, and stay until `free` is called.
  package mutating func publish(
    _ entries: [CatalogEntry], in region: ByteRegion, free: @escaping () -> Void
  ) {
    precondition(entries.count <= Catalog.environmentMax)
    let byteCount = entries.count * MemoryLayout<CatalogEntry>.stride
    unsafe region.start.storeBytes(of: byteCount, as: Int.self)
    let cells = Cells<CatalogEntry>(region.part(from: 64, count: byteCount), count: entries.count)
    for (index, entry) in entries.enumerated() { cells[index] = entry }
    for worker in workers { unsafe worker.publish(UInt(bitPattern: region.start)) }
    if let replaced = current { retire(nil, replaced) }
    current = free
  }

  /// Frees something that the catalogs before the current one refer to, as soon as that is safe.
  package mutating func retire(_ edition: Int?, _ free: @escaping () -> Void) {
    retired.append(Retired(turns: workers.map { $0.currentTurn() }, edition: edition, free: free))
  }

  /// Frees what no worker can look at any more; true if something is left that must wait.
  package mutating func collect() -> Bool {
    retired.removeAll { item in
      for (worker, turn) in zip(workers, item.turns) {
        // An even turn was no turn: the worker was idle and has seen the new catalog since, or will.
        if turn % 2 == 1, worker.currentTurn() == turn { return false }
        if let edition = item.edition, worker.isPinned(edition) { return false }
      }
      item.free()
      return true
    }
    return !retired.isEmpty
  }
}
