// Events on the disk: one SQLite file, appended to in transactions that each hold whatever the calls of one turn
// brought. An event is known by its id for a window of time; ids are forgotten little by little.

package final class EventStore {
  /// What became of an event.
  package enum Outcome: Equatable, Sendable {
    case accepted
    /// An event with this id is there already.
    case duplicate
  }

  private let database: Database
  private let insertID: Statement
  private let insertEvent: Statement
  private let oldest: Statement
  private let forgetID: Statement
  private let setForgotten: Statement
  /// For how long an id is known; milliseconds.
  private let dedupeWindow: Int
  /// Events that were stored since `begin`.
  private var storedCount = 0

  /// Opens `events.sqlite` in `directory`, which must be there. `dedupeWindow` is in milliseconds.
  package init(directory: String, dedupeWindow: Int = 7 * 86_400_000) throws(DatabaseFailure) {
    database = try Database(directory + "/events.sqlite", isDurable: true)
    self.dedupeWindow = dedupeWindow
    // A turn's events stay in memory until they are committed, and ids arrive in no order.
    try database.execute("PRAGMA cache_size = -65536")
    try database.execute("PRAGMA wal_autocheckpoint = 4000")
    try database.execute(Self.schema)
    insertID = try database.prepare(
      "INSERT INTO event_ids (event_id) VALUES (?) ON CONFLICT DO NOTHING")
    insertEvent = try database.prepare(
      """
      INSERT INTO events (event_id, event_type, subject_id, experiment_id, variant_id, environment,
        config_version, decision_id, verified, value, properties, occurred_at, received_at)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """)
    oldest = try database.prepare(
      """
      SELECT row, event_id, received_at FROM events
      WHERE row > (SELECT last_row FROM forgotten) ORDER BY row LIMIT ?
      """)
    forgetID = try database.prepare("DELETE FROM event_ids WHERE event_id = ?")
    setForgotten = try database.prepare("UPDATE forgotten SET last_row = ?")
  }

  /// An analysis asks for the events of one type, of one experiment or of everybody, in a span of time.
  private static var schema: String {
    """
    CREATE TABLE IF NOT EXISTS events (
      row INTEGER PRIMARY KEY AUTOINCREMENT,
      event_id TEXT NOT NULL,
      event_type TEXT NOT NULL,
      subject_id TEXT NOT NULL,
      experiment_id TEXT,
      variant_id TEXT,
      environment TEXT,
      config_version INTEGER,
      decision_id TEXT,
      verified INTEGER NOT NULL,
      value REAL,
      properties TEXT,
      occurred_at INTEGER NOT NULL,
      received_at INTEGER NOT NULL);
    CREATE INDEX IF NOT EXISTS events_by_type ON events (event_type, occurred_at);
    CREATE INDEX IF NOT EXISTS events_by_experiment ON events (experiment_id, event_type, occurred_at)
      WHERE experiment_id IS NOT NULL;
    CREATE TABLE IF NOT EXISTS event_ids (
      event_id TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS forgotten (last_row INTEGER NOT NULL);
    INSERT INTO forgotten SELECT 0 WHERE NOT EXISTS (SELECT * FROM forgotten);
    """
  }

  // MARK: - One turn

  /// Begins a turn: nothing of it is stored before ``commit(now:)``.
  package func begin() throws(DatabaseFailure) {
    try database.execute("BEGIN IMMEDIATE")
    storedCount = 0
  }

  /// Writes something that changes nothing, to see whether the disk takes it.
  func probe() throws(DatabaseFailure) { try database.execute("PRAGMA user_version = 1") }

  /// Begins a call within the turn.
  package func beginCall() throws(DatabaseFailure) { try database.execute("SAVEPOINT call") }

  package func endCall() throws(DatabaseFailure) { try database.execute("RELEASE call") }

  /// Forgets what was stored since ``beginCall()``.
  package func undoCall() throws(DatabaseFailure) {
    try database.execute("ROLLBACK TO call")
    try endCall()
  }

  /// Stores one event, unless it was stored before; `now` is in milliseconds since 1970.
  package func store(_ event: Event, now: Int) throws(DatabaseFailure) -> Outcome {
    insertID.bind(1, utf8: event.id)
    try insertID.run()
    guard database.changeCount > 0 else { return .duplicate }
    insertEvent.bind(1, utf8: event.id)
    insertEvent.bind(2, utf8: event.type)
    insertEvent.bind(3, utf8: event.subject)
    insertEvent.bind(4, utf8: event.experiment)
    insertEvent.bind(5, event.decision?.variant)
    insertEvent.bind(6, event.decision?.environment)
    insertEvent.bind(7, event.decision?.version)
    insertEvent.bind(8, utf8: event.decision?.id)
    insertEvent.bind(9, event.decision?.isVerified == true ? 1 : 0)
    insertEvent.bind(10, event.value)
    insertEvent.bind(11, utf8: event.properties)
    insertEvent.bind(12, event.occurredAt)
    insertEvent.bind(13, now)
    try insertEvent.run()
    storedCount += 1
    return .accepted
  }

  /// Ends the turn: when this returns, its events are on the disk.
  package func commit(now: Int) throws(DatabaseFailure) {
    // Twice as many as came, so that forgetting keeps up and no turn waits long for it.
    if storedCount > 0 { try forget(before: now - dedupeWindow, limit: 2 * storedCount) }
    try database.execute("COMMIT")
  }

  /// Ends the turn: nothing of it was stored.
  package func rollback() {
    // SQLite may have done so already.
    try? database.execute("ROLLBACK")
  }

  // MARK: - Forgetting

  /// Forgets the ids of the oldest events. Rows are in the order of their arrival, which spares an index.
  private func forget(before moment: Int, limit: Int) throws(DatabaseFailure) {
    var last: Int?
    defer { oldest.reset() }
    oldest.bind(1, limit)
    while try oldest.step(), oldest.integer(2) < moment {
      forgetID.bind(1, oldest.text(1))
      try forgetID.run()
      last = oldest.integer(0)
    }
    guard let last else { return }
    setForgotten.bind(1, last)
    try setForgotten.run()
  }
}

extension Statement {
  fileprivate func bind(_ place: Int32, utf8 text: [UInt8]?) {
    if let text { bind(place, utf8: text) } else { bindNull(place) }
  }

  fileprivate func bind(_ place: Int32, _ value: Int?) {
    if let value { bind(place, value) } else { bindNull(place) }
  }

  fileprivate func bind(_ place: Int32, _ value: Double?) {
    if let value { bind(place, value) } else { bindNull(place) }
  }
}
