// The part of the environments' page about what one environment has and the next one has not. Finds nothing itself.
import BuildEngine
import Reporting

enum EnvironmentGapPage {
    /// Rows and commits of each list.
    private static let most = 50

    static func section(_ gap: EnvironmentGap, of environment: String) -> String {
        let (ahead, behind) = (Markup.text(gap.from), Markup.text(environment))
        guard let newest = gap.releases.first else {
            return
                "<h3>Between \(ahead) and \(behind)</h3>\n<p class=\"soft\">Nothing: both run the same release.</p>\n"
        }
        var text = "<h3>What \(ahead) has and \(behind) has not</h3>\n<p>"
        text += gap.releases.count == 1 ? "1 release: " : "\(gap.releases.count) releases, the newest "
        text += "<span class=\"hash\">\(Markup.text(String(newest.name.prefix(12))))</span>, "
        text += "there since \(UTCTime(seconds: newest.time).shown)</p>\n"
        if let unknown = gap.unknown { text += "<p class=\"soft\">\(Markup.text(unknown))</p>\n" }
        if gap.releases.count > 1 { text += releases(gap) }
        if gap.services.isEmpty {
            return text + (gap.unknown == nil ? "<p class=\"soft\">No service differs.</p>\n" : "")
        }
        text +=
            "<div class=\"wide\" tabindex=\"0\"><table class=\"stack\">\n<tr><th>service</th><th>what differs</th><th>commits</th></tr>\n"
        for service in gap.services.prefix(most) {
            text += "<tr><td>\(Markup.text(service.name))</td><td class=\"long\">"
            text += lines(service.changes.isEmpty ? [service.what] : service.changes) + "</td><td class=\"long\">"
            text += lines(service.commits) + lines(service.without.map { "without " + $0 }) + "</td></tr>\n"
        }
        text += "</table></div>\n"
        return text + (gap.services.count > most ? "<p class=\"soft\">and \(gap.services.count - most) more</p>\n" : "")
    }

    private static func releases(_ gap: EnvironmentGap) -> String {
        let items = gap.releases.prefix(most).map { release in
            "<li><span class=\"hash\">\(Markup.text(String(release.name.prefix(12))))</span> "
                + "<span class=\"soft\">\(UTCTime(seconds: release.time).shown)</span></li>\n"
        }
        return "<ul class=\"plain\">\(items.joined())</ul>\n"
    }

    private static func lines(_ lines: [String]) -> String {
        if lines.isEmpty { return "" }
        var items = lines.prefix(most).map { "<li>\(Markup.text($0))</li>" }
        if lines.count > most { items.append("<li class=\"soft\">and \(lines.count - most) more</li>") }
        return "<ul class=\"plain\">\(items.joined())</ul>"
    }
}
