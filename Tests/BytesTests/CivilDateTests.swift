import Bytes
import Testing

struct CivilDateTests {
  @Test(arguments: [
    (1970, 1, 1, 0), (1969, 12, 31, -1), (1972, 2, 29, 789), (2000, 2, 29, 11_016), (2000, 3, 1, 11_017),
    (1900, 2, 28, -25_509), (1900, 3, 1, -25_508), (1600, 12, 31, -134_775), (0, 3, 1, -719_468),
    (0, 2, 29, -719_469),
    // Where an era of 400 years begins, before year 0.
    (-400, 3, 1, -865_565), (-400, 2, 29, -865_566),
  ])
  func `a date and its number of days belong together`(_ year: Int, _ month: Int, _ day: Int, _ number: Int) {
    #expect(CivilDate(year: year, month: month, day: day).dayNumber == number)
    #expect(CivilDate(dayNumber: number) == CivilDate(year: year, month: month, day: day))
  }

  // 400 years hold every case the calendar has; some more on both sides of year 0 hold every sign.
  @Test func `one day after another, the calendar goes on`() {
    var date = CivilDate(year: -4, month: 1, day: 1)
    var number = date.dayNumber
    while date.year < 405 {
      date.day += 1
      if date.day > date.daysInMonth { date = CivilDate(year: date.year, month: date.month + 1, day: 1) }
      if date.month > 12 { date = CivilDate(year: date.year + 1, month: 1, day: 1) }
      number += 1
      guard CivilDate(dayNumber: number) == date, date.dayNumber == number else {
        Issue.record("\(date) is day \(date.dayNumber) and not \(number)")
        return
      }
    }
    #expect(number == CivilDate(year: 405, month: 1, day: 1).dayNumber)
  }

  @Test(arguments: [(2023, 28), (2024, 29), (2000, 29), (1900, 28), (2100, 28), (0, 29), (-1, 28), (-4, 29)])
  func `February has its leap day in its years`(_ year: Int, _ days: Int) {
    #expect(CivilDate(year: year, month: 2, day: 1).daysInMonth == days)
  }
}
