// The exposures as a database for the analysis. It follows the segments, and how far it is stands in the same
// transaction as the rows: whatever is killed when, each line is in it once.

package import Bytes
import Kernel
import Publication

package final class ExposureDatabase {
  /// The longest line, with room to spare; a longer one is none of ours.
  private static let lineMax = 64 << 10
  /// Arms that are remembered by their content; beyond, they are looked up again.
  private static let armMax = 65_536

  private let database: Database
  /// Bytes of lines in one transaction.
  private let transactionBytes: Int
  private let counters: StoreCounters
  private let scratch: Memory

  private let findSegment: Statement
  private let saveSegment: Statement
  private let insertArm: Statement
  private let findArm: Statement
  private let insertEdge: Statement
  private let findEdge: Statement
  private let insertRow: Statement
  private let countRows: Statement

  /// Row numbers by content. Forgotten when a transaction fails, which may take the rows with it.
  private var arms: [[UInt8]: Int] = [:]
  private var edges: [[UInt8]: Int] = [:]
  private var armKey: [UInt8] = []

  private static let schema = """
    CREATE TABLE IF NOT EXISTS arms(
      id INTEGER PRIMARY KEY, environment TEXT NOT NULL, experiment_id TEXT NOT NULL, variant_id TEXT NOT NULL,
      config_version INTEGER NOT NULL, rate REAL NOT NULL, is_override INTEGER NOT NULL,
      UNIQUE(environment, experiment_id, variant_id, config_version, rate, is_override)) STRICT;
    CREATE TABLE IF NOT EXISTS edges(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE IF NOT EXISTS rows(
      arm INTEGER NOT NULL, user_key TEXT NOT NULL, occurred_at INTEGER NOT NULL, edge INTEGER NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS segments(
      path TEXT PRIMARY KEY, offset INTEGER NOT NULL, is_read INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE VIEW IF NOT EXISTS exposures AS
      SELECT environment, experiment_id, variant_id, config_version, user_key, occurred_at, rate, is_override,
        edges.name AS edge
      FROM rows JOIN arms ON arms.id = rows.arm JOIN edges ON edges.id = rows.edge;
    """

  /// Opens the database at `path`, which is made if it is not there.
  package init(_ path: String, counters: StoreCounters, transactionBytes: Int = 8 << 20) throws {
    self.transactionBytes = transactionBytes
    // Not flushed at each commit: what a power failure takes is read from the segments again.
    database = try Database(path, isDurable: false)
    self.counters = counters
    scratch = try Memory(byteCount: Self.lineMax)
    try database.execute(Self.schema)
    findSegment = try database.prepare("SELECT offset, is_read FROM segments WHERE path = ?")
    saveSegment = try database.prepare(
      "INSERT INTO segments VALUES(?, ?, ?) ON CONFLICT DO UPDATE SET offset = ?2, is_read = ?3")
    insertArm = try database.prepare(
      """
      INSERT INTO arms(environment, experiment_id, variant_id, config_version, rate, is_override)
      VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
      """)
    findArm = try database.prepare(
      """
      SELECT id FROM arms WHERE environment = ? AND experiment_id = ? AND variant_id = ? AND config_version = ?
      AND rate = ? AND is_override = ?
      """)
    insertEdge = try database.prepare("INSERT INTO edges(name) VALUES(?) ON CONFLICT DO NOTHING")
    findEdge = try database.prepare("SELECT id FROM edges WHERE name = ?")
    insertRow = try database.prepare("INSERT INTO rows VALUES(?, ?, ?, ?)")
    countRows = try database.prepare("SELECT coalesce(max(rowid), 0) FROM rows")
    _ = try countRows.step()
    counters.databaseRows.value = UInt64(countRows.integer(0))
    countRows.reset()
  }

  /// How far a segment was read.
  package struct Progress: Equatable, Sendable {
    package var offset: Int
    /// Whether it was closed and read to its end.
    package var isRead: Bool

    package init(offset: Int = 0, isRead: Bool = false) {
      self.offset = offset
      self.isRead = isRead
    }
  }

  package func progress(of name: SegmentName) throws -> Progress {
    findSegment.bind(1, name.path)
    defer { findSegment.reset() }
    guard try findSegment.step() else { return Progress() }
    return Progress(offset: findSegment.integer(0), isRead: findSegment.integer(1) == 1)
  }

  /// Inserts the lines of a segment from `offset` on. `next` gives its bytes from there in parts, the last one empty;
  /// with `isClosed` nothing will ever follow.
  package func read(
    _ name: SegmentName, from offset: Int, isClosed: Bool, next: () throws -> ByteView
  ) throws {
    var lines = LineSplitter()
    var end = offset
    var isAtEnd = false
    while !isAtEnd {
      let start = end
      var (rows, unreadable) = (0, 0)
      do {
        try database.transaction {
          while end - start < transactionBytes, !isAtEnd {
            let part = try next()
            try lines.append(part) { line in
              if try insert(line) { rows += 1 } else { unreadable += 1 }
            }
            end += part.count
            isAtEnd = part.isEmpty
          }
          saveSegment.bind(1, name.path)
          saveSegment.bind(2, end - lines.restCount)
          saveSegment.bind(3, isAtEnd && isClosed ? 1 : 0)
          try saveSegment.run()
        }
      } catch {
        (arms, edges) = ([:], [:])
        throw error
      }
      counters.databaseRows.add(rows)
      counters.unreadableLines.add(unreadable)
    }
  }

  /// Whether the line could be read, and is a row now.
  private func insert(_ text: ByteView) throws(DatabaseFailure) -> Bool {
    var output = Output(scratch.region)
    guard text.count <= Self.lineMax, let line = StoredLine(text, scratch: &output) else {
      return false
    }
    insertRow.bind(1, try arm(of: line))
    insertRow.bind(2, utf8: line.userKey)
    insertRow.bind(3, line.occurredAt)
    insertRow.bind(4, try edge(line.edge))
    try insertRow.run()
    return true
  }

  private func arm(of line: StoredLine) throws(DatabaseFailure) -> Int {
    armKey.removeAll(keepingCapacity: true)
    for text in [line.environment, line.experiment, line.variant] {
      armKey.append(text)
      // No UTF-8 has this byte.
      armKey.append(0xFF)
    }
    for number in [UInt64(line.version), line.rate.bitPattern, line.isOverride ? 1 : 0] {
      for shift in 0..<8 { armKey.append(UInt8(truncatingIfNeeded: number >> UInt64(8 * shift))) }
    }
    if let id = arms[armKey] { return id }
    for statement in [insertArm, findArm] {
      statement.bind(1, utf8: line.environment)
      statement.bind(2, utf8: line.experiment)
      statement.bind(3, utf8: line.variant)
      statement.bind(4, line.version)
      statement.bind(5, line.rate)
      statement.bind(6, line.isOverride ? 1 : 0)
    }
    let id = try id(insertArm, findArm)
    if arms.count >= Self.armMax { arms = [:] }
    arms[armKey] = id
    return id
  }

  private func edge(_ name: ByteView) throws(DatabaseFailure) -> Int {
    let key = [UInt8](name)
    if let id = edges[key] { return id }
    insertEdge.bind(1, utf8: name)
    findEdge.bind(1, utf8: name)
    let id = try id(insertEdge, findEdge)
    if edges.count >= Self.armMax { edges = [:] }
    edges[key] = id
    return id
  }

  private func id(_ insert: Statement, _ find: Statement) throws(DatabaseFailure) -> Int {
    try insert.run()
    defer { find.reset() }
    _ = try find.step()
    return find.integer(0)
  }
}
