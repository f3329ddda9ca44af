// A run as it is told to those who were not there: who began it and when, and its events with their times. Does not know in
// what form it is written down, nor what is drawn of it.
package import BuildEngine
import BuildGraph

/// What is known of a run when it begins.
package struct RunHeading: Sendable, Hashable {
    /// `20261121-170306-3f2a`: the UTC time and four hex digits; sorts by time, and is safe in file names and pages.
    package var id: String
    /// Milliseconds since 1970.
    package var time: Int
    /// The version of the program.
    package var program: String
    /// The labels that were named on the command line; empty for the default.
    package var asked: [String]
    /// The commit that was checked out; nil where there is none, or it could not be told without asking git.
    package var commit: String?
    /// The branch that was checked out.
    package var branch: String?
    /// The CI job's page, and nil outside CI or where the runner does not tell.
    package var page: String?

    /// Of a run outside CI; see the members.
    package init(
        id: String, time: Int, program: String, asked: [String] = [], commit: String? = nil, branch: String? = nil
    ) {
        self.id = id
        self.time = time
        self.program = program
        self.asked = asked
        self.commit = commit
        self.branch = branch
    }

    /// An id for a run that begins at `time` (milliseconds since 1970); `number` tells it from others of the same second.
    package static func id(time: Int, number: Int) -> String {
        let moment = UTCTime(seconds: time / 1000)
        let digits = String(number & 0xFFFF, radix: 16)
        return moment.digits + "-" + String(repeating: "0", count: 4 - digits.count) + digits
    }

    /// Whether `text` has the form of an id, and so names a file of its own and nothing else.
    package static func isID(_ text: String) -> Bool {
        let parts = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        let isDigit = { (byte: UInt8) in (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
        let isHex = { (byte: UInt8) in isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte) }
        return parts.count == 3 && parts[0].count == 8 && parts[1].count == 6 && parts[2].count == 4
            && parts[0].allSatisfy(isDigit) && parts[1].allSatisfy(isDigit) && parts[2].allSatisfy(isHex)
    }
}

/// One event of a run, and when it happened.
package struct RecordedEvent: Sendable {
    /// Since the run began.
    package let at: Duration
    /// What happened.
    package let event: Event

    /// `at` is the time since the run began.
    package init(at: Duration, _ event: Event) {
        self.at = at
        self.event = event
    }
}

/// A moment as the calendar has it in UTC. Knows no zones and no leap seconds.
package struct UTCTime: Sendable, Hashable {
    /// In the Gregorian calendar.
    package let year: Int
    /// From 1.
    package let month: Int
    /// From 1.
    package let day: Int
    private let second: Int

    /// `seconds` since 1970.
    package init(seconds: Int) {
        let days = (seconds - (seconds % 86_400 + 86_400) % 86_400) / 86_400
        second = seconds - days * 86_400
        // Howard Hinnant's civil_from_days.
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

    private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

    /// `2026-11-21`.
    package var date: String { "\(year)-\(Self.two(month))-\(Self.two(day))" }

    /// `2026-11-21 17:03:06 UTC`.
    package var shown: String {
        "\(date) \(Self.two(second / 3600)):\(Self.two(second / 60 % 60)):\(Self.two(second % 60)) UTC"
    }

    /// `20261121-170306`.
    var digits: String {
        "\(year)\(Self.two(month))\(Self.two(day))-\(Self.two(second / 3600))\(Self.two(second / 60 % 60))"
            + Self.two(second % 60)
    }
}

extension Duration {
    /// Whole microseconds, cut; as far as they fit.
    package var microseconds: Int {
        let (seconds, attoseconds) = components
        let (whole, isTooMuch) = Int(clamping: seconds).multipliedReportingOverflow(by: 1_000_000)
        return isTooMuch ? (seconds < 0 ? .min : .max) : whole + Int(attoseconds / 1_000_000_000_000)
    }
}
