import Bytes
import TestSupport
import Testing

struct TimestampTests {
  private func milliseconds(_ text: String) -> Double? {
    GuardedBytes(text.utf8).withBytes { Timestamp.milliseconds($0) }
  }

  @Test(arguments: [
    ("1970-01-01T00:00:00Z", 0), ("1970-01-01", 0), ("1970-01-02", 86_400_000),
    ("1969-12-31T23:59:59.999Z", -1),
    ("2026-03-02T23:18:46.000Z", 1_772_493_526_000), ("2026-03-02t23:18:46z", 1_772_493_526_000),
    ("2026-03-03T01:18:46+02:00", 1_772_493_526_000), ("2026-03-02T17:48:46-05:30", 1_772_493_526_000),
    ("2026-03-02T23:18:46-00:00", 1_772_493_526_000), ("2026-03-02T23:18:46.5Z", 1_772_493_526_500),
    ("2026-03-02T23:18:46.25+00:00", 1_772_493_526_250), ("2024-02-29T00:00:00Z", 1_709_164_800_000),
    // RFC 3339 section 5.6 has leap seconds; the moment after them has the same number.
    ("2016-12-31T23:59:60Z", 1_483_228_800_000),
  ])
  func `a moment is its milliseconds since 1970`(_ text: String, _ expected: Double) {
    #expect(milliseconds(text) == expected)
  }

  @Test(arguments: [
    "", "2026", "2026-03", "2026-3-2", "2026-03-2", "2026-03-02T", "2026-03-02T23:18", "2026-03-02T23:18Z",
    "2026-03-02T23:18:46", "2026-03-02 23:18:46Z", "2026-03-02T23:18:46.Z", "2026-03-02T23:18:46.5",
    "2026-03-02T23:18:46,5Z",
    "2026-03-02T23:18:46ZZ", "2026-03-02T23:18:46Z ", " 2026-03-02", "2026-03-02Z", "2026/03/02", "20260302",
    "26-03-02",
    "2026-00-01", "2026-13-01", "2026-01-00", "2026-01-32", "2026-04-31", "2026-02-29", "2100-02-29",
    "2026-03-02T24:00:00Z", "2026-03-02T00:60:00Z", "2026-03-02T00:00:61Z", "2026-03-02T-1:00:00Z",
    "2026-03-02T23:18:46+0200", "2026-03-02T23:18:46+02", "2026-03-02T23:18:46+24:00",
    "2026-03-02T23:18:46+00:60",
    "2026-03-02T23:18:46+02:000", "2026-03-02T23:18:46+02-00", "+026-03-02", "2026-+3-02",
    "2026-03-02T23-18-46Z",
  ])
  func `what is no moment has no milliseconds`(_ text: String) {
    #expect(milliseconds(text) == nil)
  }

  @Test func `a moment reads back from its text`() {
    var random = Random(seed: 1)
    for _ in 0..<2_000 {
      // From year 0 to 9999.
      let moment = Double(Int.random(in: -62_167_219_200_000...253_402_300_799_999, using: &random))
      let text = Timestamp.text(milliseconds: moment)
      #expect(text.utf8.count == 24 && milliseconds(text) == moment, "\(text)")
    }
    #expect(Timestamp.text(milliseconds: -1) == "1969-12-31T23:59:59.999Z")
    #expect(Timestamp.text(milliseconds: 1_772_493_526_000) == "2026-03-02T23:18:46.000Z")
  }
  @Test func `a moment outside of four-digit years is the nearest that has one`() {
    #expect(Timestamp.text(milliseconds: 1e16) == "9999-12-31T23:59:59.999Z")
    #expect(Timestamp.text(milliseconds: -1e16) == "0000-01-01T00:00:00.000Z")
  }
}
