import Bytes
import Publication
import Testing

private func entry(_ name: String, version: Int) -> CatalogEntry {
  var entry = CatalogEntry(name: name)
  entry.version = Int64(version)
  return entry
}

struct CatalogTests {
  private func version(_ name: String, of entries: [CatalogEntry]) -> Int64? {
    let worker = WorkerWords(counterCount: 1)
    let memory = PoisonedMemory()
    var publisher = Publisher([worker])
    let region = memory.allocate(Publisher.byteCount(entries: entries.count))
    publisher.publish(entries, in: region) { memory.free(region) }
    return Array(name.utf8).withBytes { worker.beginTurn().entry($0)?.version }
  }

  @Test func `an environment is found by its whole name, and without one the first is`() {
    let long = String(repeating: "x", count: CatalogEntry.nameMax)
    let entries = [entry("prod", version: 1), entry("pro", version: 2), entry(long, version: 3)]
    #expect(version("prod", of: entries) == 1)
    #expect(version("pro", of: entries) == 2)
    #expect(version(long, of: entries) == 3)
    #expect(version("", of: entries) == 1)
    for name in ["p", "prod ", "Prod", "prod\0", String(long.dropLast()), long + "x"] {
      #expect(version(name, of: entries) == nil, "\(name)")
    }
    #expect(version("", of: []) == nil)
    #expect(version("prod", of: []) == nil)
  }

  @Test func `a name survives, up to its limit`() {
    for name in ["", "prod", "é", String(repeating: "x", count: 64)] {
      #expect(CatalogEntry(name: name).name == name)
    }
    #expect(CatalogEntry(name: String(repeating: "x", count: 65)).name == String(repeating: "x", count: 64))
  }

  @Test func `a catalog holds as many environments as its limit`() {
    let entries = (0..<Catalog.environmentMax).map { entry("e-\($0)", version: $0) }
    #expect(version("e-127", of: entries) == 127)
  }
}
