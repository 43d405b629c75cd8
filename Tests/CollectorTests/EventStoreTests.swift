import Bytes
import Collector
import ProgramSupport
import Testing
import Trust

struct EventStoreTests {
  private let folder: Folder

  init() throws { folder = try Folder() }

  private func parse(_ json: [String], key: MessageKey? = nil) -> [Event] {
    guard case .events(let entries) = body(json).withBytes({ EventReader(key: key).read($0, now: now) })
    else {
      return []
    }
    return entries.compactMap { if case .event(let event) = $0 { event } else { nil } }
  }

  /// Stores events in a turn of their own.
  private func store(_ store: EventStore, _ ids: [String], at moment: Int = now) throws -> [EventStore
    .Outcome]
  {
    try store.begin()
    let outcomes = try parse(ids.map { event($0) }).map { try store.store($0, now: moment) }
    try store.commit(now: moment)
    return outcomes
  }

  @Test func `every part of an event has its column`() throws {
    let key = MessageKey(Array("a key".utf8))
    let id = token(key, subject: "user-1")
    let store = try EventStore(directory: folder.path)
    try store.begin()
    let full = parse(
      [event("full", ["decisionId": "\"\(id)\"", "value": "-1.5", "properties": "{\"a\":1}"])], key: key)
    for event in full + parse([event("bare")]) { #expect(try store.store(event, now: now) == .accepted) }
    try store.commit(now: now)
    let columns = """
      event_id, event_type, subject_id, experiment_id, variant_id, environment, config_version, decision_id,
      verified, value, properties, occurred_at, received_at
      """.split(separator: ",").map { "coalesce(\($0), 'none')" }.joined(separator: " || ' ' || ")
    #expect(
      try column(folder, "SELECT \(columns) FROM events ORDER BY row") == [
        "full purchase user-1 e1 v1 prod 42 \(id) 1 -1.5 {\"a\":1} \(now - 59_750) \(now)",
        "bare purchase user-1 none none none none none 0 none none \(now - 59_750) \(now)",
      ])
  }

  @Test func `an event counts once, within a turn, across turns and across starts`() throws {
    var store = try EventStore(directory: folder.path)
    #expect(try self.store(store, ["a", "b", "a"]) == [.accepted, .accepted, .duplicate])
    #expect(try self.store(store, ["b", "c"]) == [.duplicate, .accepted])
    store = try EventStore(directory: folder.path)
    #expect(try self.store(store, ["a", "d"]) == [.duplicate, .accepted])
    #expect(try column(folder, "SELECT event_id FROM events ORDER BY row") == ["a", "b", "c", "d"])
  }

  @Test func `nothing is to be seen before the commit and nothing after a rollback`() throws {
    let store = try EventStore(directory: folder.path)
    let events = parse([event("a")])
    try store.begin()
    #expect(try store.store(events[0], now: now) == .accepted)
    #expect(try column(folder, "SELECT event_id FROM events") == [])
    store.rollback()
    #expect(try column(folder, "SELECT event_id FROM events") == [])
    #expect(try self.store(store, ["a"]) == [.accepted])
    #expect(try column(folder, "SELECT event_id FROM events") == ["a"])
  }

  @Test func `a call is undone without the calls before it`() throws {
    let store = try EventStore(directory: folder.path)
    let events = parse([event("a"), event("b")])
    try store.begin()
    try store.beginCall()
    _ = try store.store(events[0], now: now)
    try store.endCall()
    try store.beginCall()
    _ = try store.store(events[1], now: now)
    try store.undoCall()
    try store.commit(now: now)
    #expect(try column(folder, "SELECT event_id FROM events") == ["a"])
    #expect(try self.store(store, ["b"]) == [.accepted])
  }

  @Test func `an id is known for the window and forgotten in small steps after it`() throws {
    let store = try EventStore(directory: folder.path, dedupeWindow: day)
    _ = try self.store(store, (0..<10).map { "old-\($0)" })
    // Exactly the window later nothing is older than it.
    #expect(try self.store(store, ["old-0", "x"], at: now + day) == [.duplicate, .accepted])
    #expect(try column(folder, "SELECT count(*) FROM event_ids") == ["11"])
    // Then each event that comes takes two old ones with it.
    _ = try self.store(store, ["y"], at: now + day + 1)
    #expect(try column(folder, "SELECT count(*) FROM event_ids") == ["10"])
    #expect(try self.store(store, ["old-0", "old-2"], at: now + day + 1) == [.accepted, .duplicate])
    #expect(try column(folder, "SELECT count(*) FROM event_ids WHERE event_id LIKE 'old-%'") == ["7"])
    // The events themselves stay.
    #expect(try column(folder, "SELECT count(*) FROM events") == ["13"])
  }

  @Test func `an id that came again after its window is known again`() throws {
    let store = try EventStore(directory: folder.path, dedupeWindow: day)
    _ = try self.store(store, ["a"])
    _ = try self.store(store, ["b"], at: now + 2 * day)
    #expect(try self.store(store, ["a"], at: now + 2 * day) == [.accepted])
    _ = try self.store(store, ["c", "d"], at: now + 2 * day + 1)
    #expect(try self.store(store, ["a"], at: now + 2 * day + 1) == [.duplicate])
  }

  @Test func `where to go on forgetting outlives a start`() throws {
    _ = try self.store(try EventStore(directory: folder.path, dedupeWindow: day), ["a", "b", "c"])
    _ = try self.store(try EventStore(directory: folder.path, dedupeWindow: day), ["x"], at: now + 2 * day)
    _ = try self.store(try EventStore(directory: folder.path, dedupeWindow: day), ["y"], at: now + 2 * day)
    #expect(try column(folder, "SELECT event_id FROM event_ids ORDER BY 1") == ["x", "y"])
    #expect(try column(folder, "SELECT last_row FROM forgotten") == ["3"])
  }

  @Test func `an analysis finds the events of a type and of an experiment by an index`() throws {
    _ = try EventStore(directory: folder.path)
    let plan = "EXPLAIN QUERY PLAN SELECT value FROM events WHERE "
    func detail(_ condition: String) throws -> String {
      let database = try Database(folder.path("events.sqlite"), isDurable: false)
      let statement = try database.prepare(plan + condition)
      #expect(try statement.step())
      return statement.text(3) ?? ""
    }
    #expect(try detail("event_type = 'x' AND occurred_at > 1").contains("events_by_type"))
    #expect(
      try detail("experiment_id = 'e' AND event_type = 'x' AND occurred_at > 1")
        .contains("events_by_experiment"))
  }
}
