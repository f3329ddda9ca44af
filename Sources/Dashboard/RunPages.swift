// The overview and the pages about runs. Does not know where runs come from.
import BuildEngine
import BuildGraph
import Buildfile
import History
import Reporting

enum RunPages {
    /// Runs that a list shows.
    static let most = 200

    /// What is going on, or how the last run ended; the same at first and when it is told again.
    static func live(_ picture: RunPicture?, _ links: PageLinks) -> String {
        guard let picture else { return "<p class=\"soft\">No run is written down here yet.</p>\n" }
        let id = Markup.text(picture.heading.id)
        var text = "<section class=\"card\"><h2><a href=\"\(links.run(picture.heading.id))\">"
        if picture.summary == nil, picture.signal == nil {
            text += "<span class=\"badge open\">running</span></a> <span class=\"id\">run \(id)</span></h2>\n"
        } else {
            let state = picture.summary?.exitCode == .done ? "good" : "bad"
            text += "<span class=\"badge \(state)\">\(Markup.text(picture.verdict))</span></a> "
            text += "<span class=\"id\">last run \(id)</span></h2>\n"
        }
        text += "<p>\(Markup.text(picture.sentence))</p>\n"
        if picture.summary == nil, let targets = picture.start?.targets, targets > 0 {
            let done = min(picture.entries.count + picture.unnamed, targets)
            text += "<progress max=\"\(targets)\" value=\"\(done)\" aria-label=\"Targets done\"></progress>\n"
            text += "<p class=\"soft\">\(done) of \(targets) targets</p>\n"
        }
        if !picture.running.isEmpty {
            text += "<ul class=\"plain\">\n"
            for action in picture.running.prefix(50) {
                text += "<li>▸ \(links.target(action.label.description)) "
                text += "<span class=\"soft\">since \((action.start).shown)</span></li>\n"
            }
            text += "</ul>\n"
        }
        for (entry, failure) in picture.failures.prefix(10) {
            text += "<p class=\"bad\">✕ \(links.target(entry.label.description)): "
            text += "\(Markup.text(failure.diagnostic.message))</p>\n"
        }
        return text + "</section>\n"
    }

    /// A row for each run, newest first.
    static func table(_ pictures: [RunPicture], _ links: PageLinks) -> String {
        if pictures.isEmpty { return "<p class=\"soft\">No run is written down here yet.</p>\n" }
        var text = "<div class=\"wide\" tabindex=\"0\"><table class=\"stack\">\n"
        text += "<tr><th>run</th><th>when</th><th>end</th><th>what</th><th>of</th></tr>\n"
        for picture in pictures {
            let heading = picture.heading
            let state = picture.summary.map { $0.exitCode == .done ? "good" : "bad" } ?? "soft"
            let asked = heading.asked.isEmpty ? "default targets" : heading.asked.prefix(6).joined(separator: " ")
            text += "<tr><td class=\"whole\"><a href=\"\(links.run(heading.id))\">\(Markup.text(heading.id))</a></td>"
            text += "<td class=\"when\">\(UTCTime(seconds: heading.time / 1000).shown)</td>"
            text += "<td class=\"\(state)\">\(Markup.text(picture.verdict))</td>"
            text += "<td class=\"long\">\(Markup.text(picture.sentence))</td>"
            text += "<td class=\"long\">\(Markup.text(asked))</td></tr>\n"
        }
        return text + "</table></div>\n"
    }

    /// What is slow, what cannot be relied on, and what made targets run.
    static func times(_ statistics: RunStatistics, _ links: PageLinks) -> String {
        let total = statistics.total
        var text = "<h1>Slow and flaky</h1>\n<p class=\"soft\">Of the last \(total.runs) runs, which the cache saved "
        text += "\(total.saved.shown).</p>\n"
        text += section(
            "Failing now", "Nothing failed when it last ran.", ["target", "failures in a row", "since run"],
            statistics.failing.map { [links.target($0.label), "\($0.runs)", Markup.text($0.since)] })
        text += section(
            "Flaky", "Nothing has failed and succeeded with the same inputs.", ["target", "failed", "test"],
            statistics.flaky.map {
                [links.target($0.label), "\($0.failed) of \($0.runs)", Markup.text($0.test ?? "")]
            })
        text += section(
            "Slowest", "Nothing ran yet.", ["target", "median", "longest", "all runs"],
            statistics.slowest.map {
                [links.target($0.label), $0.median.shown, $0.longest.shown, "\($0.total.shown) in \($0.runs)"]
            })
        text += section(
            "Slower than before", "Nothing has become slower.", ["target", "now", "before"],
            statistics.slowed.map { [links.target($0.label), $0.now.shown, $0.before.shown] })
        text += section(
            "What made targets run", "Nothing ran yet.", ["cause", "targets", "runs"],
            statistics.causes.map {
                [Markup.text($0.subject.isEmpty ? $0.kind : "\($0.kind) \($0.subject)"), "\($0.targets)", "\($0.runs)"]
            })
        return text + days(statistics)
    }

    private static func days(_ statistics: RunStatistics) -> String {
        section(
            "Day by day", "No run yet.", ["day", "runs", "ran", "cached", "failed", "hit rate", "saved"],
            statistics.days.suffix(30).reversed().map { day in
                [
                    day.day, "\(day.runs)", "\(day.ran)", "\(day.cached)", "\(day.failed)",
                    day.hitRate.map { "\(Int($0 * 100)) %" } ?? "", day.saved.shown,
                ]
            })
    }

    /// `rows` hold HTML.
    private static func section(_ title: String, _ empty: String, _ columns: [String], _ rows: [[String]]) -> String {
        if rows.isEmpty { return "<section><h2>\(title)</h2><p class=\"soft\">\(empty)</p></section>\n" }
        var text = "<section><h2>\(title)</h2><div class=\"wide\" tabindex=\"0\"><table>\n<tr>"
        text += columns.map { "<th>\($0)</th>" }.joined() + "</tr>\n"
        for row in rows.prefix(50) {
            text += "<tr>" + row.map { "<td>\($0)</td>" }.joined() + "</tr>\n"
        }
        return text + "</table></div></section>\n"
    }
}
