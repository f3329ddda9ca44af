// Days of the calendar and moments in UTC, counted and written. Knows no zones and no leap seconds.

/// A day of the Gregorian calendar, which goes on in both directions for ever.
package struct CalendarDay: Sendable, Hashable {
    /// 0 is the year before 1.
    package let year: Int
    /// From 1.
    package let month: Int
    /// From 1.
    package let day: Int

    /// `month` and `day` count from 1; whether there is such a day is for the caller to know.
    package init(year: Int, month: Int, day: Int) {
        self.year = year
        self.month = month
        self.day = day
    }

    /// The day so many days after 1970-01-01. Howard Hinnant's civil_from_days: eras of 400 years, beginning in March, so
    /// that the leap day is the last of a year.
    package init(daysSince1970 days: Int) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// Days after 1970-01-01.
    package var daysSince1970: Int {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    /// 1 for Monday.
    package var weekday: Int { ((daysSince1970 + 3) % 7 + 7) % 7 + 1 }

    /// From 1.
    package var dayOfYear: Int { daysSince1970 - CalendarDay(year: year, month: 1, day: 1).daysSince1970 + 1 }

    private static func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

    /// How many days a month has; `month` counts from 1.
    package static func days(inMonth month: Int, ofYear year: Int) -> Int {
        switch month {
        case 2: isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Of the month, in English.
    package static let monthNames = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ]
    /// From Monday, in English.
    package static let dayNames = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
}

/// A moment as the calendar has it in UTC, to the second.
package struct UTCTime: Sendable, Hashable {
    /// The day it is in.
    package let day: CalendarDay
    /// From 0 to 86,399.
    package let secondOfDay: Int

    /// `seconds` since 1970; negative ones are before.
    package init(seconds: Int) {
        let (days, rest) = seconds.quotientAndRemainder(dividingBy: 86_400)
        day = CalendarDay(daysSince1970: rest < 0 ? days - 1 : days)
        secondOfDay = rest < 0 ? rest + 86_400 : rest
    }

    /// Reads what `text` gives; nil for anything else.
    package init?(_ text: String) {
        let numbers = text.utf8.split { !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }.compactMap {
            Int(Substring($0))
        }
        guard numbers.count == 6, (1...12).contains(numbers[1]), (0...24).contains(numbers[3]),
            numbers[0] <= 9999, numbers[2] <= 31, numbers[4] < 60, numbers[5] <= 60
        else { return nil }
        let day = CalendarDay(year: numbers[0], month: numbers[1], day: numbers[2])
        let moment = UTCTime(
            seconds: day.daysSince1970 * 86_400 + numbers[3] * 3600 + numbers[4] * 60 + numbers[5])
        guard moment.text == text else { return nil }
        self = moment
    }

    /// Since 1970.
    package var seconds: Int { day.daysSince1970 * 86_400 + secondOfDay }

    private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

    private var hour: String { Self.two(secondOfDay / 3600) }
    private var minute: String { Self.two(secondOfDay / 60 % 60) }
    private var second: String { Self.two(secondOfDay % 60) }

    /// `2026-11-21`.
    package var date: String { "\(day.year)-\(Self.two(day.month))-\(Self.two(day.day))" }

    /// `2026-11-21 17:03:06 UTC`: for people.
    package var shown: String { "\(date) \(hour):\(minute):\(second) UTC" }

    /// `2026-11-21T17:03:06Z` (RFC 3339): for programs.
    package var text: String { "\(date)T\(hour):\(minute):\(second)Z" }

    /// `20261121-170306`: for names of files.
    package var digits: String {
        "\(day.year)\(Self.two(day.month))\(Self.two(day.day))-\(hour)\(minute)\(second)"
    }

    /// `Sat, 21 Nov 2026 17:03:06 +0000` (RFC 5322).
    package var ofLetter: String {
        "\(CalendarDay.dayNames[day.weekday - 1].prefix(3)), \(day.day) "
            + "\(CalendarDay.monthNames[day.month - 1].prefix(3)) \(day.year) \(hour):\(minute):\(second) +0000"
    }
}
