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

extension Duration {
    /// Whole microseconds, cut; as far as they fit.
    package var microseconds: Int {
        let (seconds, attoseconds) = components
        let (whole, isTooMuch) = Int(clamping: seconds).multipliedReportingOverflow(by: 1_000_000)
        return isTooMuch ? (seconds < 0 ? .min : .max) : whole + Int(attoseconds / 1_000_000_000_000)
    }
}
