// Moments in time as RFC 3339 writes them: `2026-03-02T23:18:46.000Z`, with any offset, or a date alone,
// which means its first moment in UTC.

package import Bytes

package enum Timestamp {
  /// Milliseconds since 1970, or nil if `text` is no moment.
  @_noAllocation @_noLocks
  package static func milliseconds(_ text: ByteView) -> Double? {
    guard let year = number(text, 0, 4), dash(text, 4), let month = number(text, 5, 2), dash(text, 7),
      let day = number(text, 8, 2), month >= 1, month <= 12, day >= 1, day <= days(in: month, of: year)
    else { return nil }
    let midnight = Double(dayNumber(year, month, day)) * 86_400_000
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

  private static func days(in month: Int, of year: Int) -> Int {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// Days since 1970 in the proleptic Gregorian calendar, counted in years that begin in March.
  private static func dayNumber(_ year: Int, _ month: Int, _ day: Int) -> Int {
    let shiftedYear = month <= 2 ? year - 1 : year
    let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
    let yearOfEra = shiftedYear - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }
}
