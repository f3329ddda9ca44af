// The runs of a history, one by one and day by day. Does not know targets.
import BuildEngine
import Reporting

/// A run, as a line of the history has it. Times as in `RunPicture`.
package struct RunRow: Sendable, Hashable {
    /// As `RunHeading.id`.
    package let id: String
    /// Milliseconds since 1970.
    package let time: Int
    /// The labels that were named, a blank between them; empty for the default.
    package let asked: String
    /// The commit that was checked out.
    package let commit: String?
    /// The branch that was checked out.
    package let branch: String?
    /// False for one that goes on or was killed.
    package let hasEnded: Bool
    /// Targets by how they ended.
    package let ran: Int
    package let cached: Int
    package let failed: Int
    package let skipped: Int
    /// Of the run as a whole.
    package let duration: Duration
    /// What the cached ones took when they ran.
    package let saved: Duration
    /// Its exit status, where it ended.
    package let exit: Int?
}

/// All runs of a day (UTC).
package struct DayRow: Sendable, Hashable {
    /// `2026-11-21`.
    package let day: String
    package let runs: Int
    package let ran: Int
    package let cached: Int
    package let failed: Int
    package let duration: Duration
    package let saved: Duration

    /// How many of the targets that had to be up to date were, from 0 to 1; nil where there were none.
    package var hitRate: Double? {
        let all = ran + cached + failed
        return all == 0 ? nil : Double(cached) / Double(all)
    }
}

extension DayRow {
    /// The sum of `days`, called `all`.
    package init(all days: [DayRow]) {
        self.init(
            day: "all", runs: days.reduce(0) { $0 + $1.runs }, ran: days.reduce(0) { $0 + $1.ran },
            cached: days.reduce(0) { $0 + $1.cached }, failed: days.reduce(0) { $0 + $1.failed },
            duration: days.reduce(.zero) { $0 + $1.duration }, saved: days.reduce(.zero) { $0 + $1.saved })
    }
}

extension History {
    /// The last `count` runs, newest first; those that were asked for `asked` alone, or all.
    package func runs(last count: Int) throws(DatabaseError) -> [RunRow] {
        try ask { database throws(DatabaseError) in
            try database.rows(
                "SELECT id, time, asked, commit_id, branch, ended, ran, cached, failed, skipped, duration, saved, exit"
                    + " FROM runs ORDER BY time DESC, id DESC LIMIT ?", [.number(count)]
            ).map { row in
                RunRow(
                    id: row[0].text ?? "", time: row[1].number ?? 0, asked: row[2].text ?? "", commit: row[3].text,
                    branch: row[4].text, hasEnded: row[5].number == 1, ran: row[6].number ?? 0,
                    cached: row[7].number ?? 0, failed: row[8].number ?? 0, skipped: row[9].number ?? 0,
                    duration: .microseconds(row[10].number ?? 0), saved: .microseconds(row[11].number ?? 0),
                    exit: row[12].number)
            }
        }
    }

    /// The days of the last `count` runs, oldest first.
    package func days(last count: Int) throws(DatabaseError) -> [DayRow] {
        try ask { database throws(DatabaseError) in
            try database.rows(
                """
                SELECT time / 86400000, count(*), sum(ran), sum(cached), sum(failed), sum(duration), sum(saved)
                FROM (SELECT * FROM runs ORDER BY time DESC, id DESC LIMIT ?) GROUP BY 1 ORDER BY 1
                """, [.number(count)]
            ).map { row in
                DayRow(
                    day: UTCTime(seconds: (row[0].number ?? 0) * 86_400).date, runs: row[1].number ?? 0,
                    ran: row[2].number ?? 0, cached: row[3].number ?? 0, failed: row[4].number ?? 0,
                    duration: .microseconds(row[5].number ?? 0), saved: .microseconds(row[6].number ?? 0))
            }
        }
    }
}
