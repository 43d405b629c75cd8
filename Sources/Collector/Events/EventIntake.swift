// The calls of POST /api/v1/events, from body to answer. The calls of one turn share a transaction, so an answer is
// written before it is known to be true; it may leave only when `endTurn` has said so.
//
// When a transaction failed, the next calls are each committed before they are answered, so that a full disk is
// told to every client, until one succeeds.

package import Bytes
import HTTP
import JSON
import Operations
package import Trust

/// Opened by one thread and then used by one thread.
package final class EventIntake: @unchecked Sendable {
  private let reader: EventReader
  private let store: EventStore
  /// What is on the disk, and what was never meant to be.
  package private(set) var counters = EventCounters()
  /// What was answered and waits for the transaction.
  private var turn = EventCounters()
  private var isOpen = false
  /// Whether calls of this turn were answered whose events are gone.
  private var isLost = false

  package init(_ store: EventStore, key: MessageKey?) {
    self.store = store
    reader = EventReader(key: key)
  }

  /// Takes a call; `now` is in milliseconds since 1970. Nil, and nothing taken, if the answer has more than `room`
  /// bytes: the call must come again with more.
  package func answer(_ body: ByteView, now: Int, room: Int) -> EventAnswer? {
    switch reader.read(body, now: now) {
    case .fault(let fault):
      counters.refusedCalls += 1
      return EventAnswer(fault)
    case .events(let entries):
      guard !isLost else { return .storageFull }
      do throws(DatabaseFailure) {
        return try take(entries, now, room)
      } catch {
        return fail(error)
      }
    }
  }

  private func take(
    _ entries: [EventReader.Entry], _ now: Int, _ room: Int
  ) throws(DatabaseFailure) -> EventAnswer? {
    if !isOpen { try store.begin() }
    isOpen = true
    try store.beginCall()
    var call = EventCounters()
    for entry in entries {
      switch entry {
      case .rejected(let rejection, _): call.count(rejection)
      case .event(let event):
        switch try store.store(event, now: now) {
        case .accepted: call.accepted += 1
        case .duplicate: call.duplicates += 1
        }
      }
    }
    let answer = EventAnswer(call, entries)
    guard answer.body.count <= room else {
      try store.undoCall()
      return nil
    }
    try store.endCall()
    if counters.isFailing {
      try commit(now)
      counters.add(call)
    } else {
      turn.add(call)
    }
    return answer
  }

  /// Ends a turn. If it returns false, something that was answered in it is not stored: none of its answers may be
  /// sent.
  package func endTurn(now: Int) -> Bool {
    defer { isLost = false }
    guard isOpen else { return !isLost }
    do throws(DatabaseFailure) {
      try commit(now)
    } catch {
      _ = fail(error)
    }
    return !isLost
  }

  private func commit(_ now: Int) throws(DatabaseFailure) {
    try store.commit(now: now)
    isOpen = false
    counters.add(turn)
    turn = EventCounters()
    if counters.isFailing { Log.write(.info, "events_stored_again") }
    counters.isFailing = false
  }

  /// After a failure: finds out whether the disk takes something again, so that readiness does not wait for an event.
  package func recheck(now: Int) {
    guard counters.isFailing, !isOpen, !isLost else { return }
    do throws(DatabaseFailure) {
      try store.begin()
      try store.probe()
      try commit(now)
    } catch {
      store.rollback()
    }
  }

  /// Undoes the turn, and says so to the call at hand.
  private func fail(_ failure: DatabaseFailure) -> EventAnswer {
    store.rollback()
    isOpen = false
    isLost = turn != EventCounters()
    turn = EventCounters()
    counters.storageFailures += 1
    if !counters.isFailing {
      let remedy =
        failure.isFull
        ? "Make room on the disk of the events, and check that it works."
        : "Check that nobody else keeps events.sqlite locked."
      Log.write(
        .error, "events_not_stored", ["error": .text(failure.description), "remedy": .text(remedy)])
    }
    counters.isFailing = true
    return failure.isFull ? .storageFull : .storageUnavailable
  }
}
