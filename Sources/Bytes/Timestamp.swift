// Moments in time as RFC 3339 writes them: `2026-03-02T23:18:46.000Z`, with any offset, or a date alone,
// which means its first moment in UTC.

package enum Timestamp {
  /// Milliseconds since 1970, or nil if `text` is no moment.
  @_noAllocation @_noLocks
  package static func milliseconds(_ text: ByteView) -> Double? {
    guard let year = number(text, 0, 4), dash(text, 4), let month = number(text, 5, 2), dash(text, 7),
      let day = number(text, 8, 2), month >= 1, month <= 12, day >= 1
    else { return nil }
    let date = CivilDate(year: year, month: month, day: day)
    guard day <= date.daysInMonth else { return nil }
    let midnight = Double(date.dayNumber) * 86_400_000
    if text.count == 10 { return midnight }
    guard text.count >= 20, text[10] | 0x20 == UInt8(ascii: "t"), let hour = number(text, 11, 2),
      text[13] == UInt8(ascii: ":"), let minute = number(text, 14, 2), text[16] == UInt8(ascii: ":"),
      let second = number(text, 17, 2), hour < 24, minute < 60, second <= 60
    else { return nil }
    var offset = 19
    var fraction = 0.0
    if text[offset] == UInt8(ascii: ".") {
      offset += 1
      var scale = 100.0
      let start = offset
      while offset < text.count, text[offset] &- UInt8(ascii: "0") < 10 {
        fraction += Double(text[offset] - UInt8(ascii: "0")) * scale
        scale /= 10
        offset += 1
      }
      guard offset > start else { return nil }
    }
    guard let zone = zoneMinutes(text, offset) else { return nil }
    return midnight + Double(((hour * 60 + minute - zone) * 60 + second) * 1000) + fraction
  }

  private static func zoneMinutes(_ text: ByteView, _ offset: Int) -> Int? {
    guard offset < text.count else { return nil }
    if text[offset] | 0x20 == UInt8(ascii: "z") { return offset + 1 == text.count ? 0 : nil }
    guard text[offset] == UInt8(ascii: "+") || text[offset] == UInt8(ascii: "-"), offset + 6 == text.count,
      let hour = number(text, offset + 1, 2), text[offset + 3] == UInt8(ascii: ":"),
      let minute = number(text, offset + 4, 2), hour < 24, minute < 60
    else { return nil }
    return text[offset] == UInt8(ascii: "-") ? -(hour * 60 + minute) : hour * 60 + minute
  }

  private static func number(_ text: ByteView, _ start: Int, _ digits: Int) -> Int? {
    guard start + digits <= text.count else { return nil }
    return Decimal.parse(text.slice(start..<(start + digits)))
  }

  private static func dash(_ text: ByteView, _ offset: Int) -> Bool {
    offset < text.count && text[offset] == UInt8(ascii: "-")
  }

  /// The moment as text in UTC with milliseconds: `2026-03-02T23:18:46.000Z`.
  package static func text(milliseconds: Double) -> String {
    let moment = Int(milliseconds.rounded(.down))
    return String(decoding: [UInt8](capacity: 24) { $0.append(timestamp: moment) }, as: UTF8.self)
  }
}

extension Output {
  /// Appends a moment in milliseconds since 1970 as `2026-03-02T23:18:46.000Z`. One outside of the years 0 to 9999,
  /// which has no such form, becomes the nearest that has.
  @_noAllocation @_noLocks
  package mutating func append(timestamp milliseconds: Int) {
    let total = min(max(milliseconds, -62_167_219_200_000), 253_402_300_799_999)
    let days = (total >= 0 ? total : total - 86_399_999) / 86_400_000
    let rest = total - days * 86_400_000
    let date = CivilDate(dayNumber: days)
    append(date.year, digits: 4, "-")
    append(date.month, digits: 2, "-")
    append(date.day, digits: 2, "T")
    append(rest / 3_600_000, digits: 2, ":")
    append(rest / 60_000 % 60, digits: 2, ":")
    append(rest / 1000 % 60, digits: 2, ".")
    append(rest % 1000, digits: 3, "Z")
  }

  private mutating func append(_ number: Int, digits: Int, _ end: StaticString) {
    guard let room = room(digits) else { return }
    var rest = number
    for place in stride(from: digits - 1, through: 0, by: -1) {
      room.store(UInt8(truncatingIfNeeded: rest % 10) + UInt8(ascii: "0"), at: place)
      rest /= 10
    }
    advance(by: digits)
    append(end)
  }
}
