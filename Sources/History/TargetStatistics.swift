// What a history tells of targets and tests: what is slow, what changes all the time, what cannot be relied on. Does not know
// how it is shown.
import Reporting

/// How long a target takes.
package struct SlowTarget: Sendable, Hashable {
    package let label: String
    /// How often it ran and succeeded.
    package let runs: Int
    package let median: Duration
    package let longest: Duration
    /// Of all of its runs.
    package let total: Duration
    /// Bytes of its outputs when it last ran; nil where that is not known.
    package let size: Int?
}

/// A target that takes longer than it used to.
package struct SlowedTarget: Sendable, Hashable {
    package let label: String
    /// The median of its last runs and of those before.
    package let now: Duration
    package let before: Duration
    /// The first of the slow runs.
    package let since: String
}

/// Something whose changes made targets run again.
package struct Invalidation: Sendable, Hashable {
    /// As `Change.Kind` has it, and a path, a name or a label.
    package let kind: String
    package let subject: String
    /// Targets that it made run, each counted as often as it did.
    package let targets: Int
    /// The runs in which it did.
    package let runs: Int
}

/// A target that has changed, and so ran again.
package struct InvalidatedTarget: Sendable, Hashable {
    package let label: String
    package let runs: Int
    /// What changed most often: a kind and its subject.
    package let mostOften: String
}

/// Something that had different outcomes for the same inputs.
package struct Flaky: Sendable, Hashable {
    package let label: String
    /// The test, where tests are told of; nil for the target as a whole.
    package let test: String?
    /// How many of the runs with such an input hash failed, and how many there were.
    package let failed: Int
    package let runs: Int
    /// The last run that failed.
    package let last: String
}

/// A target that failed each of the last times.
package struct FailingStreak: Sendable, Hashable {
    package let label: String
    package let runs: Int
    /// The first of them, and its time in milliseconds since 1970.
    package let since: String
    package let time: Int
}

extension History {
    /// A slowdown is told of from this factor and this difference on.
    private static let slowdown = (factor: 1.5, least: Duration.milliseconds(200), last: 3, before: 5)

    /// The runs that statistics look at: the last so many.
    private static let chosen = "(SELECT number, id, time FROM runs ORDER BY time DESC, id DESC LIMIT ?)"

    /// Durations of the successes of each target, oldest first, in the last `count` runs.
    private func successes(
        last count: Int
    ) throws(DatabaseError) -> [String: [(run: String, duration: Duration, size: Int?)]] {
        try ask { database throws(DatabaseError) in
            var found: [String: [(run: String, duration: Duration, size: Int?)]] = [:]
            for row in try database.rows(
                """
                SELECT t.label, r.id, e.duration, e.size FROM ends e JOIN \(Self.chosen) r ON r.number = e.run
                JOIN targets t ON t.number = e.target WHERE e.outcome = 'ran' ORDER BY r.time, r.id
                """, [.number(count)])
            {
                guard let label = row[0].text, let run = row[1].text else { continue }
                found[label, default: []].append((run, .microseconds(row[2].number ?? 0), row[3].number))
            }
            return found
        }
    }

    /// The slowest by median, and those that have become slower, each at most `most`.
    package func durations(
        last count: Int, most: Int
    ) throws(DatabaseError) -> (slowest: [SlowTarget], slowed: [SlowedTarget]) {
        var slowest: [SlowTarget] = []
        var slowed: [SlowedTarget] = []
        for (label, runs) in try successes(last: count) {
            let durations = runs.map(\.duration)
            slowest.append(
                SlowTarget(
                    label: label, runs: runs.count, median: Self.median(durations), longest: durations.max() ?? .zero,
                    total: durations.reduce(.zero, +), size: runs.last?.size))
            let rule = Self.slowdown
            guard runs.count >= rule.last + rule.before else { continue }
            let now = Self.median(durations.suffix(rule.last))
            let before = Self.median(durations.dropLast(rule.last).suffix(20))
            if now - before >= rule.least, now / before >= rule.factor {
                slowed.append(
                    SlowedTarget(label: label, now: now, before: before, since: runs[runs.count - rule.last].run))
            }
        }
        return (
            Array(slowest.sorted { ($1.median, $0.label) < ($0.median, $1.label) }.prefix(most)),
            Array(slowed.sorted { ($1.now - $1.before, $0.label) < ($0.now - $0.before, $1.label) }.prefix(most))
        )
    }

    /// The lower one of two in the middle; zero of none.
    private static func median(_ durations: some Collection<Duration>) -> Duration {
        durations.isEmpty ? .zero : durations.sorted()[(durations.count - 1) / 2]
    }

    /// What made targets run, at its root.
    package func invalidations(last count: Int, most: Int) throws(DatabaseError) -> [Invalidation] {
        try ask { database throws(DatabaseError) in
            try database.rows(
                """
                SELECT c.kind, c.subject, count(*), count(DISTINCT e.run) FROM causes c JOIN ends e ON e.number = c.end
                JOIN \(Self.chosen) r ON r.number = e.run GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT ?
                """, [.number(count), .number(most)]
            ).map {
                Invalidation(
                    kind: $0[0].text ?? "", subject: $0[1].text ?? "", targets: $0[2].number ?? 0,
                    runs: $0[3].number ?? 0)
            }
        }
    }

    /// The targets that ran most often because something had changed.
    package func invalidated(last count: Int, most: Int) throws(DatabaseError) -> [InvalidatedTarget] {
        try ask { database throws(DatabaseError) in
            try database.rows(
                """
                WITH per AS (
                    SELECT e.target, c.kind || ' ' || c.subject AS cause, count(*) AS times FROM causes c
                    JOIN ends e ON e.number = c.end JOIN \(Self.chosen) r ON r.number = e.run GROUP BY 1, 2),
                whole AS (
                    SELECT e.target, count(*) AS times FROM ends e JOIN \(Self.chosen) r ON r.number = e.run
                    WHERE EXISTS (SELECT 1 FROM causes c WHERE c.end = e.number) GROUP BY 1)
                SELECT t.label, w.times,
                    (SELECT cause FROM per p WHERE p.target = w.target ORDER BY p.times DESC, cause LIMIT 1)
                FROM whole w JOIN targets t ON t.number = w.target ORDER BY 2 DESC, 1 LIMIT ?
                """, [.number(count), .number(count), .number(most)]
            ).map { row in
                InvalidatedTarget(
                    label: row[0].text ?? "", runs: row[1].number ?? 0,
                    mostOften: (row[2].text ?? "").trimmingBlanks)
            }
        }
    }

    /// Targets, and tests of targets, that failed and passed with the same input hash. Those whose tests tell are not told of as
    /// a whole.
    package func flaky(last count: Int, most: Int) throws(DatabaseError) -> [Flaky] {
        let tests = try ask { database throws(DatabaseError) in
            try database.rows(
                """
                WITH seen AS (
                    SELECT e.number, e.target, e.hash, e.bad, r.id FROM ends e JOIN \(Self.chosen) r ON r.number = e.run
                    WHERE e.tests > 0),
                bad AS (SELECT s.target, s.hash, f.name, count(*) AS failed, max(s.id) AS last
                    FROM seen s JOIN failed_tests f ON f.end = s.number GROUP BY 1, 2, 3)
                SELECT t.label, b.name, sum(b.failed), sum((SELECT count(*) FROM seen s WHERE s.target = b.target
                    AND s.hash = b.hash)), max(b.last) FROM bad b JOIN targets t ON t.number = b.target
                WHERE EXISTS (SELECT 1 FROM seen s WHERE s.target = b.target AND s.hash = b.hash
                    AND s.bad = (SELECT count(*) FROM failed_tests f WHERE f.end = s.number)
                    AND NOT EXISTS (SELECT 1 FROM failed_tests f WHERE f.end = s.number AND f.name = b.name))
                GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT ?
                """, [.number(count), .number(most)]
            ).map(Self.flaky)
        }
        let named = Set(tests.map(\.label))
        let targets = try ask { database throws(DatabaseError) in
            try database.rows(
                """
                SELECT label, NULL, sum(failed), sum(runs), max(last) FROM (
                    SELECT t.label, sum(e.outcome = 'failed') AS failed, count(*) AS runs,
                        max(CASE WHEN e.outcome = 'failed' THEN r.id END) AS last
                    FROM ends e JOIN \(Self.chosen) r ON r.number = e.run JOIN targets t ON t.number = e.target
                    WHERE e.judged = 1 GROUP BY e.target, e.hash
                    HAVING failed > 0 AND failed < runs)
                GROUP BY 1 ORDER BY 3 DESC, 1 LIMIT ?
                """, [.number(count), .number(most)]
            ).map(Self.flaky)
        }
        return Array((tests + targets.filter { !named.contains($0.label) }).prefix(most))
    }

    private static func flaky(_ row: [SQLValue]) -> Flaky {
        Flaky(
            label: row[0].text ?? "", test: row[1].text, failed: row[2].number ?? 0, runs: row[3].number ?? 0,
            last: row[4].text ?? "")
    }

    /// Targets whose last runs all failed, the longest streak first.
    package func failing(last count: Int, most: Int) throws(DatabaseError) -> [FailingStreak] {
        try ask { database throws(DatabaseError) in
            try database.rows(
                """
                WITH seen AS (
                    SELECT e.number, e.target, e.outcome, r.id, r.time FROM ends e
                    JOIN \(Self.chosen) r ON r.number = e.run WHERE e.judged = 1),
                good AS (SELECT target, max(id) AS last FROM seen WHERE outcome = 'ran' GROUP BY 1)
                SELECT t.label, count(*), min(s.id), min(s.time) FROM seen s JOIN targets t ON t.number = s.target
                LEFT JOIN good g ON g.target = s.target
                WHERE s.outcome = 'failed' AND (g.last IS NULL OR s.id > g.last) GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?
                """, [.number(count), .number(most)]
            ).map {
                FailingStreak(
                    label: $0[0].text ?? "", runs: $0[1].number ?? 0, since: $0[2].text ?? "", time: $0[3].number ?? 0)
            }
        }
    }
}

extension String {
    /// Without a blank at its end, as is left of a cause that has no subject.
    fileprivate var trimmingBlanks: String { hasSuffix(" ") ? String(dropLast()) : self }
}
