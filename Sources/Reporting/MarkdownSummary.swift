// A run as Markdown, for the page of a CI job. Does not know where it is written.
package import BuildEngine
import BuildGraph
import Buildfile

/// Collects a run's targets, and writes them as GitHub-flavoured Markdown of bounded length.
package struct MarkdownSummary: Sendable {
    /// Rows and entries of each list; GitHub takes a mebibyte of a step.
    static let most = 100

    private var reports: [TargetReport] = []

    private var path: [RunPicture.Entry] = []
    /// How the run ended, where that is known of it: one that was killed has no end.
    private var verdict: String?

    package init() {}

    /// All that `picture` knows.
    package init(_ picture: RunPicture) {
        for entry in picture.entries { receive(entry.report) }
        path = picture.criticalPath
        verdict = picture.verdict
    }

    package mutating func receive(_ report: TargetReport) {
        if case .nothing = report.outcome { return }
        reports.append(report)
    }

    /// The whole of it, with a final newline.
    package func text(_ summary: RunSummary) -> String {
        var text = "## lmsbuild: \(Self.escaped(verdict ?? summary.exitCode.meaning))\n\n"
        text += "ran \(summary.ran), cached \(summary.cached), failed \(summary.failed), skipped \(summary.skipped)"
        text += " in \(summary.duration.shown)"
        text += summary.saved > .zero ? " (saved \(summary.saved.shown))\n" : "\n"
        text += table() + failures() + findings() + longestChain()
        return text
    }

    /// What failed or tells of something first; what is cached and tells nothing is in the counts above.
    private func table() -> String {
        // A report is large: to sort their places takes a fraction of the time.
        let rows = reports.indices.filter { place in
            if case .cached = reports[place].outcome { return reports[place].reports != nil }
            return true
        }.map { (rank: Self.rank(reports[$0]), label: reports[$0].label, place: $0) }
            .sorted { ($0.rank, $0.label) < ($1.rank, $1.label) }
        if rows.isEmpty { return "" }
        var text = "\n| target | | time | reports |\n|---|---|---|---|\n"
        for report in rows.prefix(Self.most).map({ reports[$0.place] }) {
            let time: String
            switch report.outcome {
            case .ran, .failed: time = report.duration.shown
            case .cached: time = report.saved > .zero ? "saved \(report.saved.shown)" : ""
            default: time = ""
            }
            text += "| \(Self.escaped(report.label.description)) | \(Self.word(report)) | \(time) | "
            text += "\(Self.escaped(report.reports?.summary ?? "")) |\n"
        }
        return text + Self.more(rows.count)
    }

    private func failures() -> String {
        let failed = reports.compactMap { report in
            if case .failed(let failure) = report.outcome { (report, failure) } else { nil }
        }
        var text = ""
        for (report, failure) in failed.prefix(Self.most) {
            text += "\n### \(Self.escaped(report.label.description)) failed\n\n"
            text += Self.escaped(failure.diagnostic.message) + "\n"
            for test in (report.reports?.failures ?? []).prefix(20) {
                let place = ShownReports.place(test.file, test.line).map { " (\(Self.escaped($0)))" } ?? ""
                text += "\n- **\(Self.escaped(test.title))**\(place): \(Self.escaped(test.message))"
            }
            let count = report.reports?.tests.map { $0.failed + $0.errors } ?? 0
            if count > 20 { text += "\n- and \(count - 20) more" }
            text += "\n"
        }
        return text
    }

    private func findings() -> String {
        let all = reports.flatMap { $0.reports?.findings ?? [] }
        if all.isEmpty { return "" }
        let count = reports.reduce(0) { $0 + ($1.reports?.findingCount ?? 0) }
        let shown = all.sorted { $0.level.rawValue > $1.level.rawValue }.prefix(20)
        var text = "\n<details><summary>\(count) \(count == 1 ? "finding" : "findings")</summary>\n\n"
        for finding in shown { text += "- \(finding.level.name): \(Self.escaped(finding.shown))\n" }
        if count > shown.count { text += "- and \(count - shown.count) more\n" }
        return text + "\n</details>\n"
    }

    private func longestChain() -> String {
        guard path.count > 1 else { return "" }
        let names = path.prefix(20).map { "\(Self.escaped($0.label.description)) (\($0.took.shown))" }
        let total = path.reduce(Duration.zero) { $0 + $1.took }
        let rest = path.count > names.count ? " → …" : ""
        return "\nCritical path, \(total.shown): \(names.joined(separator: " → "))\(rest)\n"
    }

    private static func more(_ count: Int) -> String { count > most ? "\nand \(count - most) more\n" : "" }

    private static func rank(_ report: TargetReport) -> Int {
        switch report.outcome {
        case .failed: 0
        case .skipped, .notStarted: 1
        case .ran: 2
        case .cached, .nothing: 3
        }
    }

    private static func word(_ report: TargetReport) -> String {
        switch report.outcome {
        case .failed: "failed"
        case .skipped: "skipped"
        case .notStarted: "not started"
        case .ran: "ok"
        case .cached: "cached"
        case .nothing: ""
        }
    }

    /// One line that no Markdown and no HTML can be made of: whatever means something there is escaped.
    static func escaped(_ text: String) -> String {
        var shown = ""
        for scalar in OutputFilter(allowsColour: false, neutralisesCommands: false).filtered(text).unicodeScalars {
            switch scalar {
            case "&": shown += "&amp;"
            case "<": shown += "&lt;"
            case ">": shown += "&gt;"
            case "\n", "\t": shown += " "
            case "\\", "`", "*", "_", "{", "}", "[", "]", "(", ")", "#", "|", "~", "!", "@":
                shown += "\\"
                shown.unicodeScalars.append(scalar)
            default: shown.unicodeScalars.append(scalar)
            }
        }
        return shown.count <= 1000 ? shown : String(shown.prefix(1000)) + "…"
    }
}
