// Java's date and time patterns (`yyyy-MM-dd'T'HH:mm:ssXXX`): does a text match, and what does a moment look like.
// Names of months, days and eras are English ones. Does not know time zones beyond their spelling.
import BuildEngine

/// A pattern that can't be used.
struct DatePatternError: Error, Hashable {
    let message: String
}

/// A date and time pattern.
struct DatePattern: Sendable {
    /// What a rule without format means.
    static let dateTime = "yyyy-MM-dd'T'HH:mm:ssXXX"
    static let date = "yyyy-MM-dd"
    static let time = "HH:mm:ss"

    indirect enum Part: Sendable {
        case literal([UInt8])
        /// A letter and how often it stands there.
        case field(UInt8, Int)
        case optional([Part])
    }

    let parts: [Part]

    init(_ pattern: String) throws(DatePatternError) {
        var bytes = Array(pattern.utf8)[...]
        if bytes.count > 1000 { throw DatePatternError(message: "it is too long") }
        parts = try Self.parts(&bytes, depth: 0)
        if !bytes.isEmpty { throw DatePatternError(message: "there is a ] without [") }
    }

    private static let known = Set("GuyYDMLdQqwWEecFaBhKkHmsSAnNVvzOXxZ".utf8)

    private static func parts(_ bytes: inout ArraySlice<UInt8>, depth: Int) throws(DatePatternError) -> [Part] {
        if depth > 20 { throw DatePatternError(message: "it is nested too deep") }
        var parts: [Part] = []
        while let byte = bytes.first, byte != UInt8(ascii: "]") {
            bytes.removeFirst()
            switch byte {
            case UInt8(ascii: "["):
                parts.append(.optional(try self.parts(&bytes, depth: depth + 1)))
                guard bytes.popFirst() == UInt8(ascii: "]") else {
                    throw DatePatternError(message: "a [ is not closed")
                }
            case UInt8(ascii: "'"): parts.append(.literal(try quoted(&bytes)))
            case let letter where letter.isLetter:
                guard known.contains(letter) else {
                    throw DatePatternError(message: "the letter \(Character(Unicode.Scalar(letter))) has no meaning")
                }
                var count = 1
                while bytes.first == letter {
                    bytes.removeFirst()
                    count += 1
                }
                parts.append(.field(letter, count))
            case UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: "#"):
                throw DatePatternError(message: "\(Character(Unicode.Scalar(byte))) has to be quoted")
            default: parts.append(.literal([byte]))
            }
        }
        return parts
    }

    /// What stands after `'`, to the next; two of them are one.
    private static func quoted(_ bytes: inout ArraySlice<UInt8>) throws(DatePatternError) -> [UInt8] {
        let quote = UInt8(ascii: "'")
        if bytes.first == quote {
            bytes.removeFirst()
            return [quote]
        }
        var text: [UInt8] = []
        while let byte = bytes.popFirst() {
            if byte != quote {
                text.append(byte)
            } else if bytes.first == quote {
                bytes.removeFirst()
                text.append(quote)
            } else {
                return text
            }
        }
        throw DatePatternError(message: "a ' is not closed")
    }
}

// MARK: - Matching

extension DatePattern {
    /// True where the whole text is a date and time of the pattern that exists: no 30th of February, no hour 24.
    func matches(_ text: String) -> Bool {
        if text.utf8.count > 1000 { return false }
        var scanner = DateScanner(bytes: Array(text.utf8))
        return scanner.matches(parts[...], then: []) && scanner.exists
    }
}

/// Reads one text by one pattern, trying the longest way first. Every field has few ways, and the number of tries is
/// bounded.
private struct DateScanner {
    let bytes: [UInt8]
    var offset = 0
    /// Values of the fields that were numbers or names, by letter.
    var values: [UInt8: Int] = [:]
    private var tries = 0

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Reads `parts` and then the rest of the parts around them, to the end of the text.
    mutating func matches(_ parts: ArraySlice<DatePattern.Part>, then rest: [ArraySlice<DatePattern.Part>]) -> Bool {
        tries += 1
        if tries > 50_000 { return false }
        guard let part = parts.first else {
            guard let next = rest.last else { return offset == bytes.count }
            return matches(next, then: Array(rest.dropLast()))
        }
        let start = offset
        let known = values
        switch part {
        case .literal(let literal):
            guard bytes[offset...].starts(with: literal) else { return false }
            offset += literal.count
            if matches(parts.dropFirst(), then: rest) { return true }
        case .optional(let inner):
            if matches(inner[...], then: rest + [parts.dropFirst()]) { return true }
            offset = start
            values = known
            if matches(parts.dropFirst(), then: rest) { return true }
        case .field(let letter, let count):
            for (length, value) in ways(letter, count) {
                offset = start + length
                values = known
                if let value { values[letter] = value }
                if matches(parts.dropFirst(), then: rest) { return true }
            }
        }
        offset = start
        values = known
        return false
    }

    /// How many bytes the field may take, the longest first, and the number it stands for.
    private func ways(_ letter: UInt8, _ count: Int) -> [(length: Int, value: Int?)] {
        switch letter {
        case UInt8(ascii: "y"), UInt8(ascii: "u"), UInt8(ascii: "Y"):
            return year(count, isSigned: letter == UInt8(ascii: "u"))
        case UInt8(ascii: "M"), UInt8(ascii: "L"): return month(count)
        case UInt8(ascii: "d"): return number(count, in: 1...31)
        case UInt8(ascii: "D"): return digits(count...max(count, 3), in: 1...366)
        case UInt8(ascii: "H"): return number(count, in: 0...24)
        case UInt8(ascii: "k"): return number(count, in: 0...24)
        case UInt8(ascii: "K"): return number(count, in: 0...11)
        case UInt8(ascii: "h"): return number(count, in: 0...12)
        case UInt8(ascii: "m"), UInt8(ascii: "s"): return number(count, in: 0...59)
        case UInt8(ascii: "S"): return digits(count...max(count, count == 1 ? 9 : count), in: 0...Int.max)
        case UInt8(ascii: "A"), UInt8(ascii: "N"), UInt8(ascii: "n"):
            return digits(count...max(count, 18), in: 0...Int.max)
        case UInt8(ascii: "w"): return number(count, in: 1...53)
        case UInt8(ascii: "W"), UInt8(ascii: "F"): return number(count, in: 1...6)
        case UInt8(ascii: "Q"), UInt8(ascii: "q"):
            if count < 3 { return number(count, in: 1...4) }
            if count == 3 { return names(["Q1", "Q2", "Q3", "Q4"]) }
            return names(["1st quarter", "2nd quarter", "3rd quarter", "4th quarter"])
        case UInt8(ascii: "E"):
            return names(count == 4 ? CalendarDay.dayNames : CalendarDay.dayNames.map { String($0.prefix(3)) })
        case UInt8(ascii: "e"), UInt8(ascii: "c"):
            if count < 3 { return number(count, in: 1...7) }
            return names(count == 4 ? CalendarDay.dayNames : CalendarDay.dayNames.map { String($0.prefix(3)) })
        case UInt8(ascii: "a"): return names(["AM", "PM"])
        case UInt8(ascii: "B"):
            return names(["in the morning", "in the afternoon", "in the evening", "at night", "noon"])
        case UInt8(ascii: "G"): return names(count == 4 ? ["Anno Domini", "Before Christ"] : ["AD", "BC", "A", "B"])
        default: return zone(letter, count).map { ($0, nil) }
        }
    }

    /// Any number of digits for one letter, else as many as letters.
    private func number(_ count: Int, in range: ClosedRange<Int>) -> [(length: Int, value: Int?)] {
        digits(count...(count == 1 ? 18 : count), in: range)
    }

    /// Two letters are a year of this century. From four on, more digits need a plus sign.
    private func year(_ count: Int, isSigned: Bool) -> [(length: Int, value: Int?)] {
        if count == 2 { return digits(2...2, in: 0...99).map { ($0.length, $0.value.map { $0 + 2000 }) } }
        let sign = offset < bytes.count ? bytes[offset] : 0
        let all = 0...999_999_999
        if sign == UInt8(ascii: "-"), isSigned {
            return digits(count...max(count, 9), in: all, after: 1).map { ($0.length, $0.value.map { -$0 }) }
        }
        if sign == UInt8(ascii: "+"), count >= 4 { return digits((count + 1)...(count + 6), in: all, after: 1) }
        return digits(count...(count < 4 ? 9 : count), in: all)
    }

    /// Digits behind a sign of `after` bytes.
    private func digits(
        _ counts: ClosedRange<Int>, in range: ClosedRange<Int>, after: Int = 0
    ) -> [(length: Int, value: Int?)] {
        let start = offset + after
        var run = 0
        while start + run < bytes.count, bytes[start + run].isDigit { run += 1 }
        return counts.reversed().compactMap { count in
            guard count <= run, let value = Int(String(decoding: bytes[start..<(start + count)], as: UTF8.self)),
                range.contains(value)
            else { return nil }
            return (after + count, value)
        }
    }

    private func month(_ count: Int) -> [(length: Int, value: Int?)] {
        switch count {
        case 1, 2: number(count, in: 1...12)
        case 3: names(CalendarDay.monthNames.map { String($0.prefix(3)) })
        case 4: names(CalendarDay.monthNames)
        default: names(CalendarDay.monthNames.map { String($0.prefix(1)) })
        }
    }

    /// The names that stand here; a name's value is its place.
    private func names(_ names: [String]) -> [(length: Int, value: Int?)] {
        names.enumerated().compactMap { place, name in
            let end = offset + name.utf8.count
            guard end <= bytes.count else { return nil }
            return bytes[offset..<end].elementsEqual(name.utf8) ? (name.utf8.count, place + 1) : nil
        }
    }

    // MARK: Zones

    private func zone(_ letter: UInt8, _ count: Int) -> [Int] {
        switch letter {
        case UInt8(ascii: "X"): return (here("Z") ? [1] : []) + offsets(count)
        case UInt8(ascii: "x"): return offsets(count)
        // Z, ZZ, ZZZ: +0100. ZZZZ: GMT+01:00. ZZZZZ: +01:00, or Z.
        case UInt8(ascii: "Z"):
            if count <= 3 { return offsets(2) }
            return count == 4 ? localized(3) : (here("Z") ? [1] : []) + offsets(3)
        case UInt8(ascii: "O"): return localized(count >= 4 ? 3 : 1) + (count >= 4 ? [] : localized(3))
        case UInt8(ascii: "z"), UInt8(ascii: "v"), UInt8(ascii: "V"):
            return zoneName() + (here("Z") ? [1] : []) + offsets(3)
        default: return []
        }
    }

    private func here(_ text: String) -> Bool { bytes[offset...].starts(with: text.utf8) }

    /// 1: +01 or +0130; 2: +0130; 3: +01:30; 4: +0130 or +013045; 5: +01:30 or +01:30:45.
    private func offsets(_ count: Int, from start: Int? = nil) -> [Int] {
        let start = start ?? offset
        guard start < bytes.count, bytes[start] == UInt8(ascii: "+") || bytes[start] == UInt8(ascii: "-") else {
            return []
        }
        let shapes: [String] =
            switch count {
            case 1: ["hhmm", "hh"]
            case 2: ["hhmm"]
            case 3: ["hh:mm"]
            case 4: ["hhmmss", "hhmm"]
            default: ["hh:mm:ss", "hh:mm"]
            }
        return shapes.filter { fits($0, at: start + 1) }.map { start - offset + 1 + $0.utf8.count }
    }

    private func fits(_ shape: String, at start: Int) -> Bool {
        let letters = Array(shape.utf8)
        guard start + letters.count <= bytes.count else { return false }
        var value = 0
        for (place, letter) in letters.enumerated() {
            let byte = bytes[start + place]
            if letter == UInt8(ascii: ":") {
                if byte != letter { return false }
                value = 0
                continue
            }
            guard byte.isDigit else { return false }
            let isSecond = place > 0 && letters[place - 1] == letter
            value = (isSecond ? value * 10 : 0) + Int(byte - UInt8(ascii: "0"))
            if isSecond, value > (letter == UInt8(ascii: "h") ? 18 : 59) { return false }
        }
        return true
    }

    /// `GMT`, `GMT+1`, `GMT+1:30`, `GMT+01:00`.
    private func localized(_ count: Int) -> [Int] {
        guard here("GMT") || here("UTC") else { return [] }
        var ways = offsets(3, from: offset + 3)
        let sign = offset + 3
        if count == 1, sign + 1 < bytes.count, "+-".utf8.contains(bytes[sign]), bytes[sign + 1].isDigit {
            if sign + 4 < bytes.count, fits(":mm", at: sign + 2) { ways.append(8) }
            if sign + 2 < bytes.count, bytes[sign + 2].isDigit { ways.append(6) }
            ways.append(5)
        }
        return ways + [3]
    }

    /// `UTC`, `CET`, `Europe/Berlin`.
    private func zoneName() -> [Int] {
        var length = 0
        while offset + length < bytes.count {
            let byte = bytes[offset + length]
            guard byte.isLetter || byte == UInt8(ascii: "/") || byte == UInt8(ascii: "_") else { break }
            length += 1
        }
        return length >= 2 ? Array((2...length).reversed()) : []
    }

    /// False where the fields together name a day or time that there is not. 24:00 is the end of a day.
    var exists: Bool {
        func value(_ letters: String) -> Int? { letters.utf8.lazy.compactMap { values[$0] }.first }
        if value("H") == 24, [value("m"), value("s"), value("S")].contains(where: { $0 ?? 0 > 0 }) { return false }
        guard let day = value("d"), let month = value("ML") else { return true }
        let year = value("yu")
        guard day <= CalendarDay.days(inMonth: month, ofYear: year ?? 2000) else { return false }
        guard let year, let weekday = value("E") else { return true }
        return CalendarDay(year: year, month: month, day: day).weekday == weekday
    }
}
