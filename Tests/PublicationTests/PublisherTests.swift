import Bytes
import Glibc
import Publication
import Testing

struct PublisherTests {
  private let memory = PoisonedMemory()

  private func words(_ count: Int) -> [WorkerWords] { (0..<count).map { _ in WorkerWords(counterCount: 1) } }

  @Test func `before the first catalog there is an empty one`() {
    let worker = words(1)[0]
    #expect(worker.beginTurn().entries.count == 0)
    worker.endTurn()
  }

  @Test func `every worker sees the catalog in its next turn`() {
    let workers = words(3)
    var publisher = Publisher(workers)
    for version in 1...3 {
      publisher.publish(version: version, memory)
      for worker in workers {
        #expect(worker.beginTurn().version == version)
        worker.endTurn()
      }
    }
  }

  @Test func `a worker in a turn keeps its catalog until the turn ends`() {
    let workers = words(2)
    var publisher = Publisher(workers)
    publisher.publish(version: 1, memory)
    let catalog = workers[0].beginTurn()
    publisher.publish(version: 2, memory)
    publisher.publish(version: 3, memory)
    for _ in 0..<3 {
      #expect(publisher.collect() == true)
      #expect(catalog.version == 1)
    }
    workers[0].endTurn()
    #expect(publisher.collect() == false)
    #expect(catalog.version == nil)
    #expect(memory.freedCount == 2)
    #expect(workers[0].beginTurn().version == 3)
    // A turn that began after the publication has nothing of what was replaced.
    #expect(publisher.collect() == false)
  }

  @Test func `the next turn of a worker does not hold what the one before held`() {
    let worker = words(1)[0]
    var publisher = Publisher([worker])
    publisher.publish(version: 1, memory)
    _ = worker.beginTurn()
    publisher.publish(version: 2, memory)
    worker.endTurn()
    #expect(worker.beginTurn().version == 2)
    #expect(publisher.collect() == false)
    #expect(memory.freedCount == 1)
  }

  @Test func `idle workers do not block`() {
    let workers = words(4)
    var publisher = Publisher(workers)
    for version in 1...5 {
      publisher.publish(version: version, memory)
      #expect(publisher.collect() == false)
      #expect(memory.freedCount == version - 1)
    }
    // One that was never idle since blocks only what was retired during its turn.
    _ = workers[3].beginTurn()
    publisher.publish(version: 6, memory)
    #expect(publisher.collect() == true)
    #expect(memory.freedCount == 4)
  }

  @Test func `without workers nothing waits`() {
    var publisher = Publisher([])
    publisher.publish(version: 1, memory)
    publisher.publish(version: 2, memory)
    #expect(publisher.collect() == false)
    #expect(memory.freedCount == 1)
  }

  @Test func `an edition that is pinned is not freed`() {
    let workers = words(2)
    var publisher = Publisher(workers)
    let log = Log()
    func retire(_ edition: Int) { publisher.retire(edition) { log.freed.append(edition) } }
    // Pinned by two answers of one worker and one of another.
    for worker in [workers[0], workers[0], workers[1]] {
      _ = worker.beginTurn()
      worker.pin(7)
      worker.endTurn()
    }
    retire(7)
    retire(8)
    #expect(publisher.collect() == true)
    #expect(log.freed == [8])
    for worker in [workers[0], workers[1]] {
      worker.unpin(7)
      #expect(publisher.collect() == true)
    }
    workers[0].unpin(7)
    #expect(publisher.collect() == false)
    #expect(log.freed == [8, 7])
  }

  @Test func `a pin within a turn holds beyond it`() {
    let worker = words(1)[0]
    var publisher = Publisher([worker])
    let log = Log()
    _ = worker.beginTurn()
    publisher.retire(255) { log.freed.append(255) }
    #expect(publisher.collect() == true)
    worker.pin(255)
    worker.endTurn()
    #expect(publisher.collect() == true)
    worker.unpin(255)
    #expect(publisher.collect() == false)
    #expect(log.freed == [255])
  }

  /// Every order of a few steps of two workers and a publisher: whatever is held is whole, and what nobody holds
  /// any more is freed in the next collection.
  @Test func `no order of turns and publications frees what is held, or keeps what is not`() {
    let workers = words(2)
    let steps = 7
    var order = 0
    while order < 1 << (2 * steps) {
      defer { order += 1 }
      let memory = PoisonedMemory()
      var publisher = Publisher(workers)
      var held: [(catalog: Catalog, version: Int)?] = [nil, nil]
      var version = 1
      publisher.publish(version: version, memory)
      for step in 0..<steps {
        switch order >> (2 * step) & 3 {
        case 0, 1:
          let worker = order >> (2 * step) & 1
          if held[worker] == nil {
            held[worker] = (workers[worker].beginTurn(), version)
          } else {
            workers[worker].endTurn()
            held[worker] = nil
          }
        case 2:
          version += 1
          publisher.publish(version: version, memory)
        default:
          let isWaiting = publisher.collect()
          // Versions begun before the oldest held one are free; those held, and younger ones, need not be.
          let oldest = held.compactMap { $0?.version }.min() ?? version
          #expect(memory.freedCount >= oldest - 1)
          #expect(isWaiting == (memory.freedCount < version - 1))
        }
        for worker in held { if let worker { #expect(worker.catalog.version == worker.version, "\(order)") } }
      }
      for index in 0..<2 where held[index] != nil { workers[index].endTurn() }
      #expect(publisher.collect() == false)
      #expect(memory.freedCount == version - 1)
    }
  }

  /// Two threads, a bounded number of turns and publications, and nobody waits for anybody: whatever the
  /// interleaving, a reader must never see a catalog that was freed in its turn.
  @Test func `a reader on another thread never sees freed memory`() throws {
    let worker = WorkerWords(counterCount: 3)
    let reader = Reader(worker)
    let thread = try #require(reader.start())
    var publisher = Publisher([worker])
    let memory = PoisonedMemory()
    var freedWhileReading = 0
    for version in 1...20_000 {
      publisher.publish(version: version, count: 2, memory)
      _ = publisher.collect()
      if worker.read(0) > 0 { freedWhileReading = memory.freedCount }
    }
    reader.finish()
    pthread_join(thread, nil)
    #expect(publisher.collect() == false)
    #expect(memory.freedCount == 20_000 - 1)
    #expect(worker.read(1) == 0, "torn or freed catalogs seen")
    #expect(worker.read(2) == 0, "catalogs seen after newer ones")
    #expect(worker.read(0) > 0)
    #expect(freedWhileReading > 0)
  }

  private final class Log {
    var freed: [Int] = []
  }
}

/// Takes turns on a thread of its own until it is told to finish, at most a bounded number. Counts turns in
/// counter 0, catalogs that were not whole in 1, and catalogs older than the one before in 2.
private final class Reader: Sendable {
  private let worker: WorkerWords
  private let isDone: SharedWord

  init(_ worker: WorkerWords) {
    self.worker = worker
    isDone = SharedWord()
  }

  func finish() { isDone.value = 1 }

  func start() -> pthread_t? {
    var thread = pthread_t()
    let code = unsafe pthread_create(
      &thread, nil,
      { argument in
        unsafe Unmanaged<Reader>.fromOpaque(argument!).takeRetainedValue().run()
        return nil
      }, Unmanaged.passRetained(self).toOpaque())
    return code == 0 ? thread : nil
  }

  private func run() {
    var newest = 0
    var turns = 0
    while turns < 10_000_000, isDone.value == 0 {
      let catalog = worker.beginTurn()
      if catalog.entries.count > 0 {
        // Twice, for the publisher has time to free in between.
        for _ in 0..<2 {
          guard let version = catalog.version else {
            worker.count(1)
            continue
          }
          if version < newest { worker.count(2) }
          newest = max(newest, version)
        }
        worker.count(0)
      }
      worker.endTurn()
      turns += 1
    }
  }
}
