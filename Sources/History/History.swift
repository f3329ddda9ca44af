// What earlier runs were like, kept in a database that is made from their logs. Decides nothing; it may be lost at any time,
// and then knows what the logs that are left tell.
import BuildEngine
package import BuildGraph
package import Buildfile
import Glibc
import Reporting

/// The history of a workspace's runs, in `history.sqlite` of its state.
///
/// Several processes may read and write it at once. What is damaged or of another version is moved aside with a warning; where
/// the disk does not let it be written, it is made anew in memory for as long as this value lives.
package final class History {
    private let path: BytePath
    private let logs: EventLogs
    private let warn: (Diagnostic) -> Void
    var database: Database

    /// The history below the absolute `state`, with all runs taken in whose logs are there. `warn` is told what is wrong with
    /// the file. Throws where not even memory is to be had. `rebuilding` begins with an empty one.
    package init(
        in state: BytePath, rebuilding: Bool = false, warn: @escaping (Diagnostic) -> Void
    ) throws(DatabaseError) {
        path = state.appending("history.sqlite")
        logs = EventLogs(in: state)
        self.warn = warn
        if rebuilding { Self.remove(path) }
        do throws(DatabaseError) {
            database = try Self.open(path)
        } catch {
            database = try Self.replacement(of: path, error, warn)
        }
        do throws(DatabaseError) {
            try takeIn()
        } catch {
            // The second time it is a new file, or memory.
            database = try Self.replacement(of: path, error, warn)
            try takeIn()
        }
    }

    // MARK: The file

    /// Another version's.
    private static let otherVersion: Int32 = -1

    private static func open(_ path: BytePath?) throws(DatabaseError) -> Database {
        let database = try Database(at: path, patience: patience)
        if path != nil {
            try useLog(database)
            // A power cut may take the last runs away; their logs are there.
            try database.execute("PRAGMA synchronous = NORMAL")
        }
        try database.execute("PRAGMA foreign_keys = ON")
        let version = try database.rows("PRAGMA user_version").first?.first?.number ?? 0
        if version == 0 {
            try database.transaction { () throws(DatabaseError) in
                // Another process may have been faster.
                if try database.rows("PRAGMA user_version").first?.first?.number == 0 {
                    try database.execute(HistorySchema.tables)
                    // Of who works here alone, as the logs are; SQLite gives its other files the same mode.
                    if let path { _ = path.withCString { chmod($0, 0o600) } }
                }
            }
        } else if version != HistorySchema.version {
            throw DatabaseError(code: otherVersion, message: "it is of version \(version)")
        }
        return database
    }

    /// Milliseconds that a statement waits for other processes.
    private static let patience: Int32 = 2000

    /// For this one step SQLite does not wait for others by itself.
    private static func useLog(_ database: Database) throws(DatabaseError) {
        for attempt in 1... {
            do throws(DatabaseError) {
                try database.rows("PRAGMA journal_mode = WAL")
                return
            } catch {
                guard error.isBusy, attempt < 40 else { throw error }
                usleep(50_000)
            }
        }
    }

    /// What to use in place of a database that gave `error`.
    private static func replacement(
        of path: BytePath, _ error: DatabaseError, _ warn: (Diagnostic) -> Void
    ) throws(DatabaseError) -> Database {
        if error.isDamage || error.code == otherVersion {
            let aside = BytePath(bytes: path.bytes + Array((error.isDamage ? ".damaged" : ".other-version").utf8))
            Disk.remove(aside)
            if (try? Disk.rename(path, to: aside)) != nil {
                for ending in ["-wal", "-shm"] { Disk.remove(BytePath(bytes: path.bytes + Array(ending.utf8))) }
                let what =
                    "the history '\(path.shown)' cannot be used: \(error.message); it was moved to '\(aside.name.shown)'"
                do throws(DatabaseError) {
                    let new = try Self.open(path)
                    warn(
                        Diagnostic(
                            .machineFailure, .warning, what,
                            hint: "it is made anew from the logs of the runs that are kept"))
                    return new
                } catch {
                    warn(
                        Diagnostic(
                            .machineFailure, .warning, what + ", and no new one can be written: \(error.message)",
                            hint: "what is shown is made from the logs of the runs that are kept"))
                    return try Self.open(nil)
                }
            }
        }
        warn(.inMemory(path, error.message))
        return try Self.open(nil)
    }

    private static func remove(_ path: BytePath) {
        for ending in ["", "-wal", "-shm"] { Disk.remove(BytePath(bytes: path.bytes + Array(ending.utf8))) }
    }

    /// Asks the database; once more where it turns out to be damaged and was made anew.
    func ask<Answer>(_ question: (Database) throws(DatabaseError) -> Answer) throws(DatabaseError) -> Answer {
        do throws(DatabaseError) {
            return try question(database)
        } catch {
            guard error.isDamage else { throw error }
            database = try Self.replacement(of: path, error, warn)
            try takeIn()
            return try question(database)
        }
    }

    // MARK: Taking runs in

    /// Takes in all runs whose logs are there and have told more since. Each is taken in whole or not at all.
    package func takeIn() throws(DatabaseError) {
        var known: [String: Int] = [:]
        for row in try database.rows("SELECT id, bytes FROM runs") {
            if let id = row[0].text, let bytes = row[1].number { known[id] = bytes }
        }
        var isNew = false
        var broken: (lines: Int, runs: Int, last: String) = (0, 0, "")
        for id in logs.ids {
            guard let bytes = Disk.status(logs.path(of: id)).map({ Int($0.st_size) }), known[id] != bytes,
                let picture = logs.picture(of: id)
            else { continue }
            try database.transaction { () throws(DatabaseError) in
                // Another process may have been faster.
                let now = try database.rows("SELECT bytes FROM runs WHERE id = ?", [.text(id)]).first?.first?.number
                if now != bytes { try keep(picture, bytes: bytes) }
            }
            isNew = true
            if picture.broken > 0 { broken = (broken.lines + picture.broken, broken.runs + 1, id) }
        }
        if isNew { try forget() }
        if broken.lines > 0 { warn(.unreadable(broken.lines, broken.runs, broken.last)) }
    }

    private func forget() throws(DatabaseError) {
        try database.transaction { () throws(DatabaseError) in
            try database.rows(
                "DELETE FROM runs WHERE number IN (SELECT number FROM runs ORDER BY time DESC, id DESC LIMIT -1 OFFSET ?)",
                [.number(HistorySchema.mostRuns)])
            let oldest = try database.rows(
                "SELECT run FROM ends ORDER BY number DESC LIMIT 1 OFFSET ?", [.number(HistorySchema.mostEnds)])
            if let run = oldest.first?.first?.number {
                try database.rows("DELETE FROM runs WHERE number <= ?", [.number(run)])
            }
        }
    }

    private func keep(_ picture: RunPicture, bytes: Int) throws(DatabaseError) {
        let (heading, counts) = (picture.heading, picture.counts)
        try database.rows("DELETE FROM runs WHERE id = ?", [.text(heading.id)])
        try database.rows(
            "INSERT INTO runs (id, time, bytes, asked, commit_id, branch, ended, ran, cached, failed, skipped, duration,"
                + " saved, exit) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                .text(heading.id), .number(heading.time), .number(bytes), .text(heading.asked.joined(separator: " ")),
                SQLValue(heading.commit), SQLValue(heading.branch), .number(picture.summary == nil ? 0 : 1),
                .number(counts.ran), .number(counts.cached), .number(counts.failed), .number(counts.skipped),
                .number(counts.duration.microseconds), .number(counts.saved.microseconds),
                SQLValue(picture.summary.map { Int($0.exitCode.rawValue) }),
            ])
        let run = database.lastRow
        let causes = RootCauses(picture)
        for entry in picture.entries {
            let report = entry.report
            switch report.outcome {
            case .ran, .failed: try keep(entry, causes.of(report), run)
            case .cached where picture.summary != nil:
                try database.rows(
                    "UPDATE targets SET hits = hits + 1, saved = saved + ? WHERE number = ?",
                    [.number(report.saved.microseconds), .number(try number(of: entry.label))])
            default: break
            }
        }
    }

    private func keep(_ entry: RunPicture.Entry, _ causes: [Change], _ run: Int) throws(DatabaseError) {
        let report = entry.report
        var reason: String?
        var isJudged = true
        switch report.outcome {
        case .ran(let why): reason = why.word
        // What the machine did to it says nothing of the target.
        case .failed(let failure):
            reason = failure.kind.rawValue
            isJudged = ![.machine, .unavailable, .interrupted].contains(failure.kind)
        default: break
        }
        let tests = report.reports?.tests
        try database.rows(
            "INSERT INTO ends (run, target, hash, outcome, judged, reason, duration, size, tests, bad)"
                + " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                .number(run), .number(try number(of: entry.label)), .bytes(report.inputHash.value.bytes),
                .text(report.word), .number(isJudged ? 1 : 0), SQLValue(reason),
                .number(report.duration.microseconds), SQLValue(report.outputSize), SQLValue(tests?.total),
                SQLValue(tests.map { $0.failed + $0.errors }),
            ])
        let end = database.lastRow
        for cause in causes.prefix(20) {
            try database.rows(
                "INSERT INTO causes (end, kind, subject) VALUES (?, ?, ?)",
                [.number(end), .text(cause.kind.rawValue), .text(cause.subject.shown)])
        }
        for failure in report.reports?.failures ?? [] {
            try database.rows(
                "INSERT INTO failed_tests (end, name, message) VALUES (?, ?, ?)",
                [.number(end), .text(failure.title), .text(failure.message)])
        }
    }

    private func number(of label: Label) throws(DatabaseError) -> Int {
        let name = SQLValue.text(label.description)
        if let known = try database.rows("SELECT number FROM targets WHERE label = ?", [name]).first?.first?.number {
            return known
        }
        try database.rows("INSERT INTO targets (label) VALUES (?)", [name])
        return database.lastRow
    }
}

extension Diagnostic {
    /// Told when those runs are taken in, and so once.
    fileprivate static func unreadable(_ lines: Int, _ runs: Int, _ last: String) -> Diagnostic {
        let log = runs == 1 ? "the log of the run \(last)" : "the logs of \(runs) runs"
        return Diagnostic(
            .machineFailure, .warning, EventLogs.unreadable(lines, in: log),
            hint: "the history does not know what they told; 'lmsbuild report RUN' shows the rest of a run")
    }

    fileprivate static func inMemory(_ path: BytePath, _ cause: String) -> Diagnostic {
        Diagnostic(
            .machineFailure, .warning, "the history '\(path.shown)' cannot be written: \(cause)",
            hint: "what is shown is made from the logs of the runs that are kept")
    }
}

/// What changed at the root of it, where a target ran because one that it takes in changed.
struct RootCauses {
    private let changes: [Label: [Change]]

    init(_ picture: RunPicture) {
        changes = Dictionary(
            picture.entries.filter { !$0.report.changes.isEmpty }.map { ($0.label, $0.report.changes) },
            uniquingKeysWith: { first, _ in first })
    }

    /// Without prerequisites that the same run tells more of.
    func of(_ report: TargetReport) -> [Change] {
        var open = report.changes
        var seen: Set<Change> = []
        var roots: [Change] = []
        while let change = open.popLast() {
            guard seen.insert(change).inserted else { continue }
            if change.kind == .prerequisite, let label = Label(parsing: change.subject.bytes),
                let deeper = changes[label]
            {
                open += deeper
            } else {
                roots.append(change)
            }
        }
        return roots.sorted { ($0.kind.rawValue, $0.subject) < ($1.kind.rawValue, $1.subject) }
    }
}
