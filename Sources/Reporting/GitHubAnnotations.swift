// What reports tell as GitHub's workflow commands, which it shows at the lines of a change. Does not know whether a runner
// listens.
package import BuildEngine
package import BuildGraph
import Buildfile

/// Collects what is worth an annotation.
///
/// GitHub shows ten errors, ten warnings and ten notices of a step and drops the rest without a word, so no more are
/// written, and the last one of each tells how many there are.
package struct GitHubAnnotations: Sendable {
    /// Of each level.
    static let most = 10

    private struct Annotation: Sendable {
        let level: Finding.Level
        let file: BytePath?
        let line: Int?
        let title: String
        let message: String
    }

    private var annotations: [Annotation] = []
    private var counts: [Finding.Level: Int] = [:]
    private let prefix: BytePath

    /// `prefix` is the workspace as seen from the top of the repository, from where GitHub names files.
    package init(below prefix: BytePath = .root) { self.prefix = prefix }

    /// Takes in what `report` tells of: failed tests, findings, and a failure that neither explains.
    package mutating func receive(_ report: TargetReport) {
        for failure in report.reports?.failures ?? [] {
            let detail = failure.detail.isEmpty ? failure.message : failure.message + "\n" + failure.detail
            add(.error, failure.file, failure.line, "\(report.label): \(failure.title)", detail)
        }
        for finding in report.reports?.findings ?? [] {
            add(finding.level, finding.file, finding.line, "\(report.label): \(finding.rule)", finding.message)
        }
        guard case .failed(let failure) = report.outcome, report.reports?.failures.isEmpty ?? true else { return }
        let place = failure.diagnostic.span
        add(
            .error, place.map { BytePath($0.source.name) }, place?.lineAndColumn.line, "\(report.label)",
            failure.diagnostic.message)
    }

    private mutating func add(
        _ level: Finding.Level, _ file: BytePath?, _ line: Int?, _ title: String, _ message: String
    ) {
        counts[level, default: 0] += 1
        guard counts[level, default: 0] <= Self.most else { return }
        annotations.append(Annotation(level: level, file: file, line: line, title: title, message: message))
    }

    /// The commands, a line each.
    package var lines: [String] {
        var told: [Finding.Level: Int] = [:]
        return annotations.map { annotation in
            told[annotation.level, default: 0] += 1
            let all = counts[annotation.level, default: 0]
            let isLast = told[annotation.level] == Self.most && all > Self.most
            let more = isLast ? "\n(and \(all - Self.most) more, which GitHub would not show)" : ""
            var properties: [String] = []
            if let file = annotation.file {
                properties.append("file=\(Self.property(file.isAbsolute ? file.shown : prefix.appending(file).shown))")
                if let line = annotation.line { properties.append("line=\(line)") }
            }
            properties.append("title=\(Self.property(Self.cut(annotation.title, 200)))")
            let command = annotation.level == .note ? "notice" : annotation.level.name
            return "::\(command) \(properties.joined(separator: ","))::"
                + Self.data(Self.cut(annotation.message, 2000) + more)
        }
    }

    /// Control characters become spaces, so that nothing in a message can begin a line of its own.
    private static func data(_ text: String) -> String {
        var shown = ""
        for scalar in OutputFilter(allowsColour: false, neutralisesCommands: false).filtered(text).unicodeScalars {
            switch scalar {
            case "%": shown += "%25"
            case "\r": shown += "%0D"
            case "\n": shown += "%0A"
            default: shown.unicodeScalars.append(scalar)
            }
        }
        return shown
    }

    private static func property(_ text: String) -> String {
        data(text).replacing(":", with: "%3A").replacing(",", with: "%2C")
    }

    private static func cut(_ text: String, _ limit: Int) -> String {
        text.count <= limit ? text : String(text.prefix(limit)) + "…"
    }
}
