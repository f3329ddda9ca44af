// Moments: as text by a pattern, and by expressions such as `tomorrow + 2 weeks @ noon`. In UTC.
import BuildEngine

/// A date and time of day.
struct DateMoment: Sendable, Hashable {
    var day: CalendarDay
    /// From 0 to 86,399.
    var secondOfDay: Int

    init(secondsSince1970: Int) {
        let moment = UTCTime(seconds: secondsSince1970)
        day = moment.day
        secondOfDay = moment.secondOfDay
    }

    mutating func add(days: Int) { day = CalendarDay(daysSince1970: day.daysSince1970 + days) }

    mutating func add(seconds: Int) {
        let (days, rest) = (secondOfDay + seconds).quotientAndRemainder(dividingBy: 86_400)
        add(days: rest < 0 ? days - 1 : days)
        secondOfDay = rest < 0 ? rest + 86_400 : rest
    }

    /// The last day of a month where it has no such day.
    mutating func add(months: Int) {
        let all = day.year * 12 + day.month - 1 + months
        let (year, month) = (all >= 0 ? all / 12 : (all - 11) / 12, (all % 12 + 12) % 12 + 1)
        day = CalendarDay(
            year: year, month: month, day: min(day.day, CalendarDay.days(inMonth: month, ofYear: year)))
    }
}

enum DateExpression {
    /// The moment that the expression names; `now` for an empty one. What stands after `@` changes the time alone.
    static func moment(
        _ expression: String, from now: DateMoment, isTime: Bool
    ) throws(DatePatternError) -> DateMoment {
        let parts = expression.parts(separatedBy: UInt8(ascii: "@"))
        var moment = now
        try apply(parts[0], to: &moment, isTime: isTime)
        if parts.count == 2 { try apply(parts[1], to: &moment, isTime: true) }
        if parts.count > 2 { throw DatePatternError(message: "there is more than one @") }
        return moment
    }

    private static func apply(_ text: String, to moment: inout DateMoment, isTime: Bool) throws(DatePatternError) {
        var words = words(text)[...]
        if let first = words.first, base(first, &moment) { words.removeFirst() }
        while let word = words.popFirst() {
            switch word {
            case "+", "-":
                guard let number = words.popFirst().flatMap({ Int($0) }), number < 1_000_000,
                    let unit = words.popFirst()
                else { throw DatePatternError(message: "after \(word) there must be a number and a unit") }
                try add(word == "+" ? number : -number, unit, &moment)
            case "next", "last":
                guard let unit = words.popFirst() else {
                    throw DatePatternError(message: "after \(word) there must be a unit or a day")
                }
                try step(word == "next" ? 1 : -1, unit, &moment)
            default: throw DatePatternError(message: "\"\(word)\" is not understood")
            }
        }
    }

    /// `+1 day` as `+`, `1`, `day`.
    private static func words(_ text: String) -> [String] {
        var words: [String] = []
        var current: [UInt8] = []
        func kind(_ byte: UInt8) -> Int { byte.isDigit ? 1 : byte.isLetter || byte == UInt8(ascii: "'") ? 2 : 3 }
        for byte in text.asciiLowercased.utf8 {
            if let last = current.last, byte.isSpace || kind(byte) != kind(last) || kind(byte) == 3 {
                words.append(String(decoding: current, as: UTF8.self))
                current = []
            }
            if !byte.isSpace { current.append(byte) }
        }
        if !current.isEmpty { words.append(String(decoding: current, as: UTF8.self)) }
        return words
    }

    private static func base(_ word: String, _ moment: inout DateMoment) -> Bool {
        switch word {
        case "now", "today": break
        case "tomorrow": moment.add(days: 1)
        case "yesterday": moment.add(days: -1)
        case "midnight": moment.secondOfDay = 0
        case "noon": moment.secondOfDay = 43_200
        default: return false
        }
        return true
    }

    private static func add(_ count: Int, _ unit: String, _ moment: inout DateMoment) throws(DatePatternError) {
        switch unit.hasSuffix("s") ? String(unit.dropLast()) : unit {
        case "day": moment.add(days: count)
        case "week": moment.add(days: 7 * count)
        case "fortnight": moment.add(days: 14 * count)
        case "month": moment.add(months: count)
        case "year": moment.add(months: 12 * count)
        case "hour": moment.add(seconds: 3600 * count)
        case "minute": moment.add(seconds: 60 * count)
        case "second": moment.add(seconds: count)
        case "millisecond": moment.add(seconds: count / 1000)
        default: throw DatePatternError(message: "the unit \"\(unit)\" is not known")
        }
    }

    private static func step(_ direction: Int, _ unit: String, _ moment: inout DateMoment) throws(DatePatternError) {
        let days = CalendarDay.dayNames.map(\.asciiLowercased)
        if unit.utf8.count >= 3, let weekday = days.firstIndex(where: { $0.hasPrefix(unit) }) {
            repeat { moment.add(days: direction) } while moment.day.weekday != weekday + 1
        } else {
            try add(direction, unit, &moment)
        }
    }
}

extension DatePattern {
    /// The moment by the pattern, in UTC; what is optional is there.
    func text(of moment: DateMoment) throws(DatePatternError) -> String {
        String(decoding: try bytes(parts, moment), as: UTF8.self)
    }

    private func bytes(_ parts: [Part], _ moment: DateMoment) throws(DatePatternError) -> [UInt8] {
        var bytes: [UInt8] = []
        for part in parts {
            switch part {
            case .literal(let literal): bytes += literal
            case .optional(let inner): bytes += try self.bytes(inner, moment)
            case .field(let letter, let count): bytes += Array(try field(letter, min(count, 30), moment).utf8)
            }
        }
        return bytes
    }

    private func field(_ letter: UInt8, _ count: Int, _ moment: DateMoment) throws(DatePatternError) -> String {
        let hour = moment.secondOfDay / 3600
        func padded(_ value: Int) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, count - text.utf8.count)) + text
        }
        func named(_ name: String) -> String { count >= 4 ? name : String(name.prefix(3)) }
        switch letter {
        case UInt8(ascii: "y"), UInt8(ascii: "u"), UInt8(ascii: "Y"):
            return padded(count == 2 ? moment.day.year % 100 : moment.day.year)
        case UInt8(ascii: "M"), UInt8(ascii: "L"):
            return count < 3 ? padded(moment.day.month) : named(CalendarDay.monthNames[moment.day.month - 1])
        case UInt8(ascii: "d"): return padded(moment.day.day)
        case UInt8(ascii: "D"): return padded(moment.day.dayOfYear)
        case UInt8(ascii: "E"): return named(CalendarDay.dayNames[moment.day.weekday - 1])
        case UInt8(ascii: "e"), UInt8(ascii: "c"):
            return count < 3 ? padded(moment.day.weekday) : named(CalendarDay.dayNames[moment.day.weekday - 1])
        case UInt8(ascii: "Q"), UInt8(ascii: "q"): return padded((moment.day.month + 2) / 3)
        case UInt8(ascii: "H"): return padded(hour)
        case UInt8(ascii: "k"): return padded(hour == 0 ? 24 : hour)
        case UInt8(ascii: "K"): return padded(hour % 12)
        case UInt8(ascii: "h"): return padded(hour % 12 == 0 ? 12 : hour % 12)
        case UInt8(ascii: "m"): return padded(moment.secondOfDay / 60 % 60)
        case UInt8(ascii: "s"): return padded(moment.secondOfDay % 60)
        case UInt8(ascii: "S"), UInt8(ascii: "n"): return String(repeating: "0", count: count)
        case UInt8(ascii: "A"): return padded(moment.secondOfDay * 1000)
        case UInt8(ascii: "N"): return padded(moment.secondOfDay * 1_000_000_000)
        case UInt8(ascii: "a"): return hour < 12 ? "AM" : "PM"
        case UInt8(ascii: "G"): return "AD"
        case UInt8(ascii: "X"): return "Z"
        case UInt8(ascii: "x"): return count == 1 ? "+00" : count == 3 || count == 5 ? "+00:00" : "+0000"
        case UInt8(ascii: "Z"): return count < 4 ? "+0000" : count == 4 ? "GMT" : "Z"
        case UInt8(ascii: "z"), UInt8(ascii: "v"), UInt8(ascii: "V"): return "UTC"
        case UInt8(ascii: "O"): return "GMT"
        default:
            throw DatePatternError(message: "the letter \(Character(Unicode.Scalar(letter))) can't be written")
        }
    }
}
