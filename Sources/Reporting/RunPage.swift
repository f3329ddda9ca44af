// A run as one page of HTML. It loads nothing and runs no script, so it can be an artifact of a CI job. Does not know where it
// is written.
import BuildEngine
import BuildGraph
import Buildfile

/// Summary, failures with their logs, what ran when and on which job, the chain that took longest, tests, and every target
/// with the reason why it ran or did not have to.
package enum RunPage {
    /// Targets of a list that are shown; further ones are counted.
    static let most = 2000

    /// The whole document.
    package static func document(_ picture: RunPicture) -> String {
        """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta http-equiv="Content-Security-Policy" content="\(Markup.policy)">
        <meta name="referrer" content="no-referrer">
        <title>lmsbuild run \(Markup.text(picture.heading.id)): \(Markup.text(picture.verdict))</title>
        <style>\(style)</style>
        </head>
        <body>
        \(body(picture))</body>
        </html>

        """
    }

    /// What is between `<body>` and its end, for pages that have a frame of their own; needs `style`.
    package static func body(_ picture: RunPicture) -> String {
        header(picture) + figures(picture) + failures(picture) + RunTimeline.section(picture) + path(picture)
            + tests(picture) + targets(picture) + notices(picture)
    }

    private static func header(_ picture: RunPicture) -> String {
        let heading = picture.heading
        let state = picture.summary.map { $0.exitCode == .done ? "good" : "bad" } ?? "open"
        var facts = [UTCTime(seconds: heading.time / 1000).shown]
        facts.append(heading.asked.isEmpty ? "default targets" : heading.asked.joined(separator: " "))
        if let branch = heading.branch { facts.append("on \(branch)") }
        if let commit = heading.commit { facts.append("at \(commit.prefix(12))") }
        if let start = picture.start {
            facts.append("\(start.jobs) \(start.jobs == 1 ? "job" : "jobs")")
            facts.append(start.sandbox ? "sandbox on" : "sandbox off")
        }
        return """
            <header>
            <h1><span class="badge \(state)">\(Markup.text(picture.verdict))</span> \
            <span class="id">run \(Markup.text(heading.id))</span></h1>
            <p class="soft">\(facts.map(Markup.text).joined(separator: " · "))</p>
            </header>
            <main>

            """
    }

    private static func figures(_ picture: RunPicture) -> String {
        let counts = picture.counts
        var cells = [
            ("ran", "\(counts.ran)"), ("cached", "\(counts.cached)"), ("failed", "\(counts.failed)"),
            ("skipped", "\(counts.skipped)"), ("time", counts.duration.shown), ("saved", counts.saved.shown),
        ]
        if let tests = picture.tests {
            let bad = tests.failed + tests.errors
            cells.append(("tests", "\(tests.total)" + (bad > 0 ? " (\(bad) failed)" : "")))
        }
        let shown = cells.map { name, value in
            "<div\(name == "failed" && counts.failed > 0 ? " class=\"bad\"" : "")><dt>\(name)</dt><dd>\(value)</dd></div>"
        }
        return "<dl class=\"figures\">\(shown.joined())</dl>\n"
    }

    private static func failures(_ picture: RunPicture) -> String {
        let failures = picture.failures
        if failures.isEmpty { return "" }
        var text = "<section><h2>Failures</h2>\n"
        for (entry, failure) in failures.prefix(most) {
            let report = entry.report
            text +=
                "<article class=\"failure\" id=\"\(anchor(entry.label))\"><h3>\(Markup.text("\(entry.label)"))</h3>\n"
            text += "<p>\(Markup.text(failure.diagnostic.message))"
            if let span = failure.diagnostic.span {
                text += " <span class=\"soft\">\(Markup.text("\(span.source.name):\(span.lineAndColumn.line)"))</span>"
            }
            text += "</p>\n"
            for note in failure.diagnostic.notes.prefix(20) {
                text += "<p class=\"soft\">\(Markup.text(note.message))</p>\n"
            }
            if let hint = failure.diagnostic.hint { text += "<p class=\"soft\">hint: \(Markup.text(hint))</p>\n" }
            text += failedTests(report)
            let output = report.output.isEmpty ? failure.output : report.output
            if !output.isEmpty {
                text +=
                    "<details open><summary>log</summary><pre tabindex=\"0\">\(Markup.log(output))</pre></details>\n"
            }
            text += "</article>\n"
        }
        return text + "</section>\n"
    }

    private static func failedTests(_ report: TargetReport) -> String {
        guard let reports = report.reports, !reports.failures.isEmpty else { return "" }
        var text = "<ul>\n"
        for failure in reports.failures.prefix(EventForm.entries) {
            text += "<li><b>\(Markup.text(failure.title))</b>"
            if let place = ShownReports.place(failure.file, failure.line) {
                text += " <span class=\"soft\">\(Markup.text(place))</span>"
            }
            text += "<br>\(Markup.text(failure.message))</li>\n"
        }
        return text + "</ul>\n"
    }

    private static func path(_ picture: RunPicture) -> String {
        let path = picture.criticalPath
        guard path.count > 0 else { return "" }
        let total = path.reduce(Duration.zero) { $0 + $1.took }
        var text =
            "<section><h2>Critical path</h2>\n<p class=\"soft\">\(total.shown) of \(picture.counts.duration.shown): "
        text += "no number of jobs would have been faster than these one after the other.</p>\n<ol>\n"
        for entry in path.prefix(most) {
            text +=
                "<li>\(Markup.text("\(entry.label)")) <span class=\"soft\">\(entry.took.shown)</span></li>\n"
        }
        return text + "</ol></section>\n"
    }

    private static func tests(_ picture: RunPicture) -> String {
        let told = picture.entries.filter { $0.report.reports != nil }
        if told.isEmpty { return "" }
        var text = "<section><h2>Tests and findings</h2>\n<div class=\"wide\" tabindex=\"0\"><table>\n"
        text += "<tr><th>target</th><th>reports</th></tr>\n"
        for entry in told.prefix(most) {
            text += "<tr><td>\(Markup.text("\(entry.label)"))</td>"
            text += "<td>\(Markup.text(entry.report.reports?.summary ?? ""))</td></tr>\n"
        }
        return text + "</table></div></section>\n"
    }

    private static func targets(_ picture: RunPicture) -> String {
        let ran = picture.entries.filter { if case .cached = $0.report.outcome { false } else { true } }
        let cached = picture.entries.filter { if case .cached = $0.report.outcome { true } else { false } }
        var text = "<section><h2>Targets</h2>\n"
        if !ran.isEmpty { text += table(ran, named: "why") }
        let count = cached.count + picture.unnamed
        if count > 0 {
            text += "<details\(ran.isEmpty ? " open" : "")><summary>\(count) cached</summary>\n"
            text += table(cached, named: "how", more: picture.unnamed) + "</details>\n"
        }
        return text + "</section>\n"
    }

    private static func table(_ entries: [RunPicture.Entry], named reason: String, more: Int = 0) -> String {
        var text = "<div class=\"wide\" tabindex=\"0\"><table>\n"
        text += "<tr><th>target</th><th></th><th>time</th><th>\(reason)</th></tr>\n"
        for entry in entries.sorted(by: { $0.label < $1.label }).prefix(most) {
            let report = entry.report
            let isFailure = report.word == "failed"
            let label = Markup.text("\(entry.label)")
            text += "<tr class=\"\(report.word)\"><td>"
            text += isFailure ? "<a href=\"#\(anchor(entry.label))\">\(label)</a>" : label
            var time = entry.hasRun ? entry.took.shown : ""
            if report.saved > .zero { time = "saved \(report.saved.shown)" }
            text += "</td><td>\(report.word)</td><td>\(time)</td><td>\(Markup.text(report.cause))</td></tr>\n"
        }
        text += "</table></div>\n"
        let rest = entries.count - min(entries.count, most) + more
        return rest > 0 ? text + "<p class=\"soft\">and \(rest) more</p>\n" : text
    }

    private static func notices(_ picture: RunPicture) -> String {
        var text = ""
        if !picture.notices.isEmpty {
            text += "<section><h2>Warnings and notices</h2>\n<ul>\n"
            for (_, diagnostic) in picture.notices.prefix(most) {
                text += "<li>\(diagnostic.severity.rawValue) <span class=\"soft\">\(diagnostic.code.rawValue)</span> "
                text += "\(Markup.text(diagnostic.message))</li>\n"
            }
            text += "</ul></section>\n"
        }
        let program = Markup.text(picture.heading.program)
        return text + "</main>\n<footer class=\"soft\">lmsbuild \(program)</footer>\n"
    }

    /// Safe in an attribute: every byte of the label as two hex digits.
    private static func anchor(_ label: Label) -> String {
        "t" + label.description.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// Colours of both schemes; nothing is fixed in width, so that a phone shows it, too.
    package static let style = """
        :root{color-scheme:light dark;--back:#fff;--ink:#1c2126;--soft:#5b6670;--line:#d9dee3;--box:#f4f6f8;--good:#1a7f37;--bad:#b42318;--cached:#6b7785;--ran:#2563a8}
        @media(prefers-color-scheme:dark){:root{--back:#14181c;--ink:#e6eaee;--soft:#9aa6b2;--line:#333c45;--box:#1d2329;--good:#4cc26b;--bad:#ff7b6f;--cached:#8b98a6;--ran:#6aa9ef}}
        *{box-sizing:border-box}
        body{margin:0 auto;max-width:1200px;padding:16px;background:var(--back);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
        h1{font-size:20px;margin:0 0 4px;font-weight:600;overflow-wrap:anywhere}h2{font-size:17px;margin:28px 0 8px}h3{font-size:15px;margin:0;overflow-wrap:anywhere}
        .id{font-weight:400;color:var(--soft)}p{margin:4px 0;overflow-wrap:anywhere}.soft{color:var(--soft)}footer{margin-top:32px;font-size:13px}
        .badge{display:inline-block;padding:1px 10px;border-radius:12px;color:var(--back);background:var(--soft)}.badge.good{background:var(--good)}.badge.bad{background:var(--bad)}
        .figures{display:flex;flex-wrap:wrap;gap:8px;margin:16px 0 0}.figures div{flex:1 1 96px;padding:8px 12px;background:var(--box);border:1px solid var(--line);border-radius:8px}
        .figures dt{color:var(--soft);font-size:13px}.figures dd{margin:0;font-size:19px;font-variant-numeric:tabular-nums}.figures .bad dd{color:var(--bad)}
        .failure{border-left:4px solid var(--bad);background:var(--box);padding:10px 14px;margin:10px 0;border-radius:0 8px 8px 0}
        pre{margin:6px 0 0;padding:10px;max-height:480px;overflow:auto;background:var(--back);border:1px solid var(--line);border-radius:6px;font:13px/1.45 ui-monospace,"DejaVu Sans Mono",monospace;white-space:pre-wrap;overflow-wrap:anywhere}
        summary{cursor:pointer}li{overflow-wrap:anywhere}.wide{overflow-x:auto}
        table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}th,td{text-align:left;padding:4px 14px 4px 0;border-bottom:1px solid var(--line);vertical-align:top}
        th{color:var(--soft);font-weight:500;font-size:13px}td:nth-child(-n+3){white-space:nowrap}tr.failed td:nth-child(2){color:var(--bad)}tr.ran td:nth-child(2){color:var(--good)}a{color:inherit}
        @media(max-width:600px){td:nth-child(1){white-space:normal;overflow-wrap:anywhere;min-width:110px}td:last-child{overflow-wrap:anywhere}}
        .timeline{min-width:960px;width:100%;height:auto;display:block}.timeline text{font:11px system-ui,sans-serif;fill:var(--soft)}.timeline .name{fill:var(--back)}
        .timeline rect.ran{fill:var(--ran)}.timeline rect.failed{fill:var(--bad)}.timeline rect.running{fill:var(--cached)}.timeline line{stroke:var(--line)}.timeline .path{stroke:var(--ink);stroke-width:2}
        :focus-visible{outline:2px solid var(--ran);outline-offset:2px}
        """
}
