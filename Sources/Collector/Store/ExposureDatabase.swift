// The exposures as a SQLite database, for the analysis. It follows the segment files, and how far it has read is part
// of each transaction: every line is in it once, whatever is killed when, and reception never waits for it.

import Bytes
import JSON
import Kernel
import Publication

final class ExposureDatabase {
  private let directory: String
  private let figures: StoreFigures
  private let database: Database
  private let findArm: Statement
  private let addArm: Statement
  private let addRow: Statement
  private let findProgress: Statement
  private let setProgress: Statement
  private let removeProgress: Statement
  /// Ids of arms by what the lines say of them; begins anew when it is full.
  private var arms: [[UInt8]: Int] = [:]
  private var offsets: [SegmentPath: Int] = [:]
  private let buffer: Memory

  /// Bytes that are read, and stored in one transaction.
  private static var batchSize: Int { 4 << 20 }
  private static var armMax: Int { 65_536 }

  /// A database at `path` of the segments in `directory`.
  init(_ path: String, directory: String, figures: StoreFigures) throws {
    self.directory = directory
    self.figures = figures
    // The files are what is durable: after a crash of the machine the database reads again what it lost.
    database = try Database(path, isDurable: false)
    try database.execute(Self.schema)
    findArm = try database.prepare(
      """
      SELECT id FROM arms WHERE environment = ? AND experiment_id = ? AND variant_id = ? AND config_version = ?
      AND rate = ? AND is_override = ?
      """)
    addArm = try database.prepare(
      """
      INSERT INTO arms (environment, experiment_id, variant_id, config_version, rate, is_override)
      VALUES (?, ?, ?, ?, ?, ?)
      """)
    addRow = try database.prepare("INSERT INTO exposure_rows (arm, user_key, occurred_at) VALUES (?, ?, ?)")
    findProgress = try database.prepare("SELECT bytes FROM progress WHERE segment = ?")
    setProgress = try database.prepare("INSERT OR REPLACE INTO progress (segment, bytes) VALUES (?, ?)")
    removeProgress = try database.prepare("DELETE FROM progress WHERE segment = ?")
    buffer = try Memory(byteCount: Self.batchSize)
  }

  /// `exposures` is what queries use; below it, what many rows share stands once.
  private static var schema: String {
    """
    CREATE TABLE IF NOT EXISTS arms (
      id INTEGER PRIMARY KEY, environment TEXT NOT NULL, experiment_id TEXT NOT NULL, variant_id TEXT NOT NULL,
      config_version INTEGER NOT NULL, rate REAL NOT NULL, is_override INTEGER NOT NULL,
      UNIQUE (environment, experiment_id, variant_id, config_version, rate, is_override));
    CREATE TABLE IF NOT EXISTS exposure_rows (
      arm INTEGER NOT NULL REFERENCES arms (id), user_key TEXT NOT NULL, occurred_at INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS progress (segment TEXT PRIMARY KEY, bytes INTEGER NOT NULL) WITHOUT ROWID;
    CREATE VIEW IF NOT EXISTS exposures AS
      SELECT environment, experiment_id, variant_id, config_version, user_key, occurred_at, rate, is_override
      FROM exposure_rows JOIN arms ON arms.id = exposure_rows.arm;
    """
  }

  /// Stores the lines of a segment, up to a number of its bytes or all of them.
  func read(_ path: SegmentPath, upTo limit: Int?) throws {
    guard File.exists(directory + "/" + path.lines) else { return }
    let file = try OpenFile(directory + "/" + path.lines, .read)
    let end = try limit ?? file.byteCount()
    var offset = try self.offset(of: path)
    while offset < end {
      figures.databaseLag.value = UInt64(end - offset)
      let count = try file.read(into: buffer.region.part(from: 0, count: min(Self.batchSize, end - offset)), at: offset)
      let bytes = buffer.region.bytes.slice(0..<count)
      let taken = try store(bytes, of: path, at: offset)
      guard taken > 0 else { throw SystemFailure(damaged: file.path, remedy: "A line does not end.") }
      offset += taken
    }
    figures.databaseLag.value = 0
  }

  /// A segment that is gone needs no progress.
  func forget(_ path: SegmentPath) throws {
    offsets[path] = nil
    removeProgress.bind(1, path.stem)
    try removeProgress.run()
  }

  private func offset(of path: SegmentPath) throws -> Int {
    if let offset = offsets[path] { return offset }
    findProgress.bind(1, path.stem)
    defer { findProgress.reset() }
    return try findProgress.step() ? findProgress.integer(0) : 0
  }

  /// Stores the whole lines of `bytes` in one transaction; how many bytes they are.
  private func store(_ bytes: ByteView, of path: SegmentPath, at offset: Int) throws -> Int {
    var taken = 0
    var rows: UInt64 = 0
    do {
      try database.transaction {
        while let end = bytes.firstOffset(of: 0x0A, from: taken) {
          try add(bytes.slice(taken..<end), path)
          taken = end + 1
          rows += 1
        }
        setProgress.bind(1, path.stem)
        setProgress.bind(2, offset + taken)
        try setProgress.run()
      }
    } catch {
      // Arms that were added are gone with the transaction.
      arms = [:]
      throw error
    }
    offsets[path] = offset + taken
    figures.databaseRecords.value += rows
    return taken
  }

  private func add(_ line: ByteView, _ path: SegmentPath) throws {
    guard let parts = LineParts(line) else {
      throw SystemFailure(damaged: path.lines, remedy: "A line is not one that this program writes.")
    }
    addRow.bind(1, try arm(parts, line))
    addRow.bind(2, utf8: parts.userKey(line))
    addRow.bind(3, parts.occurredAt(line))
    try addRow.run()
  }

  private func arm(_ parts: LineParts, _ line: ByteView) throws -> Int {
    let key = [UInt8](line.slice(parts.arm)) + [UInt8](line.slice(parts.rate)) + [parts.isOverride ? 1 : 0]
    if let id = arms[key] { return id }
    let texts = [parts.environment, parts.experiment, parts.variant].map { parts.text($0, line) }
    for statement in [findArm, addArm] {
      for (place, text) in texts.enumerated() { statement.bind(Int32(place + 1), utf8: text) }
      statement.bind(4, Decimal.parse(line.slice(parts.version)) ?? 0)
      statement.bind(5, DoubleParser.parse(line.slice(parts.rate)))
      statement.bind(6, parts.isOverride ? 1 : 0)
    }
    var id: Int?
    if try findArm.step() { id = findArm.integer(0) }
    findArm.reset()
    if id == nil {
      try addArm.run()
      id = database.lastRow
    }
    if arms.count >= Self.armMax { arms = [:] }
    arms[key] = id
    return id ?? 0
  }
}

/// Where the parts of a line stand that the database keeps.
private struct LineParts {
  var environment = QuotedText(range: .empty, hasEscapes: false)
  var experiment = QuotedText(range: .empty, hasEscapes: false)
  var variant = QuotedText(range: .empty, hasEscapes: false)
  var user = QuotedText(range: .empty, hasEscapes: false)
  var moment = ByteRange.empty
  var version = ByteRange.empty
  var rate = ByteRange.empty
  var isOverride = false
  /// From the environment to the version, as it stands in the line.
  var arm = ByteRange.empty

  /// nil if the line is not one of ``ExposureLine``.
  init?(_ line: ByteView) {
    var reader = Reader()
    guard case .beginObject = reader.next(line) else { return nil }
    var count = 0
    while case .key(let name) = reader.next(line) {
      let name = line.slice(name.range)
      switch reader.next(line) {
      case .string(let text):
        if name.equals("occurredAt") {
          moment = text.range
        } else if name.equals("environment") {
          environment = text
        } else if name.equals("experimentId") {
          experiment = text
        } else if name.equals("variantId") {
          variant = text
        } else if name.equals("userKey") {
          user = text
        } else {
          continue
        }
      case .number(let range):
        if name.equals("configVersion") {
          version = range
        } else if name.equals("rate") {
          rate = range
        } else {
          continue
        }
      case .bool(let value):
        guard name.equals("override") else { continue }
        isOverride = value
      default: return nil
      }
      count += 1
    }
    guard count == 8 else { return nil }
    arm = ByteRange(from: Int(environment.range.start), to: version.bounds.upperBound)
  }

  func text(_ quoted: QuotedText, _ line: ByteView) -> [UInt8] {
    [UInt8](capacity: quoted.range.bounds.count) { quoted.decode(line, into: &$0) }
  }

  func userKey(_ line: ByteView) -> [UInt8] { text(user, line) }

  /// Milliseconds since 1970.
  func occurredAt(_ line: ByteView) -> Int { Int(Timestamp.milliseconds(line.slice(moment)) ?? 0) }
}
