// The words for what reports tell: tests that failed, by name, message and place, and findings; never more than a screen. Does
// not know colours or terminals.
import BuildEngine
import BuildGraph

enum ShownReports {
    /// Entries of each kind that are shown.
    static let most = 10

    /// What went wrong by the reports of a target that failed; empty where they tell of nothing.
    static func problems(_ reports: ActionReports, isGate: Bool) -> [String] {
        var shown: [String] = []
        if let tests = reports.tests, !reports.failures.isEmpty {
            let bad = tests.failed + tests.errors
            shown.append("\(bad) of \(tests.total) \(tests.total == 1 ? "test" : "tests") failed:")
            for failure in reports.failures.prefix(most) { shown += lines(of: failure) }
            if bad > most { shown.append("  and \(bad - min(most, reports.failures.count)) more") }
        }
        if isGate, let count = reports.findingCount, !reports.findings.isEmpty {
            shown.append("\(count) \(count == 1 ? "finding" : "findings"):")
            shown += reports.findings.prefix(most).map { "  \($0.level.name): \($0.shown)" }
            if count > most { shown.append("  and \(count - min(most, reports.findings.count)) more") }
        }
        return shown
    }

    private static func lines(of failure: TestFailure) -> [String] {
        var lines = [
            "  \(BytePath(failure.title).shown)" + (place(failure.file, failure.line).map { "  (\($0))" } ?? "")
        ]
        lines.append("      \(failure.message)")
        return lines
    }

    /// `tests/a.py:12`; nil where there is no file.
    static func place(_ file: BytePath?, _ line: Int?) -> String? {
        file.map { $0.shown + (line.map { ":\($0)" } ?? "") }
    }
}
