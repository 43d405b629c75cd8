// SQLite as this program needs it: one connection per thread, prepared statements, typed failures. The only place
// that imports CSQLite.

import Bytes
internal import CSQLite

/// What SQLite refused, in its own words.
package struct DatabaseFailure: Error, Sendable, CustomStringConvertible {
  /// The primary result code, such as SQLITE_FULL.
  let code: Int32
  package let description: String

  /// Whether there is no room left, or the disk does not take more: it may later.
  package var isFull: Bool { code == SQLITE_FULL || code == SQLITE_IOERR }
}

/// A connection to a database file, for one thread.
@safe package final class Database {
  private let handle: OpaquePointer

  /// Opens the file at `path`, which is made if it is not there, with a write-ahead log that is flushed to the disk
  /// at each commit (`isDurable`), or at each checkpoint.
  package init(_ path: String, isDurable: Bool) throws(DatabaseFailure) {
    var handle: OpaquePointer?
    let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
    let code = unsafe sqlite3_open_v2(path, &handle, flags, nil)
    guard code == SQLITE_OK, let handle = unsafe handle else {
      let text = unsafe String(cString: sqlite3_errstr(code))
      unsafe sqlite3_close(handle)
      throw DatabaseFailure(code: code & 0xFF, description: "open \(path): \(text)")
    }
    unsafe self.handle = handle
    unsafe sqlite3_busy_timeout(handle, 10_000)
    try execute("PRAGMA journal_mode = WAL")
    try execute("PRAGMA synchronous = \(isDurable ? "FULL" : "NORMAL")")
  }

  deinit {
    unsafe sqlite3_close_v2(handle)
  }

  /// Runs statements without parameters or results.
  package func execute(_ sql: String) throws(DatabaseFailure) {
    guard unsafe sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK else { throw failure(sql) }
  }

  /// Runs `body` in one transaction, which is undone if it throws.
  func transaction<Failure: Error>(_ body: () throws(Failure) -> Void) throws {
    try execute("BEGIN IMMEDIATE")
    do {
      try body()
      try execute("COMMIT")
    } catch {
      // SQLite has undone it already after some failures.
      try? execute("ROLLBACK")
      throw error
    }
  }

  package func prepare(_ sql: String) throws(DatabaseFailure) -> Statement {
    var statement: OpaquePointer?
    guard unsafe sqlite3_prepare_v2(handle, sql, -1, &statement, nil) == SQLITE_OK,
      let statement = unsafe statement
    else { throw failure(sql) }
    return unsafe Statement(statement, self)
  }

  /// Rows that the last statement inserted, changed or removed.
  var changeCount: Int { unsafe Int(sqlite3_changes(handle)) }
  var lastRow: Int { unsafe Int(sqlite3_last_insert_rowid(handle)) }

  fileprivate func failure(_ what: String) -> DatabaseFailure {
    let code = unsafe sqlite3_errcode(handle) & 0xFF
    return unsafe DatabaseFailure(
      code: code, description: "\(what): \(String(cString: sqlite3_errmsg(handle)))")
  }
}

/// A prepared statement. Parameters are numbered from 1, columns from 0.
@safe package final class Statement {
  private let handle: OpaquePointer
  private let database: Database

  fileprivate init(_ handle: OpaquePointer, _ database: Database) {
    unsafe self.handle = handle
    self.database = database
  }

  deinit {
    unsafe sqlite3_finalize(handle)
  }

  package func bind(_ place: Int32, _ value: Int) { unsafe sqlite3_bind_int64(handle, place, Int64(value)) }
  func bind(_ place: Int32, _ value: Double) { unsafe sqlite3_bind_double(handle, place, value) }
  func bindNull(_ place: Int32) { unsafe sqlite3_bind_null(handle, place) }

  package func bind(_ place: Int32, _ value: String?) {
    guard let value else { return bindNull(place) }
    bind(place, utf8: Array(value.utf8))
  }

  func bind(_ place: Int32, utf8 text: [UInt8]) { text.withBytes { bind(place, utf8: $0) } }

  func bind(_ place: Int32, utf8 text: ByteView) {
    // SQLITE_TRANSIENT: SQLite makes its own copy at once.
    let transient = unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    unsafe sqlite3_bind_text64(
      handle, place, text.start.assumingMemoryBound(to: CChar.self), UInt64(text.count), transient,
      UInt8(SQLITE_UTF8))
  }

  /// The next row; false behind the last one.
  package func step() throws(DatabaseFailure) -> Bool {
    switch unsafe sqlite3_step(handle) {
    case SQLITE_ROW: return true
    case SQLITE_DONE: return false
    default: throw database.failure("step")
    }
  }

  /// Runs it to its end and makes it ready to run again.
  package func run() throws(DatabaseFailure) {
    defer { reset() }
    while try step() {}
  }

  package func reset() { unsafe sqlite3_reset(handle) }

  package func integer(_ column: Int32) -> Int { unsafe Int(sqlite3_column_int64(handle, column)) }
  package func number(_ column: Int32) -> Double { unsafe sqlite3_column_double(handle, column) }

  package func text(_ column: Int32) -> String? {
    guard let text = unsafe sqlite3_column_text(handle, column) else { return nil }
    let count = unsafe Int(sqlite3_column_bytes(handle, column))
    return unsafe String(decoding: UnsafeBufferPointer(start: text, count: count), as: UTF8.self)
  }
}
