import ArgumentParser
import BuildEngine
import BuildGraph
import Buildfile
import History
import Reporting

/// What the last runs tell: what is slow, what runs again and again and why, what cannot be relied on.
struct StatsCommand: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats",
        abstract: "What the last runs tell: slow and slower targets, what made them run, cache hits, flaky tests.")

    @OptionGroup var global: GlobalOptions
    @Option(help: "Look at the last so many runs.") var last = 200
    @Option(help: "Lines of each list.") var top = 10
    @Option(help: "text or json.") var format = "text"

    func perform() async throws -> BuildEngine.ExitCode {
        try checkFormat(format)
        if last < 1 || top < 1 {
            throw Refusal(Diagnostic(.badCommandLine, "'--last' and '--top' are at least 1"), .wrongInput)
        }
        let opened = try await Workspace.open(global, overrides: [:])
        let history = try RunHistory.open(opened)
        let answer = try RunHistory.refusing {
            try history.map { try RunStatistics($0, last: last, most: top) } ?? RunStatistics()
        }
        if format != "json", answer.days.isEmpty { Terminal.say(RunHistory.nothing) }
        Terminal.out(format == "json" ? answer.json.text(pretty: true) + "\n" : answer.text)
        return .done
    }
}

extension RunStatistics {
    // MARK: For people

    fileprivate var text: String {
        if days.isEmpty { return "" }
        var rows = [["day", "runs", "ran", "cached", "failed", "hit rate", "time", "saved"]]
        for day in days.suffix(14) + [total] {
            rows.append([
                day.day, "\(day.runs)", "\(day.ran)", "\(day.cached)", "\(day.failed)",
                day.hitRate.map { "\(Int($0 * 100)) %" } ?? "", day.duration.shown, day.saved.shown,
            ])
        }
        var text = Self.table(rows)
        text += Self.section(
            "slowest", ["median", "longest", "runs", "all runs", "target"],
            slowest.map { [$0.median.shown, $0.longest.shown, "\($0.runs)", $0.total.shown, $0.label] })
        text += Self.section(
            "slower than before", ["now", "before", "since", "target"],
            slowed.map { [$0.now.shown, $0.before.shown, $0.since, $0.label] })
        text += Self.section(
            "what made targets run", ["targets", "runs", "cause"],
            causes.map { ["\($0.targets)", "\($0.runs)", $0.subject.isEmpty ? $0.kind : "\($0.kind) \($0.subject)"] })
        text += Self.section(
            "ran again most often", ["runs", "target", "most often because of"],
            invalidated.map { ["\($0.runs)", $0.label, $0.mostOften] })
        text += Self.section(
            "flaky: failed and passed with the same inputs", ["failed", "of", "last", "target", "test"],
            flaky.map { ["\($0.failed)", "\($0.runs)", $0.last, $0.label, $0.test ?? ""] })
        text += Self.section(
            "failing", ["runs", "since", "target"], failing.map { ["\($0.runs)", $0.since, $0.label] })
        return text
    }

    private static func section(_ title: String, _ heads: [String], _ rows: [[String]]) -> String {
        rows.isEmpty ? "" : "\n\(title)\n" + table([heads] + rows)
    }

    /// Columns two blanks apart; the text of a cell is made safe to show.
    private static func table(_ rows: [[String]]) -> String {
        let shown = rows.map { $0.map { BytePath($0).shown } }
        let widths = (shown.first ?? []).indices.map { column in shown.map { $0[column].displayWidth }.max() ?? 0 }
        return shown.map { row in
            let cells = row.enumerated().map { $0 == row.count - 1 ? $1 : $1.padded(to: widths[$0]) }
            return cells.joined(separator: "  ").droppingBlanks + "\n"
        }.joined()
    }

    // MARK: For programs

    fileprivate var json: JSONValue {
        .object([
            ("schema", .number(1)), ("days", .array(days.map(Self.json))), ("all", Self.json(total)),
            (
                "slowest",
                .array(
                    slowest.map {
                        .object([
                            ("label", .string($0.label)), ("runs", .number($0.runs)),
                            ("median", .number($0.median.microseconds)), ("longest", .number($0.longest.microseconds)),
                            ("total", .number($0.total.microseconds)), ("size", $0.size.map(JSONValue.number) ?? .null),
                        ])
                    })
            ),
            (
                "slower",
                .array(
                    slowed.map {
                        .object([
                            ("label", .string($0.label)), ("now", .number($0.now.microseconds)),
                            ("before", .number($0.before.microseconds)), ("since", .string($0.since)),
                        ])
                    })
            ),
            (
                "causes",
                .array(
                    causes.map {
                        .object([
                            ("kind", .string($0.kind)), ("subject", .string($0.subject)),
                            ("targets", .number($0.targets)),
                            ("runs", .number($0.runs)),
                        ])
                    })
            ),
            (
                "invalidated",
                .array(
                    invalidated.map {
                        .object([
                            ("label", .string($0.label)), ("runs", .number($0.runs)), ("cause", .string($0.mostOften)),
                        ])
                    })
            ), ("flaky", .array(flaky.map(Self.json))), ("failing", .array(failing.map(Self.json))),
        ])
    }

    private static func json(_ flaky: Flaky) -> JSONValue {
        .object([
            ("label", .string(flaky.label)), ("test", flaky.test.map(JSONValue.string) ?? .null),
            ("failed", .number(flaky.failed)), ("runs", .number(flaky.runs)), ("last", .string(flaky.last)),
        ])
    }

    private static func json(_ streak: FailingStreak) -> JSONValue {
        .object([
            ("label", .string(streak.label)), ("runs", .number(streak.runs)), ("since", .string(streak.since)),
            ("time", .number(streak.time)),
        ])
    }

    private static func json(_ day: DayRow) -> JSONValue {
        .object([
            ("day", .string(day.day)), ("runs", .number(day.runs)), ("ran", .number(day.ran)),
            ("cached", .number(day.cached)), ("failed", .number(day.failed)),
            ("hitRate", day.hitRate.map { .double(($0 * 10_000).rounded() / 10_000) } ?? .null),
            ("duration", .number(day.duration.microseconds)), ("saved", .number(day.saved.microseconds)),
        ])
    }
}

extension String {
    fileprivate var droppingBlanks: String {
        var text = self
        while text.hasSuffix(" ") { text.removeLast() }
        return text
    }
}
