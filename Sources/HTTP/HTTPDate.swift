// The fixed format of RFC 9110 section 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT".

package import Bytes

package enum HTTPDate {
  /// Bytes of a date, and of the line of an answer's head that tells it.
  package static var byteCount: Int { 29 }
  package static var lineByteCount: Int { byteCount + 8 }

  /// Appends the line with the date of `seconds` since 1970, which must not be negative.
  @_noAllocation @_noLocks
  package static func append(lineOf seconds: Int, to output: inout Output) {
    output.append("Date: ")
    append(seconds, to: &output)
    output.append("\r\n")
  }

  /// Appends the date of `seconds` since 1970, which must not be negative.
  @_noAllocation @_noLocks
  package static func append(_ seconds: Int, to output: inout Output) {
    let days = seconds / 86_400
    let rest = seconds % 86_400
    let date = CivilDate(dayNumber: days)
    // Day 0 was a Thursday.
    output.append(("SunMonTueWedThuFriSat" as StaticString).bytes.slice(start: (days + 4) % 7 * 3, count: 3))
    output.append(", ")
    two(date.day, &output)
    output.append(" ")
    output.append(
      ("JanFebMarAprMayJunJulAugSepOctNovDec" as StaticString).bytes.slice(
        start: (date.month - 1) * 3, count: 3))
    output.append(" ")
    two(date.year / 100, &output)
    two(date.year % 100, &output)
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
}

extension ByteView {
  fileprivate func slice(start: Int, count: Int) -> ByteView {
    slice(start..<(start + count))
  }
}
