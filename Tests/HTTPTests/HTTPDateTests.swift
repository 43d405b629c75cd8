import Bytes
import Glibc
import HTTP
import TestSupport
import Testing

struct HTTPDateTests {
  private func date(_ seconds: Int) -> String {
    String(
      decoding: [UInt8](capacity: HTTPDate.byteCount) { HTTPDate.append(seconds, to: &$0) }, as: UTF8.self)
  }

  @Test(arguments: [
    (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
    // The example of RFC 9110 section 5.6.7.
    (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
    (86_399, "Thu, 01 Jan 1970 23:59:59 GMT"),
    (68_169_600, "Tue, 29 Feb 1972 00:00:00 GMT"),
    // 2000 was a leap year, as every 400th is.
    (951_827_696, "Tue, 29 Feb 2000 12:34:56 GMT"),
    (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
    (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
    (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"),
    (2_147_483_648, "Tue, 19 Jan 2038 03:14:08 GMT"),
    // 2100 will not be one, as no other 100th is.
    (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
    (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
    (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
  ])
  func `a second has its date`(_ seconds: Int, _ expected: String) {
    #expect(date(seconds) == expected)
  }

  @Test func `any second has the date that the C library gives it`() {
    var random = Random(seed: 1)
    for _ in 0..<3_000 {
      var seconds = Int.random(in: 0...253_402_300_799, using: &random)
      let text = date(seconds)
      var parts = unsafe tm()
      _ = unsafe gmtime_r(&seconds, &parts)
      var expected = [CChar](repeating: 0, count: 64)
      // The test's process is in the C locale: nobody called setlocale.
      let count = unsafe strftime(&expected, expected.count, "%a, %d %b %Y %H:%M:%S GMT", &parts)
      #expect(count == HTTPDate.byteCount)
      #expect(text == String(decoding: expected.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }
  }
}
