// A replayed history as a table, a document or a chart. Decides nothing.
package import BuildEngine
package import BuildGraph
import Buildfile

/// What replaying a history showed.
package struct ReplayReport: Sendable {
    package let commits: [ReplayedCommit]
    /// What a target takes to run, where that is known.
    package let time: @Sendable (Label) -> Duration?
    /// Whether the history goes on before the first commit, where the clone ends.
    package let isCutOff: Bool

    package init(_ commits: [ReplayedCommit], isCutOff: Bool, time: @escaping @Sendable (Label) -> Duration?) {
        self.commits = commits
        self.isCutOff = isCutOff
        self.time = time
    }

    /// Sums over all commits that have a graph.
    package struct Totals: Sendable, Hashable {
        package var commits = 0
        package var affected = 0
        package var byPrefix = 0
        package var all = 0
        package var missed = 0
        package var extra = 0
        /// Commits at which nothing was affected.
        package var untouched = 0
        /// Commits at which the folder-prefix rule missed something.
        package var unsafe = 0
    }

    package var totals: Totals {
        var totals = Totals()
        for commit in commits where commit.problem == nil {
            totals.commits += 1
            totals.affected += commit.affected.count
            totals.byPrefix += commit.byPrefix.count
            totals.all += commit.all.count
            totals.missed += commit.missed.count
            totals.extra += commit.extra.count
            if commit.affected.isEmpty { totals.untouched += 1 }
            if !commit.missed.isEmpty { totals.unsafe += 1 }
        }
        return totals
    }

    /// Seconds of running what was affected, what the folder-prefix rule runs, and everything; and how many of all runs
    /// have no known time. Nil where none has.
    package var seconds: (affected: Int, byPrefix: Int, all: Int, unknown: Int)? {
        var sums = (affected: 0.0, byPrefix: 0.0, all: 0.0, unknown: 0)
        var isKnown = false
        var known: [Label: Double?] = [:]
        func cost(_ label: Label) -> Double? {
            if let found = known[label] { return found }
            let found = time(label).map {
                Double($0.components.seconds) + Double($0.components.attoseconds) / 1_000_000_000_000_000_000
            }
            known[label] = .some(found)
            return found
        }
        for commit in commits {
            for label in commit.affected { sums.affected += cost(label) ?? 0 }
            for label in commit.byPrefix { sums.byPrefix += cost(label) ?? 0 }
            for label in commit.all {
                guard let seconds = cost(label) else {
                    sums.unknown += 1
                    continue
                }
                isKnown = true
                sums.all += seconds
            }
        }
        guard isKnown else { return nil }
        return (Int(sums.affected.rounded()), Int(sums.byPrefix.rounded()), Int(sums.all.rounded()), sums.unknown)
    }

    private var problems: [ReplayedCommit] { commits.filter { $0.problem != nil } }

    // MARK: Table

    package var table: String {
        var text = ""
        if !commits.isEmpty { text += "commit        date        affected  prefix     all  missed   extra  subject\n" }
        for commit in commits {
            text += "\(commit.commit.id.prefix(12))  \(day(commit.commit.time))  "
            if let problem = commit.problem {
                text += "no graph: \(problem.message)\n"
                continue
            }
            text += Self.right(commit.affected.count, 8) + Self.right(commit.byPrefix.count, 8)
            text += Self.right(commit.all.count, 8) + Self.right(commit.missed.count, 8)
            text +=
                Self.right(commit.extra.count, 8) + "  "
                + String(BytePath(bytes: commit.commit.subject).shown.prefix(48)) + "\n"
        }
        return text + "\n" + summary
    }

    private var summary: String {
        let totals = totals
        var text = "\(Self.count(totals.commits, "commit")), "
        text += "\(totals.untouched) of them affect nothing\n"
        text += "everything:     \(Self.right(totals.all, 9)) runs\n"
        text += "folder prefix:  \(Self.right(totals.byPrefix, 9)) runs"
        text +=
            ", \(Self.share(totals.byPrefix, totals.all)); \(totals.missed) missed at \(Self.count(totals.unsafe, "commit"))"
        text += ", \(totals.extra) for nothing\n"
        text += "affected:       \(Self.right(totals.affected, 9)) runs, \(Self.share(totals.affected, totals.all))\n"
        if let seconds {
            text += "time: everything \(Self.clock(seconds.all)), folder prefix \(Self.clock(seconds.byPrefix)), "
            text += "affected \(Self.clock(seconds.affected)): \(Self.clock(seconds.all - seconds.affected)) saved"
            text +=
                seconds.unknown > 0
                ? "; \(Self.count(seconds.unknown, "run")) without a known time not counted\n" : "\n"
        } else {
            text += "time: not known; '--time STAGE=DURATION' gives it, and 'lmsbuild run' records it\n"
        }
        if !problems.isEmpty { text += "\(Self.count(problems.count, "commit")) without a graph not counted\n" }
        if isCutOff { text += "the history goes on before this; this clone is shallow\n" }
        return text
    }

    private static func right(_ number: Int, _ width: Int) -> String {
        let text = "\(number)"
        return String(repeating: " ", count: max(0, width - text.utf8.count)) + text
    }

    private static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

    /// One decimal, rounded; of nothing there is no share.
    static func share(_ part: Int, _ whole: Int) -> String {
        guard whole > 0 else { return "0 %" }
        let permille = (part * 1000 + whole / 2) / whole
        return "\(permille / 10).\(permille % 10) %"
    }

    static func clock(_ seconds: Int) -> String {
        if seconds < 60 { return "\(seconds) s" }
        if seconds < 3600 { return "\(seconds / 60) min \(seconds % 60) s" }
        return "\(seconds / 3600) h \(seconds % 3600 / 60) min"
    }

    /// `2026-11-21`, UTC.
    private func day(_ seconds: Int) -> String {
        // Days since 1970 to a date of the Gregorian calendar (Hinnant, "chrono-compatible low-level date algorithms").
        let days = (seconds >= 0 ? seconds : seconds - 86399) / 86400 + 719_468
        let era = (days >= 0 ? days : days - 146_096) / 146_097
        let ofEra = days - era * 146_097
        let year = (ofEra - ofEra / 1460 + ofEra / 36524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * year + year / 4 - year / 100)
        let month = (5 * ofYear + 2) / 153
        let day = ofYear - (153 * month + 2) / 5 + 1
        let number = month < 10 ? month + 3 : month - 9
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(year + era * 400 + (number <= 2 ? 1 : 0))-\(two(number))-\(two(day))"
    }

    // MARK: JSON

    package var json: JSONValue {
        func labels(_ labels: [Label]) -> JSONValue { .array(labels.map { .string($0.description) }) }
        let totals = totals
        return .object([
            ("schema", .number(1)), ("cutOff", .bool(isCutOff)),
            (
                "totals",
                .object([
                    ("commits", .number(totals.commits)), ("untouched", .number(totals.untouched)),
                    ("unsafe", .number(totals.unsafe)), ("affected", .number(totals.affected)),
                    ("prefix", .number(totals.byPrefix)), ("all", .number(totals.all)),
                    ("missed", .number(totals.missed)), ("extra", .number(totals.extra)),
                    ("withoutGraph", .number(problems.count)),
                ])
            ),
            (
                "seconds",
                seconds.map { seconds in
                    .object([
                        ("affected", .number(seconds.affected)), ("prefix", .number(seconds.byPrefix)),
                        ("all", .number(seconds.all)), ("unknownRuns", .number(seconds.unknown)),
                    ])
                } ?? .null
            ),
            (
                "commits",
                .array(
                    commits.map { commit in
                        .object([
                            ("id", .string(commit.commit.id)), ("date", .string(day(commit.commit.time))),
                            ("subject", .string(BytePath(bytes: commit.commit.subject).shown)),
                            ("affected", labels(commit.affected)), ("prefix", .number(commit.byPrefix.count)),
                            ("all", .number(commit.all.count)), ("missed", labels(commit.missed)),
                            ("extra", .number(commit.extra.count)),
                            ("problem", commit.problem.map { .string($0.message) } ?? .null),
                        ])
                    })
            ),
        ])
    }

    // MARK: Chart

    /// Runs added up from commit to commit: everything, the folder-prefix rule, and what was affected.
    package var svg: String {
        let lines: [(name: String, style: String, values: [Int])] = [
            ("everything", "all", sums(\.all.count)), ("folder prefix", "prefix", sums(\.byPrefix.count)),
            ("affected", "affected", sums(\.affected.count)),
        ]
        let top = max(1, lines.compactMap(\.values.last).max() ?? 1)
        let (left, right, width, height) = (90, 700, 960, 420)
        func x(_ index: Int) -> Int { left + (right - left) * index / max(1, commits.count) }
        func y(_ value: Int) -> Int { 340 - 280 * value / top }
        var text = """
            <?xml version="1.0" encoding="UTF-8"?>
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(width) \(height)" width="\(width)" height="\(height)" \
            role="img" aria-label="Target runs over \(commits.count) commits">
            <style>\(Self.style)</style>
            <text class="title" x="\(left)" y="32">Target runs, added up over \(Self.count(commits.count, "commit"))</text>

            """
        for part in 0...4 {
            let value = top * part / 4
            text += "<path class=\"grid\" d=\"M\(left) \(y(value))H\(right)\"/>"
            text += "<text class=\"scale\" x=\"\(left - 10)\" y=\"\(y(value) + 4)\">\(value)</text>\n"
        }
        for line in lines {
            let points = ([0] + line.values).enumerated().map { "\(x($0.offset)) \(y($0.element))" }
            text += "<path class=\"line \(line.style)\" d=\"M\(points.joined(separator: "L"))\"/>\n"
        }
        var lowest = 0
        for line in lines {
            let last = line.values.last ?? 0
            let place = max(y(last) + 4, lowest + 20)
            lowest = place
            text += "<text class=\"name \(line.style)\" x=\"\(right + 12)\" y=\"\(place)\">"
            text += "\(line.name): \(last), \(Self.share(last, lines[0].values.last ?? 0))</text>\n"
        }
        let totals = totals
        let note =
            "The folder-prefix rule missed \(totals.missed) runs at \(Self.count(totals.unsafe, "commit")), "
            + "and ran \(totals.extra) for nothing."
        text += "<text class=\"scale start\" x=\"\(left)\" y=\"376\">\(note)</text>\n"
        if let seconds {
            let time =
                "Time: \(Self.clock(seconds.all)) for everything, \(Self.clock(seconds.affected)) for what was affected."
            text += "<text class=\"scale start\" x=\"\(left)\" y=\"398\">\(time)</text>\n"
        }
        return text + "</svg>\n"
    }

    private func sums(_ count: (ReplayedCommit) -> Int) -> [Int] {
        var sum = 0
        return commits.map {
            sum += count($0)
            return sum
        }
    }

    private static let style = """
        :root{--back:#fff;--ink:#1a1a1a;--soft:#5f6b7a;--grid:#e3e7ec;--all:#7c8896;--prefix:#2563b0;--hot:#b35900}
        @media (prefers-color-scheme: dark){:root{--back:#14181d;--ink:#e8ecf1;--soft:#98a4b3;--grid:#2a323c;--all:#8b97a6;--prefix:#6da7ec;--hot:#ffb057}}
        svg{background:var(--back)}
        text{font:13px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:var(--ink)}
        .title{font-size:16px;font-weight:600}
        .grid{stroke:var(--grid)}
        .scale{fill:var(--soft);text-anchor:end}
        .scale.start{text-anchor:start}
        .line{fill:none;stroke-width:2.5}
        .line.all{stroke:var(--all)}
        .line.prefix{stroke:var(--prefix);stroke-dasharray:7 4}
        .line.affected{stroke:var(--hot);stroke-width:3.5}
        .name.all{fill:var(--all)}
        .name.prefix{fill:var(--prefix)}
        .name.affected{fill:var(--hot);font-weight:600}
        """
}
