// The fixed format of RFC 9110 section 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT".

package import Bytes

package enum HTTPDate {
  /// Bytes of a date.
  package static var byteCount: Int { 29 }

  /// Appends the date of `seconds` since 1970, which must not be negative.
  @_noAllocation @_noLocks
  package static func append(_ seconds: Int, to output: inout Output) {
    let days = seconds / 86_400
    let rest = seconds % 86_400
    let civil = Self.civil(days)
    // Day 0 was a Thursday.
    output.append(("SunMonTueWedThuFriSat" as StaticString).bytes.slice(start: (days + 4) % 7 * 3, count: 3))
    output.append(", ")
    two(civil.day, &output)
    output.append(" ")
    output.append(
      ("JanFebMarAprMayJunJulAugSepOctNovDec" as StaticString).bytes.slice(start: (civil.month - 1) * 3, count: 3))
    output.append(" ")
    two(civil.year / 100, &output)
    two(civil.year % 100, &output)
    output.append(" ")
    two(rest / 3600, &output)
    output.append(":")
    two(rest / 60 % 60, &output)
    output.append(":")
    two(rest % 60, &output)
    output.append(" GMT")
  }

  private static func two(_ value: Int, _ output: inout Output) {
    output.append(UInt8(truncatingIfNeeded: value / 10 % 10) + UInt8(ascii: "0"))
    output.append(UInt8(truncatingIfNeeded: value % 10) + UInt8(ascii: "0"))
  }

  /// The proleptic Gregorian date of a day since 1970 (Howard Hinnant, "chrono-Compatible Low-Level Date
  /// Algorithms": years that begin in March put the leap day last).
  private static func civil(_ day: Int) -> (year: Int, month: Int, day: Int) {
    let shifted = day + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    return (
      yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    )
  }
}

extension ByteView {
  fileprivate func slice(start: Int, count: Int) -> ByteView {
    slice(start..<(start + count))
  }
}
