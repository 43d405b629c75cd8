import Bytes
import Collector
import Glibc
import HTTP
import JSON
import ProgramSupport
import Testing

struct EventIntakeTests {
  private let folder: Folder

  init() throws { folder = try Folder() }

  private static let room = 1 << 20

  @Test func `a call is answered with what became of each event`() throws {
    let intake = EventIntake(try EventStore(directory: folder.path), key: nil)
    let body = body([event("a"), event("b", ["value": "\"1\""]), event("a"), event("", [:])])
    let answer = try #require(body.withBytes { intake.answer($0, now: now, room: Self.room) })
    #expect(answer.status == .ok)
    #expect(
      String(decoding: answer.body, as: UTF8.self)
        == "{\"accepted\":1,\"duplicates\":1,\"rejected\":2,\"errors\":["
        + "{\"index\":1,\"eventId\":\"b\",\"code\":\"INVALID_VALUE\",\"message\":\"Send value as a number that "
        + "a double can hold, or leave it out.\"},"
        + "{\"index\":3,\"eventId\":null,\"code\":\"INVALID_EVENT_ID\",\"message\":\"Send eventId as a string "
        + "of 1 to 128 bytes.\"}]}")
    #expect(intake.counters.accepted == 0)
    #expect(intake.endTurn(now: now))
    #expect(intake.counters.accepted == 1 && intake.counters.duplicates == 1)
    #expect(intake.counters.rejected(.invalidValue) == 1 && intake.counters.rejected == 2)
  }

  @Test func `the calls of a turn are one transaction`() throws {
    let intake = EventIntake(try EventStore(directory: folder.path), key: nil)
    for id in ["a", "b"] {
      _ = body([event(id)]).withBytes { intake.answer($0, now: now, room: Self.room) }
      #expect(try column(folder, "SELECT event_id FROM events") == [])
    }
    #expect(intake.endTurn(now: now))
    #expect(try column(folder, "SELECT event_id FROM events ORDER BY 1") == ["a", "b"])
  }

  @Test func `a call whose answer finds no room is not taken and may come again`() throws {
    let intake = EventIntake(try EventStore(directory: folder.path), key: nil)
    let body = body([event("a"), event("b", ["value": "\"1\""])])
    let small = body.withBytes { intake.answer($0, now: now, room: 100) }
    #expect(small == nil)
    let answer = try #require(body.withBytes { intake.answer($0, now: now, room: Self.room) })
    #expect(String(decoding: answer.body, as: UTF8.self).hasPrefix("{\"accepted\":1,\"duplicates\":0,"))
    #expect(intake.endTurn(now: now))
    #expect(intake.counters.accepted == 1 && intake.counters.rejected == 1)
  }

  @Test func `a refused call says what to send`() throws {
    let intake = EventIntake(try EventStore(directory: folder.path), key: nil)
    func refusal(_ text: String) throws -> (Status, String?, String?) {
      let answer = try #require(Array(text.utf8).withBytes { intake.answer($0, now: now, room: Self.room) })
      let root = try Document(answer.body).root
      return (answer.status, root["errorCode"]?.text, root["error"]?.text)
    }
    #expect(
      try refusal("{") == (
        .badRequest, "MALFORMED_BODY",
        "The body is not valid JSON: send {\"events\":[...]} (the text ends too early at byte 1)."
      ))
    #expect(try refusal("[]").1 == "MALFORMED_BODY")
    #expect(try refusal("{}").1 == "MISSING_EVENTS")
    let many = try refusal("{\"events\":[\(String(repeating: "0,", count: 1000))0]}")
    #expect(many.0 == .bodyTooLarge && many.1 == "TOO_MANY_EVENTS")
    #expect(intake.counters.refusedCalls == 4)
  }

  // The limit on the size of files is that of a whole process, so this one has a process of its own.
  @Test func `a full disk loses nothing that was acknowledged and is over when there is room`() async {
    await #expect(processExitsWith: .success) {
      let folder = try Folder()
      signal(SIGXFSZ, SIG_IGN)
      let intake = EventIntake(try EventStore(directory: folder.path), key: nil)
      func call(_ prefix: String, _ count: Int = 200) throws -> (Status, String) {
        let body = body((0..<count).map { event("\(prefix)-\($0)") })
        let answer = try #require(body.withBytes { intake.answer($0, now: now, room: 1 << 20) })
        return (answer.status, String(decoding: answer.body, as: UTF8.self))
      }
      func stored() throws -> String? { try column(folder, "SELECT count(*) FROM events")[0] }

      #expect(try call("a").0 == .ok)
      #expect(intake.endTurn(now: now))
      #expect(try stored() == "200")

      limitFiles(4096)
      // The first turn finds out at its commit: nobody may hear of it.
      #expect(try call("b").0 == .ok)
      #expect(try call("c").0 == .ok)
      #expect(!intake.endTurn(now: now))
      #expect(intake.counters.accepted == 200 && intake.counters.storageFailures == 1)
      #expect(intake.counters.isFailing)
      // From then on every call hears it itself.
      for _ in 0..<2 {
        let (status, text) = try call("b")
        #expect(status == .unavailable && text.contains("\"errorCode\":\"STORAGE_FULL\""))
        #expect(intake.endTurn(now: now))
      }
      #expect(try stored() == "200")

      limitFiles(.max)
      #expect(try call("b").1.hasPrefix("{\"accepted\":200,\"duplicates\":0,"))
      #expect(!intake.counters.isFailing)
      #expect(try call("a").1.hasPrefix("{\"accepted\":0,\"duplicates\":200,"))
      #expect(intake.endTurn(now: now))
      #expect(try stored() == "400")
      #expect(try call("c").1.hasPrefix("{\"accepted\":200,\"duplicates\":0,"))
      // One transaction for all of the turn again.
      #expect(try stored() == "400")
      #expect(intake.endTurn(now: now))
      #expect(try stored() == "600")
      #expect(intake.counters.accepted == 600 && intake.counters.duplicates == 200)
    }
  }
  @Test func `a turn that the disk stops halfway is undone as a whole`() async {
    await #expect(processExitsWith: .success) {
      let folder = try Folder()
      signal(SIGXFSZ, SIG_IGN)
      let intake = EventIntake(try EventStore(directory: folder.path), key: nil)
      limitFiles(4 << 20)
      let padding = String(repeating: "x", count: 16_000)
      func call(_ prefix: String) throws -> Status {
        let events = (0..<1000).map { event("\(prefix)-\($0)", ["properties": "{\"a\":\"\(padding)\"}"]) }
        return try #require(body(events).withBytes { intake.answer($0, now: now, room: 1 << 20) }).status
      }
      // A turn stays in memory while it is small.
      #expect(try call("0") == .ok)
      var count = 1
      while try call("\(count)") == .ok { count += 1 }
      #expect(count < 10)
      // What comes in the same turn is not stored either, since its answers will not be sent.
      #expect(try call("a") == .unavailable)
      #expect(!intake.endTurn(now: now))
      #expect(try column(folder, "SELECT count(*) FROM events") == ["0"])
      #expect(intake.counters.accepted == 0)

      limitFiles(.max)
      #expect(try call("0") == .ok)
      #expect(intake.endTurn(now: now))
      #expect(try column(folder, "SELECT count(*) FROM events") == ["1000"])
      #expect(intake.counters.accepted == 1000)
    }
  }
}
