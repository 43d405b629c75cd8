// What /ready and /snapshot say, read from the catalog that the workers decide with: the two cannot disagree.

import Bytes
import JSON
import Publication

enum Readiness {
  /// Whether this process can decide for every configured environment, and the answer of /ready.
  static func describe(_ catalog: Catalog, isEnding: Bool) -> (isReady: Bool, body: [UInt8]) {
    let isReady = !isEnding && canDecide(catalog)
    var writer = Writer()
    writer.object { writer in
      writer.key("ready")
      writer.bool(isReady)
      if isEnding {
        writer.key("ending")
        writer.bool(true)
      }
      writer.key("environments")
      writer.array { writer in
        for index in 0..<catalog.entries.count {
          let entry = catalog.entries[index]
          writer.object { state(entry, &$0) }
        }
      }
    }
    return (isReady, writer.text)
  }

  /// The same, for who has nothing but words of its own.
  static func isReady(_ words: WorkerWords) -> Bool {
    let catalog = words.beginTurn()
    defer { words.endTurn() }
    return canDecide(catalog)
  }

  private static func canDecide(_ catalog: Catalog) -> Bool {
    // An empty catalog is that of a process which has not begun to look.
    catalog.entries.count > 0
      && (0..<catalog.entries.count).allSatisfy { index in
        let entry = catalog.entries[index]
        return !entry.isConfigured || !entry.tables.isEmpty
      }
  }

  /// The answer of /snapshot.
  static func snapshots(_ catalog: Catalog) -> [UInt8] {
    var writer = Writer()
    writer.object { writer in
      writer.key("environments")
      writer.array { writer in
        for index in 0..<catalog.entries.count {
          let entry = catalog.entries[index]
          writer.object { writer in
            state(entry, &writer)
            writer.key("snapshot")
            if entry.description.isEmpty { writer.null() } else { writer.raw(entry.description) }
          }
        }
      }
    }
    return writer.text
  }

  private static func state(_ entry: CatalogEntry, _ writer: inout Writer) {
    writer.key("environment")
    writer.string(entry.name)
    writer.key("loaded")
    writer.bool(!entry.tables.isEmpty)
    writer.key("version")
    if entry.snapshot.isEmpty { writer.null() } else { writer.integer(Int(entry.version)) }
    writer.key("signed")
    writer.bool(entry.isSigned)
    writer.key("source")
    writer.string(entry.snapshot.isEmpty ? "none" : entry.isFromDisk ? "disk" : "upstream")
    writer.key("expired")
    writer.bool(entry.isExpired)
  }
}
